"""What the collectors say of themselves: each is asked twice a second, at the address it wrote.

A collector's health must reach people even when the disk is full, so it is the one thing that does
not come from the journal. Only addresses of this machine are asked.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from sise.model.time import NS_PER_SECOND, Clock, iso
from sise.serve.answers import Status
from sise.serve.outgoing import NoAnswer, Outgoing
from sise.serve.told import Collector, State

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
STALE_SECONDS_MAX: Final = 2.5
"""A collector whose last answer is older than this is taken for gone."""
ADDRESS_BYTES_MAX: Final = 4096
COLLECTORS_MAX: Final = 32
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_WORSE: Final = {"off_hours": 0, "recording": 1, "degraded": 2, "not_recording": 3}
"""Who rests says nothing of those who record."""


class _Address(Struct):
    """What ``run/collect-<provider>.json`` holds."""

    pid: int
    url: str


class _Known(Struct):
    """A collector that has an address file. Times are UTC ns; ``refused``: nobody listens there.

    ``answered_at`` is a moment of the machine's monotonic clock.
    """

    seen_ns: int
    last: Collector | None = None
    answered_ns: int = 0
    answered_at: int = 0
    refused: bool = False
    why: str = ""


class Collectors:
    """Asks every collector and remembers what it said. Never raises for what a collector does."""

    def __init__(
        self, data_dir: Path, clock: Clock, machine: Clock, last_event_ns: int | None = None
    ) -> None:
        """``clock`` is the market's time, ``machine`` measures how long ago a collector answered.

        ``last_event_ns``: the last word of any collector in the journal (UTC ns); None: there is none.
        """
        self._folder = data_dir / "run"
        self._clock, self._machine = clock, machine
        self._known: dict[str, _Known] = {}
        self._polled = False
        self._none_since_ns = last_event_ns or clock.now_ns()

    async def run(self, outgoing: Outgoing) -> None:
        """Ask every ``POLL_SECONDS`` of the machine's time until cancelled."""
        while True:
            await self.poll(outgoing)
            await self._machine.sleep(POLL_SECONDS)

    async def poll(self, outgoing: Outgoing) -> None:
        """Ask each collector once."""
        files = sorted(self._folder.glob("collect-*.json"))[:COLLECTORS_MAX]
        gone = self._known.keys() - {file.name for file in files}
        for name in gone:
            del self._known[name]
            self._none_since_ns = self._clock.now_ns()
        for file in files:
            known = self._known.setdefault(file.name, _Known(self._clock.now_ns()))
            await self._ask(outgoing, file, known)
        self._polled = True

    async def _ask(self, outgoing: Outgoing, file: Path, known: _Known) -> None:
        try:
            known.last = msgspec.json.decode((await outgoing.get(_address(file))).body, type=Collector)
        except NoAnswer as error:
            self._failed(file, known, str(error))
            known.refused = error.refused
        except (OSError, ValueError) as error:
            self._failed(file, known, str(error))
        else:
            known.answered_ns, known.answered_at = self._clock.now_ns(), self._machine.monotonic_ns()
            known.refused, known.why = False, ""

    def _failed(self, file: Path, known: _Known, why: str) -> None:
        if not known.why:
            log.warning("%s: the collector does not answer: %s", file.name, why)
        known.why = why

    def answered(self) -> list[Collector]:
        """What each collector last said, whether or not it still answers."""
        return [known.last for known in self._known.values() if known.last is not None]

    def status(self, *, demo: bool) -> Status:
        """The state of recording: that of the worst collector."""
        at = self._machine.monotonic_ns()
        answers = [_judged(known, at) for known in self._known.values()]
        if not answers:
            reason = "stopped" if self._polled else "starting"
            return Status("not_recording", reason, iso(self._none_since_ns), [], None, demo)
        worst = max(answers, key=lambda each: _WORSE[each.state])
        heard = [known.answered_at for known in self._known.values() if known.last is not None]
        return Status(
            worst.state,
            worst.reason,
            worst.since,
            [each.last for each in answers if each.last is not None],
            round((at - min(heard)) / NS_PER_SECOND, 3) if heard else None,
            demo,
            _next_start(answers) if worst.state == "off_hours" else None,
        )


def _next_start(answers: list[_Judged]) -> str | None:
    starts = [each.last.next_start for each in answers if each.last is not None and each.last.next_start]
    return min(starts, default=None)


class _Judged(Struct):
    """A collector's state as seen from here, which may be worse than it last said."""

    state: State
    reason: str | None
    since: str
    last: Collector | None


def _judged(known: _Known, at: int) -> _Judged:
    stale = at - known.answered_at > STALE_SECONDS_MAX * NS_PER_SECOND
    last = known.last
    if last is not None and not stale and not known.refused:
        return _Judged(last.state, last.reason, last.since, last)
    since = iso(known.answered_ns or known.seen_ns)
    if last is None and not known.why:
        return _Judged("not_recording", "starting", since, None)  # it has not been asked yet
    if last is not None:
        last = structs.replace(
            last,
            state="not_recording",
            reason="collector_gone",
            since=since,
            next_start=None,
            connection=structs.replace(last.connection, state="closed", since=since),
            rate=structs.replace(last.rate, frames_per_second=0.0, records_per_second=0.0),
        )
    return _Judged("not_recording", "collector_gone", since, last)


def _address(file: Path) -> str:
    """The address that a collector wrote.

    Raises
    ------
    ValueError
        The file is not what a collector writes, or the address is not of this machine.
    """
    with file.open("rb") as source:
        address = msgspec.json.decode(source.read(ADDRESS_BYTES_MAX), type=_Address)
    parts = urlsplit(address.url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError(f"{address.url!r} is no http address of this machine")
    return address.url
