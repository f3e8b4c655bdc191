"""Adjusted prices, derived from raw bars and dated corporate actions when they are read; never stored.

Each action multiplies all prices before its ex-day by a factor:

==============================  ===========================================================================
dividend, capital gain ``D``    ``1 - D / close``, the last close before the ex-day
split ``s`` new for 1 old       ``1 / s``; volume before it is multiplied by ``s``
base price ``r``                ``r`` (KRX: the day's base price over the close before); volume by ``1 / r``
==============================  ===========================================================================

Source of the dividend and split factors: Yahoo help SLN28256, "What is the adjusted close?", which follows
CRSP; its example is a test. Money of one ex-day is added up before it is applied.
"""

from __future__ import annotations

import polars as pl

from sise.warehouse.candles import KEY, PRICES


def adjusted(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """``bars`` (raw, of one source) with prices and volume adjusted for every action after them.

    An action before the first bar changes nothing; one whose close before is unknown cannot be applied, and
    raises nothing: there is no bar before it that it could change.
    """
    if actions.is_empty() or bars.is_empty():
        return bars
    steps = _factors(bars, actions)
    after = bars.sort("start").join_asof(
        steps.sort("ex"),
        left_on="start",
        right_on="ex",
        by="symbol",
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    price, share = pl.col("price_factor").fill_null(1.0), pl.col("share_factor").fill_null(1.0)
    changed = after.with_columns(
        *((pl.col(name) * price).alias(name) for name in PRICES), (pl.col("volume") / share).alias("volume")
    )
    return changed.select(bars.columns).sort(*KEY)


def _factors(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """``symbol ex price_factor share_factor``: the products of an action's factor and all later ones'."""
    closes = bars.drop_nulls("close").sort("start").select("symbol", "start", before="close")
    days = actions.group_by("symbol", "ex").agg(
        money=pl.col("value").filter(pl.col("kind").is_in(["dividend", "capital_gain"])).sum(),
        split=pl.col("value").filter(pl.col("kind") == "split").product(),
        base=pl.col("value").filter(pl.col("kind") == "base_price").product(),
    )
    placed = days.sort("ex").join_asof(
        closes,
        left_on="ex",
        right_on="start",
        by="symbol",
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    share = pl.col("base") / pl.col("split")
    own = placed.drop_nulls("before").with_columns(
        price_factor=(1 - pl.col("money") / pl.col("before")) * share, share_factor=share
    )
    later = own.sort("symbol", "ex", descending=[False, True])
    return later.select(
        "symbol",
        "ex",
        pl.col("price_factor").cum_prod().over("symbol"),
        pl.col("share_factor").cum_prod().over("symbol"),
    )
