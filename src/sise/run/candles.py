"""``sise candles``: the candles that users have, into the history and out of it again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sise.model.errors import BadInput
from sise.model.time import SystemClock, parse_iso
from sise.run.backfill import backfill
from sise.run.calendars import exceptions_of
from sise.run.candles_view import print_damage, print_entries, print_flaws, print_report, print_written
from sise.run.history import history_of
from sise.run.lifetime import begin
from sise.run.options import HistoryOption, JsonOption

if TYPE_CHECKING:
    from sise.warehouse.candles_calendar import Calendars
    from sise.warehouse.history import History

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command()(backfill)

SizeOption = Annotated[str, typer.Option(help="The size of the bars: 1m 3m 5m 10m 15m 30m 1h 4h 1d.")]
ProviderOption = Annotated[str | None, typer.Option(help="Whose bars, where several have the symbol.")]
MarketOption = Annotated[str | None, typer.Option(help="Which market, where several have the symbol.")]
VenueOption = Annotated[str | None, typer.Option(help="Where it was traded, where several have the symbol.")]
SourceOption = Annotated[str | None, typer.Option(help="Only this source, as it is.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="The first start, such as 2025-09-01T00:00:00Z.")
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Up to this start, not included.")]


@app.callback()
def candles() -> None:
    """Candles of your own and of providers: import, backfill, check, resample, export."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV (also .gz, .zst) or Parquet.")],
    provider: Annotated[str, typer.Option(help="Whose data it is: upbit, kis, krx, yahoo …")],
    market: Annotated[str, typer.Option(help="crypto, kr_stocks or us_stocks.")],
    size: SizeOption,
    symbol: Annotated[
        str | None, typer.Option(help="The file's symbol; in a file of many: keep only this one.")
    ] = None,
    tz: Annotated[str | None, typer.Option("--tz", help="Zone of times without offset: Asia/Seoul.")] = None,
    venue: Annotated[str | None, typer.Option(help="Where it was traded; else the market's own.")] = None,
    adjusted: Annotated[
        bool, typer.Option("--adjusted", help="The prices were adjusted for splits or dividends.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, and keep nothing.")] = False,
    history: HistoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a file of candles into the history, and report every flaw in it."""
    from sise.warehouse.candles_store import store
    from sise.warehouse.imports.read import Wanted, read_candles

    place, calendars = _places(history)
    wanted = Wanted(
        provider=_word("--provider", provider),
        market=market,
        size=size,
        symbol=symbol,
        venue=venue,
        zone=tz,
        adjusted=adjusted,
    )
    imported = read_candles(file, wanted, calendars)
    if not dry_run:
        imported.report.stored = store(place, imported, wanted, SystemClock().now_ns())
    if as_json:
        typer.echo(msgspec.json.encode(imported.report))
    else:
        print_report(imported.report, dry_run=dry_run)


@app.command("list")
def list_(history: HistoryOption = None, as_json: JsonOption = False) -> None:
    """What the history holds, and what it was made from."""
    entries = _history(history).entries()
    if as_json:
        typer.echo(msgspec.json.encode({"entries": entries}))
        return
    print_entries(entries)


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="NAME.csv, .csv.gz, .csv.zst or .parquet.")],
    size: SizeOption,
    symbol: Annotated[list[str] | None, typer.Option(help="Only this one; may be given again.")] = None,
    provider: ProviderOption = None,
    market: MarketOption = None,
    venue: VenueOption = None,
    source: SourceOption = None,
    start: FromOption = None,
    until: UntilOption = None,
    adjusted: Annotated[
        bool, typer.Option("--adjusted", help="Prices adjusted by the dated corporate actions.")
    ] = False,
    history: HistoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write bars of the history into a file."""
    from sise.warehouse.candles_export import check_name
    from sise.warehouse.candles_export import export as write

    check_name(out)
    begins, ends = _span(start, until)
    bars = _history(history).bars(
        symbol,
        size,
        provider=provider,
        market=market,
        venue=venue,
        source=source,
        start=begins,
        end=ends,
        adjusted=adjusted,
    )
    write(bars, out)
    print_written(str(out), bars, as_json)


@app.command()
def resample(
    to: Annotated[str, typer.Option("--to", help="The coarser size: 1h")],
    size: SizeOption = "1m",
    symbol: Annotated[list[str] | None, typer.Option(help="Only this one; may be given again.")] = None,
    provider: ProviderOption = None,
    market: MarketOption = None,
    venue: VenueOption = None,
    source: SourceOption = None,
    start: FromOption = None,
    until: UntilOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Into this file; else into the history.")] = None,
    history: HistoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make coarser bars; an hour with missing minutes says so."""
    from sise.warehouse.candles_export import check_name, export
    from sise.warehouse.candles_store import resampled, store_resampled

    if out is not None:
        check_name(out)
    begins, ends = _span(start, until)
    place, calendars = _places(history)
    fine = place.bars(
        symbol,
        size,
        provider=provider,
        market=market,
        venue=venue,
        source=source,
        start=begins,
        end=ends,
    )
    if fine.is_empty():
        raise BadInput("--from and --until", f"{start} {until}", "no bar lies between them")
    bars = resampled(fine, size, to, calendars)
    if out is None:
        store_resampled(place, bars, size, to, symbol or ["all"], SystemClock().now_ns())
    else:
        export(bars, out)
    print_written(f"bars_{to}" if out is None else str(out), bars, as_json)


@app.command()
def check(
    size: Annotated[str | None, typer.Option(help="Only bars of this size.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="All findings into this CSV or Parquet.")] = None,
    history: HistoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold the history against the rules of data quality. Exit code 1 where a stored file is damaged."""
    from sise.warehouse.candles import seconds_of
    from sise.warehouse.candles_export import check_name, export
    from sise.warehouse.history_check import check as check_history
    from sise.warehouse.imports.report import flaws_of

    if size is not None:
        seconds_of(size)
    if out is not None:
        check_name(out)
    place, calendars = _places(history)
    damage = list(place.verify())
    if damage:
        print_damage([f"{each.file}: {each.kind}" for each in damage], as_json)
        raise typer.Exit(1)
    found = check_history(place, size, calendars)
    if out is not None:
        export(found, out)
    flaws = flaws_of(found)
    if as_json:
        typer.echo(msgspec.json.encode({"ok": True, "damage": [], "findings": found.height, "rules": flaws}))
    else:
        print_flaws(flaws)
        typer.echo(f"{found.height} findings; every stored file is as it was written")


def _history(place: str | None) -> History:
    from sise.warehouse.history import History

    return History.at(place or history_of(begin()))


def _places(place: str | None) -> tuple[History, Calendars]:
    """The history, and when markets trade: with this installation's exceptions and its journal's answers."""
    from sise.warehouse.candles_calendar import Calendars
    from sise.warehouse.history import History

    settings = begin()
    calendars = Calendars(exceptions_of(settings), settings.data_dir)
    return History.at(place or history_of(settings)), calendars


def _span(start: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """``[from, until)``, aware; None: no bound."""
    begins, ends = _moment("--from", start), _moment("--until", until)
    if begins is not None and ends is not None and ends <= begins:
        raise BadInput("--until", until, f"it is not after --from {start}; give the earlier one first")
    return begins, ends


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        ns = parse_iso(text)
    except BadInput as error:
        raise BadInput(option, text, error.remedy) from None
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC)


def _word(option: str, text: str) -> str:
    """A name that may be a folder."""
    # the journal and the clients write small letters: others would be another provider
    if not text.replace("_", "").replace("-", "").isalnum() or not text.isascii() or text != text.lower():
        raise BadInput(option, text, "use small letters, digits, _ and -")
    return text
