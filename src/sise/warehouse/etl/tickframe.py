"""Ticks as columns: what a unit's lines say, a row for each line that is a tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from sise.model.records import SampleRecord, TradeRecord
from sise.model.time import iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.ticks import COLUMNS, Tick, place_of

TRADE, SAMPLE = "trade", "sample"
NUMBERS: Final = ("bid_price", "ask_price", "bid_size", "ask_size", "last_price", "volume", "day_volume")
SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    "at": pl.Int64,
    "kind": pl.String,
    "venue": pl.String,
    "symbol": pl.String,
    "event_time": pl.Int64,
    "receive_time": pl.Int64,
    "trade_id": pl.String,
    **dict.fromkeys(NUMBERS, pl.Float64),
    "prev_close": pl.Float64,
    "frames": pl.Int64,
    "side": pl.String,
    "frame": pl.Int64,
    "notes": pl.String,
    "session_id": pl.String,
    "schema_version": pl.String,
    "mitigation_level": pl.Int64,
    "quality_flag": pl.String,
    "path": pl.String,
    "line": pl.Int64,
}
"""``at`` is the line's position in the unit, and the order of the rows; ``path`` and ``line`` are its place.
Times are UTC ns. The names are those of ``scalp_ticks``: ``last_price`` and ``volume`` are a trade's price
and size, ``day_volume`` is a sample's cumulative one. ``trade_id`` is empty where the provider has none."""

_KEPT: Final = (
    *("venue", "symbol", "frame", "session_id", "schema_version", "mitigation_level", "quality_flag"),
    *("bid_price", "ask_price", "bid_size", "ask_size", "last_price", "prev_close", "frames"),
)
"""Members of a sample that have the name of their column."""


def frame_of(ticks: Sequence[Tick], at: Sequence[int] | None = None) -> pl.DataFrame:
    """Ticks that were read one by one, as columns; ``at``: their positions, if not one after the other."""
    rows = [_row(tick, number) for tick, number in zip(ticks, at or range(len(ticks)), strict=True)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _row(tick: Tick, at: int) -> tuple[object, ...]:
    record, event_ns, receive_ns, ref = tick
    place = (record.venue, record.symbol, event_ns, receive_ns)
    tail = (
        *(record.frame, ",".join(record.notes) or None, record.session_id, record.schema_version),
        *(record.mitigation_level, record.quality_flag, *place_of(ref)),
    )
    if isinstance(record, TradeRecord):
        numbers = (None, None, None, None, record.price, record.size, None, None, None)
        return (at, TRADE, *place, record.trade_id, *numbers, record.side, *tail)
    return (
        *(at, SAMPLE, *place, "", record.bid_price, record.ask_price, record.bid_size, record.ask_size),
        *(record.last_price, None, record.volume, record.prev_close, record.frames, None, *tail),
    )


def rows_of(ticks: pl.DataFrame, day: MarketDay) -> pl.DataFrame:
    """The rows of ``scalp_ticks``; ``id`` is the trade's own, else the line's place."""
    place = pl.concat_str("path", pl.lit(":"), "line")
    own = pl.when(pl.col("trade_id") != "").then("trade_id").otherwise(place)
    made = ticks.with_columns(provider=pl.lit(day.provider), market=pl.lit(day.market), id=own, raw_ref=place)
    return made.select(COLUMNS)


def sample_of(row: dict[str, Any], day: MarketDay) -> Tick:
    """A sample's row as the tick that it was."""
    record = SampleRecord(
        provider=day.provider,
        market=day.market,
        event_time=iso(row["event_time"]),
        receive_time=iso(row["receive_time"]),
        volume=row["day_volume"],
        notes=row["notes"].split(",") if row["notes"] else [],
        **{name: row[name] for name in _KEPT},
    )
    return Tick(record, row["event_time"], row["receive_time"], f"{row['path']}:{row['line']}")
