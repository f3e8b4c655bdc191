"""The observer: a frame comes in; it is written, decoded, validated, guarded, recorded, counted.

The order is the design's: the frame's line is taken by the wire log before anything else looks at
it. The same methods serve the socket and, after a crash, the wire log itself (replay is live).
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from sise.collect.ledger import Ledger
from sise.collect.slots import SessionMeta, Slot
from sise.collect.tradeline import TradeHeads, with_notes
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
from sise.model.records import (
    SCHEMA_VERSION,
    CandleRecord,
    Refusal,
    SwingRecord,
    TradeTail,
    WireLine,
)
from sise.model.time import iso

log = logging.getLogger(__name__)

OnNotice = Callable[[str, str, dict[str, Any]], None]
"""Told an event's type, its sentence and its facts."""

_encode = msgspec.json.Encoder().encode


class Sink(Protocol):
    """What the observer writes to (:class:`sise.journal.writer.JournalWriter`)."""

    def append(self, stream: str, body: bytes, at_ns: int, *, always: bool = False) -> bool: ...
    def append_all(self, stream: str, bodies: Sequence[bytes], at_ns: int) -> None: ...


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
        self._append, self._append_all = sink.append, sink.append_all
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
        self._head = b""
        self._head_key: tuple[object, ...] = ()
        """What the last trade's line begins with, and what that depends on: a burst shares it."""
        self._head_of = TradeHeads(meta).head_of
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
        frame, ledger = self.frame, self.ledger
        trades: list[bytes] = []
        for event in events:
            if type(event) is UnknownFields or type(event) is Control:
                self._notice(event, payload, received_at)
                continue
            if self.heard_at != received_at or self.on_heard is not None:
                self._hear(received_at)
            ledger.events_decoded += 1
            if type(event) is Trade:
                if (made := self._trade(event, received_at, frame)) is not None:
                    trades.append(made)
            else:
                self.observe(event, received_at, frame)
        if trades:  # the records of frames that were taken are always taken too
            self._append_all("scalp", trades, received_at)
            ledger.events_recorded += len(trades)

    def _hear(self, received_at: int) -> None:
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
        if type(event) is Trade:
            if received_at != self._received_at:  # no frame was heard before it: the wire log is replayed
                self._received_at, self._received_text = received_at, iso(received_at)
            if (line := self._trade(event, received_at, frame)) is not None:
                self._append_all("scalp", [line], received_at)
                self.ledger.events_recorded += 1
            return
        slot = self.slots.get(event.symbol)
        if slot is None:
            self.refuse(event, received_at, frame, "symbol_not_asked")
        elif (reason := refusal(event)) is not None:
            self.refuse(event, received_at, frame, reason)
        elif type(event) is Book:
            slot.on_book(event, frame)
        elif type(event) is Snapshot:
            slot.on_snapshot(event, frame)
        elif type(event) is Candle:
            self.record_candle(event, received_at, frame, "scalp")

    def _trade(self, trade: Trade, received_at: int, frame: int) -> bytes | None:
        """The line of a trade that is to be recorded: what trades in a row share, and what is this one's.

        None: it was refused. The hot path.
        """
        slot = self.slots.get(trade.symbol)
        if slot is None:
            self.refuse(trade, received_at, frame, "symbol_not_asked")
            return None
        if (reason := refusal(trade)) is not None:
            self.refuse(trade, received_at, frame, reason)
            return None
        guard = slot.guard
        trade_id, event_time = trade.trade_id, trade.event_time
        if guard.is_repeat(trade_id):
            self.refuse(trade, received_at, frame, "duplicate")
            return None
        key = (trade.symbol, event_time, received_at, trade.venue, self.meta.mitigation_level)
        if key != self._head_key:  # trades of one frame often share it
            self._head, self._head_key = self._head_of(trade, self._received_text), key
        tail = _encode(TradeTail(frame, trade.price, trade.size, trade.side, trade_id))[1:]
        if notes := guard.notes(trade, received_at):
            tail = with_notes(tail, notes)
        guard.remember(trade_id, event_time)
        slot.on_trade(trade)
        return self._head + tail

    def _meta_of(self, symbol: str, event_time: int, received_at: int, frame: int) -> dict[str, Any]:
        """The common meta of a record (all but its venue and notes)."""
        meta = self.meta
        return {
            "schema_version": SCHEMA_VERSION,
            "event_time": iso(event_time),
            "receive_time": iso(received_at),
            "session_id": meta.session_id,
            "mitigation_level": meta.mitigation_level,
            "quality_flag": "normal" if meta.mitigation_level == 0 else "degraded",
            "provider": meta.provider,
            "market": meta.market,
            "symbol": symbol,
            "frame": frame,
        }

    def record_candle(self, candle: Candle, received_at: int, frame: int, stream: str) -> None:
        """Record a provider's candle (already counted as decoded) in the scalp or swing track."""
        record = CandleRecord(
            **self._meta_of(candle.symbol, candle.event_time, received_at, frame),
            venue=self.meta.venue,
            size=candle.size,
            bar_time=iso(candle.bar_time),
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
            value=candle.value,
        )
        self._record(stream, _encode(record), received_at)

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
        record = SwingRecord(
            **self._meta_of(quote.symbol, planned_ns, received_at, frame),
            venue=(snapshot.venue if snapshot else "") or self.meta.venue,
            notes=["halted"] if quote.halted else [],
            sweep=sweep,
            last_price=snapshot.last_price if snapshot else None,
            open=snapshot.open if snapshot else None,
            high=snapshot.high if snapshot else None,
            low=snapshot.low if snapshot else None,
            volume=snapshot.volume if snapshot else None,
            value=snapshot.value if snapshot else None,
            prev_close=snapshot.prev_close if snapshot else None,
            bid_price=book.bid_price if book else None,
            ask_price=book.ask_price if book else None,
            halted=quote.halted,
            **_flags(quote, listed),
        )
        self._record("swing", _encode(record), received_at)
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
        line = Refusal(
            timestamp=iso(received_at),
            receive_time=iso(received_at),
            session_id=self.meta.session_id,
            provider=self.meta.provider,
            market=self.meta.market,
            symbol=event.symbol,
            reason=reason,
            frame=frame,
            event={"kind": type(event).__name__.lower(), **_plain(event)},
        )
        self._append("refused", _encode(line), received_at, always=True)

    def quarantine(self, payload: bytes, received_at: int, reason: str) -> None:
        """Keep an undecodable frame apart, with its reason; the wire log has it too."""
        if self._without_secrets is not None:
            payload = self._without_secrets(payload)
        self.ledger.quarantined += 1
        line = {
            "frame": self.frame,
            "t": iso(received_at),
            "session_id": self.meta.session_id,
            "provider": self.meta.provider,
            "reason": reason,
            "b64": b64encode(payload).decode(),
        }
        self._append("quarantine", _encode(line), received_at, always=True)
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


def _flags(quote: Quote, listed: Instrument | None) -> dict[str, Any]:
    """Flags of the provider's list of the day, with their source; the answer's own warning goes before."""
    if listed is None or not listed.flags_source:
        return {"warning": quote.warning}
    return {
        "warning": listed.warning if quote.warning is None else quote.warning,
        "managed": listed.managed,
        "liquidation": listed.liquidation,
        "flags_source": listed.flags_source,
    }


def _plain(event: MarketEvent) -> dict[str, object]:
    facts: dict[str, object] = msgspec.structs.asdict(event)
    # JSON knows no infinity: such a number is kept as its text.
    return {
        name: value if not isinstance(value, float) or abs(value) < float("inf") else repr(value)
        for name, value in facts.items()
    }
