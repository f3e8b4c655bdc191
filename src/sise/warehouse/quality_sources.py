"""Rules that hold two sources of the same bars against each other.

``sources_differ``: bars that both have and that say different things. ``last_bar_partial``: the last bar of a
source has less volume than the same bar elsewhere: it was taken before its time was over. Prices that one
source has adjusted are not comparable, so between raw and adjusted only the last bar's volume is.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from sise.warehouse.candles import KEY, PRICES
from sise.warehouse.quality_finding import FINDINGS, found

SAME: Final = 1e-6
"""Relative; vendors round to six or seven digits."""


def compared(one: pl.DataFrame, other: pl.DataFrame, *, prices: bool) -> pl.DataFrame:
    """Findings about ``one`` (a single source) where ``other`` says otherwise; ``prices``: compare all."""
    both = one.join(other, on=KEY, suffix="_other", maintain_order="left")
    columns = [*PRICES, "volume"] if prices else []
    parts = [_partial(one, both)]
    if columns:
        parts.append(_differing(both, columns))
    shaped = [part.select(pl.col(name).cast(kind) for name, kind in FINDINGS.items()) for part in parts]
    return pl.concat(shaped)


def _partial(one: pl.DataFrame, both: pl.DataFrame) -> pl.DataFrame:
    last = one.group_by("symbol").agg(pl.col("start").max())
    rows = both.join(last, on=KEY, how="semi", maintain_order="left")
    less = rows.filter(pl.col("volume") < pl.col("volume_other") * (1 - SAME))
    return _of(less, "last_bar_partial", found(less, **_evidence(less)))


def _evidence(rows: pl.DataFrame) -> dict[str, pl.Expr]:
    return {"value": pl.col("volume"), "limit": pl.col("volume_other"), "note": pl.col("source_other")}


def _differing(both: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    unlike = pl.any_horizontal(_unlike(name) for name in columns)
    rows = both.filter(unlike).group_by("symbol", "source", "source_other", maintain_order=True)
    told = rows.agg(pl.col("start").min(), last=pl.col("start").max(), bars=pl.len())
    note = pl.col("source_other")
    return _of(told, "sources_differ", found(told, value=pl.col("bars"), end=pl.col("last"), note=note))


def _unlike(name: str) -> pl.Expr:
    one, other = pl.col(name), pl.col(f"{name}_other")
    return ((one - other).abs() > SAME * other.abs()).fill_null(value=False)


def _of(rows: pl.DataFrame, rule: str, findings: pl.DataFrame) -> pl.DataFrame:
    return findings.with_columns(rule=pl.lit(rule), source=rows["source"])
