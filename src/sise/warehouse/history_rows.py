"""Which rows of an import: stored by period, read by symbol, venue and span."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import polars as pl

from sise.warehouse.candles import seconds_of
from sise.warehouse.history_choice import Asked

HOUR_SECONDS: Final = 3_600

Span = tuple[datetime | None, datetime | None]
"""``[start, end)``, aware; None is any."""


def by_period(kind: str, rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Months of bars below an hour, years of the others, actions in one; each made when it is taken."""
    if kind == "actions":
        yield "all", rows
        return
    fine = seconds_of(kind.removeprefix("bars_")) < HOUR_SECONDS
    period = rows["start"].dt.truncate("1mo" if fine else "1y")
    for first in period.unique().sort():
        yield first.strftime("%Y-%m" if fine else "%Y"), rows.filter(period == first)


def of_asked(lazy: pl.LazyFrame, asked: Asked) -> pl.LazyFrame:
    """The rows of the symbols and the venue."""
    if asked.symbols is not None:
        lazy = lazy.filter(pl.col("symbol").is_in(list(asked.symbols)))
    return lazy if asked.venue is None else lazy.filter(pl.col("venue") == asked.venue)


def within(lazy: pl.LazyFrame, span: Span) -> pl.LazyFrame:
    """The rows that start in the span."""
    start, end = span
    if start is not None:
        lazy = lazy.filter(pl.col("start") >= start)
    return lazy if end is None else lazy.filter(pl.col("start") < end)
