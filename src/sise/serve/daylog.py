"""A day of one provider, folded from its system events: what was heard, what was not, what was decided."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.files import Line
from sise.model.errors import BadInput
from sise.model.time import iso, parse_iso
from sise.serve import observed
from sise.serve.answers import Gap
from sise.serve.details import (
    Happening,
    MissedFacts,
    MitigationFacts,
    SlotChangeFacts,
    SweepFacts,
    TradingDayFacts,
)
from sise.serve.eventline import EventLine, event_decoder
from sise.serve.hearing import Hearing, Hole
from sise.serve.volume import Account

log = logging.getLogger(__name__)

KEPT_MAX: Final = 2_000
"""Reconnects, bands, pauses and anomalies of a day that are told: the newest."""
SYMBOLS_MAX: Final = 20_000
_MINUTE_CHARS: Final = len("2026-11-20T00:31")


class Told(Struct):
    """Accounts of one symbol by the moment since when each counts."""

    accounts: dict[str, Account]
    at: str
    raw_ref: str


class DayLog:
    """Takes the lines of one day's partition in their order. Memory is bounded by the limits above."""

    def __init__(self, start_ns: int, *, never_shuts: bool) -> None:
        """``start_ns``: the day's first moment. A market that ``never_shuts`` is heard from it on where a
        session goes on from the day before."""
        self._start, self._never_shuts = iso(start_ns), never_shuts
        self.hearing = Hearing()
        self.known_until: str | None = None
        self.sessions: dict[str, observed.SessionSpan] = {}
        self.heard: list[observed.Window] = []
        self.reconnects: deque[observed.Reconnect] = deque(maxlen=KEPT_MAX)
        self.mitigation: deque[observed.MitigationBand] = deque(maxlen=KEPT_MAX)
        self.anomalous: deque[observed.Anomaly] = deque(maxlen=KEPT_MAX)
        self.pauses: deque[observed.Pause] = deque(maxlen=KEPT_MAX)
        self.slot_changes: dict[str, observed.SlotChanges] = {}
        self.slot_decisions: dict[str, observed.SlotDecision] = {}
        self.sweeps: dict[str, observed.SweepSlot] = {}
        self.accounts: dict[str, Told] = {}
        """Of each symbol's volume: what was told of each of its slots, and the last line that did."""
        self.provider_says: dict[str, bool] = {}
        """Whether a day (``2026-11-20``) is a trading day, as the provider told."""
        self.counts: Counter[str] = Counter()
        """Events by type; failed attempts to connect as ``failed``."""
        self._folds: dict[str, Callable[[EventLine, str], None]] = {
            "session_start": self._on_session_start,
            "session_end": self._on_session_end,
            "connected": self._on_connected,
            "hours_over": lambda event, ref: self._stop_hearing(event.timestamp),
            "disconnected": self._on_disconnected,
            "gap_marker": self._on_gap_marker,
            "reconnection_event": self._on_reconnect,
            "mitigation": self._on_mitigation,
            "slot_change": self._on_slot_change,
            "swing_sweep": self._on_sweep,
            "sweep_missed": self._on_sweep_missed,
            "trading_day": self._on_trading_day,
            "recording_paused": self._on_paused,
            "recording_resumed": lambda event, ref: self._end_pauses(event.timestamp),
            "anomalous_day": self._on_anomaly,
            "completeness": self._on_completeness,
        }

    def fold(self, line: Line) -> None:
        """Take a line. One that this version does not understand is left out, and said in the log."""
        try:
            event = event_decoder.decode(line.body)
            self.counts[event.event_type] += 1
            self._meet(event)
            fold = self._folds.get(event.event_type)
            if fold is not None:
                fold(event, line.ref)
        except (msgspec.MsgspecError, BadInput) as error:
            log.warning("a system event is not understood", extra={"ref": line.ref, "why": str(error)})

    def _meet(self, event: EventLine) -> None:
        """A session that is met without its start began before this day."""
        self.known_until = max(self.known_until or "", event.timestamp)
        if event.session_id in self.sessions or event.event_type in ("session_start", "session_end"):
            return
        self.sessions[event.session_id] = observed.SessionSpan(event.session_id, None)
        if self._never_shuts and not self._is_heard():
            self.heard.append(observed.Window(self._start, None))

    def _on_session_start(self, event: EventLine, ref: str) -> None:
        # What a session that was killed left open ended at the latest now.
        self._stop_hearing(event.timestamp)
        self._end_band(event.timestamp)
        self._end_pauses(event.timestamp)
        self.hearing.began(event.session_id, parse_iso(event.timestamp), 0)
        self.sessions[event.session_id] = observed.SessionSpan(event.session_id, event.timestamp)

    def _on_session_end(self, event: EventLine, ref: str) -> None:
        said = msgspec.json.decode(event.detail, type=Happening)
        ended = said.alive or event.timestamp
        if ended >= self._start:
            session = self.sessions.setdefault(event.session_id, observed.SessionSpan(event.session_id, None))
            session.end, session.how = ended, said.how or None
        self._stop_hearing(ended)
        self._end_band(ended)
        self._end_pauses(ended)

    def _on_connected(self, event: EventLine, ref: str) -> None:
        session = self.sessions[event.session_id]
        if session.connected is None and session.start is not None:
            session.connected = event.timestamp
        if not self._is_heard():
            self.heard.append(observed.Window(event.timestamp, None))

    def _is_heard(self) -> bool:
        return bool(self.heard) and self.heard[-1].end is None

    def _stop_hearing(self, at: str) -> None:
        if self._is_heard():
            self.heard[-1].end = max(at, self.heard[-1].start)

    def _on_disconnected(self, event: EventLine, ref: str) -> None:
        said = msgspec.json.decode(event.detail, type=Happening)
        start_ns = parse_iso(said.gap_start_ts or event.timestamp)
        self.hearing.opened(
            Hole(start_ns, None, said.scope or "scalp", said.reason, event.session_id, ref, 0)
        )

    def _on_gap_marker(self, event: EventLine, ref: str) -> None:
        start_ns, end_ns = parse_iso(event.gap_start_ts), parse_iso(event.gap_end_ts)
        self.hearing.closed(Hole(start_ns, end_ns, event.scope, event.reason, event.session_id, ref, 0))

    def _on_reconnect(self, event: EventLine, ref: str) -> None:
        detail = msgspec.json.decode(event.detail, type=str)
        self.counts["failed"] += event.result == "FAIL"
        self.reconnects.append(
            observed.Reconnect(
                event.timestamp, event.attempt_no, event.backoff_seconds, event.result, detail, ref
            )
        )

    def _on_mitigation(self, event: EventLine, ref: str) -> None:
        change = msgspec.json.decode(event.detail, type=MitigationFacts)
        if change.level_before > 0 and not (self.mitigation and self.mitigation[-1].end is None):
            # It was on when the day began: by which measure, an earlier day's file says.
            self.mitigation.append(
                observed.MitigationBand(self._start, None, change.level_before, None, "", None, None, ref)
            )
        self._end_band(event.timestamp)
        if change.level_after > 0:
            band = (change.level_after, change.hz, change.measure, change.value, change.threshold, ref)
            self.mitigation.append(observed.MitigationBand(event.timestamp, None, *band))

    def _end_band(self, at: str) -> None:
        if self.mitigation and self.mitigation[-1].end is None:
            self.mitigation[-1].end = at

    def _on_slot_change(self, event: EventLine, ref: str) -> None:
        minute = event.timestamp[:_MINUTE_CHARS] + ":00Z"
        changes = self.slot_changes.setdefault(minute, observed.SlotChanges(minute, 0, 0))
        change = msgspec.json.decode(event.detail, type=SlotChangeFacts)
        if change.action == "register":
            changes.registered += 1
        else:
            changes.unregistered += 1
        if len(self.slot_decisions) < SYMBOLS_MAX or change.symbol in self.slot_decisions:
            self.slot_decisions[change.symbol] = observed.SlotDecision(
                **msgspec.structs.asdict(change), at=event.timestamp, raw_ref=ref
            )

    def _on_sweep(self, event: EventLine, ref: str) -> None:
        sweep = msgspec.json.decode(event.detail, type=SweepFacts)
        seconds = (parse_iso(sweep.ended) - parse_iso(sweep.began)) / 1e9
        self.sweeps[sweep.planned] = observed.SweepSlot(
            slot=sweep.planned,
            state="late" if sweep.late else "done",
            began=sweep.began,
            seconds=round(seconds, 3),
            asked=sweep.asked,
            answered=sweep.answered,
            refused=sweep.refused,
            left=sweep.left,
            raw_ref=ref,
        )

    def _on_sweep_missed(self, event: EventLine, ref: str) -> None:
        missed = msgspec.json.decode(event.detail, type=MissedFacts)
        if missed.planned >= self._start:  # what was missed the day before may be told only now
            slot = observed.SweepSlot(missed.planned, "missing", raw_ref=ref, reason=missed.reason)
            self.sweeps.setdefault(missed.planned, slot)

    def _on_trading_day(self, event: EventLine, ref: str) -> None:
        told = msgspec.json.decode(event.detail, type=TradingDayFacts)
        self.provider_says[told.day] = told.open

    def _on_paused(self, event: EventLine, ref: str) -> None:
        reason = msgspec.json.decode(event.detail, type=Happening).reason
        self.pauses.append(observed.Pause(event.timestamp, None, reason, ref))

    def _end_pauses(self, at: str) -> None:
        if self.pauses and self.pauses[-1].end is None:
            self.pauses[-1].end = at

    def _on_anomaly(self, event: EventLine, ref: str) -> None:
        said = msgspec.json.decode(event.detail, type=Happening)
        facts = (said.condition, event.message, said.value, said.limit, said.unit)
        self.anomalous.append(observed.Anomaly(event.timestamp, *facts, ref))

    def _on_completeness(self, event: EventLine, ref: str) -> None:
        account = msgspec.json.decode(event.detail, type=Account)
        if len(self.accounts) < SYMBOLS_MAX or account.symbol in self.accounts:
            told = self.accounts.setdefault(account.symbol, Told({}, "", ""))
            told.accounts[account.since or event.timestamp] = account
            told.at, told.raw_ref = event.timestamp, ref

    def minutes(self) -> list[observed.SlotChanges]:
        """Slot changes by minute, oldest first."""
        return [self.slot_changes[minute] for minute in sorted(self.slot_changes)]

    def gaps(self, now_ns: int, *, is_over: bool) -> list[Gap]:
        """The gaps of the day, oldest first. Of a day that ``is_over`` none is open: the next one ends it."""
        holes = sorted(self.hearing.holes(), key=lambda hole: hole.start_ns)
        until_ns = parse_iso(self.known_until) if is_over and self.known_until else now_ns
        told = [hole.told(max(until_ns, hole.start_ns)) for hole in holes]
        for gap in told:
            gap.open = gap.open and not is_over
        return told
