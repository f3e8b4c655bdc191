"""Flaws of a file as such: what its bars, once in order, no longer show."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from sise.warehouse.candles import KEY, PRICES
from sise.warehouse.imports.facts import moved_bases
from sise.warehouse.imports.pieces import LINE
from sise.warehouse.imports.report import Flaw, flaw_of
from sise.warehouse.imports.rows import SAID, has_doubles, zero_priced
from sise.warehouse.imports.symbols import LETTERED
from sise.warehouse.quality_prices import JUMP_LIMIT

_SHOWN = (LINE, "symbol", "start")


def as_written(rows: pl.DataFrame) -> Iterator[Flaw]:
    """Flaws of the rows in the file's own order: before duplicates are dropped."""
    earlier = pl.col("start") < pl.col("start").shift().over("symbol")
    yield flaw_of("out_of_order", rows.filter(earlier), show=_SHOWN)
    doubled = rows.filter(pl.struct(*KEY).is_duplicated()) if has_doubles(rows) else rows.clear()
    names = [name for name in SAID if name in rows.columns]
    different = doubled.unique([*KEY, *names]).group_by(KEY).agg(pl.len(), pl.col(LINE).min())
    again = doubled.sort(LINE).filter(~pl.struct(*KEY).is_first_distinct())
    yield flaw_of("duplicate_start", again, show=_SHOWN)
    conflicts = different.filter(pl.col("len") > 1).sort(LINE)
    yield flaw_of("duplicate_conflict", conflicts, show=(*_SHOWN, "len"))
    # a column without any price is one that the file does not tell
    priced = [name for name in PRICES if name == "close" or rows[name].null_count() < rows.height]
    blank = pl.any_horizontal(pl.col(name).is_null() for name in priced)
    yield flaw_of("blank_price", rows.filter(blank), show=_SHOWN)
    offsets = rows.drop_nulls("offset").group_by("offset").agg(pl.len(), pl.col(LINE).min()).sort(LINE)
    if offsets.height > 1:
        yield flaw_of("offset_changes", offsets, show=("offset", "len"))


def of_codes(rows: pl.DataFrame, market: str) -> Iterator[Flaw]:
    """Flaws of codes and names, one row a code."""
    changed = rows.filter(pl.col("symbol").cast(pl.String) != pl.col("symbol_written").cast(pl.String))
    codes = changed.unique("symbol", keep="first", maintain_order=True)
    yield flaw_of("code_rewritten", codes, show=("symbol_written", "symbol"), amount=float(changed.height))
    if market == "kr_stocks":
        lettered = _lettered(rows)
        yield flaw_of("code_with_letters", lettered, show=("symbol",))
    if "name" in rows.columns:
        by_code = rows.sort(*KEY).group_by("symbol", maintain_order=True)
        names = by_code.agg(pl.col("name").cast(pl.String).unique(maintain_order=True))
        renamed = names.filter(pl.col("name").list.len() > 1).with_columns(pl.col("name").list.join(" > "))
        yield flaw_of("renamed", renamed, show=("symbol", "name"))


def of_bars(rows: pl.DataFrame, market: str) -> Iterator[Flaw]:
    """Flaws of the rows that are kept, one for each moment."""
    if rows["symbol"].n_unique() > 1:
        yield _short_of_window(rows)
    if "change" in rows.columns:
        yield flaw_of("base_price_changed", moved_bases(rows), show=("symbol", "start", "previous", "base"))
        if market == "kr_stocks":
            yield beyond_limits(rows)
    yield flaw_of("zero_price", zero_priced(rows), show=(LINE, "symbol", "start", *PRICES))


def _lettered(rows: pl.DataFrame) -> pl.DataFrame:
    """The first row of each code that is not all digits."""
    first = rows.select("symbol").unique(maintain_order=True).with_columns(pl.col("symbol").cast(pl.String))
    return first.filter(pl.col("symbol").str.contains(LETTERED))


def _short_of_window(rows: pl.DataFrame) -> Flaw:
    """Symbols that do not have every moment of a file of many: listed, delisted or left out."""
    moments = rows["start"].n_unique()
    each = rows.group_by("symbol", maintain_order=True).agg(
        pl.len(), first=pl.col("start").min(), last=pl.col("start").max()
    )
    short = each.filter(pl.col("len") < moments)
    return flaw_of("not_in_whole_window", short, show=("symbol", "first", "last", "len"))


def beyond_limits(rows: pl.DataFrame) -> Flaw:
    """Days with a price beyond 30 % around the base price; new listings have other limits."""
    based = rows.with_columns(base=pl.col("close") - pl.col("change"))
    above = pl.col("high") > pl.col("base") * (1 + JUMP_LIMIT)
    below = (pl.col("low") > 0) & (pl.col("low") < pl.col("base") * (1 - JUMP_LIMIT))
    beyond = based.sort(*KEY).filter(above | below)
    return flaw_of("beyond_price_limits", beyond, show=("symbol", "start", "base", "high", "low"))
