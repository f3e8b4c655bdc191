"""Faults drawn by a seed: of the line, of its frames, of REST, of the disk, of the collector's life."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

from msgspec import Struct, structs

from sise.rehearse.plan import DiskFull, Kill, Rehearsal
from sise.simulator.faults import KINDS, KIS_KINDS, Fault, KindRule, PlannedFault, parse_fault

Row = tuple[dict[str, object], ...]

_LINE: Final[tuple[Row, ...]] = (
    ({"kind": "drop"},),
    ({"kind": "silent", "seconds": 40},),
    ({"kind": "silent", "seconds": 40, "pong": True},),
    ({"kind": "half_open", "seconds": 40},),
    ({"kind": "unplug", "seconds": 20},),
    ({"kind": "refuse", "seconds": 20}, {"kind": "drop"}),
    ({"kind": "html", "target": "ws", "seconds": 20}, {"kind": "drop"}),
    ({"kind": "drip", "delay_ms": 300, "seconds": 40},),
)
_KIS_LINE: Final[tuple[Row, ...]] = (
    ({"kind": "session_busy", "count": 2}, {"kind": "drop"}),
    ({"kind": "sticky_slot", "seconds": 30}, {"kind": "drop"}),
    ({"kind": "token_expired"}, {"kind": "drop"}),
)


class Kinds(Struct, frozen=True):
    """What can break at a provider."""

    line: tuple[Row, ...]
    """What can cost the line, and so leave a gap; some need a cut before they bite."""
    other: tuple[Row, ...]
    """What must cost no line, and so leaves none."""
    rules: Mapping[str, KindRule]


KIS: Final = Kinds(
    (*_LINE, *_KIS_LINE),
    (
        ({"kind": "duplicate", "count": 20},),
        ({"kind": "reorder", "count": 10},),
        ({"kind": "truncate", "count": 2},),
        ({"kind": "garbage", "count": 2},),
        ({"kind": "invalid_utf8", "count": 2},),
        ({"kind": "change_fields", "change": "add", "count": 5},),
        ({"kind": "clock_jump", "offset_seconds": 3600, "seconds": 10},),
        ({"kind": "register_error", "count": 1, "code": "OPSP0007"},),
        ({"kind": "null_header", "count": 1, "code": "OPSP0007"},),
        ({"kind": "rest_error", "count": 3, "code": "EGW00201"},),
        ({"kind": "drop", "target": "rest", "count": 2},),
        ({"kind": "silent", "target": "rest", "seconds": 12},),
        ({"kind": "drip", "target": "rest", "seconds": 5},),
        ({"kind": "html", "target": "rest", "seconds": 8},),
        ({"kind": "token_expired"},),
    ),
    KIS_KINDS,
)
UPBIT: Final = Kinds(
    _LINE,
    (
        ({"kind": "duplicate", "count": 20},),
        ({"kind": "reorder", "count": 10},),
        ({"kind": "truncate", "count": 2},),
        ({"kind": "garbage", "count": 2},),
        ({"kind": "change_fields", "change": "add", "count": 5},),
        ({"kind": "change_fields", "change": "rename", "count": 5},),
        ({"kind": "change_fields", "change": "retype", "count": 5},),
        ({"kind": "clock_jump", "offset_seconds": 3600, "seconds": 10},),
        ({"kind": "rest_429", "seconds": 5},),
        ({"kind": "rest_418", "seconds": 10},),
        ({"kind": "drop", "target": "rest", "count": 2},),
        ({"kind": "silent", "target": "rest", "seconds": 12},),
        ({"kind": "drip", "target": "rest", "seconds": 5},),
        ({"kind": "html", "target": "rest", "seconds": 8},),
    ),
    KINDS,
)
KILL_SECONDS: Final = (1.0, 90.0)
WRITES_MAX: Final = 6
"""A flush is some few writes: the kill falls into any of them."""
FULL_SECONDS: Final = (1.0, 40.0)
QUIET_SECONDS: Final = 20.0
"""At the beginning nothing is broken, so that there is something to break."""


class Drawn(Struct, frozen=True):
    """Faults of one day; their times are the market's seconds after its start."""

    faults: tuple[PlannedFault, ...] = ()
    full_disks: tuple[DiskFull, ...] = ()
    kills: tuple[Kill, ...] = ()

    def put_into(self, plan: Rehearsal) -> Rehearsal:
        """``plan`` with these faults."""
        return structs.replace(plan, faults=self.faults, full_disks=self.full_disks, kills=self.kills)


def draw(rng: Random, first_seconds: float, last_seconds: float, count: int, kinds_of: Kinds = KIS) -> Drawn:
    """``count`` faults between the two moments: every kind once before any comes again, in any order."""
    rows = (*kinds_of.line, *kinds_of.other)
    full_disk, kill = len(rows), len(rows) + 1
    kinds: list[int] = []
    while len(kinds) < count:
        deck = list(range(len(rows) + 2))
        rng.shuffle(deck)
        kinds += deck
    moments = sorted(rng.uniform(first_seconds, last_seconds) for _ in range(count))
    planned: list[PlannedFault] = []
    full: list[DiskFull] = []
    kills: list[Kill] = []
    for kind, at in zip(kinds[:count], moments, strict=True):
        if kind == full_disk:
            full.append(DiskFull(at, rng.uniform(*FULL_SECONDS)))
        elif kind == kill:
            kills.append(Kill(at, rng.uniform(*KILL_SECONDS), rng.randrange(WRITES_MAX), rng.random()))
        else:
            planned += _planned(rows[kind], at, kinds_of.rules)
    return Drawn(tuple(planned), tuple(full), tuple(kills))


def causes(plan: Rehearsal) -> list[tuple[int, int]]:
    """The times (UTC ns) in which something is broken that may cost the line, oldest first."""
    broken = [(one.at_seconds, one.fault.seconds or 0.0) for one in plan.faults if costs_line(one.fault)]
    broken += [(one.at_seconds, one.seconds) for one in plan.full_disks]
    broken += [(one.at_seconds, one.away_seconds) for one in plan.kills]
    return sorted(
        (plan.start_ns + round(at * 1e9), plan.start_ns + round((at + seconds) * 1e9))
        for at, seconds in broken
    )


def costs_line(fault: Fault) -> bool:
    """Whether the line may be lost by it."""
    of_line = {str(each["kind"]) for row in (*KIS.line, *UPBIT.line) for each in row}
    return fault.kind in of_line and fault.target != "rest"


def _planned(row: Row, at: float, rules: Mapping[str, KindRule]) -> list[PlannedFault]:
    return [PlannedFault(at, parse_fault(dict(each), "fault", rules)) for each in row]
