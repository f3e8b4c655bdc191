"""The scalp track's hours: when the line is kept, when it is left alone, and when the slots are chosen anew.

The slots of a trading day are chosen when its universe is due, an hour before the open: from that day's
listings, not from those of the day on which the collector happened to start. Where the market never shuts
the triggers choose all the time, and there is no such moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from sise.collect.diary import Diary
from sise.collect.hours import TrackHours
from sise.collect.link import Link
from sise.model.time import NS_PER_SECOND, Clock, sleep_until

PROOF_SECONDS: Final = 3
"""A silence that begins so shortly before the end of the hours is not seen."""


class ScalpTrack:
    """Runs the line in the hours of the track, day after day."""

    def __init__(
        self,
        link: Link,
        hours: TrackHours,
        diary: Diary,
        clock: Clock,
        *,
        choose: Callable[[], Coroutine[Any, Any, None]] | None,
        on_over: Callable[[int], None],
    ) -> None:
        """``choose`` seats the slots of the next day (None: they are given).

        ``on_over`` is called with the moment (UTC ns) at which hours end, when the line is run no more.
        """
        self._link, self._hours, self._diary, self._clock = link, hours, diary, clock
        self._choose, self._on_over = choose, on_over
        self.since_ns: int | None = None
        """When the line began to be run; None: outside the hours."""
        self._changed = asyncio.Event()

    def replan(self) -> None:
        """The hours have changed: what was waited for is looked at again."""
        self._changed.set()

    @property
    def listening(self) -> bool:
        """Whether the line is run now."""
        return self.since_ns is not None

    @property
    def proven_ns(self) -> int | None:
        """Up to when the line is proven (UTC ns); None: it is not run."""
        return None if self.since_ns is None else self._link.proven_ns

    async def run(self) -> None:
        """Until cancelled; the slots of the start are seated already."""
        chosen_ns = self._clock.now_ns()
        self._end_old_hole(chosen_ns)
        while True:
            self._changed.clear()
            start_ns = self._hours.next_scalp_ns(self._clock.now_ns())
            due_ns = self._hours.universe_due_ns(start_ns)
            if self._choose is not None and chosen_ns < due_ns:
                if not await self._reach(due_ns):
                    continue
                await self._choose_before(start_ns, self._choose())
                chosen_ns = due_ns
            if await self._reach(start_ns):
                await self._listen()
                self._on_over(self._clock.now_ns())

    def _end_old_hole(self, now_ns: int) -> None:
        """A session that was killed left a hole; it ends with its hours, however late the next one starts."""
        since = self._link.hole_since
        end = None if since is None else self._hours.scalp_end_ns(since)
        if since is not None and end is not None and since < end <= now_ns:
            again = self._hours.next_scalp_ns(end)
            self._link.end_hole(end, again if again < now_ns else None)

    async def _reach(self, moment_ns: int) -> bool:
        """Wait until then; False: the hours have changed meanwhile."""
        if not self._changed.is_set():
            await self._first(self._until(moment_ns), self._wait_for_change())
        return not self._changed.is_set()

    async def _wait_for_change(self) -> None:
        await self._changed.wait()

    async def _choose_before(self, start_ns: int, choosing: Coroutine[Any, Any, None]) -> None:
        """A provider that gives no answer must not cost the hours: then the slots stay as they were."""
        if not await self._first(choosing, self._until(start_ns)):
            self._diary.write(
                "slots_old",
                "the markets could not be asked for: the slots stay as they were",
                level="warning",
            )

    async def _listen(self) -> None:
        self.since_ns = self._clock.now_ns()
        try:
            await self._first(self._link.run(), self._until_over())
        finally:
            self.since_ns = None

    async def _until_over(self) -> None:
        """Until the hours end, as they are then."""
        while self._hours.scalps_at(self._clock.now_ns()):
            self._changed.clear()
            end_ns = self._hours.scalp_end_ns(self._clock.now_ns())
            await self._first(self._end_at(end_ns), self._wait_for_change())

    async def _end_at(self, end_ns: int | None) -> None:
        """Wait until then, and have the line prove itself just before."""
        if end_ns is not None:
            await self._until(end_ns - PROOF_SECONDS * NS_PER_SECOND)
            self._link.ask_for_proof()
        await self._until(end_ns)

    async def _first(self, work: Coroutine[Any, Any, None], limit: Coroutine[Any, Any, None]) -> bool:
        """Do ``work`` until ``limit`` ends; True where it was done. Raises what either raised."""
        tasks = [asyncio.create_task(work), asyncio.create_task(limit)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return tasks[0] in done

    async def _until(self, moment_ns: int | None) -> None:
        """Wait until then; None: for ever."""
        if moment_ns is None:
            await asyncio.Event().wait()
        else:
            await sleep_until(self._clock, moment_ns)
