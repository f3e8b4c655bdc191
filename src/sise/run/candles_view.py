"""How the answers of ``sise candles`` look, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import typer

if TYPE_CHECKING:
    import polars as pl

    from sise.warehouse.history_entry import Entry
    from sise.warehouse.imports.report import Flaw, Report

SHOWN_EXAMPLES: Final = 1


def print_entries(entries: list[Entry]) -> None:
    """A line for each import."""
    for each in entries:
        span = f"{each.files[0].first} to {each.files[-1].last}"
        held = f"{len(each.symbols):>5} symbols  {each.rows:>10,} rows  {span}"
        typer.echo(f"{each.kind:<9}  {each.provider}/{each.market}  {held}  {each.prices:<8}  {each.source}")
    typer.echo(f"{len(entries)} imports")


def print_report(report: Report, *, dry_run: bool) -> None:
    typer.echo(
        f"{report.file}: {report.symbols} symbols, {report.first} to {report.last}, zone: {report.zone}"
    )
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in report.dropped.items())
    typer.echo(
        f"{report.read:,} rows read = {report.kept:,} kept + {report.read - report.kept:,} dropped"
        + (f" ({dropped})" if dropped else "")
    )
    if report.absent_columns:
        typer.echo(f"not told, so unknown: {' '.join(report.absent_columns)}")
    if report.unused_columns:
        typer.echo(f"columns not used: {' '.join(report.unused_columns)}")
    print_flaws(report.flaws)
    if dry_run:
        typer.echo("nothing was kept (--dry-run)")
    elif report.stored:
        typer.echo(f"kept as {report.source} in {len(report.stored)} files")
    else:
        typer.echo("the history holds this file already; nothing changed")


def print_flaws(flaws: list[Flaw]) -> None:
    for flaw in flaws:
        amount = f" ({flaw.amount:,.0f} in all)" if flaw.amount != flaw.count else ""
        typer.echo(
            f"  {flaw.rule:<22} {flaw.count:>8,}{amount}  first: {'; '.join(flaw.examples[:SHOWN_EXAMPLES])}"
        )


def print_written(what: str, bars: pl.DataFrame, as_json: bool) -> None:
    states = dict(bars.group_by("state").len().sort("state").iter_rows())
    if as_json:
        typer.echo(msgspec.json.encode({"written": what, "rows": bars.height, "states": states}))
    else:
        told = ", ".join(f"{count:,} {state}" for state, count in states.items())
        typer.echo(f"{what}: {bars.height:,} bars ({told})")


def print_backfill(
    what: str, bars: pl.DataFrame, still_forming: int, stored: list[str], as_json: bool
) -> None:
    """What a provider told of ``what``, and whether the history had it."""
    from sise.warehouse.candles import moment_text

    starts = bars["start"]
    first, last = (moment_text(starts[at]) if bars.height else None for at in (0, -1))
    if as_json:
        told = {"rows": bars.height, "first": first, "last": last, "still_forming": still_forming}
        typer.echo(msgspec.json.encode({"backfill": what, **told, "stored": stored}))
        return
    left_out = f", {still_forming} still forming left out" if still_forming else ""
    if not bars.height:
        typer.echo(f"{what}: the provider lists no finished bar there{left_out}; nothing changed")
        return
    typer.echo(f"{what}: {bars.height:,} bars, {first} to {last}{left_out}")
    typer.echo(
        f"kept in {len(stored)} files" if stored else "the history holds them already; nothing changed"
    )


def print_damage(damaged: list[str], as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode({"ok": False, "damage": damaged}))
    for line in damaged if not as_json else []:
        typer.echo(line)
    typer.echo(
        "stored files are not as they were written: remove the damaged import's file of the manifest "
        "and import its source again",
        err=True,
    )
