"""The rule ``missing`` for bars of symbols that are listened to now and then: those that hold a slot.

Within the time that a symbol was to be heard (it had a slot, the line was up) every bar must be there and be
proven: one that is not is missing. Outside of it nobody listened, by design; there a day's bars are told in
one finding with their number, and are no fault. Days and parts of a day without any bar are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import polars as pl

from sise.model.time import NS_PER_US
from sise.warehouse.candles import UTC_TIME
from sise.warehouse.candles_expected import expected_starts
from sise.warehouse.quality_finding import FINDINGS, Series, found

RULE: Final = "missing"
REPLACED: Final = (RULE, "starts_late", "ends_early")
"""Rules that ask a whole session of a symbol: here it begins and ends with its slot."""
ALL_SYMBOLS: Final = "*"

Spans = Iterable[tuple[int, int]]
"""From and until (not included), UTC ns, in order and apart."""


def listened(bars: pl.DataFrame, series: Series, promised: Mapping[str, Spans]) -> pl.DataFrame:
    """Findings about ``bars`` (in any state, of one size and venue), in place of :data:`REPLACED`.

    ``promised``: when each symbol was to be heard.
    """
    absent = _absent(bars, series)
    spans = _frame(promised)
    placed = absent.sort("start").join_asof(
        spans, left_on="start", right_on="since", by="symbol", check_sortedness=False
    )
    length = pl.duration(seconds=series.size_seconds)
    heard = (pl.col("start") + length <= pl.col("until")).fill_null(value=False)
    parts = [_ranges(placed.filter(heard), length), _summaries(placed.filter(~heard), length)]
    named = [part.with_columns(rule=pl.lit(RULE), source=pl.lit(series.source)) for part in parts]
    return pl.concat(
        [part.select(pl.col(name).cast(kind) for name, kind in FINDINGS.items()) for part in named]
    )


def _absent(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """``symbol day at start`` of bars of the sessions that are not proven, between a day's first and last.

    ``at`` counts the bars of the sessions.
    """
    first, last = bars["start"].min(), bars["start"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    day = pl.col("start").dt.convert_time_zone(series.calendar.venue.zone.key).dt.date().alias("day")
    starts = expected_starts(series.calendar, series.size_seconds, first, last)
    grid = starts.to_frame("start").with_row_index("at").with_columns(day)
    days = bars.group_by("symbol", day).agg(first=pl.col("start").min(), last=pl.col("start").max())
    every = days.join(grid, on="day").filter(pl.col("start").is_between(pl.col("first"), pl.col("last")))
    sure = bars.filter(pl.col("state") != "unknown")
    return every.join(sure, on=["symbol", "start"], how="anti").select("symbol", "day", "at", "start")


def _frame(promised: Mapping[str, Spans]) -> pl.DataFrame:
    rows = [
        (symbol, -(-since // NS_PER_US), until // NS_PER_US)
        for symbol, spans in promised.items()
        for since, until in spans
    ]
    schema = {"symbol": pl.String, "since": pl.Int64, "until": pl.Int64}
    frame = pl.DataFrame(rows, schema, orient="row").with_columns(pl.col("since", "until").cast(UTC_TIME))
    return frame.sort("since")


def _ranges(missing: pl.DataFrame, length: pl.Expr) -> pl.DataFrame:
    """Bars that follow each other are one finding."""
    ordered = missing.sort("symbol", "at")
    breaks = (pl.col("at").cast(pl.Int64).diff() != 1) | (pl.col("symbol") != pl.col("symbol").shift())
    runs = ordered.with_columns(run=breaks.fill_null(value=True).cum_sum())
    rows = runs.group_by("run", maintain_order=True).agg(
        pl.col("symbol").first(), pl.col("start").first(), last=pl.col("start").last(), bars=pl.len()
    )
    return found(rows, value=pl.col("bars"), limit=pl.lit(0), end=pl.col("last") + length)


def _summaries(outside: pl.DataFrame, length: pl.Expr) -> pl.DataFrame:
    """One finding a day."""
    days = outside.group_by("day").agg(
        pl.col("start").min(), last=pl.col("start").max(), bars=pl.len(), symbols=pl.col("symbol").n_unique()
    )
    rows = days.sort("day").with_columns(symbol=pl.lit(ALL_SYMBOLS))
    said = pl.format("bars of {} symbols that nobody was to hear: unknown by design, no fault", "symbols")
    return found(rows, value=pl.col("bars"), end=pl.col("last") + length, note=said)
