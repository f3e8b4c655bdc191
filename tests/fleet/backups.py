"""What these tests are made of: a journal of some days, a server for it, a folder that keeps them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web

from sise.fleet.pull import Pulled, Puller
from sise.fleet.server import BackupServer
from sise.fleet.source import Source
from sise.journal.disk import OsDisk
from sise.journal.partition import (
    JOURNAL_FOLDERS,
    events_stream,
    quarantine_stream,
    scalp_stream,
    wire_stream,
)
from sise.journal.seal import seal_finished
from sise.journal.writer import JournalWriter
from sise.model.time import NS_PER_SECOND, iso, parse_iso
from tests.journal.parts import HOUR_NS, SEOUL, HandClock, frame, record

TOKEN: Final = "a-token-of-the-tests-only"
FIRST_DAY: Final = "20261117"
DAYS: Final = ("20261117", "20261118", "20261119")
MORNING: Final = parse_iso("2026-11-17T09:00:00+09:00")
EVENING: Final = parse_iso("2026-11-20T21:00:00+09:00")
"""When backups are made here: all days are over, everywhere."""
DAY_NS: Final = 24 * HOUR_NS
LONG_AGO: Final = MORNING // NS_PER_SECOND - 3600


def make_days(root: Path, days: int = 3, *, hours: int = 3, seal: bool = True) -> None:
    """Days from 17 November 2026 on: frames, trades, events, quarantine, a universe, a torn line."""
    clock = HandClock(MORNING)
    writer = JournalWriter(
        root,
        [
            wire_stream("p", SEOUL),
            scalp_stream("p", "crypto", SEOUL),
            events_stream("p", SEOUL),
            quarantine_stream("p", SEOUL),
        ],
        disk=OsDisk(),
        clock=clock,
    )
    n = 0
    for day in range(days):
        name = DAYS[day] if day < len(DAYS) else ""
        for hour in range(hours):
            at = MORNING + day * DAY_NS + hour * HOUR_NS
            for _ in range(4):
                n += 1
                writer.append("wire", frame(n, at, f"시세 {n} " + os.urandom(60).hex()), at)
                writer.append("scalp", record(n, at), at)
                at += NS_PER_SECOND
            writer.append("events", b'{"event_type":"checkpoint","timestamp":"%b"}' % iso(at).encode(), at)
            writer.append("quarantine", b'{"frame":%d}' % n, at)
        if name:
            _add_others(root, name)
    assert writer.close()
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (LONG_AGO, LONG_AGO))
    if seal:
        seal_finished(root, list(JOURNAL_FOLDERS), EVENING)


def _add_others(root: Path, day: str) -> None:
    universe = root / f"universe/p/crypto/{day}.json"
    universe.parent.mkdir(parents=True, exist_ok=True)
    universe.write_text('{"symbols": ["KRW-BTC"]}\n')
    torn = root / f"quarantine/torn/wire__p__{day}__09.jsonl.1763000000000000000"
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(b'{"n":1,"t":"2026')


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[str]:
    """``app`` on a free port of loopback; gives its URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving(root: Path, now_ns: int = EVENING) -> AsyncIterator[str]:
    """The real server over the journal at ``root``."""
    async with running(BackupServer(root, TOKEN, HandClock(now_ns)).app) as url:
        yield url


async def pull(url: str, to: Path, days: list[str] | None = None, token: str = TOKEN) -> list[Pulled]:
    """One pull, on a clock that does not wait."""
    clock = HandClock(EVENING)
    async with Source(url, token, clock) as source:
        return await Puller(source, to, clock).pull(days)


async def backed_up(root: Path, to: Path) -> list[Pulled]:
    """A journal's days, pulled in one go."""
    async with serving(root) as url:
        pulled = await pull(url, to)
    assert all(each.ok for each in pulled), pulled
    return pulled


def files_below(folder: Path) -> list[Path]:
    """Every file, in the order of the paths."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
