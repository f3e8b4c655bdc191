"""The collector with a disk that refuses: said within a second, nothing lost that memory can hold."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sise.collect.collector import CollectConfig, Collector
from sise.journal.disk import Disk, OsDisk
from sise.journal.stat import stat
from sise.journal.verify import verify
from sise.model.time import SystemClock
from sise.providers.registry import provider
from tests.collect.venue import book, trade
from tests.journal.disks import ForgetfulDisk


class MoodyDisk(OsDisk):
    """The real disk, until it is told to fail."""

    def __init__(self) -> None:
        self.full = self.no_sync = False

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().pwrite(fd, data, offset)

    def sync(self, fd: int) -> None:
        if self.no_sync:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(fd)


class Line:
    """A socket that sends a trade and a book every few milliseconds."""

    def __init__(self, on_frame: Callable[[bytes, int], None], first: int) -> None:
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.count = first - 1
        self._task = asyncio.create_task(self._pour(on_frame))

    async def _pour(self, on_frame: Callable[[bytes, int], None]) -> None:
        clock = SystemClock()
        while True:
            now = clock.now_ns()
            self.count += 1
            on_frame(trade("KRW-BTC", self.count, ms=now // 1_000_000), now)
            on_frame(book("KRW-BTC", ms=now // 1_000_000), now)
            await asyncio.sleep(0.002)

    def send(self, text: str) -> None: ...

    def ping(self) -> None: ...

    async def close(self) -> None:
        self._task.cancel()


@asynccontextmanager
async def collecting(
    data: Path, disk: Disk, first: int = 1
) -> AsyncIterator[tuple[Collector, asyncio.Event, Any]]:
    lines: list[Line] = []

    async def connect(on_frame: Callable[[bytes, int], None]) -> Line:
        lines.append(Line(on_frame, first))
        return lines[-1]

    collector = Collector(
        CollectConfig(data_dir=data, symbols=("KRW-BTC",)),
        provider("upbit", rest_url=None, ws_url=None),
        connect,
        disk=disk,
        clock=SystemClock(),
        rng=Random(1),
    )
    stop = asyncio.Event()
    run = asyncio.create_task(collector.run(stop))
    await asyncio.sleep(0.3)
    try:
        yield collector, stop, run
    finally:
        stop.set()
        await asyncio.gather(run, return_exceptions=True)


async def until(what: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - the status is what people poll too
            await asyncio.sleep(0.01)


def recorded_ids(data: Path) -> list[int]:
    paths = sorted((data / "scalp").rglob("*.jsonl"))
    records = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    return [int(record["trade_id"]) for record in records if record["kind"] == "trade"]


async def test_a_full_disk_is_said_and_costs_nothing_once_there_is_space(tmp_path: Path) -> None:
    disk = MoodyDisk()
    async with collecting(tmp_path, disk) as (collector, stop, run):
        await until(lambda: collector.status()["state"] == "recording")
        disk.full = True
        await until(lambda: collector.status()["journal"]["state"] == "fault", seconds=1)
        status = collector.status()
        assert (status["state"], status["reason"]) == ("degraded", "journal_fault")
        assert "No space left" in status["journal"]["fault"]
        await asyncio.sleep(0.5)
        disk.full = False
        await until(lambda: collector.status()["journal"]["state"] == "ok", seconds=2)
        stop.set()
        ledger = await run
    assert ledger["frames"]["lost"] == {}
    assert ledger["gaps"] == []
    ids = recorded_ids(tmp_path)
    assert ids == list(range(1, len(ids) + 1))
    assert len(ids) * 2 == ledger["frames"]["recorded"]
    assert verify(tmp_path).ok
    assert stat(tmp_path).balanced


async def test_a_failed_sync_is_said_and_healed(tmp_path: Path) -> None:
    disk = MoodyDisk()
    async with collecting(tmp_path, disk) as (collector, stop, run):
        await until(lambda: collector.status()["state"] == "recording")
        disk.no_sync = True
        await until(lambda: collector.status()["journal"]["state"] == "fault", seconds=1)
        disk.no_sync = False
        await until(lambda: collector.status()["journal"]["state"] == "ok", seconds=2)
        stop.set()
        await run
    ids = recorded_ids(tmp_path)
    assert ids == list(range(1, len(ids) + 1))
    assert verify(tmp_path).ok


async def test_what_memory_cannot_hold_is_lost_counted_and_a_gap(tmp_path: Path) -> None:
    disk = MoodyDisk()
    async with collecting(tmp_path, disk) as (collector, stop, run):
        await until(lambda: collector.status()["state"] == "recording")
        collector.writer._pending_max = 50_000
        disk.full = True
        await until(lambda: collector.status()["ledger"]["frames"]["lost"].get("journal_full", 0) > 20)
        assert collector.status()["state"] == "not_recording"
        disk.full = False
        await until(lambda: collector.status()["state"] == "recording")
        stop.set()
        ledger = await run
    frames = ledger["frames"]
    assert frames["received"] == frames["recorded"] + frames["lost"]["journal_full"]
    (gap,) = ledger["gaps"]
    assert (gap["scope"], gap["reason"]) == ("all", "journal_fault")
    assert verify(tmp_path).ok
    assert stat(tmp_path).balanced


async def test_a_disk_that_stays_full_does_not_hold_the_end_and_the_loss_is_said(tmp_path: Path) -> None:
    disk = MoodyDisk()
    async with collecting(tmp_path, disk) as (collector, stop, run):
        await until(lambda: collector.status()["state"] == "recording")
        disk.full = True
        await until(lambda: collector.status()["journal"]["state"] == "fault")
        stop.set()
        async with asyncio.timeout(5):
            ledger = await run
    frames = ledger["frames"]
    assert frames["lost"]["journal_fault"] > 0
    assert frames["received"] == frames["recorded"] + frames["lost"]["journal_fault"]
    on_disk = sum(path.read_bytes().count(b"\n") for path in (tmp_path / "wire").rglob("*.jsonl"))
    assert on_disk == frames["recorded"]


@pytest.mark.parametrize("seed", range(12))
async def test_after_a_power_cut_every_record_has_its_frame_and_the_ledger_balances(
    tmp_path: Path, seed: int
) -> None:
    """What was not synced may be there or not, page by page, in each file on its own."""
    disk = ForgetfulDisk()
    async with collecting(tmp_path, disk) as (collector, _, _):
        await until(lambda: collector.status()["state"] == "recording")
        await asyncio.sleep(0.02 * seed)
        durable = collector.writer.durable("wire")
        disk.power_cut(Random(seed))
    async with collecting(tmp_path, OsDisk(), first=1_000_000) as (again, stop, run):
        await until(lambda: again.status()["state"] == "recording")
        stop.set()
        ledger = await run
    assert [gap["reason"] for gap in ledger["gaps"]] == ["process_restart"]
    wire = [json.loads(line) for path in (tmp_path / "wire").rglob("*.jsonl") for line in _lines(path)]
    assert (
        sum(len(line) + 1 for path in (tmp_path / "wire").rglob("*.jsonl") for line in _lines(path))
        >= durable
    )
    trades = [json.loads(line["frame"]) for line in wire if '"trade"' in line["frame"]]
    assert sorted(recorded_ids(tmp_path)) == sorted(trade["sid"] for trade in trades)
    assert verify(tmp_path).ok
    assert stat(tmp_path).balanced


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()
