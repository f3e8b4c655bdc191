"""Faults on demand: which there are, how they are asked for, and which are active now.

Every kind is one row of its provider's table; every fault is bounded, by time or by how often it strikes.
The servers ask the :class:`FaultBoard` at the places where a fault can bite; what a fault does to
a frame is in :mod:`sise.simulator.mangle`. Asked for by the control API, or by a plan (``--faults
FILE``): a JSON list of ``{"at": seconds since the start, "kind": …}``.

``drop`` cuts lines (``count``: the next so many); ``silent`` leaves them open without a word (``pong``:
but for pongs); ``half_open`` neither reads nor writes; ``refuse`` closes the listening socket, ``unplug``
cuts everything as well. ``clock_jump`` moves the times of trades, books, tickers and the ``Date`` header,
not those of candles and of recorded frames.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct, structs

from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, Clock

MAX_FAULT_SECONDS: Final = 3_600.0
MAX_FAULT_COUNT: Final = 1_000_000
MAX_ACTIVE_FAULTS: Final = 64
MAX_PLAN_ENTRIES: Final = 10_000
MAX_PLAN_BYTES: Final = 4 * 1024 * 1024
MAX_OFFSET_SECONDS: Final = 400 * 86_400.0
MAX_DRIP_DELAY_MS: Final = 1_000.0

Target = Literal["ws", "rest"]
Change = Literal["add", "rename", "retype"]
CHANGES: Final[tuple[str, ...]] = get_args(Change)


class KindRule(Struct, frozen=True):
    """What may be said of a kind. ``seconds``/``count``: its default bound, ``None``: not bounded so."""

    targets: tuple[Target, ...]
    seconds: float | None = None
    count: int | None = None
    takes_count: bool = False
    options: tuple[str, ...] = ()


_WS: Final[tuple[Target, ...]] = ("ws",)
_REST: Final[tuple[Target, ...]] = ("rest",)
_BOTH: Final[tuple[Target, ...]] = ("ws", "rest")

COMMON_KINDS: Final[dict[str, KindRule]] = {
    "drop": KindRule(_BOTH, seconds=0.0, takes_count=True),
    "silent": KindRule(_BOTH, seconds=15.0, options=("pong",)),
    "drip": KindRule(_BOTH, seconds=5.0, options=("delay_ms",)),
    "half_open": KindRule(_WS, seconds=15.0),
    "refuse": KindRule((), seconds=15.0),
    "unplug": KindRule((), seconds=15.0),
    "duplicate": KindRule(_WS, count=1, takes_count=True, options=("share",)),
    "reorder": KindRule(_WS, count=1, takes_count=True, options=("share",)),
    "truncate": KindRule(_WS, count=1, takes_count=True, options=("share",)),
    "garbage": KindRule(_WS, count=1, takes_count=True, options=("share",)),
    "change_fields": KindRule(_WS, count=1, takes_count=True, options=("share", "change", "field")),
    "html": KindRule(_BOTH, seconds=15.0, takes_count=True),
    "clock_jump": KindRule((), seconds=60.0, options=("offset_seconds",)),
}
"""The kinds that every provider's simulator knows. ``targets`` empty: it concerns the whole server. A
row with targets and no target asked for means all of them, except ``drop silent drip``, which then mean
the WebSocket lines."""

KINDS: Final[dict[str, KindRule]] = {
    **COMMON_KINDS,
    "rest_429": KindRule(_REST, seconds=5.0, takes_count=True),
    "rest_418": KindRule(_REST, seconds=10.0, takes_count=True),
}
"""Upbit's kinds."""

KIS_KINDS: Final[dict[str, KindRule]] = {
    **COMMON_KINDS,
    "invalid_utf8": KindRule(_WS, count=1, takes_count=True, options=("share",)),
    "session_busy": KindRule(_WS, count=1, takes_count=True),
    "sticky_slot": KindRule((), seconds=30.0),
    "register_error": KindRule(_WS, count=1, takes_count=True, options=("code",)),
    "null_header": KindRule(_WS, count=1, takes_count=True, options=("code",)),
    "rest_error": KindRule(_REST, count=1, takes_count=True, options=("code", "share")),
    "token_expired": KindRule((), seconds=0.0),
}
"""KIS's kinds. ``register_error`` and ``rest_error`` answer with ``code`` (``OPSP0007``, ``EGW00201`` …),
``null_header`` too, but as an answer that says ``(null)`` where its registration should stand."""

_WS_UNLESS_SAID: Final = frozenset({"drop", "silent", "drip"})


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A fault as asked for. ``share``: the part of frames it strikes, chosen by the seed."""

    kind: str
    seconds: float | None = None
    count: int | None = None
    target: Target | None = None
    share: float = 1.0
    pong: bool = False
    offset_seconds: float = 0.0
    delay_ms: float = 1.0
    change: Change = "add"
    field: str = ""
    code: str = ""


class PlannedFault(Struct, frozen=True):
    """``fault`` begins ``at_seconds`` after the server's start."""

    at_seconds: float
    fault: Fault


def parse_fault(raw: object, where: str = "fault", kinds: Mapping[str, KindRule] = KINDS) -> Fault:
    """A fault from decoded JSON, with its kind's default bound filled in; ``kinds``: the provider's.

    Raises
    ------
    BadInput
        It is no object, its kind is not known, or a member is unknown, out of range or not for this kind.
    """
    if not isinstance(raw, dict):
        raise BadInput(where, raw, 'write an object such as {"kind": "drop"}')
    kind = raw.get("kind")
    rule = kinds.get(kind) if isinstance(kind, str) else None
    if rule is None:
        raise BadInput(f"{where}.kind", kind, f"use one of {' '.join(kinds)}")
    allowed = {"kind", "seconds", *rule.options}
    allowed |= {"count"} if rule.takes_count else set()
    allowed |= {"target"} if rule.targets else set()
    for name in raw:
        if name not in allowed:
            raise BadInput(f"{where}.{name}", raw[name], f"{kind} takes {' '.join(sorted(allowed))}")
    try:
        fault = msgspec.convert(raw, Fault)
    except msgspec.ValidationError as error:
        raise BadInput(where, raw, f"it is not well formed: {error}") from None
    _check_ranges(fault, rule, where)
    if fault.seconds is not None or fault.count is not None:
        return fault
    if rule.seconds == 0 and fault.target == "rest":  # at once means: the next request
        return structs.replace(fault, count=1)
    return structs.replace(fault, seconds=rule.seconds, count=rule.count)


def _check_ranges(fault: Fault, rule: KindRule, where: str) -> None:
    if fault.target is not None and fault.target not in rule.targets:
        raise BadInput(f"{where}.target", fault.target, f"{fault.kind} takes {' '.join(rule.targets)}")
    if fault.kind == "change_fields" and fault.change not in CHANGES:
        raise BadInput(f"{where}.change", fault.change, f"use one of {' '.join(CHANGES)}")
    if fault.kind == "clock_jump" and fault.offset_seconds == 0:
        raise BadInput(f"{where}.offset_seconds", 0, "say by how many seconds, for example -3600")
    limits: tuple[tuple[str, float | None, float, float], ...] = (
        ("seconds", fault.seconds, 0, MAX_FAULT_SECONDS),
        ("count", fault.count, 1, MAX_FAULT_COUNT),
        ("share", fault.share, 0, 1),
        ("offset_seconds", fault.offset_seconds, -MAX_OFFSET_SECONDS, MAX_OFFSET_SECONDS),
        ("delay_ms", fault.delay_ms, 0, MAX_DRIP_DELAY_MS),
    )
    for name, value, low, high in limits:
        if value is not None and not low <= value <= high:
            raise BadInput(f"{where}.{name}", value, f"it must lie between {low:g} and {high:g}")


def load_plan(path: Path, kinds: Mapping[str, KindRule] = KINDS) -> tuple[PlannedFault, ...]:
    """The plan in the file at ``path``, ordered by time; ``kinds``: the provider's.

    Raises
    ------
    BadInput
        The file cannot be read, is no JSON list, or an entry cannot be used (the entry is named).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput("faults file", str(path), f"it cannot be read ({error.strerror})") from None
    if len(data) > MAX_PLAN_BYTES:
        raise BadInput("faults file", str(path), f"it must be at most {MAX_PLAN_BYTES} bytes long")
    try:
        entries = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise BadInput("faults file", str(path), f"write a JSON list of faults ({error})") from None
    if not isinstance(entries, list) or len(entries) > MAX_PLAN_ENTRIES:
        raise BadInput("faults file", str(path), f"write a JSON list of at most {MAX_PLAN_ENTRIES} faults")
    planned = [_planned(entry, f"faults[{i}]", kinds) for i, entry in enumerate(entries)]
    return tuple(sorted(planned, key=lambda entry: entry.at_seconds))


def _planned(entry: object, where: str, kinds: Mapping[str, KindRule]) -> PlannedFault:
    if not isinstance(entry, dict):
        raise BadInput(where, entry, 'write an object such as {"at": 10, "kind": "drop"}')
    at = entry.get("at")
    if isinstance(at, bool) or not isinstance(at, (int, float)) or at < 0:
        raise BadInput(f"{where}.at", at, "say how many seconds after the start, for example 10")
    rest = {name: value for name, value in entry.items() if name != "at"}
    return PlannedFault(float(at), parse_fault(rest, where, kinds))


class Plan:
    """Planned faults as they come due, by the clock's monotonic time since :meth:`start`."""

    def __init__(self, plan: tuple[PlannedFault, ...], clock: Clock) -> None:
        self._left, self._clock = deque(plan), clock
        self._start_ns = 0

    def start(self) -> None:
        """The plan's second 0 is now."""
        self._start_ns = self._clock.monotonic_ns()

    def due(self) -> list[Fault]:
        """The faults to begin now, each handed out once."""
        elapsed = (self._clock.monotonic_ns() - self._start_ns) / NS_PER_SECOND
        faults = []
        while self._left and self._left[0].at_seconds <= elapsed:
            faults.append(self._left.popleft().fault)
        return faults


class _Active(Struct):
    number: int
    fault: Fault
    until_ns: int | None
    left: int | None


class FaultBoard:
    """The active faults. Time is the clock's monotonic one; ``seed`` decides which frames are struck."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._active: list[_Active] = []
        self._number = 0
        self.random = random.Random(f"faults-{seed}")

    def begin(self, fault: Fault) -> int:
        """Make ``fault`` active; gives its number.

        Raises
        ------
        BadInput
            Too many are active already.
        """
        self._forget_ended()
        if len(self._active) >= MAX_ACTIVE_FAULTS:
            raise BadInput("fault", fault.kind, f"end some first, at most {MAX_ACTIVE_FAULTS} can be active")
        now = self._clock.monotonic_ns()
        until = None if fault.seconds is None else now + int(fault.seconds * NS_PER_SECOND)
        self._number += 1
        self._active.append(_Active(self._number, fault, until, fault.count))
        return self._number

    def end(self, kind: str | None = None) -> int:
        """End all faults (of ``kind``); gives how many were active."""
        self._forget_ended()
        kept = [one for one in self._active if kind is not None and one.fault.kind != kind]
        ended = len(self._active) - len(kept)
        self._active = kept
        return ended

    def active(self, kind: str, target: Target | None = None) -> Fault | None:
        """The fault of ``kind`` that is active for ``target``, the youngest first; spends nothing."""
        found = self._find(kind, target)
        return found.fault if found else None

    def take(self, kind: str, target: Target | None = None) -> Fault | None:
        """As :meth:`active`, but this is a strike: spends one of ``count``, and obeys ``share``."""
        found = self._find(kind, target)
        if found is None or (found.fault.share < 1.0 and self.random.random() >= found.fault.share):
            return None
        if found.left is not None:
            found.left -= 1
        return found.fault

    def offset_ns(self) -> int:
        """By how much the provider's clock is wrong now."""
        jump = self.active("clock_jump")
        return int(jump.offset_seconds * NS_PER_SECOND) if jump else 0

    def state(self) -> list[dict[str, object]]:
        """The active faults for people: number, kind, what is left of their bound."""
        self._forget_ended()
        now = self._clock.monotonic_ns()
        return [
            {
                "number": one.number,
                **structs.asdict(one.fault),
                "seconds_left": None if one.until_ns is None else (one.until_ns - now) / NS_PER_SECOND,
                "count_left": one.left,
            }
            for one in self._active
        ]

    def _find(self, kind: str, target: Target | None) -> _Active | None:
        if not self._active:
            return None
        self._forget_ended()
        for one in reversed(self._active):
            if one.fault.kind == kind and _concerns(one.fault, target):
                return one
        return None

    def _forget_ended(self) -> None:
        now = self._clock.monotonic_ns()
        self._active = [
            one
            for one in self._active
            if (one.until_ns is None or now < one.until_ns) and (one.left is None or one.left > 0)
        ]


def _concerns(fault: Fault, target: Target | None) -> bool:
    if target is None or fault.target == target:
        return True
    return fault.target is None and (target == "ws" or fault.kind not in _WS_UNLESS_SAID)
