"""A file of candles into bars, actions and a report: ``read = kept + dropped``, every flaw named."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl
from msgspec import Struct

from sise.model.errors import BadInput
from sise.warehouse.candles import NUMBERS, SCHEMA, moment_text, seconds_of, venue_of, zone_of
from sise.warehouse.candles_calendar import BUILT_IN, Calendars
from sise.warehouse.imports import flaws
from sise.warehouse.imports.account import Account
from sise.warehouse.imports.columns import Columns, columns_of
from sise.warehouse.imports.facts import actions_of
from sise.warehouse.imports.files import CandleFile, look_at
from sise.warehouse.imports.pieces import LINE, headers_of, pieces, whole_days
from sise.warehouse.imports.report import Report, flaws_of
from sise.warehouse.imports.rows import REASONS, together, with_states, without_duplicates
from sise.warehouse.imports.symbols import house_code
from sise.warehouse.imports.times import zone_named
from sise.warehouse.imports.typed import Reading, typed
from sise.warehouse.quality import findings, series_of


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


def read_candles(path: Path, wanted: Wanted, calendars: Calendars = BUILT_IN) -> Imported:
    """All bars of a file, and what is to be said of it; ``calendars`` say when there is trading.

    The file is read in pieces: memory holds its columns as numbers, not its text.

    Raises
    ------
    BadInput
        The file, a column, the zone, the symbol, market or size cannot be used, or no row is a bar.
    """
    file = look_at(path)
    seconds, day_zone = seconds_of(wanted.size), zone_of(wanted.market)
    zone = zone_named(wanted.zone)
    columns = columns_of(headers_of(file), str(file.path))
    asked = pl.select(house_code(pl.lit(wanted.symbol), wanted.market)).item() if wanted.symbol else None
    days = whole_days(file, columns.used["time"])
    reading = Reading(file.path.name, wanted.market, asked, seconds, zone, day_zone, days)
    account = Account()
    parts = [typed(piece, reading, account) for piece in pieces(file, columns.used)]
    if not account.read:
        raise BadInput("file", str(file.path), "it has a header and no rows")
    if account.read == account.dropped["other_symbol"]:
        some = ", ".join(sorted(account.others)[:5])
        raise BadInput("--symbol", asked, f"the file has {len(account.others)} other symbols, such as {some}")
    if not any(part.height for part in parts):
        raise _no_bars(file, account, wanted)
    return _finish(parts, account, wanted, file, columns, calendars)


def _finish(
    parts: list[pl.DataFrame],
    account: Account,
    wanted: Wanted,
    file: CandleFile,
    columns: Columns,
    calendars: Calendars,
) -> Imported:
    source = f"import:{file.path.name}@{file.sha256[:8]}"
    rows = together(parts)
    written = rows.select("symbol", "start", pl.col("^(change|dividend|split|capital_gain)$"))
    rows = _one_a_moment(rows, account, wanted)
    if rows.is_empty():
        raise _no_bars(file, account, wanted)
    account.tell_all(flaws.of_bars(rows, wanted.market))
    actions = actions_of(rows, written, wanted.provider, wanted.market, source)
    del written
    marked = with_states(rows.drop(LINE))
    del rows
    halts = marked["halted"].drop_nulls().unique().sort().to_list()
    constants = {
        "provider": wanted.provider,
        "market": wanted.market,
        "venue": venue_of(wanted.market, wanted.provider, wanted.venue),
        "source": source,
    }
    # constants take no memory until the rows are moved: these are in order
    bars = marked.select(
        pl.lit(constants[name]).alias(name) if name in constants else pl.col(name).cast(kind)
        for name, kind in SCHEMA.items()
    )
    del marked
    calendar, seconds = calendars.of(wanted.market, wanted.provider), seconds_of(wanted.size)
    series = series_of(seconds, wanted.market, calendar, adjusted=wanted.adjusted, source=source)
    found = findings(bars, series)
    report = Report(
        file=file.path.name,
        sha256=file.sha256,
        source=source,
        size=wanted.size,
        symbols=bars["symbol"].n_unique(),
        read=account.read,
        kept=bars.height,
        dropped={reason: account.dropped[reason] for reason in REASONS if account.dropped[reason]},
        first=moment_text(bars["start"].min()),
        last=moment_text(bars["start"].max()),
        columns=columns.used,
        unused_columns=columns.unused,
        absent_columns=[name for name in NUMBERS if name not in columns.used],
        zone=_zone_said(account.forms, wanted),
        encoding=file.encoding or "parquet",
        no_trade_as=_no_trade_as(halts, found),
        actions=actions.height,
        flaws=account.flaws + flaws_of(found),
    )
    return Imported(bars, actions, found, report, file)


def _one_a_moment(rows: pl.DataFrame, account: Account, wanted: Wanted) -> pl.DataFrame:
    """Tell the flaws of the file's order and codes, then keep one row with a price for each moment."""
    account.tell_all(flaws.as_written(rows))
    account.tell_all(flaws.of_codes(rows, wanted.market))
    kept, doubles = without_duplicates(rows.drop("symbol_written", "offset", "name", strict=False))
    account.drop_again(doubles)
    return account.drop(kept, "no_price", pl.col("close").fill_null(0.0) == 0, "symbol", "start")


def _no_trade_as(halts: list[str], found: pl.DataFrame) -> str:
    ways = halts or (["absent"] if (found["rule"] == "missing").any() else [])
    return " and ".join(ways) or "not seen"


def _zone_said(forms: Collection[str], wanted: Wanted) -> str:
    """How the times were understood, in the forms that the file uses."""
    said = {
        "day": f"days of {zone_of(wanted.market).key}",
        "local": str(wanted.zone),
        "offset": "offsets in the file",
        "epoch": "time since 1970",
    }
    return ", ".join(said[form] for form in sorted(forms))


def _no_bars(file: CandleFile, account: Account, wanted: Wanted) -> BadInput:
    why = ", ".join(f"{count} {reason}" for reason, count in account.dropped.items())
    return BadInput(
        "file",
        str(file.path),
        f"none of its {account.read} rows is a bar of {wanted.size} that begins on time"
        f"{f' ({why})' if why else ''}; look at --size, --tz and --market",
    )
