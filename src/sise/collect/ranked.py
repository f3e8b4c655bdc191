"""The rank call: once a minute the provider's own ranking is asked for, as an input of the triggers.

A sweep sees a symbol every ten minutes; a ranking sees the loudest of the whole market at once. So what it
names can have a slot within minutes, and what it says is kept in the wire log like every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from sise.collect.diary import Diary
from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.model.events import Ranked
from sise.model.time import NS_PER_SECOND, Clock, sleep_until
from sise.providers.contract import Ranking

PLACES: Final = 30
"""Of the ranking (KIS tells no more)."""


class RankSource(Protocol):
    """Who is asked (a provider's REST client)."""

    @property
    def rankings(self) -> tuple[Ranking, ...]: ...

    async def busiest(self, count: int, by: Ranking) -> list[Ranked]: ...


class RankCall:
    """Asks for the ranking on a grid of its own."""

    def __init__(self, source: RankSource, diary: Diary, clock: Clock) -> None:
        self._source, self._diary, self._clock = source, diary, clock
        self._failing = False

    async def run(
        self,
        every_seconds: float,
        is_open: Callable[[int], bool],
        on_ranked: Callable[[Sequence[Ranked], int], None],
    ) -> None:
        """Every ``every_seconds`` of the clock at which ``is_open``; until cancelled.

        Returns at once where the provider ranks nothing (KIS's mock market). A growing volume is asked
        for where it is offered, else the value.
        """
        offered = self._source.rankings
        if not offered:
            return
        by: Ranking = "surge" if "surge" in offered else offered[0]
        every_ns = round(every_seconds * NS_PER_SECOND)
        while True:
            now = self._clock.now_ns()
            await sleep_until(self._clock, now - now % every_ns + every_ns)
            if is_open(self._clock.now_ns()):
                rows = await self._ask(by)
                on_ranked(rows, self._clock.now_ns())

    async def _ask(self, by: Ranking) -> Sequence[Ranked]:
        """The answer; none where there is none, which is said when it begins and when it is over."""
        try:
            rows = await self._source.busiest(PLACES, by)
        except (Unreachable, ProviderRefused, Undecodable) as error:
            if not self._failing:
                self._failing = True
                self._diary.write("rank_failed", f"the ranking is not answered: {error}", level="warning")
            return ()
        if self._failing:
            self._failing = False
            self._diary.write("rank_answered", "the ranking is answered again")
        return rows
