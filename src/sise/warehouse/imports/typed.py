"""A piece of a file, which is text, as columns of moments and numbers that take little memory."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

import polars as pl
from msgspec import Struct

from sise.model.errors import BadInput
from sise.warehouse.candles import NUMBERS, bucket
from sise.warehouse.imports import numbers
from sise.warehouse.imports.account import Account
from sise.warehouse.imports.pieces import LINE
from sise.warehouse.imports.report import flaw_of
from sise.warehouse.imports.symbols import house_code
from sise.warehouse.imports.times import NEVER, TWICE, UNREADABLE, with_starts

WORDS: Final = ("symbol", "symbol_written", "offset", "name")
"""Columns of a few words that come again and again."""
WRITTEN: Final = (*NUMBERS, "change", "dividend", "split", "capital_gain")
_READ: Final = "_read_"


class Reading(Struct, frozen=True):
    """How the rows are to be understood.

    ``symbol`` is the house's code of the one that is wanted; None: all. ``days``: whether moments of Parquet
    without zone are days.
    """

    file: str
    market: str
    symbol: str | None
    seconds: int
    zone: ZoneInfo | None
    day_zone: ZoneInfo
    days: bool | None


def typed(piece: pl.DataFrame, reading: Reading, account: Account) -> pl.DataFrame:
    """The rows of ``piece`` that are bars which begin on time; the others go into the account.

    Raises
    ------
    BadInput
        Times name no offset and no zone was named, or there is no symbol.
    """
    account.read += piece.height
    rows = _named(piece, reading, account)
    rows = with_starts(rows, reading.zone, reading.day_zone, days=reading.days)
    for reason in (UNREADABLE, TWICE, NEVER):
        rows = account.drop(rows, reason, pl.col("time_flaw").eq_missing(pl.lit(reason)), "time")
    rows = _numbered(rows, account)
    on_grid = pl.col("start") == bucket(pl.col("start"), reading.seconds, reading.day_zone)
    rows = account.drop(rows, "off_grid", ~on_grid, "time")
    account.forms |= set(rows["time_form"].unique())
    rows = rows.drop("time", "time_of_day", "time_flaw", "time_form", strict=False)
    words = (pl.col(name).cast(pl.Categorical) for name in WORDS if name in rows.columns)
    # all columns in one chunk: else the whole file is copied later to make them so
    return rows.with_columns(words).rechunk()


def _named(piece: pl.DataFrame, reading: Reading, account: Account) -> pl.DataFrame:
    """The rows that have the symbol that is wanted, under the house's code."""
    if "symbol" not in piece.columns:
        if reading.symbol is None:
            raise BadInput(
                "--symbol", None, f"{reading.file} has no column of codes: name the symbol it is of"
            )
        return piece.with_columns(symbol_written=pl.lit(reading.symbol), symbol=pl.lit(reading.symbol))
    written = pl.col("symbol").cast(pl.String)
    rows = piece.with_columns(symbol_written=written, symbol=house_code(pl.col("symbol"), reading.market))
    rows = account.drop(rows, "no_symbol", pl.col("symbol").is_null(), "time")
    if reading.symbol is None:
        return rows
    account.others |= set(rows["symbol"].unique()) - {reading.symbol}
    return account.drop(rows, "other_symbol", pl.col("symbol") != reading.symbol)


def _numbered(rows: pl.DataFrame, account: Account) -> pl.DataFrame:
    kinds = {name: kind for name, kind in rows.schema.items() if name in WRITTEN}
    commas = pl.any_horizontal(numbers.with_commas(name, kind) for name, kind in kinds.items())
    account.tell(flaw_of("thousands_commas", rows.filter(commas), show=(LINE, *kinds)))
    read = rows.with_columns(numbers.number(name, kind).alias(_READ + name) for name, kind in kinds.items())
    written = (pl.col(_READ + name).is_null() & ~numbers.blank(name, kind) for name, kind in kinds.items())
    fit = account.drop(read, "unreadable_number", pl.any_horizontal(written), "time", *kinds)
    return fit.drop(*kinds).rename({_READ + name: name for name in kinds})
