"""After a crash: the dead session is completed from its own wire log.

A killed process leaves frames in the wire log that were not recorded yet. From the last checkpoint on
the wire is read again and every event that has neither a record nor a refusal goes through the same
observer, with the dead session's name and the frame's own receive time. Then that session's ledger is
exact, and it is ended with ``how: recovered``.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.collect.ledger import Ledger
from sise.collect.observe import Observer
from sise.journal.files import Line, partitions, read_lines
from sise.journal.reader import Cursor, Follower
from sise.journal.recover import last_wire
from sise.model.errors import Undecodable
from sise.model.events import Candle, Control, Instrument, MarketEvent, Trade, UnknownFields
from sise.model.records import WireLine
from sise.model.time import parse_iso

LOOK_BACK_PARTITIONS: Final = 40
"""So many days of system events are searched for the last session."""


class LastSession(Struct):
    """The session before this one, as the journal knows it."""

    session_id: str
    ended: bool
    alive_ns: int
    """The last moment of which the journal has a line of it."""
    proven_ns: int | None
    """Up to when its line is proven; None: no line was run, so none could fail."""
    gap_start_ns: int | None
    """Where a hole was open when it ended."""
    gap_reason: str
    checkpoint: Checkpoint
    slots: list[Instrument]
    """All that had a slot at any time: each may have frames that are not recorded yet."""
    last_trades: dict[str, tuple[str, int]]
    """The last trade of each symbol: id and event time (UTC ns)."""


class Checkpoint(Struct):
    """Where the journal stood, and the ledger, when all before it was recorded."""

    cursors: dict[str, tuple[str, int]] = {}
    ledger: dict[str, object] = {}
    last_trades: dict[str, tuple[str, int]] = {}
    """The last trade of every symbol until then."""


class _Detail(Struct):
    slots: list[Instrument] = []
    cursors: dict[str, tuple[str, int]] = {}
    ledger: dict[str, object] = {}
    last_trades: dict[str, tuple[str, int]] = {}
    reason: str = ""
    gap_start_ts: str = ""
    alive: str = ""
    proven_until: str = ""


class _Event(Struct):
    event_type: str
    timestamp: str
    session_id: str
    detail: _Detail | str = ""


_event = msgspec.json.Decoder(_Event)
_wire = msgspec.json.Decoder(WireLine)


def find_last_session(root: Path, provider: str) -> LastSession | None:
    """The newest session in the journal, or None where there is none."""
    files = partitions(root, [f"system/events/{provider}"])[-LOOK_BACK_PARTITIONS:]
    events: list[_Event] = []
    for file in reversed(files):
        found = [_event.decode(line.body) for line in read_lines(root, file)]
        starts = [index for index, event in enumerate(found) if event.event_type == "session_start"]
        if starts:
            events = found[starts[-1] :] + events
            break
        events = found + events
    founded = [event for event in events if _is_founded(root, event)]
    return _summarize(founded, last_wire(root, provider)[1]) if founded else None


def _is_founded(root: Path, event: _Event) -> bool:
    """Whether the wire log reaches as far as the event says: a power cut may have kept the event only."""
    path, offset = event.detail.cursors.get("wire", ("", 0)) if isinstance(event.detail, _Detail) else ("", 0)
    plain = root / path
    return not path or not plain.is_file() or plain.stat().st_size >= offset


def _summarize(events: list[_Event], last_frame_at: str | None) -> LastSession:
    session = LastSession(events[0].session_id, False, 0, None, None, "", Checkpoint(), [], {})
    for event in events:
        detail = event.detail if isinstance(event.detail, _Detail) else _Detail()
        session.alive_ns = max(session.alive_ns, parse_iso(detail.alive or event.timestamp))
        session.last_trades = {**session.last_trades, **detail.last_trades}
        if event.event_type in ("session_start", "checkpoint", "session_end"):
            session.checkpoint = Checkpoint(detail.cursors, detail.ledger, session.last_trades)
            session.ended = event.event_type == "session_end"
            session.proven_ns = parse_iso(detail.proven_until) if detail.proven_until else None
        elif event.event_type in ("hours_begun", "connected"):
            session.proven_ns = parse_iso(event.timestamp)
        elif event.event_type == "hours_over":
            session.proven_ns = None
        elif event.event_type == "slots":
            known = {instrument.symbol: instrument for instrument in [*session.slots, *detail.slots]}
            session.slots = list(known.values())
        elif event.event_type == "gap_marker":
            session.gap_start_ns, session.gap_reason = None, ""
        if detail.gap_start_ts:  # a session that begins in a hole, or one that fell into it
            session.gap_start_ns, session.gap_reason = parse_iso(detail.gap_start_ts), detail.reason
    if last_frame_at is not None and not session.ended:
        session.alive_ns = max(session.alive_ns, parse_iso(last_frame_at))
    return session


class _Recorded(Struct):
    kind: str = ""
    symbol: str = ""
    trade_id: str = ""
    event_time: str = ""
    frame: int = 0
    frames: int = 0
    reason: str = ""
    event: dict[str, object] = {}


_recorded = msgspec.json.Decoder(_Recorded)


class Recovery:
    """Completes a dead session. ``observer`` writes with that session's meta and ledger."""

    def __init__(self, root: Path, provider: str, last: LastSession, observer: Observer) -> None:
        self._root = root
        self._provider = provider
        self._last = last
        self._observer = observer
        self._trades: dict[tuple[str, str], int] = {}
        self._candles: set[tuple[str, int]] = set()
        self._sampled: dict[str, int] = {}
        self._refused: dict[tuple[int, str], str] = {}
        self._quarantined: set[int] = set()
        self.recovered = 0
        """Events that only the wire log had."""
        self.heard_ns = 0
        """When (UTC ns) the line gave the last data since the checkpoint; 0: it gave none."""

    def run(self) -> None:
        """Read what was recorded since the checkpoint, then the wire, and record what is missing."""
        ledger = self._observer.ledger
        self._read_recorded(ledger)
        last_at = self._last.alive_ns
        answers: set[int] = set()
        for line in self._since_checkpoint("wire", [f"wire/{self._provider}"]):
            wire = _wire.decode(line.body)
            ledger.frames_received += 1
            ledger.frames_recorded += 1
            self._observer.frame = wire.n
            last_at = parse_iso(wire.t)
            if wire.url:
                ledger.control += 1
                answers.add(wire.n)
            else:
                self._frame(wire, last_at)
        for (frame, _), reason in self._refused.items():
            if frame in answers:  # refused among what was asked for by REST
                ledger.events_decoded += 1
                ledger.events_refused[reason] += 1
        self._observer.sample(last_at, last_at, pending_only=True)

    def _since_checkpoint(self, stream: str, prefixes: list[str]) -> Iterator[Line]:
        path, offset = self._last.checkpoint.cursors.get(stream, ("", 0))
        start = {prefix: Cursor(path, 0, offset) for prefix in prefixes if path.startswith(prefix)}
        follower = Follower(self._root, prefixes, start=start)
        try:
            while lines := follower.poll():
                yield from lines
        finally:
            follower.close()

    def _read_recorded(self, ledger: Ledger) -> None:
        for stream in ("scalp", "swing"):
            prefix = f"{stream}/{self._provider}/{self._observer.meta.market}"
            for line in self._since_checkpoint(stream, [prefix]):
                self._note_record(_recorded.decode(line.body), stream, ledger)
        for line in self._since_checkpoint("refused", [f"system/refused/{self._provider}"]):
            refusal = _recorded.decode(line.body)
            key = str(refusal.event.get("trade_id", refusal.symbol))
            self._refused[refusal.frame, key] = refusal.reason
        for line in self._since_checkpoint("quarantine", [f"quarantine/{self._provider}"]):
            self._quarantined.add(_recorded.decode(line.body).frame)

    def _note_record(self, record: _Recorded, stream: str, ledger: Ledger) -> None:
        slots = self._observer.slots
        if record.kind == "trade":
            self._trades[record.symbol, record.trade_id] = record.frame
            if record.symbol in slots:
                slots[record.symbol].guard.remember(record.trade_id, parse_iso(record.event_time))
        elif record.kind == "sample":
            self._sampled[record.symbol] = max(self._sampled.get(record.symbol, 0), record.frame)
        elif stream == "scalp":
            self._candles.add((record.symbol, record.frame))
        else:  # a candle that was asked for by REST: its frame holds many, all counted here
            ledger.events_decoded += 1
            ledger.events_recorded += 1

    def _frame(self, wire: WireLine, received_at: int) -> None:
        observer = self._observer
        payload = wire.frame.encode() if wire.frame is not None else b64decode(wire.b64 or "")
        if wire.n in self._quarantined:
            observer.ledger.quarantined += 1
            return
        try:
            events = observer.decode(payload, received_at)
        except Undecodable as error:
            observer.quarantine(payload, received_at, error.reason)
            return
        for event in events:
            if isinstance(event, Control):
                observer.ledger.control += 1
            elif not isinstance(event, UnknownFields):
                self._event(event, wire.n, received_at)

    def _event(self, event: MarketEvent, frame: int, received_at: int) -> None:
        self.heard_ns = received_at
        ledger = self._observer.ledger
        ledger.events_decoded += 1
        key = event.trade_id if isinstance(event, Trade) else event.symbol
        refused = self._refused.get((frame, key))
        if refused is not None:
            ledger.events_refused[refused] += 1
        elif self._is_recorded(event, frame):
            ledger.events_recorded += 1
        else:
            self.recovered += 1
            self._observer.observe(event, received_at, frame)

    def _is_recorded(self, event: MarketEvent, frame: int) -> bool:
        if isinstance(event, Trade):
            return self._trades.get((event.symbol, event.trade_id)) == frame
        if isinstance(event, Candle):
            return (event.symbol, frame) in self._candles
        return frame <= self._sampled.get(event.symbol, 0)
