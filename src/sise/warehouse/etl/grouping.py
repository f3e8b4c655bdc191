"""A unit's ticks (columns of ``tickframe.SCHEMA``) put together by symbol, venue and minute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import polars as pl

from sise.model.time import NS_PER_SECOND
from sise.warehouse.bars import Span
from sise.warehouse.etl.hearing import SILENCE_NS
from sise.warehouse.etl.minuterows import MinuteTrades
from sise.warehouse.etl.tickframe import SAMPLE, TRADE

MINUTE_SECONDS: Final = 60
MINUTE_NS: Final = MINUTE_SECONDS * NS_PER_SECOND
FLAGS: Final = ("normal", "degraded", "gap")
"""From the best to the worst."""

Series = tuple[str, str]
"""Symbol and venue."""
_KEY: Final = ("symbol", "venue", "minute")
_MINUTE: Final = (pl.col("event_time") // MINUTE_NS * MINUTE_SECONDS).alias("minute")
_IS_TRADE, _IS_SAMPLE = pl.col("kind") == TRADE, pl.col("kind") == SAMPLE


class Last(NamedTuple):
    """Whose word a minute's closing trade is."""

    session: str
    receive_ns: int
    ref: str


class Samples(NamedTuple):
    """What a minute's samples say; times are UTC ns."""

    session: str
    """Of the last one."""
    edge_volume: float | None
    """The cumulative volume at the minute's first moment itself."""
    sampled_ns: int | None
    """The last one that has a cumulative volume, and that volume."""
    volume: float | None


def proofs_of(ticks: pl.DataFrame) -> Iterator[tuple[Series, list[Span], int]]:
    """The spans that each symbol's lines prove (UTC ns), and their first minute (epoch seconds)."""
    event, receive = pl.col("event_time"), pl.col("receive_time")
    # a sample speaks for its moment on the grid, which may be after it was made
    at = pl.when(_IS_SAMPLE & (event > receive)).then(event).otherwise(receive).alias("at_ns")
    found = ticks.group_by("symbol", "venue").agg(at.sort())
    far = pl.col("at_ns").list.eval(pl.element().diff().max().fill_null(0) > SILENCE_NS).list.first()
    for symbol, venue, moments, silent in found.with_columns(far.alias("silent")).iter_rows():
        spans = _spans(moments) if silent else [(moments[0], moments[-1])]
        yield (symbol, venue), spans, moments[0] // MINUTE_NS * MINUTE_SECONDS


def _spans(moments: list[int]) -> list[Span]:
    """Moments in order, as spans without a silence."""
    found: list[Span] = []
    first = last = moments[0]
    for at in moments:
        if at - last > SILENCE_NS:
            found.append((first, last))
            first = at
        last = at
    return [*found, (first, last)]


def trades_of(own: pl.DataFrame) -> Iterator[tuple[Series, MinuteTrades, Last]]:
    """The trades of each minute."""
    trades = own.filter(_IS_TRADE).with_columns(_MINUTE)
    if trades.is_empty():
        return
    price = pl.col("last_price")
    sums = trades.group_by(_KEY).agg(
        price.max().alias("high"), price.min().alias("low"), price.alias("prices"), pl.col("volume")
    )
    ends = trades.sort("event_time", "frame", maintain_order=True).group_by(_KEY)
    names = ("event_time", "frame", "last_price")
    outer = ends.agg(
        *(pl.first(name).alias(f"first_{name}") for name in names),
        *(pl.last(name).alias(f"last_{name}") for name in names),
        *(pl.last(name) for name in ("session_id", "receive_time", "path", "line")),
    )
    for row in sums.join(outer, on=_KEY).iter_rows():
        symbol, venue, minute, high, low, prices, sizes, *rest = row
        opened, closed = tuple(rest[:3]), tuple(rest[3:6])
        session, receive_ns, path, line = rest[6:]
        found = MinuteTrades(minute, opened, closed, high, low, prices, sizes)
        yield (symbol, venue), found, Last(session, receive_ns, f"{path}:{line}")


def samples_of(own: pl.DataFrame) -> Iterator[tuple[Series, int, Samples]]:
    """What the samples of each minute (epoch seconds) say."""
    samples = own.filter(_IS_SAMPLE).with_columns(_MINUTE)
    if samples.is_empty():
        return
    volume, event = pl.col("day_volume"), pl.col("event_time")
    told = volume.is_not_null()
    edge = volume.filter(told & (event == pl.col("minute") * NS_PER_SECOND)).last()
    # the last of the latest: sorted by time alone, those of one moment stay in their order
    latest = samples.filter(told).sort("event_time", maintain_order=True).group_by(_KEY)
    said = samples.group_by(_KEY).agg(pl.last("session_id"), edge.alias("edge"))
    last = latest.agg(pl.last("event_time"), pl.last("day_volume"))
    for symbol, venue, minute, *rest in said.join(last, on=_KEY, how="left").iter_rows():
        yield (symbol, venue), minute, Samples(*rest)


def last_samples_of(own: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """The last sample with a price of each symbol and hour, in the order of the journal."""
    hour = (pl.col("event_time") // (3_600 * NS_PER_SECOND)).alias("hour")
    told = own.filter(_IS_SAMPLE & pl.col("last_price").is_not_null())
    last = told.group_by("symbol", "venue", hour).agg(pl.all().last()).sort("at")
    return last.iter_rows(named=True)


def faults_of(own: pl.DataFrame) -> Iterator[tuple[Series, int, int, int]]:
    """Minutes (epoch seconds) with a record that is not as it should be: its worst flag's rank and level."""
    flag = pl.col("quality_flag")
    odd = own.filter((flag != FLAGS[0]) | (pl.col("mitigation_level") > 0))
    if odd.is_empty():
        return
    ranked = odd.with_columns(_MINUTE, flag.replace_strict(FLAGS, range(len(FLAGS)), return_dtype=pl.Int64))
    worst = ranked.group_by(_KEY).agg(flag.max(), pl.col("mitigation_level").max())
    for symbol, venue, minute, rank, mitigation in worst.iter_rows():
        yield (symbol, venue), minute, rank, mitigation
