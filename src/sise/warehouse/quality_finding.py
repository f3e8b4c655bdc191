"""The form of a finding, and what a rule knows of the bars it looks at."""

from __future__ import annotations

from typing import Final

import polars as pl
from msgspec import Struct

from sise.model.calendar import Calendar
from sise.warehouse.candles import UTC_TIME

FINDINGS: Final[dict[str, pl.DataType]] = {
    "rule": pl.String(),
    "symbol": pl.String(),
    "start": UTC_TIME,
    "end": UTC_TIME,
    "value": pl.Float64(),
    "limit": pl.Float64(),
    "source": pl.String(),
    "note": pl.String(),
}


class Series(Struct, frozen=True):
    """Bars of one size, market and source. ``adjusted``: its prices were changed already."""

    size_seconds: int
    market: str
    calendar: Calendar
    adjusted: bool
    source: str


def none_found() -> pl.DataFrame:
    """No finding."""
    return pl.DataFrame(schema=FINDINGS)


def found(
    rows: pl.DataFrame,
    *,
    value: pl.Expr | None = None,
    limit: pl.Expr | None = None,
    end: pl.Expr | None = None,
    note: pl.Expr | None = None,
) -> pl.DataFrame:
    """One finding for each of ``rows``, which have ``symbol`` and ``start``."""
    nothing = pl.lit(None)
    return rows.select(
        "symbol",
        "start",
        end=(nothing if end is None else end).cast(UTC_TIME),
        value=(nothing if value is None else value).cast(pl.Float64),
        limit=(nothing if limit is None else limit).cast(pl.Float64),
        note=(nothing if note is None else note).cast(pl.String),
    )
