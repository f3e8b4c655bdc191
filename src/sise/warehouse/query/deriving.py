"""Bars of a size that is asked for, from those that are held: as stored, or made by the one fold in columns.

Within a size the source decides (:mod:`sise.warehouse.query.merging`). A day that a place holds as a day goes
before one made of minutes, whoever heard those: the hours that we listen are not a market's whole day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import polars as pl
from msgspec import Struct

from sise.model.calendar import Calendar
from sise.model.time import NS_PER_SECOND, NS_PER_US
from sise.warehouse.candles import DAY_SECONDS, SCHEMA, SIZES, UTC_TIME, bucket
from sise.warehouse.candles_calendar import BUILT_IN, Calendars
from sise.warehouse.candles_expected import expected_starts, known_from
from sise.warehouse.candles_resample import resample
from sise.warehouse.query.asked import Series, Span
from sise.warehouse.query.merging import extent, first_of_each, merged
from sise.warehouse.query.store import Store

PART_DAYS: Final = 28
"""Of a part of a long answer: some forty thousand minutes."""
_HOUR_SECONDS: Final = 3_600


class Wanted(Struct, frozen=True):
    """Bars of a series and size that start in a span; only of ``source``, where one is named."""

    series: Series
    size: str
    span: Span
    source: str | None = None
    calendars: Calendars = BUILT_IN

    @property
    def calendar(self) -> Calendar:
        """When the series is traded."""
        return self.calendars.of(self.series.market, self.series.provider)

    @property
    def seconds(self) -> int:
        return SIZES[self.size]

    @property
    def kind(self) -> str:
        return f"bars_{self.size}"

    @property
    def longest_ns(self) -> int:
        """How long such a bar can be: a day may have 25 hours."""
        extra = _HOUR_SECONDS if self.seconds == DAY_SECONDS else 0
        return (self.seconds + extra) * NS_PER_SECOND


def finer(size: str) -> list[str]:
    """The sizes that bars of ``size`` can be made of, the coarsest first."""
    seconds = SIZES[size]
    return [name for name, fine in SIZES.items() if fine < seconds and not seconds % fine][::-1]


def kinds_for(size: str) -> list[str]:
    """What bars of ``size`` may be stored as."""
    return [f"bars_{each}" for each in (size, *finer(size))]


def bars(stores: Sequence[Store], wanted: Wanted) -> Iterator[pl.DataFrame]:
    """The bars in parts, oldest first, none empty.

    Made of finer ones, they have a row for each bar of the sessions between the first and the last, though
    nothing be there: ``unknown``, without a source.
    """
    held = extent(stores, [wanted.kind], wanted.series, wanted.source)
    there = extent(stores, kinds_for(wanted.size), wanted.series, wanted.source)
    asked = None if there is None else wanted.span.within(
        Span(there.start_ns - wanted.longest_ns, there.end_ns)
    )  # fmt: skip
    if asked is None:
        return
    after: datetime | None = None
    for window in asked.windows(PART_DAYS):
        part = _part(stores, wanted, window)
        if part.is_empty():
            continue
        if held is None:
            part = _filled(part, after, wanted)
        after = part["start"][-1]
        yield part


def _part(stores: Sequence[Store], wanted: Wanted, window: Span) -> pl.DataFrame:
    """The bars that start in the window."""
    stored = merged(stores, wanted.kind, wanted.series, window, wanted.source)
    held = pl.DataFrame(schema=SCHEMA) if stored is None else stored.select(*SCHEMA)
    # the window's last bar may end after it
    longer = Span(window.start_ns, window.end_ns + wanted.longest_ns)
    made = [
        _starting(_derived(fine.select(*SCHEMA), size, wanted), window)
        for size in finer(wanted.size)
        if (fine := merged(stores, f"bars_{size}", wanted.series, longer, wanted.source)) is not None
    ]
    if wanted.seconds == DAY_SECONDS:
        made = [part.join(held, on="start", how="anti") for part in made]
    return first_of_each([held, *made]) if made else held


def _derived(fine: pl.DataFrame, size: str, wanted: Wanted) -> pl.DataFrame:
    """Coarser bars of which something is there; their source is that of the first fine one."""
    calendar = wanted.calendar
    coarse = resample(fine, size, wanted.size, calendar)
    start = bucket(pl.col("start"), wanted.seconds, calendar.venue.zone)
    sources = fine.group_by(start.alias("start"), maintain_order=True).agg(pl.col("source").first())
    joined = coarse.drop("source").join(sources, on="start", how="inner", maintain_order="left")
    return joined.select(*SCHEMA)


def _starting(part: pl.DataFrame, window: Span) -> pl.DataFrame:
    at = pl.col("start").dt.timestamp("us") * NS_PER_US
    return part.filter((at >= window.start_ns) & (at < window.end_ns))


def _filled(part: pl.DataFrame, after: datetime | None, wanted: Wanted) -> pl.DataFrame:
    """``part`` with a row for each bar that the sessions have after ``after`` and it has not."""
    calendar = wanted.calendar
    first = max(after or part["start"][0], known_from(calendar))
    last: datetime = part["start"][-1]
    if first >= last:
        return part
    starts = expected_starts(calendar, wanted.seconds, first, last).to_frame("start")
    absent = starts.filter(pl.col("start") != first).join(part, on="start", how="anti")
    rows = absent.with_columns(
        *(
            pl.lit(getattr(wanted.series, name)).alias(name)
            for name in ("provider", "market", "venue", "symbol")
        ),
        state=pl.lit("unknown"),
        coverage_ratio=pl.lit(0.0),
    )
    blank = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in rows.columns]
    whole = pl.concat([part, rows.with_columns(blank).select(*SCHEMA)])
    return whole.with_columns(pl.col("start").cast(UTC_TIME)).sort("start")
