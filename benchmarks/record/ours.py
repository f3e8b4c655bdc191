"""sise whole: the real collector against the sender, until every frame and trade is durable.

Nothing is replaced: socket, decoder, observer, sampling, journal, group commit and disk are those of
``sise collect``. The disk only notes when it was called, so that the time from receipt to stable
storage is known for each frame, independently of the collector's own figure. Afterwards the journal
is read back: what was sent must be there.

    python -m benchmarks.record.ours CORE URL FRAMES_FOLDER DATA_FOLDER
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
from msgspec import Struct

from benchmarks.record.measure import Meter, Result, answer, pin
from benchmarks.record.mix import Facts, facts_of
from sise.collect.collector import CollectConfig, Collector
from sise.journal.disk import OsDisk
from sise.journal.files import partitions, read_lines
from sise.journal.stat import stat
from sise.journal.verify import verify
from sise.model.time import NS_PER_MS, SystemClock, parse_iso
from sise.providers.socket import Socket
from sise.providers.upbit.provider import Upbit

POLL_SECONDS: Final = 0.002
WAIT_SECONDS_MAX: Final = 120.0


class NotingDisk(OsDisk):
    """The system's disk; notes writes ``(file, end offset, ended)`` and syncs ``(file, began, ended)``."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.writes: list[tuple[str, int, int]] = []
        self.syncs: list[tuple[str, int, int]] = []

    def open(self, path: Path) -> int:
        fd = super().open(path)
        self.names[fd] = str(path)
        return fd

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        count = super().pwrite(fd, data, offset)
        self.writes.append((self.names[fd], offset + count, time.time_ns()))
        return count

    def sync(self, fd: int) -> None:
        began = time.time_ns()
        super().sync(fd)
        self.syncs.append((self.names[fd], began, time.time_ns()))


class MeteredUpbit(Upbit):
    """Upbit whose subscription starts the meter: from then on the sender sends."""

    def __init__(self, url: str, meter: Meter) -> None:
        super().__init__(rest_url="http://127.0.0.1:9", ws_url=url, book_depth=15)
        self._meter = meter

    def subscription(self, symbols: Sequence[str], ticket: str) -> str:
        self._meter.start()
        return super().subscription(symbols, ticket)


def make_collector(url: str, symbols: list[str], data: Path, disk: OsDisk, meter: Meter) -> Collector:
    """The collector as ``sise collect`` makes it."""
    clock = SystemClock()
    provider = MeteredUpbit(url, meter)
    return Collector(
        CollectConfig(data_dir=data, symbols=tuple(symbols)),
        provider,
        lambda on_frame: Socket.connect(provider.ws_url, on_frame=on_frame, clock=clock),
        disk=disk,
        clock=clock,
        rng=Random(1),
    )


def main() -> None:
    core, url, folder, data = sys.argv[1:]
    pin(int(core))
    logging.disable(logging.INFO)
    facts = facts_of(Path(folder))
    disk, meter = NotingDisk(), Meter()
    result = asyncio.run(_record(url, facts, Path(data), disk, meter))
    result.detail |= {"checks": _check(Path(data), facts), **_delays(Path(data), disk)}
    answer(result)


async def _record(url: str, facts: Facts, data: Path, disk: NotingDisk, meter: Meter) -> Result:
    collector = make_collector(url, facts.symbols, data, disk, meter)
    stop = asyncio.Event()
    running = asyncio.create_task(collector.run(stop))
    try:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await _until_durable(collector, facts)
        result = meter.stop("sise", facts.frames)
        result.detail["own_delay_ms"] = collector.status()["delay_ms"]
    finally:
        stop.set()
        ledger = await running
    result.detail["ledger"] = ledger
    return result


async def _until_durable(collector: Collector, facts: Facts) -> None:
    """Until every frame and every trade's record is on stable storage."""
    writer, ledger = collector.writer, collector.session.ledger
    while True:
        await asyncio.sleep(POLL_SECONDS)
        now = time.time_ns()
        if (
            ledger.frames_received >= facts.frames
            and not writer.pending_bytes
            and all(writer.position(name, now)[1] == writer.durable(name) for name in ("wire", "scalp"))
        ):
            return


class _Line(Struct):
    n: int = 0
    t: str = ""
    kind: str = ""
    frames: int = 0


_line = msgspec.json.Decoder(_Line)


def _check(data: Path, facts: Facts) -> dict[str, Any]:
    """What the journal holds against what was sent; every value of ``ok`` must be true."""
    lines = {
        name: [
            _line.decode(line.body) for file in partitions(data, [name]) for line in read_lines(data, file)
        ]
        for name in ("wire", "scalp")
    }
    trades = sum(record.kind == "trade" for record in lines["scalp"])
    sampled = sum(record.frames for record in lines["scalp"])
    proof = verify(data)
    return {
        "frames_in_wire_log": len(lines["wire"]),
        "trades_recorded": trades,
        "books_in_samples": sampled,
        "ok": len(lines["wire"]) == facts.frames
        and [line.n for line in lines["wire"]] == list(range(1, facts.frames + 1))
        and trades == facts.trades
        and sampled == facts.books
        and stat(data).balanced
        and proof.ok,
    }


def _delays(data: Path, disk: NotingDisk) -> dict[str, Any]:
    """For each frame from its receipt to the end of the first sync that began after its write."""
    delays: list[int] = []
    wire_syncs: list[tuple[int, int]] = []
    for file in partitions(data, ["wire"]):
        name = str(file.on_disk(data))
        writes = [(end, ended) for path, end, ended in disk.writes if path == name]
        syncs = [(began, ended) for path, began, ended in disk.syncs if path == name]
        wire_syncs += syncs
        write = sync = position = 0
        for line in read_lines(data, file):
            position += len(line.body) + 1
            while writes[write][0] < position:
                write += 1
            while syncs[sync][0] < writes[write][1]:
                sync += 1
            delays.append(syncs[sync][1] - parse_iso(_line.decode(line.body).t))
    delays.sort()
    ends = [ended for _, ended in sorted(wire_syncs)]
    gaps = [later - earlier for earlier, later in pairwise(ends)]
    return {
        "delay_ms": {
            "p50": _ms(delays[len(delays) // 2]),
            "p99": _ms(delays[len(delays) * 99 // 100]),
            "max": _ms(delays[-1]),
        },
        "commits": len(ends),
        "commit_gap_ms_max": _ms(max(gaps, default=0)),
    }


def _ms(ns: int) -> float:
    return round(ns / NS_PER_MS, 1)


if __name__ == "__main__":
    main()
