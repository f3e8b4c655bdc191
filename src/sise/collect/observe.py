"""The observer: a frame comes in; it is written, decoded, validated, guarded, recorded, counted.

The order is the design's: the frame's line is taken by the wire log before anything else looks at
it. The same methods serve the socket and, after a crash, the wire log itself (replay is live).
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from sise.collect.ledger import Ledger
from sise.collect.recordlines import RecordLines
from sise.collect.slots import SessionMeta, Slot
from sise.collect.tradeline import TradeLines, tails_of
from sise.collect.validate import refusal
from sise.model.errors import Undecodable
from sise.model.events import (
    Book,
    Candle,
    Control,
    Event,
    Instrument,
    MarketEvent,
    MarketState,
    Quote,
    Snapshot,
    Trade,
    UnknownFields,
)
from sise.model.records import WireLine
from sise.model.time import iso

log = logging.getLogger(__name__)

OnNotice = Callable[[str, str, dict[str, Any]], None]
"""Told an event's type, its sentence and its facts."""

_encode = msgspec.json.Encoder().encode


class Sink(Protocol):
    """What the observer writes to (:class:`sise.journal.writer.JournalWriter`)."""

    def append(self, stream: str, body: bytes, at_ns: int, *, always: bool = False) -> bool: ...
    def append_run(self, stream: str, head: bytes, tails: Iterable[bytes], at_ns: int) -> None: ...


class Decoder(Protocol):
    """What the observer understands frames with (a provider)."""

    @property
    def without_secrets(self) -> Callable[[bytes], bytes] | None: ...

    def decode(self, payload: bytes, received_at: int) -> list[Event]: ...


class Observer:
    """Takes frames and answers, keeps the slots' state, writes records, and counts everything.

    Parameters
    ----------
    first_frame
        The number of the next wire line.
    on_lost
        Called with the receive time (UTC ns) of a frame that could not be kept.
    on_notice
        Called with ``(kind, message, facts)`` for control messages and unknown fields worth an event.
    """

    def __init__(
        self,
        decoder: Decoder,
        sink: Sink,
        slots: dict[str, Slot],
        meta: SessionMeta,
        ledger: Ledger,
        *,
        first_frame: int,
        on_lost: Callable[[int], None] = lambda at: None,
        on_notice: OnNotice = lambda kind, message, facts: None,
    ) -> None:
        self.decode = decoder.decode
        self._without_secrets = decoder.without_secrets
        self._append, self._append_run = sink.append, sink.append_run
        self.slots = slots
        self.meta = meta
        self.ledger = ledger
        self.frame = first_frame - 1
        """The number of the last wire line."""
        self.conn = ""
        """Names the connection that frames come from."""
        self.heard_at = 0
        """Receive time of the last frame with a market event (UTC ns)."""
        self.on_heard: Callable[[int], None] | None = None
        """Called once, with the receive time of the next frame that holds a market event."""
        self.on_control: Callable[[bytes, int], None] | None = None
        """Called with each frame that is about the line itself, and its receive time."""
        self._received_at = 0
        self._received_text = ""
        self._trade_lines = TradeLines(meta)
        self._lines = RecordLines(meta)
        self._on_lost = on_lost
        self._on_notice = on_notice
        self._drift_seen: set[tuple[str, tuple[str, ...]]] = set()

    def on_frame(self, payload: bytes, received_at: int) -> None:
        """A message of a socket, whole, as received at ``received_at`` (UTC ns).

        The hot path: steps that other methods share are few calls here, not many.
        """
        if received_at != self._received_at:  # all frames of one read have the same
            self._received_at, self._received_text = received_at, iso(received_at)
        line = WireLine(n=self.frame + 1, t=self._received_text, conn=self.conn)
        if not self._keep(payload, received_at, line):
            return
        try:
            events = self.decode(payload, received_at)
        except Undecodable as error:
            self.quarantine(payload, received_at, error.reason)
            return
        frame = self.frame
        trades: list[Trade] = []
        for event in events:
            if type(event) is Trade:
                trades.append(event)
                continue
            if trades:
                self._observe_trades(trades, received_at, frame)
                trades = []
            if type(event) is UnknownFields or type(event) is Control:
                self._notice(event, payload, received_at)
                continue
            if self.heard_at != received_at or self.on_heard is not None:
                self._hear(received_at)
            self.ledger.events_decoded += 1
            self.observe(event, received_at, frame)
        if trades:
            self._observe_trades(trades, received_at, frame)

    def _hear(self, received_at: int) -> None:
        """A frame holds a market event."""
        self.heard_at = received_at
        if self.on_heard is not None:
            heard, self.on_heard = self.on_heard, None
            heard(received_at)

    def on_answer(self, body: bytes, received_at: int, url: str, status: int) -> None:
        """An answer to a REST request, as received; its content is recorded by whoever asked."""
        line = WireLine(n=self.frame + 1, t=iso(received_at), conn="rest", url=url, status=status)
        if self._keep(body, received_at, line):
            self.ledger.control += 1

    def _keep(self, payload: bytes, received_at: int, line: WireLine) -> bool:
        ledger = self.ledger
        ledger.frames_received += 1
        if self._without_secrets is not None:
            payload = self._without_secrets(payload)
        try:
            line.frame = payload.decode()
        except UnicodeDecodeError:
            line.b64 = b64encode(payload).decode()
        if not self._append("wire", _encode(line), received_at):
            ledger.frames_lost["journal_full"] += 1
            self._on_lost(received_at)
            return False
        self.frame = line.n
        ledger.frames_recorded += 1
        return True

    def observe(self, event: MarketEvent, received_at: int, frame: int) -> None:
        """Validate, guard and record one decoded event (already counted as decoded)."""
        slot = self.slots.get(event.symbol)
        if slot is None:
            self.refuse(event, received_at, frame, "symbol_not_asked")
        elif (reason := refusal(event)) is not None:
            self.refuse(event, received_at, frame, reason)
        elif type(event) is Book:
            slot.on_book(event, frame)
        elif type(event) is Snapshot:
            slot.on_snapshot(event, frame)
        elif type(event) is Trade:
            self._record_trade(event, received_at, frame, slot)
        elif type(event) is Candle:
            self.record_candle(event, received_at, frame, "scalp")

    def _observe_trades(self, trades: list[Trade], received_at: int, frame: int) -> None:
        """Trades that stand in a row in a frame: ordinary ones, of one issue and moment, are taken as one."""
        self._hear(received_at)
        self.ledger.events_decoded += len(trades)
        if len(trades) == 1 or not self._record_run(trades, received_at, frame):
            for trade in trades:
                self.observe(trade, received_at, frame)

    def _record_run(self, trades: list[Trade], received_at: int, frame: int) -> bool:
        """Record trades as :meth:`observe` would, in less time; False, and none is, where one is odd."""
        first = trades[0]
        slot, tails = self.slots.get(first.symbol), tails_of(trades, frame)
        if slot is None or tails is None or not slot.guard.take_run(trades, received_at):
            return False
        head = self._trade_lines.head_of(first, self._received_text)
        self._append_run("scalp", head, tails, received_at)
        self.ledger.events_recorded += len(tails)
        slot.on_trades(trades)
        return True

    def _record_trade(self, trade: Trade, received_at: int, frame: int, slot: Slot) -> None:
        notes = slot.guard.take(trade, received_at)
        if notes is None:
            self.refuse(trade, received_at, frame, "duplicate")
            return
        if received_at != self._received_at:  # no frame was heard before it: the wire log is replayed
            self._received_at, self._received_text = received_at, iso(received_at)
        slot.on_trade(trade)
        line = self._trade_lines.line(trade, self._received_text, frame, notes)
        self._record("scalp", line, received_at)

    def record_candle(self, candle: Candle, received_at: int, frame: int, stream: str) -> None:
        """Record a provider's candle (already counted as decoded) in the scalp or swing track."""
        self._record(stream, self._lines.candle(candle, received_at, frame), received_at)

    def on_candles(self, candles: list[Candle], received_at: int, frame: int) -> None:
        """Candles of the REST answer ``frame``: validated and recorded in the swing track."""
        for candle in candles:
            self.ledger.events_decoded += 1
            reason = refusal(candle)
            if reason is None:
                self.record_candle(candle, received_at, frame, "swing")
            else:
                self.refuse(candle, received_at, frame, reason)

    def on_quote(
        self,
        quote: Quote,
        planned_ns: int,
        received_at: int,
        frame: int,
        sweep: str,
        listed: Instrument | None = None,
    ) -> str | None:
        """A symbol's answer in a sweep: validated and recorded in the swing track; else why not.

        ``listed`` has the flags that the answer itself does not tell.
        """
        self.ledger.events_decoded += 1
        snapshot, book = quote.snapshot, quote.book
        for part in (snapshot, book):
            reason = refusal(part) if part is not None else None
            if part is not None and reason is not None:
                self.refuse(part, received_at, frame, reason)
                return reason
        line = self._lines.swing(quote, planned_ns, received_at, frame, sweep, listed)
        self._record("swing", line, received_at)
        return None

    def sample(self, at_ns: int, received_at: int, *, pending_only: bool = False) -> None:
        """Write a sample of every slot that is heard (``pending_only``: that holds events)."""
        for slot in self.slots.values():
            if slot.frames or (slot.heard and not pending_only):
                body = _encode(slot.sample(at_ns, received_at, self.meta))
                # While memory is full no sample is taken: the next one will stand for its events too.
                if self._append("scalp", body, received_at, always=pending_only):
                    self.ledger.events_recorded += slot.frames
                    slot.frames = 0
                    slot.samples += 1

    def _record(self, stream: str, body: bytes, received_at: int) -> None:
        """A record follows from a frame that was taken, so it is always taken too."""
        self._append(stream, body, received_at, always=True)
        self.ledger.events_recorded += 1

    def refuse(self, event: MarketEvent, received_at: int, frame: int, reason: str) -> None:
        """Write what is not recorded, with its reason."""
        self.ledger.events_refused[reason] += 1
        line = self._lines.refusal(event, received_at, frame, reason)
        self._append("refused", line, received_at, always=True)

    def quarantine(self, payload: bytes, received_at: int, reason: str) -> None:
        """Keep an undecodable frame apart, with its reason; the wire log has it too."""
        if self._without_secrets is not None:
            payload = self._without_secrets(payload)
        self.ledger.quarantined += 1
        line = self._lines.quarantined(payload, received_at, self.frame, reason)
        self._append("quarantine", line, received_at, always=True)
        self._on_notice("quarantined", reason, {})

    def _notice(self, event: UnknownFields | Control, payload: bytes, received_at: int) -> None:
        if isinstance(event, Control):
            self.ledger.control += 1
            if self.on_control is not None:
                self.on_control(payload, received_at)
            if event.kind == "error":
                self._on_notice("provider_error", f"{event.name}: {event.message}", {})
            elif event.state is not None:
                self._on_notice("market_state", event.message, _state_facts(event.state))
            return
        seen = (event.kind, event.names)
        if seen not in self._drift_seen:
            self._drift_seen.add(seen)
            names = ", ".join(event.names)
            self._on_notice("schema_drift", f"{event.kind} has unknown fields {names}", {})


def _state_facts(state: MarketState) -> dict[str, Any]:
    facts = msgspec.structs.asdict(state)
    return {"told_at": iso(facts.pop("event_time")), **facts}
