"""What a collector asks by REST: whom to begin with, the past, the sweeps of the universe, the busiest.

Every question is one at a time, so that each answer is known by its wire line. What the provider does not
answer is said in the journal, and nobody stops listening for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from sise.collect.choosing import UniverseOfDay
from sise.collect.hours import TrackHours
from sise.collect.link import wait_seconds
from sise.collect.listed import Listed
from sise.collect.missed import tell_missed
from sise.collect.ranked import RankCall
from sise.collect.session import Session
from sise.collect.steering import Steering
from sise.collect.swing import SwingTrack
from sise.collect.tradingday import TradingDays
from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.model.events import Instrument, Quote, Ranked
from sise.model.time import Clock
from sise.providers.contract import Answer, Ranking, RestClient


class Asking:
    """All questions of a session to its provider."""

    def __init__(
        self,
        root: Path,
        rest: RestClient,
        session: Session,
        hours: TrackHours,
        clock: Clock,
        rng: Random,
        steering: Steering | None,
    ) -> None:
        self._root, self._session, self._clock, self._rng = root, session, clock, rng
        self._hours, self._steering = hours, steering
        self._last_answer = (0, 0)
        self._rest = OneAtATime(rest, self._know)
        self._listed = Listed(self._rest, session.diary)
        self.days = TradingDays(self._rest, hours, session.diary, clock, answer_frame=self._answered)
        self.universes = UniverseOfDay(
            root, self._rest, session.diary, hours, clock, answer_frame=self._answered
        )
        self.swing = SwingTrack(
            self._rest,
            session.observer,
            session.diary,
            clock,
            answer_frame=self._answered,
            on_quote=steering.on_quote if steering else lambda quote, at: None,
            day_of=hours.day_of,
            listed=self._listed.of,
        )
        self._rank = RankCall(self._rest, session.diary, clock)

    def _know(self, listed: list[Instrument]) -> None:
        """The provider has told its whole list."""
        self._listed.take(listed, self._hours.day_of(self._clock.now_ns()))
        if self._steering is not None:
            self._steering.know(listed)

    def on_answer(self, answer: Answer) -> None:
        """Every answer goes to the wire log first."""
        observer = self._session.observer
        observer.on_answer(answer.body, answer.received_at, answer.url, answer.status)
        self._last_answer = (answer.received_at, observer.frame)

    def _answered(self) -> tuple[int, int]:
        """Receive time and wire line of the last REST answer."""
        return self._last_answer

    async def choose(self, count: int) -> Sequence[Instrument]:
        """The ``count`` busiest markets; asked for again and again until there is an answer."""
        attempt = 0
        while True:
            try:
                chosen = await self._rest.top_markets(count)
                self._listed.see(chosen)
                return chosen
            except (Unreachable, ProviderRefused, Undecodable) as error:
                attempt += 1
                wait = wait_seconds(attempt, self._rng)
                self._session.diary.write(
                    "provider_error",
                    f"the markets cannot be asked for: {error}; again in {wait:.0f} s",
                    level="error",
                )
                await self._clock.sleep(wait)

    async def history(self, count: int) -> None:
        """The provider's own candles of the time before us, for charts; a failure is said, not fatal."""
        for symbol in list(self._session.slots):
            try:
                candles = await self._rest.candles(symbol, "1m", count=count)
            except (Unreachable, ProviderRefused, Undecodable) as error:
                self._session.diary.write(
                    "provider_error", f"no candles of {symbol}: {error}", level="warning", symbol=symbol
                )
                continue
            # The newest one is still being made by the market: ours will be better.
            self._session.observer.on_candles(candles[:0:-1], *self._last_answer)

    async def sweep(self) -> None:
        """The swing track: what was missed until now, then the universe of each day, swept on the grid.

        Until cancelled.
        """
        began_ns, session = self._clock.now_ns(), self._session
        counts = tell_missed(self._root, session.diary, self._hours, began_ns, session.last_alive_ns)
        self.swing.recall(counts, began_ns)

        async def symbols(at_ns: int) -> Sequence[str]:
            if not self._hours.universe_due_at(at_ns):
                return ()
            day = self._hours.day_of(at_ns)
            universe = await self.universes.of(day)
            await self._listed.refresh(day)
            return universe.symbols if universe else ()

        await symbols(began_ns)
        await self.swing.run(symbols, self._hours.sweeps_at, after_ns=began_ns)

    async def rank(self, every_seconds: float) -> None:
        """The provider's own ranking, while the scalp track listens. Until cancelled."""
        steering = self._steering
        if steering is None or every_seconds <= 0.0:
            return

        def heard(rows: Sequence[Ranked], at_ns: int) -> None:
            universe = self.universes.current
            allowed = frozenset(universe.symbols) if universe else None
            steering.on_ranked([row for row in rows if allowed is None or row.symbol in allowed], at_ns)

        await self._rank.run(every_seconds, self._hours.scalps_at, heard)

    async def is_listed(self, symbol: str) -> bool:
        """Whether the provider knows the symbol. May raise what the provider's client may."""
        return any(each.symbol == symbol for each in await self._rest.listings())


class OneAtATime:
    """A provider's client that answers one question before it takes the next."""

    def __init__(self, rest: RestClient, on_listed: Callable[[list[Instrument]], None]) -> None:
        """``on_listed`` hears every whole list that the provider tells."""
        self._rest, self._on_listed = rest, on_listed
        self._turn = asyncio.Lock()

    @property
    def quotes_per_request(self) -> int:
        return self._rest.quotes_per_request

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        return self._rest.rankings

    async def top_markets(self, count: int) -> list[Instrument]:
        async with self._turn:
            return await self._rest.top_markets(count)

    async def listings(self) -> list[Instrument]:
        async with self._turn:
            listed = await self._rest.listings()
        self._on_listed(listed)
        return listed

    async def trading_day(self, day: date) -> bool | None:
        async with self._turn:
            return await self._rest.trading_day(day)

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        async with self._turn:
            return await self._rest.quotes(symbols)

    async def candles(self, symbol: str, size: str, *, count: int) -> list[Any]:
        async with self._turn:
            return await self._rest.candles(symbol, size, count=count)

    async def busiest(self, count: int, by: Ranking) -> list[Ranked]:
        async with self._turn:
            return await self._rest.busiest(count, by)
