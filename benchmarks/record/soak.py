"""The soak: sise at a steady rate for minutes, its memory looked at every few seconds.

A line is laid through the memory samples after a warm-up; its slope says whether memory is flat. The
receiver runs in this module as a process of its own; the disk it may use is bounded before the start.

    python -m benchmarks.record.soak CORE URL FRAMES_FOLDER DATA_FOLDER FRAMES
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from pathlib import Path
from statistics import linear_regression
from typing import Final

import psutil

from benchmarks.record.measure import Meter, Result, answer, pin
from benchmarks.record.mix import facts_of
from benchmarks.record.ours import make_collector
from sise.collect.collector import Collector
from sise.journal.disk import OsDisk

SAMPLE_SECONDS: Final = 5.0
WARM_UP_SHARE: Final = 0.5
"""Of the samples: caches fill and guards reach their size there."""
JOURNAL_BYTES_MAX: Final = 20_000_000_000
BYTES_PER_FRAME: Final = 1_100
END_SECONDS_MAX: Final = 60.0


def main() -> None:
    core, url, folder, data, frames = sys.argv[1:]
    pin(int(core))
    logging.disable(logging.INFO)
    answer(asyncio.run(_record(url, facts_of(Path(folder)).symbols, Path(data), int(frames))))


async def _record(url: str, symbols: list[str], data: Path, frames: int) -> Result:
    meter = Meter()
    collector = make_collector(url, symbols, data, OsDisk(), meter)
    stop = asyncio.Event()
    running = asyncio.create_task(collector.run(stop))
    meter.start()
    samples = await _watch(collector, frames)
    result = meter.stop("sise, soak", frames)
    delay = collector.status()["delay_ms"]
    stop.set()
    ledger = await running
    steady = samples[round(len(samples) * WARM_UP_SHARE) :]
    slope, _ = linear_regression([at for at, _ in steady], [rss for _, rss in steady])
    result.detail = {
        "rss_samples": samples,
        "rss_first": steady[0][1],
        "rss_last": steady[-1][1],
        "rss_bytes_per_minute": round(slope * 60),
        "own_delay_ms": delay,
        "journal_bytes": collector.writer.written_bytes,
        "ledger": ledger,
        "ok": ledger["frames"]["recorded"] == frames and not ledger["events"]["refused"],
    }
    return result


async def _watch(collector: Collector, frames: int) -> list[tuple[float, int]]:
    """Seconds and resident bytes, until every frame has come (or nothing comes any more)."""
    process, began = psutil.Process(os.getpid()), time.monotonic()
    ledger = collector.session.ledger
    samples: list[tuple[float, int]] = []
    heard, heard_at = 0, began
    while ledger.frames_received < frames and time.monotonic() - heard_at < END_SECONDS_MAX:
        await asyncio.sleep(SAMPLE_SECONDS)
        now = time.monotonic()
        samples.append((round(now - began, 1), process.memory_info().rss))
        if ledger.frames_received != heard:
            heard, heard_at = ledger.frames_received, now
    return samples


if __name__ == "__main__":
    main()
