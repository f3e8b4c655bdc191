"""The swing track: the whole universe by REST, on a grid of ten minutes, each sweep told in full.

A sweep asks for every symbol of the universe, a few at a time. What is answered is recorded; what is
not is counted by reason. A sweep that cannot end within its slot stops there and says how far it came:
a late price under an early moment would be a wrong number that looks right.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any, Final, Literal, Protocol

from msgspec import Struct, field

from sise.collect.diary import Diary
from sise.collect.observe import Observer
from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.model.events import Instrument, Quote
from sise.model.hours import SWEEP_EVERY_SECONDS
from sise.model.time import NS_PER_SECOND, Clock, iso, sleep_until

log = logging.getLogger(__name__)

SWEEP_NS: Final = SWEEP_EVERY_SECONDS * NS_PER_SECOND

Missed = Literal["collector_down", "not_finished", "no_universe", "too_late"]
"""Why a sweep was not done: no session ran; one ran, but did not finish it; nothing to ask for was known; its
time was over before it could begin."""


class QuoteSource(Protocol):
    """Who is asked (a provider's REST client)."""

    @property
    def quotes_per_request(self) -> int: ...

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]: ...


class Sweep(Struct):
    """What came of one sweep; asked = answered + refused + left."""

    sweep: str
    planned_ns: int
    began_ns: int
    ended_ns: int = 0
    asked: int = 0
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    left: int = 0
    """Not asked any more, because the next sweep was due."""

    @property
    def late(self) -> bool:
        return self.left > 0

    def facts(self) -> dict[str, object]:
        return {
            "sweep": self.sweep,
            "planned": iso(self.planned_ns),
            "began": iso(self.began_ns),
            "ended": iso(self.ended_ns),
            "asked": self.asked,
            "answered": self.answered,
            "refused": dict(self.refused),
            "left": self.left,
            "late": self.late,
        }


class SweepCounts(Struct):
    """What became of the sweeps of a day."""

    done: int = 0
    late: int = 0
    missed: int = 0


def write_missed(diary: Diary, planned_ns: int, reason: Missed) -> None:
    """Say that the sweep of ``planned_ns`` was not done."""
    diary.write(
        "sweep_missed",
        f"no sweep of {iso(planned_ns)}: {reason.replace('_', ' ')}",
        level="warning",
        planned=iso(planned_ns),
        reason=reason,
    )


def next_sweep(now_ns: int) -> int:
    """The next moment of the grid after ``now_ns`` (a moment of the grid itself is over)."""
    return (now_ns // SWEEP_NS + 1) * SWEEP_NS


class SwingTrack:
    """Sweeps a universe while the market is open."""

    def __init__(
        self,
        source: QuoteSource,
        observer: Observer,
        diary: Diary,
        clock: Clock,
        *,
        answer_frame: Callable[[], tuple[int, int]],
        on_quote: Callable[[Quote, int], None] = lambda quote, at: None,
        day_of: Callable[[int], date | None] = lambda at: None,
        listed: Callable[[str], Instrument | None] = lambda symbol: None,
    ) -> None:
        """``answer_frame`` tells receive time and wire line of the last REST answer.

        ``listed`` gives what the provider's list of the day says of a symbol. ``day_of`` tells the day of a
        moment: ``counts`` are the sweeps of one.
        """
        self._source = source
        self._observer = observer
        self._diary = diary
        self._clock = clock
        self._answer_frame = answer_frame
        self._on_quote = on_quote
        self._day_of, self._listed = day_of, listed
        self._day: date | None = None
        self.counts = SweepCounts()
        self.last: Sweep | None = None

    async def run(
        self,
        universe: Callable[[int], Awaitable[Sequence[str]]],
        is_open: Callable[[int], bool],
        *,
        after_ns: int | None = None,
    ) -> None:
        """On every moment of the grid at which ``is_open``, sweep what ``universe`` gives; until cancelled.

        ``universe`` is asked on every moment of the grid, so that it is made before the open.
        Each moment after ``after_ns`` (None: now) is swept or said to be missed.
        """
        due = next_sweep(self._clock.now_ns() if after_ns is None else after_ns)
        while True:
            await sleep_until(self._clock, due)
            if self._clock.now_ns() < due + SWEEP_NS:
                symbols = await universe(due)
                if symbols and is_open(due):
                    await self.sweep(symbols, due)
                elif is_open(due):
                    self._miss(due, "no_universe")
            elif is_open(due):
                self._miss(due, "too_late")
            # A clock that was set back is followed.
            due = min(due + SWEEP_NS, next_sweep(self._clock.now_ns()))

    def recall(self, counts: SweepCounts, now_ns: int) -> None:
        """What earlier sessions did, or missed, of the day of ``now_ns``."""
        self._day, self.counts = self._day_of(now_ns), counts

    def _miss(self, planned_ns: int, reason: Missed) -> None:
        write_missed(self._diary, planned_ns, reason)
        self._of_day(planned_ns).missed += 1

    async def sweep(self, symbols: Sequence[str], planned_ns: int) -> Sweep:
        """One sweep; never raises for what the provider or the world does."""
        name = f"{self._diary.meta.session_id}-{iso(planned_ns)[11:16].replace(':', '')}"
        sweep = Sweep(name, planned_ns, self._clock.now_ns(), asked=len(symbols))
        size = self._source.quotes_per_request
        for start in range(0, len(symbols), size):
            if self._clock.now_ns() >= planned_ns + SWEEP_NS:
                sweep.left = len(symbols) - start
                break
            await self._ask(symbols[start : start + size], sweep)
        sweep.ended_ns = self._clock.now_ns()
        self._count(sweep)
        said = f"{sweep.answered} of {sweep.asked} symbols answered"
        if sweep.late:
            said += f"; {sweep.left} could not be asked before the next sweep was due"
        troubled = sweep.late or sweep.refused
        self._diary.write("swing_sweep", said, level="warning" if troubled else "info", **sweep.facts())
        return sweep

    def _count(self, sweep: Sweep) -> None:
        counts = self._of_day(sweep.planned_ns)
        counts.done += not sweep.late
        counts.late += sweep.late
        self.last = sweep

    def _of_day(self, planned_ns: int) -> SweepCounts:
        day = self._day_of(planned_ns)
        if day != self._day:
            self._day, self.counts = day, SweepCounts()
        return self.counts

    def facts(self) -> dict[str, Any]:
        """For the status: the sweeps of the day, and this session's last one.

        Planned, but neither done nor late: missed.
        """
        last, counts = self.last, self.counts
        return {
            "planned": counts.done + counts.late + counts.missed,
            "done": counts.done,
            "late": counts.late,
            "last": None
            if last is None
            else {
                "slot": iso(last.planned_ns),
                "asked": last.asked,
                "answered": last.answered,
                "refused": last.refused.total(),
                "seconds": round((last.ended_ns - last.began_ns) / NS_PER_SECOND, 3),
            },
        }

    async def _ask(self, symbols: Sequence[str], sweep: Sweep) -> None:
        try:
            quotes = await self._source.quotes(symbols)
        except ProviderRefused as error:
            sweep.refused[f"provider_refused {error.name}"] += len(symbols)
            return
        except Unreachable:
            sweep.refused["unreachable"] += len(symbols)
            return
        except Undecodable:
            sweep.refused["undecodable"] += len(symbols)
            return
        received_at, frame = self._answer_frame()
        told = {quote.symbol: quote for quote in quotes}
        for symbol in symbols:
            quote = told.get(symbol)
            if quote is None:
                sweep.refused["not_answered"] += 1
                continue
            listed = self._listed(symbol)
            reason = self._observer.on_quote(quote, sweep.planned_ns, received_at, frame, sweep.sweep, listed)
            if reason is not None:
                sweep.refused[reason] += 1
                continue
            sweep.answered += 1
            self._on_quote(quote, received_at)
