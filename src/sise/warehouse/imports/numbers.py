"""Written numbers as doubles: blank, readable or unreadable, never a guess.

Blank is nothing, or one of :data:`BLANK`. Commas between thousands are understood, a decimal comma is not.
"""

from __future__ import annotations

from typing import Final

import polars as pl

BLANK: Final = ("", "-", "nan", "null", "none", "na", "n/a", "#n/a", "nat")
_COMMAS: Final = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"


def number(name: str, kind: pl.DataType) -> pl.Expr:
    """The column as Float64; null where it is blank, unreadable or not finite."""
    if not isinstance(kind, pl.String):
        value = pl.col(name).cast(pl.Float64, strict=False)
    else:
        text = pl.col(name).str.strip_chars()
        bare = (
            pl.when(text.str.contains(_COMMAS))
            .then(text.str.replace_all(",", "", literal=True))
            .otherwise(text)
        )
        value = bare.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value).alias(name)


def blank(name: str, kind: pl.DataType) -> pl.Expr:
    """Whether nothing is written there."""
    if isinstance(kind, pl.String):
        text = pl.col(name).str.strip_chars().str.to_lowercase()
        return pl.col(name).is_null() | text.is_in(list(BLANK))
    empty = pl.col(name).is_null()
    return empty | pl.col(name).is_nan() if kind.is_float() else empty


def with_commas(name: str, kind: pl.DataType) -> pl.Expr:
    """Whether thousands are parted by commas."""
    if not isinstance(kind, pl.String):
        return pl.lit(value=False)
    return pl.col(name).str.strip_chars().str.contains(_COMMAS)
