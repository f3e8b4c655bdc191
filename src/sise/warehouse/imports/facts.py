"""Corporate actions that a file of candles tells: in columns of their own, or by base prices that moved."""

from __future__ import annotations

from typing import Final

import polars as pl

from sise.warehouse.candles import KEY, SIZES, bucket, zone_of
from sise.warehouse.candles_actions import ACTIONS, no_actions

SPOKEN: Final = ("dividend", "split", "capital_gain")


def moved_bases(rows: pl.DataFrame) -> pl.DataFrame:
    """Days whose ``base`` price (close less change) is not the close before (``previous``)."""
    previous = pl.col("close").shift().over("symbol")
    based = rows.sort(*KEY).with_columns(base=pl.col("close") - pl.col("change"), previous=previous)
    return based.filter((pl.col("base") - pl.col("previous")).abs() > 1e-6)


def actions_of(
    kept: pl.DataFrame, written: pl.DataFrame, provider: str, market: str, source: str
) -> pl.DataFrame:
    """Facts (:data:`~sise.warehouse.candles_actions.ACTIONS`) of base prices and of the file's own columns.

    ``written`` has the dropped rows too: a dividend may stand in one without prices.
    """
    parts = []
    if "change" in written.columns:
        ratio = pl.col("base") / pl.col("previous")
        moved = moved_bases(kept).with_columns(kind=pl.lit("base_price"), value=ratio)
        parts.append(moved.select("symbol", "start", "kind", "value"))
    parts += [_told(written, kind) for kind in SPOKEN if kind in written.columns]
    if not parts:
        return no_actions()
    day = bucket(pl.col("start"), SIZES["1d"], zone_of(market))
    facts = pl.concat(parts).with_columns(ex=day).drop("start").unique()
    constants = {"provider": provider, "market": market, "source": source}
    facts = facts.with_columns(**{name: pl.lit(value) for name, value in constants.items()})
    return facts.select(pl.col(name).cast(kind) for name, kind in ACTIONS.items()).sort(
        "symbol", "ex", "kind"
    )


def _told(written: pl.DataFrame, kind: str) -> pl.DataFrame:
    # a split of 0 or 1 is the vendor's word for none
    none = [0.0, 1.0] if kind == "split" else [0.0]
    told = written.filter(~pl.col(kind).is_in(none))
    return told.select("symbol", "start", kind=pl.lit(kind), value=pl.col(kind))
