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
from sise.journal.writer import COMMIT_INTERVAL_MS, JournalWriter
from sise.model.calendar import Calendar
from sise.model.hours import VENUE_OF_MARKET, SpecialDay
from sise.model.time import NS_PER_SECOND, Clock
from sise.providers.contract import Provider
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.registry import provider as provider_of
from sise.providers.socket import Socket
from sise.rehearse.disk import RehearsalDisk
from sise.rehearse.loop import LoopClock, RehearsalLoop, rehearse
from sise.simulator.faults import PlannedFault
from sise.simulator.kis.server import Addresses, KisSimulator, KisSimulatorConfig

BEAT_SECONDS: Final = 0.2
"""Of the market's time, between two looks of the simulator: what it gathers into one frame."""
CALM: Final = Metrics(cpu_percent=10.0, memory_percent=20.0, disk_write_ms=1.0, queue_delay_ms=0.0)
"""The load of a machine that does nothing else."""
TOKENS: Final = "run/tokens"


class DiskFull(Struct, frozen=True):
    """The disk takes nothing for ``seconds``, from ``at_seconds`` after the start."""

    at_seconds: float
    seconds: float


class Kill(Struct, frozen=True):
    """The collector is killed ``at_seconds`` after the start, and begins again ``away_seconds`` later.

    It dies in a write: ``after_writes`` more are whole, and of the next the part ``torn`` (0..1) is there.
    """

    at_seconds: float
    away_seconds: float
    after_writes: int = 0
    torn: float = 0.0


class Loaded(Struct, frozen=True):
    """The processors are busy (``cpu_percent``) for ``seconds``, from ``at_seconds`` after the start."""

    at_seconds: float
    seconds: float
    cpu_percent: float


class Rehearsal(Struct, frozen=True):
    """What is rehearsed. ``start_ns`` and ``end_ns`` are UTC ns; all other times are the market's seconds.

    ``pace``: so many of the market's seconds pass in one of the machine's, whose time is that of flushes,
    syncs and HTTP.
    """

    start_ns: int
    end_ns: int
    seed: int = 7
    issues: int = 2_700
    activity: float = 1.0
    slots: int = 41
    pace: float = 1.0
    faults: tuple[PlannedFault, ...] = ()
    full_disks: tuple[DiskFull, ...] = ()
    kills: tuple[Kill, ...] = ()
    loads: tuple[Loaded, ...] = ()
    calendar_exceptions: tuple[SpecialDay, ...] = ()
    """What the collector's calendar has beside what is built in."""
    holidays: tuple[str, ...] = ()
    """Days (``20261120``) on which the simulated exchange is closed by a sudden decision."""


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
    return rehearse(lambda loop: _Stage(plan, data_dir, loop).play(on_second))


class _Stage:
    def __init__(self, plan: Rehearsal, data_dir: Path, loop: RehearsalLoop) -> None:
        self._plan, self._data_dir = plan, data_dir
        self._market = LoopClock(plan.start_ns, loop, plan.pace)
        self._machine = LoopClock(plan.start_ns, loop)
        self._lives = 0
        self._filling: list[asyncio.Task[None]] = []

    async def play(self, on_second: Callable[[int], None]) -> Outcome:
        plan = self._plan
        config = KisSimulatorConfig(
            seed=plan.seed,
            issues=plan.issues,
            activity=plan.activity,
            beat_seconds=BEAT_SECONDS,
            plan=plan.faults,
            holidays=plan.holidays,
        )
        simulator = KisSimulator(config, self._market)
        addresses = await simulator.start()
        waiting = asyncio.create_task(self._tell(on_second))
        try:
            ledger = await self._record(addresses)
        finally:
            for task in (waiting, *self._filling):
                task.cancel()
            await simulator.stop()
        return Outcome(ledger, _all(simulator), list(simulator.sent.left_out), simulator.secrets())

    async def _tell(self, on_second: Callable[[int], None]) -> None:
        while True:
            await self._market.sleep(10)
            on_second(self._market.now_ns())

    async def _record(self, addresses: Addresses) -> dict[str, Any]:
        """One life of a collector after another, until the end."""
        for kill in sorted(self._plan.kills, key=lambda kill: kill.at_seconds):
            await self._live_until_killed(addresses, kill)
            await self._market.sleep(kill.away_seconds)
        disk, stop = RehearsalDisk(), asyncio.Event()
        work = self._begin(addresses, disk, stop)
        ending = asyncio.create_task(self._until(self._plan.end_ns))
        await asyncio.wait((work, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        stop.set()
        return await work

    async def _live_until_killed(self, addresses: Addresses, kill: Kill) -> None:
        disk = RehearsalDisk()
        work = self._begin(addresses, disk, asyncio.Event())
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

    def _begin(
        self, addresses: Addresses, disk: RehearsalDisk, stop: asyncio.Event
    ) -> asyncio.Task[dict[str, Any]]:
        """A collector's life; its disk is as full as the plan says."""
        self._lives += 1
        collector = self._collector(self._provider(addresses), disk)
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

    def _provider(self, addresses: Addresses) -> Provider:
        ours = addresses.credentials
        keys = KisKeys(
            app_key=Secret(ours.appkey),
            app_secret=Secret(ours.appsecret),
            mock=False,
            hts_id=Secret(ours.hts_id),
        )
        return provider_of(
            "kis",
            rest_url=addresses.rest,
            ws_url=addresses.ws,
            keys=keys,
            tokens_dir=self._data_dir / TOKENS,
            rng=Random(f"provider {self._plan.seed} {self._lives}"),
        )


def _all(simulator: KisSimulator) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    while page := simulator.sent.after(len(rows), len(rows) + 1_000_000):
        rows += page
    return rows
