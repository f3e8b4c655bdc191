"""Sessions of a market, and how much of them is known of a symbol: its one-minute bars counted by state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from sise.model.calendar import Calendar
from sise.model.time import NS_PER_US
from sise.warehouse.candles import MINUTE_SECONDS, UTC_TIME
from sise.warehouse.candles_expected import expected_starts, known_from
from sise.warehouse.query.asked import LATEST_NS, Span
from sise.warehouse.query.frames import made
from sise.warehouse.tables.columns import STATES
from sise.warehouse.tables.types import EPOCH

COVERAGE: Final[dict[str, pl.DataType]] = {
    "day": pl.Date(),
    "expected": pl.Int64(),
    **{state: pl.Int64() for state in STATES},
    "absent": pl.Int64(),
    "coverage_ratio": pl.Float64(),
}
"""Minutes of the regular sessions: ``expected`` = traded + empty + unknown + ``absent`` (no bar at all).

``coverage_ratio`` is the share of the expected time that was listened to; an absent minute counts as 0."""


SESSIONS: Final[dict[str, pl.DataType]] = {
    "market": pl.String(),
    "kind": pl.String(),
    "opens": UTC_TIME,
    "closes": UTC_TIME,
}


def sessions_of(market: str, day: date, calendar: Calendar) -> pl.DataFrame:
    """The sessions of a market's day, before and after regular trading too."""
    found = calendar.sessions(day)
    columns: dict[str, list[object]] = {
        "market": [market] * len(found),
        "kind": [session.kind for session in found],
        "opens": [session.open_ns // NS_PER_US for session in found],
        "closes": [session.close_ns // NS_PER_US for session in found],
    }
    return made(SESSIONS, columns)


def covered(parts: Iterable[pl.DataFrame], span: Span, calendar: Calendar) -> pl.DataFrame:
    """A row for each trading day; from the first bar to the last where the span has no bound."""
    small = [part.select("start", "state", "coverage_ratio") for part in parts]
    bars = pl.concat(small) if small else None
    bounds = _bounds(bars, span)
    if bounds is None:
        return pl.DataFrame(schema=COVERAGE)
    first, last = bounds
    first = max(first, known_from(calendar))
    minutes = expected_starts(calendar, MINUTE_SECONDS, first, last).to_frame("start")
    known = bars if bars is not None else pl.DataFrame(schema=_BAR)
    day = pl.col("start").dt.convert_time_zone(calendar.venue.zone.key).dt.date().alias("day")
    joined = minutes.join(known, on="start", how="left").with_columns(day)
    counts = [(pl.col("state") == state).sum().alias(state) for state in STATES]
    absent, share = pl.col("state").null_count(), pl.col("coverage_ratio").fill_null(0.0).mean()
    found = joined.group_by("day").agg(
        pl.len().alias("expected"), *counts, absent.alias("absent"), share.alias("coverage_ratio")
    )
    return found.select(pl.col(name).cast(kind) for name, kind in COVERAGE.items()).sort("day")


_BAR: Final = {"start": UTC_TIME, "state": pl.String(), "coverage_ratio": pl.Float64()}


def _bounds(bars: pl.DataFrame | None, span: Span) -> tuple[datetime, datetime] | None:
    """The first and last minute that are judged; None: there is neither a bar nor a bound."""
    first, last = (None, None) if bars is None else (bars["start"].min(), bars["start"].max())
    if span.start_ns > 0:
        first = EPOCH + timedelta(microseconds=span.start_ns // NS_PER_US)
    if span.end_ns < LATEST_NS:
        last = EPOCH + timedelta(microseconds=span.end_ns // NS_PER_US - 1)
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    return first, last
