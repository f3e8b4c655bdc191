"""Ticks as the history stores them: each number exact, and small next to its neighbour.

A frame of ticks has the columns of :data:`FORMS`; a file has :func:`stored`'s, which any tool reads:

- the size of a trade is ``DECIMAL(26, 8)``, so that sums are exact; other numbers are doubles, which print
  the provider's own text (a cumulative volume has more decimals where the provider itself adds up doubles);
- ``receive_delay_us`` is ``receive_time`` less ``event_time``, in µs;
- ``raw_ref`` is two columns, ``raw_path`` and ``raw_line``;
- ``id`` is an int64 where every id of the file is the plain text of one, else text.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from sise.warehouse.candles import UTC_TIME

SIZE: Final = pl.Decimal(26, 8)
"""Every whole number below 10^18, and eight decimals: the finest that a provider of ours gives."""
_INSTRUMENT: Final[dict[str, pl.DataType]] = {
    **{name: pl.String() for name in ("provider", "market", "venue", "symbol")},
    "event_time": UTC_TIME,
}
_META: Final[dict[str, pl.DataType]] = {
    "receive_time": UTC_TIME,
    "session_id": pl.String(),
    "schema_version": pl.String(),
    "mitigation_level": pl.Int64(),
    "quality_flag": pl.String(),
    "frame": pl.Int64(),
    "notes": pl.String(),
    "raw_ref": pl.String(),
}
FORMS: Final[dict[str, dict[str, pl.DataType]]] = {
    "ticks": {
        **_INSTRUMENT,
        "id": pl.String(),
        "price": pl.Float64(),
        "size": pl.Float64(),
        "side": pl.String(),
        **_META,
    },
    "quotes": {
        **_INSTRUMENT,
        **{name: pl.Float64() for name in ("bid_price", "ask_price", "bid_size", "ask_size")},
        "last_price": pl.Float64(),
        "day_volume": pl.Float64(),
        **_META,
    },
}
"""The columns of each kind: ``ticks`` are trades, ``quotes`` are samples. Times are UTC, to the µs."""

_PLACE: Final = r"^(.*):(\d+)$"
_PLAIN_INT: Final = r"^(0|[1-9]\d{0,17})$"


def stored(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one of the :data:`FORMS` as a file has them; :func:`told` is the way back."""
    delay = pl.col("receive_time") - pl.col("event_time")
    place = pl.col("raw_ref").str.extract_groups(_PLACE).struct
    changed = [
        delay.dt.total_microseconds().alias("receive_delay_us"),
        place.field("1").alias("raw_path"),
        place.field("2").cast(pl.Int32, strict=False).alias("raw_line"),
    ]
    if "size" in rows.columns:
        changed.append(pl.col("size").cast(pl.String).cast(SIZE, strict=False))
    if "id" in rows.columns and rows["id"].str.contains(_PLAIN_INT).all():
        changed.append(pl.col("id").cast(pl.Int64))
    return rows.with_columns(changed).drop("receive_time", "raw_ref")


def told(kind: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a file as frames of the kind, every value as it was."""
    delay = pl.duration(microseconds=pl.col("receive_delay_us"), time_unit="us")
    place = pl.concat_str("raw_path", pl.lit(":"), pl.col("raw_line").cast(pl.String))
    return rows.select(
        (pl.col("event_time") + delay).alias(name)
        if name == "receive_time"
        else place.alias(name)
        if name == "raw_ref"
        # by its text: through a division a decimal may miss the nearest double
        else pl.col(name).cast(pl.String).cast(form)
        if name == "size"
        else pl.col(name).cast(form)
        for name, form in FORMS[kind].items()
    )
