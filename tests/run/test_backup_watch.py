"""Whether a backup failed reaches the collector, without the collector waiting for it."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

from sise.journal.receipt import Failure, write_failure
from sise.model.time import parse_iso
from sise.run.backup_watch import BackupWatch
from tests.collect.virtual import VirtualClock

DAY, BEFORE = date(2026, 11, 20), date(2026, 11, 19)


async def test_a_failure_that_the_puller_told_is_known_and_nothing_else_is_claimed(tmp_path: Path) -> None:
    clock = VirtualClock()
    clock.ns = parse_iso("2026-11-20T15:00:00Z")  # midnight in Seoul
    told = Failure(day="20261120", findings=1, first="a file is torn", told_at="2026-11-20T13:00:00Z", by="b")
    write_failure(tmp_path, told)
    async with BackupWatch(tmp_path, clock) as watch:
        assert watch.failed(DAY) is None, "not looked yet"
        async with asyncio.timeout(10):
            while watch.failed(DAY) is None:  # noqa: ASYNC110 - it looks in a thread
                await asyncio.sleep(0.01)
        assert watch.failed(DAY) is True
        assert watch.failed(BEFORE) is None, "nothing was recorded then: nothing is due"
