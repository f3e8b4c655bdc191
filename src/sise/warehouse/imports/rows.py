"""Rows of a file into bars: every row is kept, or dropped for one reason that is counted.

The reasons are tried in the order of :data:`REASONS`. Of rows with the same symbol and start one is kept:
with prices before without, then the larger volume (a bar that was still forming has the smaller one), then
the later line. The others are ``duplicate_equal`` or ``duplicate_conflict``, by whether they say the same.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from sise.warehouse.candles import KEY, NUMBERS, PRICES, in_order
from sise.warehouse.imports.pieces import LINE

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


def together(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """All rows of a file, in its order, with every column of a bar; ``parts`` is emptied.

    Codes become places in the sorted list of all codes, so that they compare as their texts do.
    """
    codes = sorted({str(code) for part in parts for code in part["symbol"].unique()})
    ordered = pl.col("symbol").cast(pl.Enum(codes))
    for at, part in enumerate(parts):
        parts[at] = part.with_columns(ordered)
    rows = pl.concat(parts)
    parts.clear()
    absent = [pl.lit(None, pl.Float64).alias(name) for name in NUMBERS if name not in rows.columns]
    return rows.with_columns(absent)


def without_duplicates(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows to keep, sorted by symbol and start, and the others with their ``reason``."""
    ordered = in_order(rows)
    if not _has_doubles(ordered):
        return ordered, ordered.clear().with_columns(reason=pl.lit(""))
    priced = pl.col("close").fill_null(0.0) != 0
    ordered = rows.sort(
        *KEY,
        priced,
        pl.col("volume").fill_null(-1.0),
        LINE,
        descending=[False, False, True, True, True],
    )
    marked = ordered.with_columns(_again=_again().fill_null(value=False))
    kept = marked.filter(~pl.col("_again")).drop("_again")
    others = marked.filter("_again").drop("_again")
    names = [name for name in SAID if name in rows.columns]
    paired = others.join(kept.select(*KEY, *names), on=KEY, how="left", suffix="_kept", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_kept")) for name in names)
    reason = pl.when(same).then(pl.lit("duplicate_equal")).otherwise(pl.lit("duplicate_conflict"))
    return kept, paired.with_columns(reason=reason).select(*others.columns, "reason")


def has_doubles(rows: pl.DataFrame) -> bool:
    """Whether two rows have one symbol and start."""
    # sorted and not hashed: a tenth of the memory
    return _has_doubles(in_order(rows.select(KEY)))


def _has_doubles(ordered: pl.DataFrame) -> bool:
    return bool(ordered.select(_again().any()).item())


def _again() -> pl.Expr:
    return pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in KEY)


def with_states(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``state``, and the two ways of writing "no trade" made one: no open, high or low.

    ``halted`` keeps which way it was: ``zeros`` (open, high and low are 0, close is carried over) or ``flat``
    (one price and volume 0).
    """
    whole = rows.with_columns(coverage_ratio=pl.lit(1.0))
    if not rows.select(pl.any_horizontal(pl.col(name) == 0 for name in (*PRICES, "volume")).any()).item():
        # nothing that could be a halt or a missing price: the columns stay as they are
        return whole.with_columns(halted=pl.lit(None, pl.String), state=pl.lit("traded"))
    none = pl.col("volume").fill_null(1.0) == 0
    flat = none & pl.all_horizontal(pl.col(name) == pl.col("close") for name in ("open", "high", "low"))
    halted = pl.when(_all_zeros()).then(pl.lit("zeros")).when(flat).then(pl.lit("flat"))
    state = pl.when(pl.col("halted").is_not_null()).then(pl.lit("empty")).otherwise(pl.lit("traded"))
    marked = whole.with_columns(halted=halted).with_columns(state=state)
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
