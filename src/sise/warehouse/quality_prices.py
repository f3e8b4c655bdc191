"""Rules that look at the numbers of the bars: ranges, order within a bar, day to day, ticks, standstill."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import polars as pl

from sise.model.ladders import TICKS, UPBIT_KRW, Step
from sise.warehouse.candles import DAY_SECONDS, KEY, PRICES
from sise.warehouse.quality_finding import Series, found, none_found

JUMP_LIMIT: Final = 0.30
"""The daily limit of Korean shares since 2015-06-15; beyond it lies a corporate action, or an error."""
ROUNDING: Final = 1e-9
"""Adjusted prices are products: so much of a price is dust, not disorder."""
JUMP_ROUNDING: Final = 1e-4
STUCK_BARS_MIN: Final = 5
TICK_ROUNDING: Final = 1e-6


def halted(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Runs of days of which the source says that there was no trade."""
    if series.size_seconds < DAY_SECONDS:
        return none_found()
    changed = pl.struct("symbol", "state").rle_id()
    runs = (
        bars.with_columns(run=changed).filter(pl.col("state") == "empty").group_by("run", maintain_order=True)
    )
    rows = runs.agg(
        pl.col("symbol").first(), pl.col("start").first(), last=pl.col("start").last(), days=pl.len()
    )
    return found(rows, value=pl.col("days"), end=pl.col("last") + pl.duration(days=1))


def blank(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Traded bars that lack some of their prices, where the source otherwise tells them."""
    told = [name for name in PRICES if bars[name].null_count() < bars.height]
    if not told:
        return none_found()
    lacking = pl.any_horizontal(pl.col(name).is_null() for name in told)
    return found(bars.filter((pl.col("state") == "traded") & lacking))


def not_positive(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Prices of zero or below; volumes below zero."""
    lowest = pl.min_horizontal(*PRICES)
    rows = bars.filter((lowest <= 0) | (pl.col("volume") < 0)).with_columns(lowest=lowest)
    return found(rows, value=pl.min_horizontal("lowest", "volume"), limit=pl.lit(0))


def inconsistent(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Bars whose open or close lies outside of low and high by more than rounding."""
    above = pl.max_horizontal("open", "close", "low") - pl.col("high")
    below = pl.col("low") - pl.min_horizontal("open", "close", "high")
    by = pl.max_horizontal(above, below)
    rows = bars.with_columns(by=by).filter(pl.col("by") > pl.col("high").abs() * ROUNDING)
    return found(rows, value=pl.col("by"), limit=pl.lit(0))


def moved_without_volume(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Bars of volume 0 whose prices differ: the volume is not known, whatever the source says."""
    differ = pl.col("high") > pl.col("low")
    return found(bars.filter((pl.col("volume") == 0) & differ), value=pl.col("high") - pl.col("low"))


def jump(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Days whose close is further from the close before than a Korean share may go in a day."""
    if series.size_seconds != DAY_SECONDS:
        return none_found()
    change = pl.col("close") / pl.col("close").shift().over("symbol") - 1
    rows = bars.with_columns(change=change).filter(pl.col("change").abs() > JUMP_LIMIT + JUMP_ROUNDING)
    return found(rows, value=pl.col("change"), limit=pl.lit(JUMP_LIMIT))


def stuck(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Runs of traded bars that are equal in every price and in volume."""
    said = ("symbol", *PRICES, "volume")
    traded = bars.select(*said, "start").filter((bars["state"] == "traded") & (bars["volume"] > 0))
    again = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in said)
    marked = traded.select("symbol", "start", again=again)
    # few bars are in runs: the others need no counting
    in_runs = marked.filter(pl.col("again") | pl.col("again").shift(-1, fill_value=False))
    runs = in_runs.with_columns(run=(~pl.col("again")).cum_sum()).group_by("run", maintain_order=True)
    rows = runs.agg(
        pl.col("symbol").first(), pl.col("start").first(), last=pl.col("start").last(), bars=pl.len()
    )
    rows = rows.filter(pl.col("bars") >= STUCK_BARS_MIN)
    end = pl.col("last") + pl.duration(seconds=series.size_seconds)
    return found(rows, value=pl.col("bars"), limit=pl.lit(STUCK_BARS_MIN), end=end)


def off_tick(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Prices that the venue's ladder does not have; adjusted prices have none, older ones are not judged."""
    steps = ladder(series.market)
    if series.adjusted or not steps:
        return none_found()
    since = datetime.combine(steps[0].since, datetime.min.time(), UTC)
    judged = (pl.col("start") >= since) & _on_ladder(series.market)
    any_off = pl.any_horizontal(_is_off(pl.col(name), steps).fill_null(value=False) for name in PRICES)
    suspect = bars.select(*KEY, *PRICES).filter(judged & any_off)
    prices = suspect.unpivot(on=list(PRICES), index=list(KEY), variable_name="column", value_name="price")
    off = prices.filter(_is_off(pl.col("price"), steps))
    off = off.with_columns(tick=_tick(pl.col("price"), steps))
    one = off.unique(KEY, keep="first", maintain_order=True).sort(*KEY)
    return found(one, value=pl.col("price"), limit=pl.col("tick"), note=pl.col("column"))


def _is_off(price: pl.Expr, steps: list[Step]) -> pl.Expr:
    rest = price / _tick(price, steps)
    return (rest - rest.round()).abs() > TICK_ROUNDING * rest.abs().clip(1.0)


def ladder(market: str) -> list[Step]:
    """The ladder of a market, lowest floor first; none where we know none.

    Bars do not tell shares from funds, so Korean prices are held against the finer of both ladders.
    """
    if market == "crypto":
        return list(UPBIT_KRW)
    if market != "kr_stocks":
        return []
    floors = sorted({0, *(row.below for row in TICKS if row.below is not None)})
    return [Step(floor, _finest(floor), TICKS[0].since, TICKS[0].source) for floor in floors]


def _finest(price: int) -> int:
    kinds = {kind for row in TICKS for kind in row.kinds}
    held = (
        next(row.tick for row in TICKS if kind in row.kinds and (row.below is None or price < row.below))
        for kind in kinds
    )
    return min(held)


def _tick(price: pl.Expr, steps: list[Step]) -> pl.Expr:
    tick = pl.lit(float(steps[0].step))
    for step in steps[1:]:
        tick = pl.when(price >= step.floor).then(pl.lit(float(step.step))).otherwise(tick)
    return tick


def _on_ladder(market: str) -> pl.Expr:
    """Symbols that the ladder is for: an index, for one, has no ticks."""
    return pl.col("symbol").str.contains("^KRW-" if market == "crypto" else "^[0-9][0-9A-Z]{5}$")
