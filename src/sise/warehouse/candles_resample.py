"""Bars of a coarser size from finer ones, by the rules of :mod:`sise.warehouse.bars`, in columns.

A coarse bar starts at a multiple of its size since 1970 UTC, a day at the market's midnight. It opens with
the first price and closes with the last, its volume is the exact sum rounded to the provider's decimals,
and its coverage is the share of its *session* time that its fine bars speak for: a missing minute makes it
less than 1, the time after the close does not. Whole and with trade it is ``traded``, whole without
``empty``, else ``unknown``; an hour of the session of which nothing is there is a row too, ``unknown`` with
coverage 0.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sise.model.calendar import Calendar
from sise.model.errors import BadInput
from sise.warehouse.candles import DAY_SECONDS, KEY, SIZES, bucket, shaped
from sise.warehouse.candles_expected import expected_starts
from sise.warehouse.rows import VOLUME_DECIMALS

_WHOLE: Final = 1 - 1e-9
_SERIES: Final = ("provider", "market", "venue", "symbol")


def resample(bars: pl.DataFrame, from_size: str, to_size: str, calendar: Calendar) -> pl.DataFrame:
    """``bars`` of one source and size as bars of ``to_size``.

    Raises
    ------
    BadInput
        ``to_size`` is not a multiple of ``from_size``, or is no size.
    """
    fine, coarse = SIZES.get(from_size, 0), SIZES.get(to_size, 0)
    if not fine or coarse <= fine or coarse % fine:
        fitting = [name for name, seconds in SIZES.items() if fine and seconds > fine and not seconds % fine]
        raise BadInput("--to", to_size, f"bars of {from_size} make {' '.join(fitting) or 'none'}")
    if bars.is_empty():
        return bars
    zone = calendar.venue.zone
    placed = bars.sort(*KEY).with_columns(bucket=bucket(pl.col("start"), coarse, zone))
    grid = _grid(placed, fine, coarse, calendar)
    placed = placed.join(grid, on="start", how="left", maintain_order="left", coalesce=True)
    folded = placed.group_by(*_SERIES, "bucket", maintain_order=True).agg(_folds())
    last = placed["bucket"].max()
    counted = grid.with_columns(bucket=bucket(pl.col("start"), coarse, zone)).filter(pl.col("bucket") <= last)
    expected = counted.group_by("bucket", maintain_order=True).agg(pl.len().alias("expected"))
    whole = _with_absent(folded, expected).join(expected, on="bucket", how="left", maintain_order="left")
    return shaped(_judged(whole).rename({"bucket": "start"}))


def _folds() -> list[pl.Expr]:
    volume = pl.col("volume")
    traded = pl.col("close").filter(pl.col("state") != "empty")
    return [
        pl.col("open").drop_nulls().first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.coalesce(traded.drop_nulls().last(), pl.col("close").drop_nulls().last()),
        # whole and broken parts apart: each sum is exact to far more than the provider's decimals
        _known(volume, volume.floor().sum() + (volume - volume.floor()).sum().round(VOLUME_DECIMALS)).round(
            VOLUME_DECIMALS
        ),
        _known(pl.col("value"), pl.col("value").sum()),
        _known(pl.col("trades"), pl.col("trades").sum()),
        pl.col("coverage_ratio").filter(pl.col("in_session")).sum().alias("spoken_for"),
        pl.col("coverage_ratio").mean().alias("outside"),
        (pl.col("state") != "empty").any().alias("any_traded"),
        pl.col("source").first(),
    ]


def _known(column: pl.Expr, total: pl.Expr) -> pl.Expr:
    """A sum, where none of its parts is unknown."""
    return pl.when(column.null_count() == 0).then(total)


def _grid(placed: pl.DataFrame, fine: int, coarse: int, calendar: Calendar) -> pl.DataFrame:
    """The starts of all fine bars of the sessions, ``in_session``; some more at the end."""
    first, last = placed["bucket"].min(), placed["bucket"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    # a day may have 25 hours
    longest = timedelta(seconds=coarse) + (timedelta(hours=1) if coarse == DAY_SECONDS else timedelta(0))
    starts = expected_starts(calendar, fine, first, last + longest)
    return starts.to_frame("start").with_columns(in_session=pl.lit(value=True))


def _with_absent(folded: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """Coarse bars that have no fine bar at all, between the first and last of each symbol."""
    spans = folded.group_by(*_SERIES, maintain_order=True).agg(
        pl.col("source").first(), first=pl.col("bucket").min(), last=pl.col("bucket").max()
    )
    every = spans.join(expected.select("bucket"), how="cross").filter(
        pl.col("bucket").is_between(pl.col("first"), pl.col("last"))
    )
    absent = every.join(folded, on=["symbol", "bucket"], how="anti").drop("first", "last")
    return pl.concat([folded, absent], how="diagonal")


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    # bars at times that the calendar does not have can only speak for themselves
    share = pl.coalesce(pl.col("spoken_for").fill_null(0.0) / pl.col("expected"), pl.col("outside"))
    covered = rows.with_columns(coverage_ratio=share.clip(0.0, 1.0))
    whole = pl.col("coverage_ratio") >= _WHOLE
    state = (
        pl.when(whole & pl.col("any_traded"))
        .then(pl.lit("traded"))
        .when(whole)
        .then(pl.lit("empty"))
        .otherwise(pl.lit("unknown"))
    )
    return covered.with_columns(state=state)
