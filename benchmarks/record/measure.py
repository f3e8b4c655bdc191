"""What every process of the benchmark shares: its core, its clocks, and the form of its answer."""

from __future__ import annotations

import os
import resource
import time
from typing import Any

import msgspec
from msgspec import Struct


class Result(Struct):
    """What one receiver did in one round. Seconds are wall time, from the first frame to the end."""

    name: str
    frames: int
    seconds: float
    cpu_seconds: float
    """Of the whole process, its threads included, over the same span."""
    rss_bytes: int
    """The most it ever had."""
    detail: dict[str, Any] = {}

    @property
    def per_second(self) -> float:
        return self.frames / self.seconds


class Meter:
    """Wall and CPU time since :meth:`start` (the first call counts), and the most memory so far."""

    def __init__(self) -> None:
        self._began = self._cpu = 0.0

    def start(self) -> None:
        if not self._began:
            self._cpu = time.process_time()
            self._began = time.monotonic()

    def stop(self, name: str, frames: int, **detail: Any) -> Result:
        seconds = time.monotonic() - self._began
        return Result(name, frames, seconds, time.process_time() - self._cpu, rss_max_bytes(), detail)


def pin(core: int) -> None:
    """This process and its threads run on ``core`` only."""
    os.sched_setaffinity(0, {core})


def rss_max_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def answer(result: Struct) -> None:
    """The receiver's last line on stdout."""
    print(msgspec.json.encode(result).decode(), flush=True)
