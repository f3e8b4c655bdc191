"""Which bars there should be: the starts of a calendar's sessions, as one sorted column of moments (UTC)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from sise.model.calendar import LAST_DAY, REGULAR, Calendar
from sise.model.hours import VENUE_OF_MARKET, SpecialDay
from sise.model.time import NS_PER_US, to_ns
from sise.warehouse.candles import DAY_SECONDS, UTC_TIME

_US: Final = 1_000_000


def calendar_of(
    market: str, exceptions: Iterable[SpecialDay] = (), told: Mapping[date, bool] | None = None
) -> Calendar:
    """The calendar that says when ``market`` trades.

    ``exceptions`` are those of the installation, ``told`` the provider's own answers, which win.
    """
    return Calendar(VENUE_OF_MARKET[market], overrides=exceptions, told=told)


def known_from(calendar: Calendar) -> datetime:
    """The first moment that the calendar knows; what lies before is not judged."""
    return datetime.combine(calendar.venue.first_day, datetime.min.time(), calendar.venue.zone).astimezone(
        UTC
    )


def expected_starts(calendar: Calendar, seconds: int, first: datetime, last: datetime) -> pl.Series:
    """The starts of the bars of regular trading in ``[first, last]`` (aware), oldest first.

    A bar of a day starts at midnight of the calendar's zone; a bar that only overlaps a session counts.
    """
    spans = _day_spans(calendar, first, last) if seconds == DAY_SECONDS else _spans(calendar, first, last)
    step = seconds * _US
    parts = [pl.Series("start", [], pl.Int64)]
    for opens, closes in spans:
        start = opens if seconds == DAY_SECONDS else opens // step * step
        parts.append(pl.int_range(start, closes, step, eager=True).alias("start"))
    starts = pl.concat(parts).cast(UTC_TIME)
    return starts.filter((starts >= first) & (starts <= last))


def _spans(calendar: Calendar, first: datetime, last: datetime) -> list[tuple[int, int]]:
    """Sessions as microseconds from and until, those that touch made one."""
    spans: list[tuple[int, int]] = []
    for day in _days(calendar, first, last):
        for session in calendar.sessions(day):
            if session.kind not in REGULAR:
                continue
            opens, closes = session.open_ns // NS_PER_US, session.close_ns // NS_PER_US
            if spans and spans[-1][1] == opens:
                spans[-1] = (spans[-1][0], closes)
            else:
                spans.append((opens, closes))
    return spans


def _day_spans(calendar: Calendar, first: datetime, last: datetime) -> list[tuple[int, int]]:
    zone = calendar.venue.zone
    midnights = (
        to_ns(datetime.combine(day, datetime.min.time(), zone)) for day in _days(calendar, first, last)
    )
    return [(ns // NS_PER_US, ns // NS_PER_US + 1) for ns in midnights]


def _days(calendar: Calendar, first: datetime, last: datetime) -> list[date]:
    zone = calendar.venue.zone
    earliest = max(first.astimezone(zone).date(), calendar.venue.first_day)
    latest = min(last.astimezone(zone).date() + timedelta(days=1), LAST_DAY)
    return calendar.trading_days(earliest, latest) if earliest <= latest else []


def sessions_frame(calendar: Calendar, first: datetime, last: datetime) -> pl.DataFrame:
    """``day`` (date), ``opens`` and ``closes`` (UTC) of each regular session from ``first`` to ``last``."""
    rows = [
        (day, session.open_ns // NS_PER_US, session.close_ns // NS_PER_US)
        for day in _days(calendar, first, last)
        for session in calendar.sessions(day)
        if session.kind in REGULAR
    ]
    schema = {"day": pl.Date, "opens": pl.Int64, "closes": pl.Int64}
    frame = pl.DataFrame(rows, schema, orient="row")
    return frame.with_columns(pl.col("opens", "closes").cast(UTC_TIME))
