"""A stretch of a trading day, played and recorded in one process and in no time.

The simulator and the collector are the real ones, with HTTP, WebSocket and journal; only the clock, the
network and the disk are a rehearsal's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct, structs

from sise.collect.collector import CollectConfig, Collector
from sise.collect.mitigate import Metrics
from sise.collect.ratios import TriggerSettings
from sise.journal.writer import COMMIT_INTERVAL_MS, JournalWriter
from sise.model.calendar import Calendar
from sise.model.hours import VENUE_OF_MARKET
from sise.model.time import NS_PER_SECOND, Clock
from sise.providers.contract import Provider
from sise.providers.socket import Socket
from sise.rehearse.disk import RehearsalDisk
from sise.rehearse.loop import LoopClock, RehearsalLoop, rehearse
from sise.rehearse.parts import KisParts, Parts, UpbitParts
from sise.rehearse.plan import DiskFull, Kill, Loaded, Rehearsal
from sise.simulator.sent import MAX_SENT_ANSWERED, SentLog

__all__ = ["DiskFull", "Kill", "Loaded", "Outcome", "Rehearsal", "play_kis", "play_upbit"]

RESTLESS: Final[dict[str, Any]] = {
    "least_hold_seconds": 20.0,
    "memory_seconds": 10.0,
    "score_margin": 0.001,
    "score_min": 0.01,
    "triggers": TriggerSettings(
        candidate_score_min=0.01,
        surge_value_min=0.0,
        rank_value_min=0.0,
        surge_intervals_min=1,
        velocity_trades_min=1,
        recent_buckets=1,
        earlier_buckets_min=3,
    ),
}
"""Of the collector's settings, what keeps it from changing slots."""
CALM: Final = Metrics(cpu_percent=10.0, memory_percent=20.0, disk_write_ms=1.0, queue_delay_ms=0.0)
"""The load of a machine that does nothing else."""


class Outcome(Struct):
    """What the simulator knows of a rehearsal, to hold the journal against."""

    ledger: dict[str, Any]
    sent: list[dict[str, object]]
    """Every data frame that was handed to a socket, oldest first."""
    left_out: list[int]
    """When (UTC ns) a data frame was due to a line that a fault had cut or silenced."""
    secrets: tuple[str, ...]
    """None of these may be in any file."""


class LoopCommit:
    """Makes lines durable as :class:`~sise.journal.writer.GroupCommit` does, without its thread."""

    def __init__(self, writer: JournalWriter, machine: Clock) -> None:
        self._writer, self._machine = writer, machine
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._machine.sleep(COMMIT_INTERVAL_MS / 1000)
            self._writer.commit()


def play_kis(
    plan: Rehearsal, data_dir: Path, on_second: Callable[[int], None] = lambda now_ns: None
) -> Outcome:
    """Record KIS's day into ``data_dir``, an empty folder. Raises what is our own fault.

    ``on_second`` is called now and then with the market's time (UTC ns), for people who wait.
    """
    return _play(KisParts, plan, data_dir, on_second)


def play_upbit(
    plan: Rehearsal, data_dir: Path, on_second: Callable[[int], None] = lambda now_ns: None
) -> Outcome:
    """As :func:`play_kis`, of Upbit; ``plan.issues`` are its KRW markets, and there are no ``holidays``."""
    return _play(UpbitParts, plan, data_dir, on_second)


def _play(
    parts: Callable[[Rehearsal, Clock], Parts],
    plan: Rehearsal,
    data_dir: Path,
    on_second: Callable[[int], None],
) -> Outcome:
    return rehearse(lambda loop: _Stage(parts, plan, data_dir, loop).play(on_second))


class _Stage:
    def __init__(
        self,
        parts: Callable[[Rehearsal, Clock], Parts],
        plan: Rehearsal,
        data_dir: Path,
        loop: RehearsalLoop,
    ) -> None:
        self._plan, self._data_dir = plan, data_dir
        self._market = LoopClock(plan.start_ns, loop, plan.pace)
        self._machine = LoopClock(plan.start_ns, loop)
        self._parts = parts(plan, self._market)
        self._lives = 0
        self._filling: list[asyncio.Task[None]] = []

    async def play(self, on_second: Callable[[int], None]) -> Outcome:
        parts = self._parts
        await parts.start()
        waiting = asyncio.create_task(self._tell(on_second))
        try:
            ledger = await self._record()
        finally:
            for task in (waiting, *self._filling):
                task.cancel()
            await parts.stop()
        return Outcome(ledger, _all(parts.sent), list(parts.sent.left_out), parts.secrets())

    async def _tell(self, on_second: Callable[[int], None]) -> None:
        while True:
            await self._market.sleep(10)
            on_second(self._market.now_ns())

    async def _record(self) -> dict[str, Any]:
        """One life of a collector after another, until the end."""
        for kill in sorted(self._plan.kills, key=lambda kill: kill.at_seconds):
            await self._live_until_killed(kill)
            await self._market.sleep(kill.away_seconds)
        disk = RehearsalDisk()
        ledger = await self._live_until_stopped(disk)
        if disk.full:  # it gave up with lines unwritten: the next start ends its session, as after a kill
            await asyncio.gather(*self._filling)
            ledger = await self._live_until_stopped(RehearsalDisk())
        return ledger

    async def _live_until_stopped(self, disk: RehearsalDisk) -> dict[str, Any]:
        stop = asyncio.Event()
        work = self._begin(disk, stop)
        ending = asyncio.create_task(self._until(self._plan.end_ns))
        await asyncio.wait((work, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        stop.set()
        return await work

    async def _live_until_killed(self, kill: Kill) -> None:
        disk = RehearsalDisk()
        work = self._begin(disk, asyncio.Event())
        await self._until(self._plan.start_ns + round(kill.at_seconds * NS_PER_SECOND))
        disk.full = False  # a full disk takes no write to die in
        disk.die(kill.after_writes, kill.torn)
        gone = asyncio.create_task(disk.gone.wait())
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if work.done():
            work.result()  # our own fault came first
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    def _begin(self, disk: RehearsalDisk, stop: asyncio.Event) -> asyncio.Task[dict[str, Any]]:
        """A collector's life; its disk is as full as the plan says."""
        self._lives += 1
        collector = self._collector(self._parts.provider(self._lives, self._data_dir), disk)
        for fault in self._plan.full_disks:
            self._filling.append(asyncio.create_task(self._fill(disk, fault)))
        return asyncio.create_task(collector.run(stop))

    async def _until(self, moment_ns: int) -> None:
        await self._market.sleep(max(0, moment_ns - self._market.now_ns()) / NS_PER_SECOND)

    async def _fill(self, disk: RehearsalDisk, fault: DiskFull) -> None:
        at_ns = self._plan.start_ns + round(fault.at_seconds * NS_PER_SECOND)
        if self._market.now_ns() > at_ns:
            return  # of an earlier life
        await self._until(at_ns)
        disk.full = True
        await self._market.sleep(fault.seconds)
        disk.full = False

    def _collector(self, provider: Provider, disk: RehearsalDisk) -> Collector:
        config = CollectConfig(self._data_dir, markets=min(self._plan.slots, provider.slots_max))
        if self._plan.restless:
            config = structs.replace(config, **RESTLESS)
        return Collector(
            config,
            provider,
            lambda on_frame: Socket.connect(
                provider.ws_url, on_frame=on_frame, clock=self._market, loops_own=True
            ),
            disk=disk,
            clock=self._market,
            machine=self._machine,
            rng=Random(f"collector {self._plan.seed} {self._lives}"),
            measure=self._measure,
            commit=lambda writer: LoopCommit(writer, self._machine),
            calendar=Calendar(VENUE_OF_MARKET[provider.market], overrides=self._plan.calendar_exceptions),
        )

    def _measure(self) -> Metrics:
        now = (self._market.now_ns() - self._plan.start_ns) / NS_PER_SECOND
        for load in self._plan.loads:
            if load.at_seconds <= now < load.at_seconds + load.seconds:
                return structs.replace(CALM, cpu_percent=load.cpu_percent)
        return CALM


def _all(sent: SentLog) -> list[dict[str, object]]:
    """Every frame that the simulator still knows; each has its number, from 1."""
    rows: list[dict[str, object]] = []
    while page := sent.after(int(str(rows[-1]["index"])) if rows else 0, MAX_SENT_ANSWERED):
        rows += page
    return rows
