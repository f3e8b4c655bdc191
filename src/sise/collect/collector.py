"""The collector: one provider, from choosing the slots to a clean end. Here its parts are put together.

Tasks: the line to the provider, the questions by REST, the sampling grid, the flush of the journal, and
housekeeping. None of them knows a database or a page; the clock, the disk and the network are handed in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, Final

from sise.collect.accounts import Accounts
from sise.collect.asking import Asking
from sise.collect.config import CollectConfig
from sise.collect.daywatch import DayWatch, Failed
from sise.collect.delay import DurableDelay
from sise.collect.desk import Desk
from sise.collect.hours import TrackHours
from sise.collect.link import Connect, Link
from sise.collect.load import MachineLoad, Mitigating
from sise.collect.manual import Action, Manual
from sise.collect.mitigate import Metrics
from sise.collect.recordrate import RecordRate
from sise.collect.sampling import Sampling
from sise.collect.scalping import ScalpTrack
from sise.collect.session import Session
from sise.collect.slotplan import SlotLimits
from sise.collect.status import Status
from sise.collect.steering import Steering
from sise.collect.streams import streams_of
from sise.journal.disk import Disk
from sise.journal.writer import FLUSH_INTERVAL_MS, Commits, Fault, GroupCommit, JournalWriter
from sise.model.calendar import Calendar
from sise.model.events import Instrument
from sise.model.hours import VENUE_OF_MARKET
from sise.model.time import NS_PER_MS, Clock
from sise.providers.contract import Provider

__all__ = ["CollectConfig", "Collector"]

log = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS: Final = 0.5
CLOSE_SECONDS_MAX: Final = 3.0
"""A clean stop waits so long for a disk that refuses, then says what was lost."""


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
        commit: Callable[[JournalWriter], Commits] = GroupCommit,
        etl_failed: Failed | None = None,
        backup_failed: Failed | None = None,
        calendar: Calendar | None = None,
    ) -> None:
        """``measure`` tells the load of the machine; None: it is measured. ``commit`` makes lines durable.
        ``calendar`` is that of the market; None: the one that is built in.

        ``etl_failed`` and ``backup_failed`` tell of a day whether they did; None: not measured.
        """
        machine = machine or clock
        self._machine = machine
        """The clock of disk and processor, where the market lives in another time."""
        self._config = config
        self._provider = provider
        self._clock = clock
        self._on_rotated = on_rotated
        self._commit = commit
        root, now = config.data_dir, clock.now_ns()
        self.writer = JournalWriter(
            root,
            streams_of(provider.name, provider.market),
            disk=disk,
            clock=machine,
            on_fault=self._on_fault,
        )
        self._session: Session | None = None
        self.session = session = Session(root, provider, self.writer, clock)
        self._session = session
        self._rest = provider.rest(clock, lambda answer: self._asking.on_answer(answer))
        self.link = Link(
            connect,
            provider.line(self._rest, session.meta.session_id),
            session.observer,
            session.gaps,
            session.diary,
            clock,
            rng,
        )
        hours = TrackHours(calendar or Calendar(VENUE_OF_MARKET[provider.market]))
        self._steering = self._make_steering(hours.day_seconds(now))
        self._asking = Asking(root, self._rest, session, hours, clock, rng, self._steering)
        self._desk = Desk(
            Manual(root, provider.name, config.pins, config.excluded),
            session,
            self._steering,
            clock,
            self._asking.is_listed,
        )
        self._scalp = ScalpTrack(
            self.link,
            hours,
            session.diary,
            clock,
            choose=None if config.symbols else self._choose,
            on_over=self._hours_over,
        )
        self._asking.days.on_changed = self._scalp.replan
        self._days = DayWatch(
            root, session, hours, clock, machine, etl_failed=etl_failed, backup_failed=backup_failed
        )
        self._accounts = Accounts(root, session, hours.volume_day, now)
        self._rates = RecordRate(session.slots, session.diary, lambda: self.link.state == "connected")
        self._delay = DurableDelay(self.writer, machine)
        self._load = MachineLoad(self._delay, root)
        self._mitigating = Mitigating(
            session, measure or self._load.measure, machine, clock, on_metrics=self._days.on_metrics
        )
        self._sampling = Sampling(
            session, clock, self._scalp, self._mitigating, self._rates, self._accounts, self._steering
        )
        self._status = Status(
            root,
            session,
            self.link,
            self.writer,
            self._delay,
            disk,
            clock,
            machine,
            self._more_facts,
            hours.off_hours,
        )

    def _make_steering(self, day_seconds: float) -> Steering | None:
        config = self._config
        if config.symbols or not config.steer:
            return None
        return Steering(
            self.session,
            self.link,
            self.writer,
            limits=SlotLimits(
                min(config.markets, self._provider.slots_max),
                least_hold_seconds=config.least_hold_seconds,
                score_margin=config.score_margin,
                score_min=config.score_min,
                memory_seconds=config.memory_seconds,
            ),
            settings=config.triggers,
            session_seconds=day_seconds,
        )

    def status(self) -> dict[str, Any]:
        """The collector's health, as decision 2 lists it."""
        return self._status.facts()

    def _more_facts(self) -> dict[str, Any]:
        sweeps = self._config.swing and not self._config.symbols
        return {
            "slots": self._slots(),
            "universe": self._asking.universes.facts(),
            "sweeps": self._asking.swing.facts() if sweeps else None,
            "mitigation": self._mitigating.facts(),
            "anomalous": self._days.facts(),
            **self._desk.facts(),
            "completeness": self._accounts.facts(self._clock.now_ns()),
        }

    def _slots(self) -> dict[str, Any]:
        held = self.session.held()
        plain: dict[str, Any] = {"limit": len(held), "held": held}
        facts = plain if self._steering is None else self._steering.facts()
        for each in facts["held"]:
            each["record_rate"] = self._rates.rate_of(each["symbol"])
        return facts

    async def override(self, action: Action, symbol: str, *, by: str, why: str) -> dict[str, Any]:
        """The operator's word for a slot; see :meth:`sise.collect.desk.Desk.say`."""
        return await self._desk.say(action, symbol, by=by, why=why)

    async def run(self, stop: asyncio.Event) -> dict[str, Any]:
        """Record until ``stop`` is set; answers the ledger. Raises what is our own fault."""
        commit = self._commit(self.writer)
        commit.start()
        self.session.begin()
        self._desk.begin()
        self._asking.days.recall(self._config.data_dir)
        self.writer.flush()
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("stop", _wait(stop)),
                ("flush", self._flush()),
                ("listen", self._listen()),
                ("sample", self._sampling.run(self._config.sample_hz)),
                ("housekeeping", self._keep_house()),
                ("mitigate", self._mitigating.run()),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            proven_ns = self._scalp.proven_ns
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close(commit, proven_ns)
        for task in done:
            task.result()
        return self.ledger()

    def ledger(self) -> dict[str, Any]:
        """The session's ledger and its holes."""
        gaps = self.session.gaps.facts() + self.session.journal_gaps.facts()
        return {**self.session.ledger.facts(), "gaps": gaps}

    async def _listen(self) -> None:
        async with self._rest:
            # The first question of all: on a closed day nobody is listened to.
            await self._asking.days.ask_if_due()
            await _together(self._asking.days.run(), self._listen_to_chosen())

    async def _listen_to_chosen(self) -> None:
        await self._choose()
        works: list[Coroutine[Any, Any, None]] = [self._scalp.run(), self._ask()]
        if self._steering is not None:
            works.append(self._asking.rank(self._config.rank_every_seconds))
        await _together(*works)

    async def _choose(self) -> None:
        """Seat the slots: at the start, and for each new day, while no line is up."""
        config = self._config
        chosen = (
            [Instrument(symbol) for symbol in config.symbols]
            if config.symbols
            else await self._asking.choose(config.markets)
        )
        if self._steering is not None:
            self._steering.begin(chosen, self._clock.now_ns())
            return
        self.session.watch(chosen)
        self.link.watch(list(self.session.slots))

    async def _ask(self) -> None:
        """The past, then the sweeps."""
        if self._config.history_candles:
            await self._asking.history(self._config.history_candles)
        if self._config.swing and not self._config.symbols:
            await self._asking.sweep()

    def _hours_over(self, now_ns: int) -> None:
        self._accounts.look(now_ns)
        self.link.leave(now_ns)
        self._accounts.close(now_ns, "hours_over")
        self._rates.pause()

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
            if self._scalp.since_ns is not None:
                self.link.check_outage(self._scalp.since_ns)
            self._days.check()
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

    async def _close(self, commit: Commits, proven_ns: int | None) -> None:
        """Everything that was acknowledged is on disk when this returns."""
        self._accounts.close(self._clock.now_ns(), "session_end")
        self.session.end(proven_ns)
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


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Do all; where one raises, the others are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()
