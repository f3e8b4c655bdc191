"""Looks now and then whether the last days' backups failed, beside the collector and never in its way.

The question reads a day's events, which takes a moment: it is asked in a thread, and the collector is told
what the last look found.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Self

from sise.journal.keeping import backup_state
from sise.model.time import MARKET_ZONES, Clock, in_zone

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 600.0
DAYS: Final = 3


class BackupWatch:
    """Knows of each of the last days whether its backup failed. ``clock``: the market's."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._data_dir, self._clock = data_dir, clock
        self._failed: dict[date, bool | None] = {}
        self._task: asyncio.Task[None] | None = None

    def failed(self, day: date) -> bool | None:
        """None: not due, or not looked yet."""
        return self._failed.get(day)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            self._failed = await asyncio.to_thread(self._look)
            await self._clock.sleep(LOOK_SECONDS)

    def _look(self) -> dict[date, bool | None]:
        now = self._clock.now_ns()
        today = in_zone(now, MARKET_ZONES["kr_stocks"]).date()
        found: dict[date, bool | None] = {}
        for day in (today - timedelta(days=back) for back in range(DAYS)):
            try:
                state = backup_state(self._data_dir, f"{day:%Y%m%d}", now)
            except OSError as error:
                log.warning("whether the backup of %s failed cannot be read: %s", day, error)
                continue
            found[day] = None if state == "not_due" else state == "failed"
        return found
