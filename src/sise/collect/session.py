"""A session: from a start of the collector to its end, with everything that must be true in between.

The start mends torn tails, completes a session that was killed, and opens the hole that lies between
the last proof of its line and our first data. Checkpoints say how far the records follow the wire.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from sise.collect.diary import Diary
from sise.collect.gaps import Gaps
from sise.collect.guard import TradeGuard
from sise.collect.ledger import Ledger
from sise.collect.observe import Observer
from sise.collect.recovery import LastSession, Recovery, find_last_session
from sise.collect.slots import SessionMeta, Slot
from sise.journal.recover import TornTail, cut_unfounded, last_wire, mend_tails
from sise.journal.writer import JournalWriter
from sise.model.events import Instrument
from sise.model.time import MARKET_ZONES, Clock, in_zone, iso
from sise.providers.contract import Provider

log = logging.getLogger(__name__)

STREAMS: Final = ("wire", "scalp", "swing", "refused", "quarantine")
CHECKPOINT_SECONDS: Final = 10
RESTART: Final = "process_restart"
GUARDS_KEPT_MAX: Final = 500
"""Of symbols that have no slot any more; the one that left first is forgotten first."""
CHECKPOINT_FRAMES: Final = 50_000
"""A restart reads at most so many frames again, so that it takes no more than 5 s."""


def _hole_start(last: LastSession) -> int:
    """A line may have been silent for some time before its process died: only what it proved counts."""
    return last.gap_start_ns or last.proven_ns or last.alive_ns


def _moment(at_ns: int | None) -> str:
    return "" if at_ns is None else iso(at_ns)


def session_name(now_ns: int, market: str) -> str:
    """``sess_20261120_093000_123``: the start in the market's own time, to the millisecond."""
    local = in_zone(now_ns, MARKET_ZONES[market])
    return f"sess_{local:%Y%m%d_%H%M%S}_{local.microsecond // 1000:03d}"


class Session:
    """What one run of the collector shares: meta, ledger, observer, diary, holes."""

    def __init__(self, root: Path, provider: Provider, writer: JournalWriter, clock: Clock) -> None:
        self._root = root
        self._provider = provider
        self._writer = writer
        self._clock = clock
        self._torn = self._mend()
        self._last = find_last_session(root, provider.name)
        if self._last is not None and not self._last.ended:
            self._complete(self._last)
        self.started_ns = clock.now_ns()
        self.meta = SessionMeta(
            provider.name, provider.market, provider.venue, session_name(self.started_ns, provider.market)
        )
        self.ledger = Ledger()
        self.diary = Diary(writer, self.meta, clock)
        self.gaps = Gaps(self.diary, "scalp")
        self.journal_gaps = Gaps(self.diary, "all")
        self.slots: dict[str, Slot] = {}
        self.instruments: list[Instrument] = []
        self._guards: dict[str, TradeGuard] = {}
        self.observer = Observer(
            provider,
            writer,
            self.slots,
            self.meta,
            self.ledger,
            first_frame=last_wire(root, provider.name)[0] + 1,
            on_lost=lambda at: self.journal_gaps.begin(at, "journal_fault", "memory is full"),
            on_notice=self._notice,
        )
        self._checkpoint_at = clock.monotonic_ns()
        self._checkpoint_frames = 0

    @property
    def last_alive_ns(self) -> int | None:
        """The last sign of life of the session before this one (UTC ns); None: there was none."""
        return None if self._last is None else self._last.alive_ns

    def begin(self) -> None:
        """The first line of the session; then the hole since the last one is open."""
        last = self._last
        self.diary.write(
            "session_start",
            f"listening to {self._provider.name}",
            cursors=self._cursors(),
            gap_start_ts=iso(_hole_start(last)) if last else "",
            reason=RESTART if last else "",
        )
        for torn in self._torn:
            self.diary.write(
                "torn_tail",
                f"{torn.bytes} bytes at the end of {torn.path} were moved to {torn.moved_to}",
                level="warning",
                **msgspec.structs.asdict(torn),
            )
        if last is not None:
            how = "stopped" if last.ended else "killed"
            before = f"; nothing was heard before either: {last.gap_reason}" if last.gap_start_ns else ""
            self.gaps.begin(_hole_start(last), RESTART, f"session {last.session_id} was {how}{before}")

    def watch(self, instruments: Sequence[Instrument]) -> None:
        """Exactly these slots: those that a session begins with, or a new day."""
        wanted = {each.symbol for each in instruments}
        gone = [symbol for symbol in self.slots if symbol not in wanted]
        self.change_slots(gone, [each for each in instruments if each.symbol not in self.slots])

    def held(self) -> list[dict[str, Any]]:
        """For the status: who has a slot."""
        return [msgspec.structs.asdict(instrument) for instrument in self.instruments]

    def change_slots(self, gone: Collection[str], come: Sequence[Instrument]) -> None:
        """Close the slots of ``gone``, open those of ``come``, and write down who has one now.

        Raises ``ValueError`` for a slot with events that no sample stands for: it cannot be closed yet.
        Returns with the event handed to the system, so that after a kill no frame of a new symbol lies
        in the wire log of a session that is not known to have listened to it.
        """
        if held := [symbol for symbol in gone if self.slots[symbol].frames]:
            raise ValueError(f"slots with events that no sample stands for: {held}")
        left = {symbol: self.slots.pop(symbol).guard for symbol in gone}
        self._guards.update(left)
        while len(self._guards) > GUARDS_KEPT_MAX:
            del self._guards[next(iter(self._guards))]
        self.instruments = [each for each in self.instruments if each.symbol in self.slots]
        for instrument in come:
            self.slots[instrument.symbol] = Slot(instrument.symbol, self._guard_of(instrument.symbol))
            self.instruments.append(instrument)
        self.diary.write(
            "slots",
            f"{len(self.slots)} slots: {', '.join(self.slots)}",
            slots=[msgspec.structs.asdict(instrument) for instrument in self.instruments],
            cursors=self._cursors(),
            last_trades={
                name: (guard.last_id, guard.last_time) for name, guard in left.items() if guard.last_id
            },
        )
        self._writer.flush()

    def _guard_of(self, symbol: str) -> TradeGuard:
        """What a symbol's guard must remember: from its last slot, or from the last session."""
        guard = self._guards.pop(symbol, None)
        if guard is None:
            guard = TradeGuard()
            if self._last is not None and symbol in self._last.last_trades:
                guard.remember(*self._last.last_trades[symbol])
        return guard

    def checkpoint_if_due(self, proven_ns: int | None) -> None:
        """Call directly after a sample of all slots: then every recorded event is before the cursors.

        ``proven_ns``: up to when the line is proven (UTC ns); None: no line is run.
        """
        now = self._clock.monotonic_ns()
        frames = self.ledger.frames_recorded - self._checkpoint_frames
        if now - self._checkpoint_at < CHECKPOINT_SECONDS * 1_000_000_000 and frames < CHECKPOINT_FRAMES:
            return
        self._checkpoint_at, self._checkpoint_frames = now, self.ledger.frames_recorded
        if self._writer.flush():
            self.diary.write(
                "checkpoint",
                f"{self.ledger.frames_recorded} frames recorded",
                cursors=self._cursors(),
                ledger=self.ledger.facts(),
                last_trades=self._last_trades(),
                proven_until=_moment(proven_ns),
            )

    def end(self, proven_ns: int | None) -> None:
        """The last line: the final ledger. ``proven_ns`` as in :meth:`checkpoint_if_due`."""
        self.observer.sample(self._clock.now_ns(), self._clock.now_ns(), pending_only=True)
        self._writer.flush()
        self.diary.write(
            "session_end",
            "stopped cleanly",
            how="clean",
            cursors=self._cursors(),
            ledger=self.ledger.facts(),
            last_trades=self._last_trades(),
            proven_until=_moment(proven_ns),
        )

    def _cursors(self) -> dict[str, tuple[str, int]]:
        now = self._clock.now_ns()
        return {stream: self._writer.position(stream, now) for stream in STREAMS}

    def _last_trades(self) -> dict[str, tuple[str, int]]:
        return {
            slot.symbol: (slot.guard.last_id, slot.guard.last_time)
            for slot in self.slots.values()
            if slot.guard.last_id
        }

    def _notice(self, kind: str, message: str, facts: dict[str, Any]) -> None:
        self.diary.write(kind, message, level="warning", frame=self.observer.frame, **facts)

    def _mend(self) -> list[TornTail]:
        """Cut what is torn, and the records whose frames a power cut has taken."""
        name, market = self._provider.name, self._provider.market
        wire, events = f"wire/{name}", f"system/events/{name}"
        records = [
            f"scalp/{name}/{market}",
            f"swing/{name}/{market}",
            f"system/refused/{name}",
            f"quarantine/{name}",
        ]
        stamp = str(self._clock.now_ns())
        overflow = f"system/overflow/{name}"
        torn = mend_tails(self._root, [wire, *records, overflow, events], stamp)
        last_frame, _ = last_wire(self._root, name)
        return torn + cut_unfounded(self._root, records, last_frame, f"{stamp}.unfounded")

    def _complete(self, last: LastSession) -> None:
        """Record what the killed session had only in its wire log, and end it."""
        meta = SessionMeta(self._provider.name, self._provider.market, self._provider.venue, last.session_id)
        ledger = Ledger.from_facts(last.checkpoint.ledger)
        slots = {instrument.symbol: Slot(instrument.symbol) for instrument in last.slots}
        for symbol, seen in last.checkpoint.last_trades.items():
            if symbol in slots:
                slots[symbol].guard.remember(*seen)
        observer = Observer(self._provider, self._writer, slots, meta, ledger, first_frame=1)
        recovery = Recovery(self._root, self._provider.name, last, observer)
        recovery.run()
        if last.proven_ns is not None:
            last.proven_ns = max(last.proven_ns, recovery.heard_ns)
        last.last_trades.update(
            {s.symbol: (s.guard.last_id, s.guard.last_time) for s in slots.values() if s.guard.last_id}
        )
        Diary(self._writer, meta, self._clock).write(
            "session_end",
            f"was killed; {recovery.recovered} events were recorded from its wire log",
            level="warning",
            how="recovered",
            alive=iso(last.alive_ns),  # not now: it lived no longer
            proven_until=_moment(last.proven_ns),
            recovered=recovery.recovered,
            ledger=ledger.facts(),
        )
        self._writer.flush()
