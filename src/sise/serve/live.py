"""The live view: the journal's lines folded into quotes, bars and gaps.

The same fold serves the lines read back at the start and those that come in (replay is live), so a
server that was restarted shows what one that ran on shows. It knows no clock and no file: lines and
moments are handed in. Memory is bounded by the limits here, in :mod:`sise.serve.hearing` and in
:mod:`sise.warehouse.bars`.
"""

from __future__ import annotations

import logging
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from sise.model.errors import BadInput
from sise.model.records import AnyRecord, SampleRecord, SwingRecord, TradeRecord, record_decoder
from sise.model.time import parse_iso
from sise.serve.answers import Gap, Quote
from sise.serve.changes import EVERYTHING_NS, EarliestChange
from sise.serve.eventline import EventLine, event_decoder
from sise.serve.hearing import Hearing, Hole
from sise.serve.holding import Holding
from sise.serve.told import Slot
from sise.warehouse.bars import SIZE_SECONDS, Bar, BarSeries

log = logging.getLogger(__name__)

SYMBOLS_MAX: Final = 500
"""More symbols than this are not followed, so that memory stays bounded; the journal has them."""
BARS_MAX: Final = 5000
"""Bars in one answer."""
RATE_DECIMALS: Final = 8
EVENTS_FOLDER: Final = "system/"


class Line(Protocol):
    """What :class:`sise.journal.reader.Follower` gives: a place and a JSON line."""

    @property
    def ref(self) -> str: ...
    @property
    def body(self) -> bytes: ...


class _Detail(Struct):
    slots: list[Slot] = []
    scope: str = ""
    reason: str = ""
    gap_start_ts: str = ""


class Instrument:
    """One symbol of one provider: its quote and its bars."""

    __slots__ = ("changed", "changes", "hearing", "holding", "quote", "received", "series")

    def __init__(self, quote: Quote, hearing: Hearing, tick: int) -> None:
        self.quote = quote
        self.hearing = hearing
        self.holding = Holding()
        self.series = BarSeries()
        self.changes = EarliestChange()
        self.changed = tick
        """The tick in which the quote last changed."""
        self.received = ""


class LiveView:
    """Quotes, bars and gaps as the journal has them. ``tick`` stamps changes; the hub moves it on."""

    def __init__(self) -> None:
        self.tick = 1
        self.unreadable = 0
        """Lines that are whole, but that this version does not understand."""
        self._instruments: dict[tuple[str, str], Instrument] = {}
        self._hearings: dict[str, Hearing] = {}
        self._slots: dict[str, tuple[str, set[str]]] = {}
        self._folds = {
            "session_start": self._on_session_start,
            "slots": self._on_slots,
            "session_end": lambda event, hearing, at, ref: hearing.ended(event.session_id),
            "checkpoint": lambda event, hearing, at, ref: hearing.alive(event.session_id, at, self.tick),
            "connected": lambda event, hearing, at, ref: hearing.heard(event.session_id, at, self.tick),
            "hours_over": lambda event, hearing, at, ref: hearing.rested(event.session_id, at),
            "disconnected": self._on_disconnected,
            "gap_marker": self._on_gap_marker,
        }

    # What comes in

    def fold(self, line: Line) -> None:
        """Take one line of the journal. One that is not understood is counted and left out."""
        try:
            if line.ref.startswith(EVENTS_FOLDER):
                self._fold_event(event_decoder.decode(line.body), line.ref)
            else:
                self._fold_record(record_decoder.decode(line.body))
        except (msgspec.MsgspecError, BadInput) as error:
            self.unreadable += 1
            log.warning("a line of the journal is not understood", extra={"ref": line.ref, "why": str(error)})

    def _fold_record(self, record: AnyRecord) -> None:
        if isinstance(record, SwingRecord):
            return  # the universe is swept for triggers and history; the page shows what holds a slot
        instrument = self._instrument(record.provider, record.market, record.symbol)
        if instrument is None:
            return
        if isinstance(record, SampleRecord):
            self._on_sample(record, instrument)
        elif isinstance(record, TradeRecord):
            self._on_trade(record, instrument)
        else:
            instrument.series.add_candle(record)
            instrument.changes.mark(self.tick, EVERYTHING_NS)

    def _on_sample(self, sample: SampleRecord, instrument: Instrument) -> None:
        proof_ns = parse_iso(max(sample.event_time, sample.receive_time))
        instrument.hearing.heard(sample.session_id, proof_ns, self.tick)
        instrument.holding.proofs.add(proof_ns)
        if sample.receive_time < instrument.received:
            return
        instrument.received = sample.receive_time
        quote = instrument.quote
        before = (quote.last, quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.volume)
        quote.bid, quote.ask = sample.bid_price, sample.ask_price
        quote.bid_size, quote.ask_size = sample.bid_size, sample.ask_size
        quote.volume, quote.prev_close = sample.volume, sample.prev_close
        if sample.last_price is not None:
            quote.last = sample.last_price
        quote.event_time, quote.receive_time = sample.event_time, sample.receive_time
        if before != (quote.last, quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.volume):
            self._quote_changed(instrument)

    def _on_trade(self, trade: TradeRecord, instrument: Instrument) -> None:
        received_ns = parse_iso(trade.receive_time)
        instrument.hearing.heard(trade.session_id, received_ns, self.tick)
        instrument.holding.proofs.add(received_ns)
        instrument.changes.mark(self.tick, instrument.series.add(trade))
        quote = instrument.quote
        if trade.receive_time < instrument.received or trade.quality_flag == "gap":
            return
        instrument.received = trade.receive_time
        quote.last, quote.trade_side = trade.price, trade.side
        quote.event_time, quote.receive_time = trade.event_time, trade.receive_time
        self._quote_changed(instrument)

    def _quote_changed(self, instrument: Instrument) -> None:
        quote = instrument.quote
        if quote.last is None or not quote.prev_close:
            quote.change = quote.change_rate = None
        else:
            quote.change = round(quote.last - quote.prev_close, RATE_DECIMALS)
            quote.change_rate = round(quote.change / quote.prev_close, RATE_DECIMALS)
        instrument.changed = self.tick

    def _fold_event(self, event: EventLine, ref: str) -> None:
        fold = self._folds.get(event.event_type)
        if fold is not None:
            fold(event, self._hearing(event.provider), parse_iso(event.timestamp), ref)

    def _on_session_start(self, event: EventLine, hearing: Hearing, at_ns: int, ref: str) -> None:
        hearing.began(event.session_id, at_ns, self.tick)

    def _on_slots(self, event: EventLine, hearing: Hearing, at_ns: int, ref: str) -> None:
        slots = msgspec.json.decode(event.detail, type=_Detail).slots
        if not slots or event.timestamp < self._slots.get(event.provider, ("", set()))[0]:
            return
        symbols = {slot.symbol for slot in slots}
        for symbol in self._slots.get(event.provider, ("", set()))[1] - symbols:
            gone = self._instruments.get((event.provider, symbol))
            if gone is not None:
                gone.holding.closed(at_ns)
        self._slots[event.provider] = (event.timestamp, symbols)
        for slot in slots:
            instrument = self._instrument(event.provider, event.market, slot.symbol)
            if instrument is not None:
                instrument.holding.opened(at_ns)
                instrument.quote.name_ko, instrument.quote.name_en = slot.name_ko, slot.name_en
                instrument.changed = self.tick

    def _on_disconnected(self, event: EventLine, hearing: Hearing, at_ns: int, ref: str) -> None:
        detail = msgspec.json.decode(event.detail, type=_Detail)
        start_ns = parse_iso(detail.gap_start_ts) if detail.gap_start_ts else at_ns
        scope = detail.scope or "scalp"
        hearing.opened(Hole(start_ns, None, scope, detail.reason, event.session_id, ref, self.tick))

    def _on_gap_marker(self, event: EventLine, hearing: Hearing, at_ns: int, ref: str) -> None:
        start_ns, end_ns = parse_iso(event.gap_start_ts), parse_iso(event.gap_end_ts)
        hearing.closed(Hole(start_ns, end_ns, event.scope, event.reason, event.session_id, ref, self.tick))

    def _hearing(self, provider: str) -> Hearing:
        return self._hearings.setdefault(provider, Hearing())

    def _instrument(self, provider: str, market: str, symbol: str) -> Instrument | None:
        """The instrument, made when it is first met; None where there are too many already."""
        instrument = self._instruments.get((provider, symbol))
        if instrument is None:
            if len(self._instruments) >= SYMBOLS_MAX:
                return None
            instrument = Instrument(Quote(provider, market, symbol), self._hearing(provider), self.tick)
            self._instruments[provider, symbol] = instrument
        return instrument

    # What is asked

    def symbols(self) -> list[str]:
        """Every symbol that can be asked for, in alphabetical order."""
        return sorted({symbol for _, symbol in self._instruments})

    def find(self, symbol: str) -> Instrument | None:
        """The instrument called ``symbol``; of several providers' the one that was met first."""
        return next((each for (_, name), each in self._instruments.items() if name == symbol), None)

    def quotes(self, since_tick: int = 0) -> list[Quote]:
        """Quotes that changed after ``since_tick``, of the symbols that hold a slot (all, where unknown)."""
        return [
            instrument.quote
            for (provider, symbol), instrument in self._instruments.items()
            if instrument.changed > since_tick and self._is_held(provider, symbol)
        ]

    def _is_held(self, provider: str, symbol: str) -> bool:
        return provider not in self._slots or symbol in self._slots[provider][1]

    def bars(
        self, instrument: Instrument, size: str, now_ns: int, *, to_ns: int | None = None, limit: int = 500
    ) -> list[Bar]:
        """At most ``limit`` bars that start before ``to_ns``, oldest first."""
        hearing = instrument.hearing
        return instrument.series.bars(
            SIZE_SECONDS[size],
            hearing.listening(instrument.holding),
            until_ns=hearing.until_ns(now_ns),
            to_ns=to_ns,
            limit=min(limit, BARS_MAX),
        )

    def gaps(self, now_ns: int, limit: int) -> list[Gap]:
        """The latest gaps, newest first."""
        holes = [hole for hearing in self._hearings.values() for hole in hearing.holes()]
        holes.sort(key=lambda hole: hole.start_ns, reverse=True)
        return [hole.told(now_ns) for hole in holes[:limit]]

    def gaps_changed(self, now_ns: int, since_tick: int) -> list[Gap]:
        """Gaps that opened or closed after ``since_tick``, oldest first."""
        holes = [hole for hearing in self._hearings.values() for hole in hearing.holes()]
        changed = sorted((h for h in holes if h.changed > since_tick), key=lambda hole: hole.start_ns)
        return [hole.told(now_ns) for hole in changed]

    def end_tick(self, now_ns: int, *, is_current: bool) -> None:
        """What is known up to here is about to be told; ``is_current`` once all of the past was read."""
        for hearing in self._hearings.values():
            hearing.end_tick(now_ns, self.tick, is_current=is_current)
