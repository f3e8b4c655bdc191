"""A record of the journal as a row of a frame; the same columns that the database answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import polars as pl
from msgspec import Struct

from sise.model.records import Record, SampleRecord, TradeRecord
from sise.model.time import NS_PER_US, parse_iso
from sise.warehouse.query import frames
from sise.warehouse.query.asked import Span
from sise.warehouse.query.journal_bars import Told

Row = dict[str, Any]


class _Named(Struct, frozen=True):
    """Of what kind a line is, and whose; the rest is passed over."""

    kind: str
    provider: str
    market: str
    venue: str
    symbol: str


named: Final = msgspec.json.Decoder(_Named).decode


def tick_rows(told: Iterable[Told], span: Span) -> Iterable[Row]:
    """The trades of the span. One that is told twice is one: the first stays, as in the database."""
    rows: dict[tuple[int, str], Row] = {}
    for ref, record, at_ns in told:
        if isinstance(record, TradeRecord) and span.start_ns <= at_ns < span.end_ns:
            rows.setdefault((at_ns, record.trade_id or ref), _tick_row(ref, record, at_ns))
    return rows.values()


def _tick_row(ref: str, trade: TradeRecord, at_ns: int) -> Row:
    """A trade; it is known by its number at the provider, or else by its line."""
    told = {"id": trade.trade_id or ref, "price": trade.price, "size": trade.size, "side": trade.side}
    return _meta(ref, trade, at_ns) | told


def quote_rows(told: Iterable[Told], span: Span) -> Iterable[Row]:
    """The samples of the span."""
    names = ("bid_price", "ask_price", "bid_size", "ask_size", "last_price")
    return [
        _meta(ref, sample, at_ns)
        | {name: getattr(sample, name) for name in names}
        | {"day_volume": sample.volume}
        for ref, sample, at_ns in told
        if isinstance(sample, SampleRecord) and span.start_ns <= at_ns < span.end_ns
    ]


def row_frame(kind: str, rows: Iterable[Row]) -> pl.DataFrame:
    """Rows of a kind as its frame."""
    form = frames.TICKS if kind == "ticks" else frames.QUOTES
    listed = list(rows)
    return frames.made(form, {name: [row[name] for row in listed] for name in form})


def _meta(ref: str, record: Record, at_ns: int) -> Row:
    return {
        "provider": record.provider,
        "market": record.market,
        "venue": record.venue,
        "symbol": record.symbol,
        "event_time": at_ns // NS_PER_US,
        "receive_time": parse_iso(record.receive_time) // NS_PER_US,
        "session_id": record.session_id,
        "mitigation_level": record.mitigation_level,
        "quality_flag": record.quality_flag,
        "frame": record.frame,
        "notes": ",".join(record.notes) or None,
        "raw_ref": ref,
    }
