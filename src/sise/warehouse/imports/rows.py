"""Rows of a file into bars: every row is kept, or dropped for one reason that is counted.

The reasons are tried in the order of :data:`REASONS`. Of rows with the same symbol and start one is kept:
with prices before without, then the larger volume (a bar that was still forming has the smaller one), then
the later line. The others are ``duplicate_equal`` or ``duplicate_conflict``, by whether they say the same.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from sise.warehouse.candles import KEY, PRICES
from sise.warehouse.imports.files import LINE

REASONS: Final = (
    "no_symbol",
    "other_symbol",
    "unreadable_time",
    "ambiguous_local_time",
    "nonexistent_local_time",
    "unreadable_number",
    "off_grid",
    "duplicate_equal",
    "duplicate_conflict",
    "no_price",
)

SAID: Final = ("open", "high", "low", "close", "volume", "value", "trades")


def without_duplicates(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows to keep, sorted by symbol and start, and the others with their ``reason``."""
    priced = pl.col("close").fill_null(0.0) != 0
    ordered = rows.sort(
        *KEY,
        priced,
        pl.col("volume").fill_null(-1.0),
        LINE,
        descending=[False, False, True, True, True],
    )
    again = (pl.col("symbol") == pl.col("symbol").shift()) & (pl.col("start") == pl.col("start").shift())
    marked = ordered.with_columns(_again=again.fill_null(value=False))
    if not marked["_again"].any():
        return ordered, marked.filter("_again").with_columns(reason=pl.lit("")).drop("_again")
    kept = marked.filter(~pl.col("_again")).drop("_again")
    others = marked.filter("_again").drop("_again")
    names = [name for name in SAID if name in rows.columns]
    paired = others.join(kept.select(*KEY, *names), on=KEY, how="left", suffix="_kept", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_kept")) for name in names)
    reason = pl.when(same).then(pl.lit("duplicate_equal")).otherwise(pl.lit("duplicate_conflict"))
    return kept, paired.with_columns(reason=reason).select(*others.columns, "reason")


def with_states(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``state``, and the two ways of writing "no trade" made one: no open, high or low.

    ``halted`` keeps which way it was: ``zeros`` (open, high and low are 0, close is carried over) or ``flat``
    (one price and volume 0).
    """
    none = pl.col("volume").fill_null(1.0) == 0
    flat = none & pl.all_horizontal(pl.col(name) == pl.col("close") for name in ("open", "high", "low"))
    halted = pl.when(_all_zeros()).then(pl.lit("zeros")).when(flat).then(pl.lit("flat"))
    state = pl.when(pl.col("halted").is_not_null()).then(pl.lit("empty")).otherwise(pl.lit("traded"))
    marked = rows.with_columns(halted=halted).with_columns(state=state, coverage_ratio=pl.lit(1.0))
    kept = pl.col("halted").is_null()
    told = marked.with_columns(
        pl.when(kept).then(pl.col(name)).alias(name) for name in ("open", "high", "low")
    )
    # a price of 0 beside a volume is a price that is missing
    return told.with_columns(pl.when(pl.col(name) != 0).then(pl.col(name)).alias(name) for name in PRICES)


def zero_priced(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in which some price of 0 stands for one that is missing; a halted day's zeros are no such rows."""
    zero = pl.any_horizontal(pl.col(name) == 0 for name in PRICES)
    return rows.filter(zero & ~_all_zeros())


def _all_zeros() -> pl.Expr:
    """Open, high, low and volume are 0: one way of writing a day without trade."""
    ends = pl.all_horizontal(pl.col(name).fill_null(-1.0) == 0 for name in ("open", "high", "low"))
    return (pl.col("volume").fill_null(1.0) == 0) & ends
