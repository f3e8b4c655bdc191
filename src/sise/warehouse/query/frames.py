"""The frames that are answered: their columns, and how they are made of rows. Times are UTC, to the µs.

Bars have the columns of :data:`sise.warehouse.candles.SCHEMA`. ``null`` is not known; 0 is said or proven.
Every frame can be taken over by whatever speaks Arrow (``__arrow_c_stream__``), without a copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from sise.warehouse.candles import SCHEMA, UTC_TIME

Schema = Mapping[str, pl.DataType]

INSTRUMENT: Final[dict[str, pl.DataType]] = {
    name: pl.String() for name in ("provider", "market", "venue", "symbol")
}
_META: Final[dict[str, pl.DataType]] = {
    "receive_time": UTC_TIME,
    "session_id": pl.String(),
    "mitigation_level": pl.Int64(),
    "quality_flag": pl.String(),
    "frame": pl.Int64(),
    "notes": pl.String(),
    "raw_ref": pl.String(),
}
TICKS: Final[dict[str, pl.DataType]] = {
    **INSTRUMENT,
    "event_time": UTC_TIME,
    "id": pl.String(),
    "price": pl.Float64(),
    "size": pl.Float64(),
    "side": pl.String(),
    **_META,
}
"""Trades. ``side`` is the taker's; ``id`` the provider's, or the journal's line where it gives none."""
QUOTES: Final[dict[str, pl.DataType]] = {
    **INSTRUMENT,
    "event_time": UTC_TIME,
    **{name: pl.Float64() for name in ("bid_price", "ask_price", "bid_size", "ask_size")},
    "last_price": pl.Float64(),
    "day_volume": pl.Float64(),
    **_META,
}
"""Samples of the best orders on the grid; ``day_volume`` is the provider's cumulative volume."""
GAPS: Final[dict[str, pl.DataType]] = {
    "provider": pl.String(),
    "market": pl.String(),
    "start": UTC_TIME,
    "end": UTC_TIME,
    "seconds": pl.Float64(),
    "scope": pl.String(),
    "reason": pl.String(),
    "detail": pl.String(),
    "session_id": pl.String(),
    "raw_ref": pl.String(),
}
DAILY: Final[dict[str, pl.DataType]] = {**SCHEMA, "prev_close": pl.Float64()}
"""What a store gives for days: bars that start at the market's midnight, and the previous close as told."""

TIME: Final = {"ticks": "event_time", "quotes": "event_time"}
"""The column that says when; ``start`` where none is named."""


def made(schema: Schema, columns: Mapping[str, Sequence[object]]) -> pl.DataFrame:
    """A frame of whole columns; times as µs since 1970 UTC."""
    raw = {name: pl.Int64() if kind == UTC_TIME else kind for name, kind in schema.items()}
    frame = pl.DataFrame({name: columns[name] for name in schema}, schema=raw, strict=False)
    return frame.with_columns(
        pl.col(name).cast(UTC_TIME) for name, kind in schema.items() if kind == UTC_TIME
    )


def in_order(kind: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by time; those of one moment as they were heard: by frame, then by the journal's line."""
    time = TIME.get(kind, "start")
    if "frame" not in frame.columns:
        return frame.sort(time, maintain_order=True)
    path, line = pl.col("raw_ref").str.extract(r"^(.*):"), pl.col("raw_ref").str.extract(r":(\d+)$")
    return frame.sort(time, "frame", path, line.cast(pl.Int64), maintain_order=True)
