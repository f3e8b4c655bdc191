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
from typing import Any, Final, Protocol

from msgspec import Struct, field

from sise.collect.diary import Diary
from sise.collect.observe import Observer
from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.model.events import Quote
from sise.model.hours import SWEEP_EVERY_SECONDS
from sise.model.time import NS_PER_SECOND, Clock, iso

log = logging.getLogger(__name__)

_EVERY_NS: Final = SWEEP_EVERY_SECONDS * NS_PER_SECOND


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


def next_sweep(now_ns: int) -> int:
    """The next moment of the grid after ``now_ns`` (a moment of the grid itself is over)."""
    return (now_ns // _EVERY_NS + 1) * _EVERY_NS


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
    ) -> None:
        """``answer_frame`` tells receive time and wire line of the last REST answer.

        ``day_of`` tells the day of a moment: ``planned``, ``done`` and ``late`` count the sweeps of one.
        """
        self._source = source
        self._observer = observer
        self._diary = diary
        self._clock = clock
        self._answer_frame = answer_frame
        self._on_quote = on_quote
        self._day_of = day_of
        self._day: date | None = None
        self.planned = 0
        self.done = 0
        self.late = 0
        self.last: Sweep | None = None

    async def run(
        self,
        universe: Callable[[int], Awaitable[Sequence[str]]],
        is_open: Callable[[int], bool],
    ) -> None:
        """On every moment of the grid at which ``is_open``, sweep what ``universe`` gives; until cancelled.

        ``universe`` is asked on every moment of the grid, so that it is made before the open.
        """
        while True:
            due = next_sweep(self._clock.now_ns())
            await self._clock.sleep((due - self._clock.now_ns()) / NS_PER_SECOND)
            symbols = await universe(due)
            if symbols and is_open(due):
                await self.sweep(symbols, due)

    async def sweep(self, symbols: Sequence[str], planned_ns: int) -> Sweep:
        """One sweep; never raises for what the provider or the world does."""
        name = f"{self._diary.meta.session_id}-{iso(planned_ns)[11:16].replace(':', '')}"
        sweep = Sweep(name, planned_ns, self._clock.now_ns(), asked=len(symbols))
        size = self._source.quotes_per_request
        for start in range(0, len(symbols), size):
            if self._clock.now_ns() >= planned_ns + _EVERY_NS:
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
        day = self._day_of(sweep.planned_ns)
        if day != self._day:
            self._day, self.planned, self.done, self.late = day, 0, 0, 0
        self.planned += 1
        self.done += not sweep.late
        self.late += sweep.late
        self.last = sweep

    def facts(self) -> dict[str, Any]:
        """For the status: the sweeps of the day, and the last one."""
        last = self.last
        return {
            "planned": self.planned,
            "done": self.done,
            "late": self.late,
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
            reason = self._observer.on_quote(quote, sweep.planned_ns, received_at, frame, sweep.sweep)
            if reason is not None:
                sweep.refused[reason] += 1
                continue
            sweep.answered += 1
            self._on_quote(quote, received_at)
