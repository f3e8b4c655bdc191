"""A record of the journal as a row of a frame; the same columns that the database answers."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import polars as pl
from msgspec import Struct

from sise.journal.files import Line
from sise.model.errors import BadInput
from sise.model.records import SCHEMA_VERSION, Record, SampleRecord, TradeRecord, record_decoder
from sise.model.time import NS_PER_US, parse_iso
from sise.warehouse.query import frames
from sise.warehouse.query.asked import Series, Span
from sise.warehouse.query.journal_bars import Told
from sise.warehouse.tables.types import LAST_NS

log = logging.getLogger(__name__)

Row = dict[str, Any]
_SCHEMA_MAJOR: Final = SCHEMA_VERSION.partition(".")[0] + "."
"""A record changes only by added fields within it; a later one may mean something else."""


class _Named(Struct, frozen=True):
    """Of what kind a line is, and whose; the rest is passed over."""

    kind: str
    schema_version: str
    provider: str
    market: str
    venue: str
    symbol: str


_named: Final = msgspec.json.Decoder(_Named).decode


def named(body: bytes) -> tuple[str, Series] | None:
    """Of what kind a line is, and of which series; None: it is not understood, or of another schema."""
    try:
        found = _named(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if not found.schema_version.startswith(_SCHEMA_MAJOR):
        return None
    return found.kind, Series(found.provider, found.market, found.venue, found.symbol)


def told_of(series: Series, line: Line) -> Told | None:
    """The tick of the series that a line tells. None: of another one, or one that the ETL would reject."""
    try:
        record = record_decoder.decode(line.body)
        if not isinstance(record, TradeRecord | SampleRecord):
            return None
        told = line.ref, record, parse_iso(record.event_time)
        received_ns = parse_iso(record.receive_time)
    except (msgspec.MsgspecError, BadInput, UnicodeDecodeError) as error:
        log.warning("a line is not understood", extra={"ref": line.ref, "why": str(error)})
        return None
    own = Series(record.provider, record.market, record.venue, record.symbol) == series
    known = record.schema_version.startswith(_SCHEMA_MAJOR)
    return told if own and known and 0 <= told[2] < LAST_NS and 0 <= received_ns < LAST_NS else None


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
