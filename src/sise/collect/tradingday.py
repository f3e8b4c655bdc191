"""The provider's own answer to whether today is a trading day: asked once a day, before the open.

Holidays are made at short notice, and a list of holidays may be wrong: the provider is believed, and a
difference is said loudly. Nobody waits for the answer: without one our own calendar holds, and the question
is asked again an hour later. The answer is an event, so that a restart on the same day asks nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from sise.collect.dayevents import read_events
from sise.collect.diary import Diary
from sise.collect.hours import TrackHours
from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, Clock, in_zone

AGAIN_SECONDS: Final = 3_600
"""KIS wants its calendar asked once a day (wire reference KIS, chk-holiday); a failure is no answer."""
ANSWER_SECONDS: Final = 120
"""Other questions wait for this one no longer."""
ANSWERED: Final = "trading_day"
LOOK_AHEAD_DAYS: Final = 10
DAY_NS: Final = 86_400 * NS_PER_SECOND


class DaySource(Protocol):
    """Who is asked (a provider's REST client)."""

    async def trading_day(self, day: date) -> bool | None: ...


class TradingDays:
    """Asks for each day of a market, and tells the hours where the provider knows better."""

    def __init__(
        self,
        source: DaySource,
        hours: TrackHours,
        diary: Diary,
        clock: Clock,
        *,
        answer_frame: Callable[[], tuple[int, int]],
    ) -> None:
        """``answer_frame`` tells receive time and wire line of the last REST answer."""
        self._source, self._hours, self._diary, self._clock = source, hours, diary, clock
        self._answer_frame = answer_frame
        self._settled: date | None = None
        self._again_ns = 0
        """Not before is a question asked again that was not answered."""
        self.on_changed: Callable[[], None] = lambda: None
        """Called when the hours of today have changed."""

    def recall(self, root: Path) -> None:
        """Take today's answer from the journal, where an earlier session was given one."""
        meta = self._diary.meta
        now = self._clock.now_ns()
        day = self._hours.day_of(now)
        in_journal = in_zone(now, MARKET_ZONES[meta.market]).date()
        for event in read_events(root, meta.provider, in_journal, (ANSWERED,)):
            if event.detail.get("day") == day.isoformat() and isinstance(event.detail.get("open"), bool):
                self._believe(day, is_open=bool(event.detail["open"]))

    async def run(self) -> None:
        """Until cancelled; at once where the market never shuts."""
        while not self._hours.never_shuts:
            await self.ask_if_due()
            now = self._clock.now_ns()
            await self._clock.sleep((self._next_ns(now) - now) / NS_PER_SECOND)

    async def ask_if_due(self) -> None:
        """Ask for today, where that is due. Never raises for what the provider does."""
        now = self._clock.now_ns()
        day = self._hours.day_of(now)
        if self._is_open_question(day, now) and now >= self._again_ns and not await self._ask(day):
            self._again_ns = self._clock.now_ns() + AGAIN_SECONDS * NS_PER_SECOND

    def _is_open_question(self, day: date, now: int) -> bool:
        span = self._hours.question_span(day)
        return day != self._settled and span is not None and span[0] <= now < span[1]

    def _next_ns(self, now: int) -> int:
        """When the next question is due (UTC ns)."""
        day = self._hours.day_of(now)
        if self._is_open_question(day, now):
            return self._again_ns
        spans = [self._hours.question_span(day + timedelta(days=ahead)) for ahead in range(LOOK_AHEAD_DAYS)]
        starts = [span[0] for span in spans if span is not None and span[0] > now]
        return min(starts, default=now + LOOK_AHEAD_DAYS * DAY_NS)

    async def _ask(self, day: date) -> bool:
        """Whether the provider answered (also that it does not know)."""
        try:
            is_open = await self._answer(day)
        except (Unreachable, ProviderRefused, Undecodable) as error:
            self._diary.write(
                "trading_day_failed",
                f"whether {day} is a trading day cannot be asked: {error}; our own calendar holds",
                level="warning",
                day=day.isoformat(),
            )
            return False
        self._settled = day
        if is_open is not None:
            self._tell(day, is_open=is_open)
        return True

    async def _answer(self, day: date) -> bool | None:
        asking = asyncio.ensure_future(self._source.trading_day(day))
        limit = asyncio.ensure_future(self._clock.sleep(ANSWER_SECONDS))
        try:
            await asyncio.wait((asking, limit), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise Unreachable(f"no answer within {ANSWER_SECONDS} s")
            return asking.result()
        finally:
            asking.cancel()
            limit.cancel()
            await asyncio.gather(asking, limit, return_exceptions=True)

    def _tell(self, day: date, *, is_open: bool) -> None:
        ours = self._hours.verdict(day)
        name, said = self._diary.meta.provider, "open" if is_open else "closed"
        facts: dict[str, Any] = {
            "day": day.isoformat(),
            "open": is_open,
            "calendar": {"open": ours.open, "reason": ours.reason, "source": ours.source},
            "frame": self._answer_frame()[1],
        }
        self._diary.write(ANSWERED, f"{name} says that {day} is {said}", **facts)
        if is_open != ours.open:
            ours_said = (
                f"our calendar says {'open' if ours.open else 'closed'} ({ours.reason}, {ours.source})"
            )
            self._diary.write(
                "calendar_differs",
                f"{name} says that {day} is {said}, {ours_said}: {name} is believed",
                level="error",
                **facts,
            )
        self._believe(day, is_open=is_open)

    def _believe(self, day: date, *, is_open: bool) -> None:
        self._settled = day
        if self._hours.verdict(day).open != is_open:
            self._hours.tell(day, is_open=is_open, told_by=self._diary.meta.provider)
            self.on_changed()
