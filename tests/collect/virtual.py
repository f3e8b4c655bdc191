"""A clock that runs only when nothing else can: hours pass in milliseconds, always the same way."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

from sise.model.time import NS_PER_SECOND

SETTLE_TURNS = 12
"""Turns of the loop after which every task waits for the clock."""
START_NS = 1_795_132_800 * NS_PER_SECOND
"""2026-11-20T00:00:00Z"""


class VirtualClock:
    """Time moves only in :meth:`run`."""

    def __init__(self) -> None:
        self.ns = START_NS
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        due = self.ns + max(0, round(seconds * NS_PER_SECOND))
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (due, next(self._order), future))
        await future

    async def run(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        end = self.ns + round(seconds * NS_PER_SECOND)
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            self.ns = max(self.ns, due)
            if not future.done():
                future.set_result(None)
                await self._settle()
        self.ns = end
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(SETTLE_TURNS):
            await asyncio.sleep(0)
