"""The collector: one provider, from choosing the slots to a clean end.

Tasks: the line to the provider, the sampling grid, the flush of the journal, and housekeeping. None
of them knows a database or a page; the clock, the disk and the network are handed in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct

from sise.collect.choosing import UniverseOfDay
from sise.collect.delay import DurableDelay
from sise.collect.hours import TrackHours
from sise.collect.link import Connect, Link, wait_seconds
from sise.collect.load import MachineLoad, Mitigating
from sise.collect.mitigate import Metrics
from sise.collect.session import Session
from sise.collect.slotplan import SlotLimits
from sise.collect.slots import SAMPLE_HZ
from sise.collect.status import Status
from sise.collect.steering import Steering
from sise.collect.swing import SwingTrack
from sise.journal.disk import Disk
from sise.journal.partition import (
    events_stream,
    overflow_stream,
    quarantine_stream,
    refused_stream,
    scalp_stream,
    swing_stream,
    wire_stream,
)
from sise.journal.writer import FLUSH_INTERVAL_MS, Fault, GroupCommit, JournalWriter
from sise.model.calendar import Calendar
from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.model.events import Instrument
from sise.model.hours import VENUE_OF_MARKET
from sise.model.time import MARKET_ZONES, NS_PER_MS, NS_PER_SECOND, Clock
from sise.providers.contract import Answer, Provider, RestClient

log = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS: Final = 0.5
CLOSE_SECONDS_MAX: Final = 3.0
"""A clean stop waits so long for a disk that refuses, then says what was lost."""


class CollectConfig(Struct, frozen=True):
    """What to listen to."""

    data_dir: Path
    symbols: tuple[str, ...] = ()
    """Given: exactly these, and no question is asked by REST. Empty: the busiest ``markets``."""
    markets: int = 41
    """So many slots, but no more than the provider has."""
    steer: bool = True
    """Triggers choose who has a slot, and the busiest only begin (not where ``symbols`` are given)."""
    pins: tuple[str, ...] = ()
    """Always have a slot, as far as there are slots."""
    excluded: tuple[str, ...] = ()
    """Never get a slot."""
    history_candles: int = 0
    """So many 1-minute candles of the provider are asked for per slot at the start (0: none)."""
    sample_hz: float = SAMPLE_HZ[0]
    swing: bool = True
    """Sweep the universe of the day every ten minutes (not where ``symbols`` are given)."""


class Collector:
    """Records one provider. Make it, :meth:`run` it; :meth:`status` may be asked at any time."""

    def __init__(
        self,
        config: CollectConfig,
        provider: Provider,
        connect: Connect,
        *,
        disk: Disk,
        clock: Clock,
        rng: Random,
        machine: Clock | None = None,
        on_rotated: Callable[[], None] = lambda: None,
        measure: Callable[[], Metrics] | None = None,
    ) -> None:
        """``measure`` tells the load of the machine; None: it is measured."""
        machine = machine or clock
        self._machine = machine
        """The clock of disk and processor, where the market lives in another time."""
        self._config = config
        self._provider = provider
        self._clock = clock
        self._rng = rng
        self._on_rotated = on_rotated
        zone = MARKET_ZONES[provider.market]
        name, market = provider.name, provider.market
        self.writer = JournalWriter(
            config.data_dir,
            [
                wire_stream(name, zone),
                scalp_stream(name, market, zone),
                swing_stream(name, market, zone),
                refused_stream(name, zone),
                quarantine_stream(name, zone),
                overflow_stream(name, zone),
                events_stream(name, zone),
            ],
            disk=disk,
            clock=machine,
            on_fault=self._on_fault,
        )
        self._last_answer = (0, 0)
        self._session: Session | None = None
        self.session = Session(config.data_dir, provider, self.writer, clock)
        self._session = self.session
        self._rest = provider.rest(clock, self._on_answer)
        self.link = Link(
            connect,
            provider.line(self._rest, self.session.meta.session_id),
            self.session.observer,
            self.session.gaps,
            self.session.diary,
            clock,
            rng,
        )
        self._hours = TrackHours(Calendar(VENUE_OF_MARKET[provider.market]))
        self._scalping = False
        self._steering = self._make_steering()
        self._delay = DurableDelay(self.writer, machine)
        self._load = MachineLoad(self._delay)
        self._mitigating = Mitigating(self.session, measure or self._load.measure, machine)
        self._status = Status(
            config.data_dir,
            self.session,
            self.link,
            self.writer,
            self._delay,
            disk,
            clock,
            machine,
            self._steering,
            self._mitigating,
        )

    def _make_steering(self) -> Steering | None:
        config = self._config
        if config.symbols or not config.steer:
            return None
        return Steering(
            self.session,
            self.link,
            self.writer,
            limits=SlotLimits(min(config.markets, self._provider.slots_max)),
            pins=config.pins,
            excluded=config.excluded,
        )

    def status(self) -> dict[str, Any]:
        """The collector's health, as decision 2 lists it."""
        return self._status.facts()

    async def run(self, stop: asyncio.Event) -> dict[str, Any]:
        """Record until ``stop`` is set; answers the ledger. Raises what is our own fault."""
        commit = GroupCommit(self.writer)
        commit.start()
        self.session.begin()
        self.writer.flush()
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("stop", _wait(stop)),
                ("flush", self._flush()),
                ("listen", self._listen()),
                ("sample", self._sample()),
                ("housekeeping", self._keep_house()),
                ("mitigate", self._mitigating.run()),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close(commit)
        for task in done:
            task.result()
        return self.ledger()

    def ledger(self) -> dict[str, Any]:
        """The session's ledger and its holes."""
        gaps = self.session.gaps.facts() + self.session.journal_gaps.facts()
        return {**self.session.ledger.facts(), "gaps": gaps}

    async def _listen(self) -> None:
        async with self._rest as rest:
            chosen = await self._choose(rest)
            if self._steering is None:
                self.session.watch(chosen)
                self.link.watch(list(self.session.slots))
            else:
                self._steering.begin(chosen, self._clock.now_ns())
            tasks = [asyncio.create_task(self._scalp()), asyncio.create_task(self._ask(rest))]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()

    async def _scalp(self) -> None:
        """Keep the line in the scalp track's hours, and leave it alone outside them."""
        while True:
            now = self._clock.now_ns()
            await self._clock.sleep((self._hours.next_scalp_ns(now) - now) / NS_PER_SECOND)
            tasks = [
                asyncio.create_task(self.link.run()),
                asyncio.create_task(self._until(self._hours.scalp_end_ns(self._clock.now_ns()))),
            ]
            self._scalping = True
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                self._scalping = False
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            self.link.leave(self._clock.now_ns())

    async def _until(self, moment_ns: int | None) -> None:
        """Wait until then; None: for ever."""
        if moment_ns is None:
            await asyncio.Event().wait()
        else:
            await self._clock.sleep((moment_ns - self._clock.now_ns()) / NS_PER_SECOND)

    async def _ask(self, rest: RestClient) -> None:
        """All questions by REST, one after another, so that each answer is known by its wire line."""
        if self._config.history_candles:
            await self._ask_history(rest)
        if self._config.swing and not self._config.symbols:
            await self._sweep(rest)

    async def _sweep(self, rest: RestClient) -> None:
        """The swing track: the universe of each day, swept on the grid."""
        hours = self._hours
        steering = self._steering
        universes = UniverseOfDay(
            self._config.data_dir,
            _Listings(rest, steering),
            self.session.diary,
            hours,
            answer_frame=self._answered,
        )
        swing = SwingTrack(
            rest,
            self.session.observer,
            self.session.diary,
            self._clock,
            answer_frame=self._answered,
            on_quote=steering.on_quote if steering else lambda quote, at: None,
        )

        async def symbols(at_ns: int) -> Sequence[str]:
            if not hours.universe_due_at(at_ns):
                return ()
            universe = await universes.of(hours.day_of(at_ns))
            return universe.symbols if universe else ()

        await symbols(self._clock.now_ns())
        await swing.run(symbols, hours.sweeps_at)

    def _answered(self) -> tuple[int, int]:
        """Receive time and wire line of the last REST answer."""
        return self._last_answer

    def _on_answer(self, answer: Answer) -> None:
        observer = self.session.observer
        observer.on_answer(answer.body, answer.received_at, answer.url, answer.status)
        self._last_answer = (answer.received_at, observer.frame)

    async def _choose(self, rest: RestClient) -> Sequence[Instrument]:
        if self._config.symbols:
            return [Instrument(symbol) for symbol in self._config.symbols]
        attempt = 0
        while True:
            try:
                return await rest.top_markets(self._config.markets)
            except (Unreachable, ProviderRefused, Undecodable) as error:
                attempt += 1
                wait = wait_seconds(attempt, self._rng)
                self.session.diary.write(
                    "provider_error",
                    f"the markets cannot be asked for: {error}; again in {wait:.0f} s",
                    level="error",
                )
                await self._clock.sleep(wait)

    async def _ask_history(self, rest: RestClient) -> None:
        """The provider's own candles of the time before us, for charts; a failure is said, not fatal."""
        for symbol in list(self.session.slots):
            try:
                candles = await rest.candles(symbol, "1m", count=self._config.history_candles)
            except (Unreachable, ProviderRefused, Undecodable) as error:
                self.session.diary.write(
                    "provider_error", f"no candles of {symbol}: {error}", level="warning", symbol=symbol
                )
                continue
            # The newest one is still being made by the market: ours will be better.
            self.session.observer.on_candles(candles[:0:-1], *self._last_answer)

    async def _sample(self) -> None:
        """On the wall clock's grid, one sample a slot; a moment that was missed is not made up."""
        while True:
            period = round(NS_PER_SECOND / min(self._config.sample_hz, self._mitigating.hz))
            now = self._clock.now_ns()
            await self._clock.sleep((period - now % period) / NS_PER_SECOND)
            now = self._clock.now_ns()
            self.session.observer.sample(now - now % period, now)
            self.session.checkpoint_if_due()
            if self._steering is not None and self._scalping:
                self._steering.step(now - now % period)

    async def _flush(self) -> None:
        rotations = 0
        while True:
            due = self._machine.monotonic_ns() + FLUSH_INTERVAL_MS * NS_PER_MS
            await self._machine.sleep(FLUSH_INTERVAL_MS / 1000)
            self._load.note_lag(self._machine.monotonic_ns() - due)
            self._delay.before_flush(self.session.ledger.frames_received)
            self.writer.flush()
            self._delay.after_flush()
            if self.writer.rotations != rotations:
                rotations = self.writer.rotations
                self._on_rotated()

    async def _keep_house(self) -> None:
        while True:
            await self._machine.sleep(HOUSEKEEPING_SECONDS)
            self.link.check_outage()
            self._status.measure()

    def _on_fault(self, fault: Fault | None) -> None:
        if self._session is None:
            return
        diary = self._session.diary
        if fault is not None:
            diary.write("journal_fault", f"the journal cannot be written: {fault.what}", level="critical")
        else:
            diary.write("journal_healed", "the journal is written again", level="warning")
            self._session.journal_gaps.end(self._clock.now_ns())

    async def _close(self, commit: GroupCommit) -> None:
        """Everything that was acknowledged is on disk when this returns."""
        self.session.end()
        commit.stop()
        waited = 0.0
        while not self.writer.flush() and waited < CLOSE_SECONDS_MAX:
            await self._machine.sleep(0.1)
            waited += 0.1
        if not self.writer.close():
            unwritten = self.writer.unwritten_lines("wire")
            ledger = self.session.ledger
            ledger.frames_recorded -= unwritten
            ledger.frames_lost["journal_fault"] += unwritten
            log.critical("%d frames could not be written before the end: the disk refuses", unwritten)


class _Listings:
    """The provider's listings; their names are told to the steering."""

    def __init__(self, rest: RestClient, steering: Steering | None) -> None:
        self._rest, self._steering = rest, steering

    async def listings(self) -> list[Instrument]:
        listed = await self._rest.listings()
        if self._steering is not None:
            self._steering.know(listed)
        return listed


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()
