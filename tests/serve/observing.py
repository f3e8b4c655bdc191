"""A Korean day for tests of the observer's API: its events and ledger, by the journal's own writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from sise.journal.disk import OsDisk
from sise.journal.partition import Stream, events_stream, overflow_stream
from sise.journal.writer import JournalWriter
from sise.model.records import GapMarker, ReconnectionEvent, SystemEvent
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, SystemClock, iso, parse_iso

SEOUL: Final = MARKET_ZONES["kr_stocks"]
SESSION: Final = "sess_k"


def kst(clock: str, day: str = "2026-11-20") -> int:
    """``09:30`` or ``09:30:05`` in Seoul, as UTC ns."""
    return parse_iso(f"{day}T{clock if clock.count(':') == 2 else clock + ':00'}+09:00")


class KoreanDay:
    """Writes the events of a collector of KIS; every moment is a clock time in Seoul."""

    def __init__(self, root: Path, session: str = SESSION) -> None:
        self.root, self.session = root, session
        self._streams: list[Stream] = [events_stream("kis", SEOUL), overflow_stream("kis", SEOUL)]

    def event(self, event_type: str, at_ns: int, message: str = "", **detail: Any) -> None:
        event = SystemEvent(
            event_type=event_type,
            timestamp=iso(at_ns),
            session_id=self.session,
            provider="kis",
            market="kr_stocks",
            message=message,
            detail=detail,
        )
        self.write("events", event, at_ns)

    def gap(self, start_ns: int, end_ns: int, reason: str = "ws_disconnect") -> None:
        marker = GapMarker(
            gap_start_ts=iso(start_ns),
            gap_end_ts=iso(end_ns),
            gap_seconds=(end_ns - start_ns) / NS_PER_SECOND,
            scope="scalp",
            reason=reason,
            session_id=self.session,
            timestamp=iso(end_ns),
            provider="kis",
            market="kr_stocks",
        )
        self.write("events", marker, end_ns)

    def attempt(self, at_ns: int, number: int, *, back: bool) -> None:
        event = ReconnectionEvent(
            timestamp=iso(at_ns),
            attempt_no=number,
            backoff_seconds=float(number),
            result="SUCCESS" if back else "FAIL",
            recovered_slot_list=[],
            mitigation_level_after=0,
            session_id=self.session,
            provider="kis",
            market="kr_stocks",
            detail="" if back else "refused",
        )
        self.write("events", event, at_ns)

    def sweep(self, clock: str, **more: Any) -> None:
        planned = kst(clock)
        facts: dict[str, Any] = {
            "asked": 100,
            "answered": 100,
            "refused": {},
            "left": 0,
            "late": False,
        } | more
        ended = planned + 12 * NS_PER_SECOND
        times = {"planned": iso(planned), "began": iso(planned), "ended": iso(ended)}
        self.event("swing_sweep", ended, **facts, **times, sweep=f"s-{clock}")

    def slot(self, action: str, symbol: str, at_ns: int, **more: Any) -> None:
        facts: dict[str, Any] = {
            "trigger": "volume_surge",
            "score": 0.8,
            "rank": 1,
            "held_seconds": 0.0,
        } | more
        self.event("slot_change", at_ns, action=action, symbol=symbol, **facts)

    def asks(self, symbol: str, at_ns: int, reason: str = "slot_full", score: float = 0.6) -> None:
        line = {
            "timestamp": iso(at_ns),
            "provider": "kis",
            "market": "kr_stocks",
            "symbol": symbol,
            "candidate_score": score,
            "rank": 42,
            "cutoff_rank": 41,
            "mitigation_level": 0,
            "decision_reason": reason,
            "session_id": self.session,
        }
        self.write("overflow", line, at_ns)

    def write(self, stream: str, record: object, at_ns: int) -> None:
        writer = JournalWriter(self.root, self._streams, disk=OsDisk(), clock=SystemClock())
        writer.append(stream, msgspec.json.encode(record), at_ns)
        writer.flush()
        writer.close()
