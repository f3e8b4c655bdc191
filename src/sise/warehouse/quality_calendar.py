"""Rules that hold bars against the market's calendar.

A missing bar has no known reason: no trade, a halt (share data that leave halted days out), maintenance, or
a collector that did not ask. It is told as a range and stays unknown.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from sise.warehouse.candles import DAY_SECONDS
from sise.warehouse.candles_expected import expected_starts, known_from, sessions_frame
from sise.warehouse.quality_finding import Series, found, none_found

LATE_MINUTES_MAX: Final = 5
"""A session may begin with, or end after, so many minutes without trade before it is told."""


def missing(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Ranges of absent bars between the first and the last bar of each symbol."""
    starts = _expected(bars, series)
    placed = _placed(bars, starts).drop_nulls("at")
    before = pl.when(pl.col("symbol") == pl.col("symbol").shift()).then(pl.col("at").shift())
    gaps = placed.with_columns(absent=pl.col("at") - before - 1, first=before + 1)
    gaps = gaps.filter(pl.col("absent") > 0)
    ranges = gaps.with_columns(start=starts.gather(gaps["first"]), last=starts.gather(gaps["at"] - 1))
    return found(
        ranges, value=pl.col("absent"), limit=pl.lit(0), end=pl.col("last") + _length(series.size_seconds)
    )


def outside(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Bars at times that the calendar does not have."""
    starts = _expected(bars, series)
    if starts.is_empty():
        return none_found()
    elsewhere = _placed(bars, starts).filter(pl.col("at").is_null())
    return found(elsewhere.filter(pl.col("start") >= known_from(series.calendar)))


def before(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Bars older than the calendar, one finding a symbol."""
    first = known_from(series.calendar)
    old = bars.filter(pl.col("start") < first).group_by("symbol", maintain_order=True)
    rows = old.agg(pl.col("start").first(), bars=pl.len())
    return found(rows, value=pl.col("bars"), end=pl.lit(first))


def starts_late(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Sessions of a symbol that begin later than they open."""
    rows = _sessions(bars, series)
    late = (pl.col("first") - pl.col("opens")).dt.total_minutes()
    return found(
        rows.filter(late > LATE_MINUTES_MAX).with_columns(start=pl.col("opens"), late=late),
        value=pl.col("late"),
        limit=pl.lit(LATE_MINUTES_MAX),
        end=pl.col("first"),
    )


def ends_early(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Sessions of a symbol whose last bar ends before they close."""
    rows = _sessions(bars, series)
    ended = pl.col("last") + _length(series.size_seconds)
    early = (pl.col("closes") - ended).dt.total_minutes()
    return found(
        rows.filter(early > LATE_MINUTES_MAX).with_columns(start=ended, early=early),
        value=pl.col("early"),
        limit=pl.lit(LATE_MINUTES_MAX),
        end=pl.col("closes"),
    )


def _sessions(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """First and last bar of each symbol in each session; none for days, or where the market never closes."""
    calendar = series.calendar
    if series.size_seconds >= DAY_SECONDS or calendar.venue.weekends:
        return pl.DataFrame(schema={"symbol": pl.String, **dict.fromkeys(_TIMES, bars.schema["start"])})
    sessions = sessions_frame(calendar, *_span(bars)).sort("opens")
    first, last = pl.col("start").first(), pl.col("start").last()
    within = (
        bars.select("symbol", "start")
        .sort("start")
        .join_asof(sessions, left_on="start", right_on="opens", strategy="backward", coalesce=False)
    )
    within = within.filter(pl.col("start") < pl.col("closes"))
    return within.group_by("symbol", "opens", "closes").agg(first=first, last=last).sort("symbol", "opens")


_TIMES: Final = ("opens", "closes", "first", "last")


def _placed(bars: pl.DataFrame, starts: pl.Series) -> pl.DataFrame:
    """``symbol start at``: which of ``starts`` (in order) each bar has; null: none of them.

    By searching, not by a join: that takes a table of all rows.
    """
    moments = starts.to_physical()
    at = moments.search_sorted(bars["start"].to_physical()).cast(pl.Int64)
    placed = bars.select("symbol", "start", at=at)
    if starts.is_empty():
        return placed.with_columns(at=pl.lit(None, pl.Int64))
    hit = moments.gather(at.clip(0, starts.len() - 1)) == bars["start"].to_physical()
    return placed.with_columns(at=pl.when(hit).then(pl.col("at")))


def _expected(bars: pl.DataFrame, series: Series) -> pl.Series:
    return expected_starts(series.calendar, series.size_seconds, *_span(bars))


def _span(bars: pl.DataFrame) -> tuple[datetime, datetime]:
    first, last = bars["start"].min(), bars["start"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    return first, last


def _length(seconds: int) -> pl.Expr:
    return pl.duration(seconds=seconds)
