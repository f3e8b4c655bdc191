"""A file of candles into bars, actions and a report: ``read = kept + dropped``, every flaw named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import polars as pl
from msgspec import Struct

from sise.model.errors import BadInput
from sise.warehouse.candles import (
    NUMBERS,
    bucket,
    moment_text,
    seconds_of,
    shaped,
    venue_of,
    zone_of,
)
from sise.warehouse.candles_expected import calendar_of
from sise.warehouse.imports import flaws, numbers
from sise.warehouse.imports.columns import Columns, columns_of
from sise.warehouse.imports.facts import actions_of
from sise.warehouse.imports.files import LINE, CandleFile, look_at, scan, unreadable
from sise.warehouse.imports.report import Flaw, Report, flaw_of, flaws_of
from sise.warehouse.imports.rows import REASONS, with_states, without_duplicates
from sise.warehouse.imports.symbols import house_code
from sise.warehouse.imports.times import with_starts, zone_named
from sise.warehouse.quality import findings, series_of

ROWS_MIN: Final = 1


class Wanted(Struct, frozen=True, kw_only=True):
    """What the user says of a file; what it says itself is not asked for.

    ``symbol`` is the file's only one, or the one to keep of many. ``zone`` is that of times without offset.
    ``adjusted``: the prices were changed for splits or dividends already.
    """

    provider: str
    market: str
    size: str
    symbol: str | None = None
    venue: str | None = None
    zone: str | None = None
    adjusted: bool = False


class Imported(Struct, frozen=True):
    """Bars (:data:`~sise.warehouse.candles.SCHEMA`), actions, findings, and the account."""

    bars: pl.DataFrame
    actions: pl.DataFrame
    findings: pl.DataFrame
    report: Report
    file: CandleFile


class _Rows:
    """The rows on their way, and the account of those that are dropped."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.read = frame.height
        self.dropped: Counter[str] = Counter()
        self.flaws: list[Flaw] = []

    def drop(self, reason: str, unfit: pl.Expr, *show: str) -> None:
        """Drop the rows that are ``unfit``, and tell the first of them."""
        gone = self.frame.filter(unfit)
        if gone.is_empty():
            return
        self.frame = self.frame.filter(~unfit)
        self.dropped[reason] += gone.height
        if reason != "other_symbol":
            self.flaws.append(flaw_of(reason, gone, show=(LINE, *show)))


def read_candles(path: Path, wanted: Wanted) -> Imported:
    """All bars of a file, and what is to be said of it.

    Raises
    ------
    BadInput
        The file, a column, the zone, the symbol, market or size cannot be used, or no row is a bar.
    """
    file = look_at(path)
    seconds, day_zone = seconds_of(wanted.size), zone_of(wanted.market)
    zone = zone_named(wanted.zone)
    lazy = scan(file)
    headers = [name for name in lazy.collect_schema().names() if name != LINE]
    columns = columns_of(headers, str(file.path))
    rows = _Rows(_collected(file, lazy, columns))
    if rows.read < ROWS_MIN:
        raise BadInput("file", str(file.path), "it has a header and no rows")
    _name_symbols(rows, wanted, file)
    rows.frame = with_starts(rows.frame, zone, day_zone)
    for reason in ("unreadable_time", "ambiguous_local_time", "nonexistent_local_time"):
        rows.drop(reason, pl.col("time_flaw").eq_missing(pl.lit(reason)), "time")
    _read_numbers(rows)
    on_grid = pl.col("start") == bucket(pl.col("start"), seconds, day_zone)
    off = rows.frame.select((~on_grid).sum()).item()
    if off == rows.frame.height:
        raise _no_bars(file, rows, wanted)
    rows.drop("off_grid", ~on_grid, "time")
    rows.frame = rows.frame.drop("time", "time_of_day", "time_flaw", strict=False)
    return _finish(rows, wanted, file, columns)


def _finish(rows: _Rows, wanted: Wanted, file: CandleFile, columns: Columns) -> Imported:
    source = f"import:{file.path.name}@{file.sha256[:8]}"
    zone_said = _zone_said(rows.frame, wanted)
    written = rows.frame.select("symbol", "start", pl.col("^(change|dividend|split|capital_gain)$"))
    _one_a_moment(rows, wanted)
    if rows.frame.is_empty():
        raise _no_bars(file, rows, wanted)
    rows.flaws += flaws.of_bars(rows.frame, wanted.market)
    actions = actions_of(rows.frame, written, wanted.provider, wanted.market, source)
    marked = with_states(rows.frame)
    constants = {
        "provider": wanted.provider,
        "market": wanted.market,
        "venue": wanted.venue or venue_of(wanted.market, wanted.provider),
        "source": source,
    }
    bars = shaped(marked.with_columns(**{name: pl.lit(value) for name, value in constants.items()}))
    calendar, seconds = calendar_of(wanted.market), seconds_of(wanted.size)
    series = series_of(seconds, wanted.market, calendar, adjusted=wanted.adjusted, source=source)
    found = findings(bars, series)
    report = Report(
        file=file.path.name,
        sha256=file.sha256,
        source=source,
        size=wanted.size,
        symbols=bars["symbol"].n_unique(),
        read=rows.read,
        kept=bars.height,
        dropped={reason: rows.dropped[reason] for reason in REASONS if rows.dropped[reason]},
        first=moment_text(bars["start"].min()),
        last=moment_text(bars["start"].max()),
        columns=columns.used,
        unused_columns=columns.unused,
        absent_columns=[name for name in NUMBERS if name not in columns.used],
        zone=zone_said,
        encoding=file.encoding or "parquet",
        no_trade_as=_no_trade_as(marked, found),
        actions=actions.height,
        flaws=[flaw for flaw in rows.flaws if flaw.count] + flaws_of(found),
    )
    return Imported(bars, actions, found, report, file)


def _one_a_moment(rows: _Rows, wanted: Wanted) -> None:
    """Tell the flaws of the file's order and codes, then keep one row with a price for each moment."""
    rows.flaws += flaws.as_written(rows.frame)
    rows.flaws += flaws.of_codes(rows.frame, wanted.market)
    rows.frame = rows.frame.drop("symbol_written", "offset", "time_form")
    rows.frame, doubles = without_duplicates(rows.frame)
    rows.dropped.update(dict(doubles.group_by("reason").len().iter_rows()))
    rows.drop("no_price", pl.col("close").fill_null(0.0) == 0, "symbol", "start")


def _collected(file: CandleFile, lazy: pl.LazyFrame, columns: Columns) -> pl.DataFrame:
    wanted = [pl.col(LINE), *(pl.col(header).alias(name) for name, header in columns.used.items())]
    try:
        return lazy.select(wanted).collect(engine="streaming").sort(LINE)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(file.path, error) from error


def _name_symbols(rows: _Rows, wanted: Wanted, file: CandleFile) -> None:
    asked = pl.select(house_code(pl.lit(wanted.symbol), wanted.market)).item() if wanted.symbol else None
    if "symbol" not in rows.frame.columns:
        if asked is None:
            raise BadInput(
                "--symbol", None, f"{file.path.name} has no column of codes: name the symbol it is of"
            )
        rows.frame = rows.frame.with_columns(symbol_written=pl.lit(asked), symbol=pl.lit(asked))
        return
    rows.frame = rows.frame.with_columns(
        symbol_written=pl.col("symbol"), symbol=house_code(pl.col("symbol"), wanted.market)
    )
    rows.drop("no_symbol", pl.col("symbol").is_null(), "time")
    if asked is not None:
        held = rows.frame["symbol"].unique()
        rows.drop("other_symbol", pl.col("symbol") != asked)
        if rows.frame.is_empty():
            some = ", ".join(sorted(held)[:5])
            raise BadInput("--symbol", asked, f"the file has {len(held)} other symbols, such as {some}")


def _read_numbers(rows: _Rows) -> None:
    frame = rows.frame
    kinds = {name: kind for name, kind in frame.schema.items() if name in _WRITTEN}
    commas = pl.any_horizontal(numbers.with_commas(name, kind) for name, kind in kinds.items())
    rows.flaws.append(flaw_of("thousands_commas", frame.filter(commas), show=(LINE, *kinds)))
    read = frame.with_columns(numbers.number(name, kind).alias(_READ + name) for name, kind in kinds.items())
    written = (pl.col(_READ + name).is_null() & ~numbers.blank(name, kind) for name, kind in kinds.items())
    rows.frame = read.with_columns(_unreadable=pl.any_horizontal(written))
    rows.drop("unreadable_number", pl.col("_unreadable"), "time", *kinds)
    absent = [pl.lit(None, pl.Float64).alias(name) for name in NUMBERS if name not in kinds]
    plain = rows.frame.drop(*kinds, "_unreadable").rename({_READ + name: name for name in kinds})
    rows.frame = plain.with_columns(absent)


_READ: Final = "_read_"
_WRITTEN: Final = (*NUMBERS, "change", "dividend", "split", "capital_gain")


def _no_trade_as(marked: pl.DataFrame, found: pl.DataFrame) -> str:
    ways = marked["halted"].drop_nulls().unique().sort().to_list()
    if not ways and (found["rule"] == "missing").any():
        ways = ["absent"]
    return " and ".join(ways) or "not seen"


def _zone_said(written: pl.DataFrame, wanted: Wanted) -> str:
    """How the times were understood, in the forms that the file uses."""
    said = {
        "day": f"days of {zone_of(wanted.market).key}",
        "local": str(wanted.zone),
        "offset": "offsets in the file",
        "epoch": "time since 1970",
    }
    return ", ".join(said[form] for form in written["time_form"].unique().sort())


def _no_bars(file: CandleFile, rows: _Rows, wanted: Wanted) -> BadInput:
    why = ", ".join(f"{count} {reason}" for reason, count in rows.dropped.items())
    return BadInput(
        "file",
        str(file.path),
        f"none of its {rows.read} rows is a bar of {wanted.size} that begins on time"
        f"{f' ({why})' if why else ''}; look at --size, --tz and --market",
    )
