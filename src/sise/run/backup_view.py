"""What ``sise backup`` prints: JSON for programs, a line for each day and finding for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import typer

if TYPE_CHECKING:
    from sise.fleet.pull import Pulled
    from sise.fleet.verify import Report


def is_well(pulled: Pulled) -> bool:
    """Whether there is nothing to do again soon: a day that goes on at the server is for the next time."""
    return pulled.ok or (not pulled.finished and not pulled.findings)


def print_pulled(pulled: list[Pulled], as_json: bool) -> None:
    """What came of each day."""
    if as_json:
        typer.echo(
            msgspec.json.encode(
                {
                    "ok": all(is_well(each) for each in pulled),
                    "verified": [each.day for each in pulled if each.ok],
                    "days": pulled,
                }
            )
        )
        return
    for each in pulled:
        typer.echo(f"{each.day}: {_verdict(each)}")
        for finding in each.findings:
            typer.echo(f"  {finding.kind}: {finding.file}: {finding.what}")
        for partition in each.open if not each.findings else []:
            typer.echo(f"  not finished: {partition}")


def _verdict(pulled: Pulled) -> str:
    much = f"{pulled.files:,} files, {pulled.bytes:,} bytes, {pulled.fetched_bytes:,} fetched"
    if pulled.ok:
        return f"{'held already' if pulled.held_before else 'verified'} ({much}, {pulled.seconds:.1f} s)"
    if pulled.findings:
        return f"NOT backed up ({much})"
    return f"not finished at the server; no SUCCESS.marker yet ({much})"


def print_report(report: Report, as_json: bool, done: str) -> None:
    """What was found; ends with exit code 1 where anything was."""
    if as_json:
        typer.echo(msgspec.json.encode(report))
    else:
        for finding in report.findings:
            typer.echo(f"{finding.kind}: {finding.file}: {finding.what}")
        verdict = done if report.ok else f"{len(report.findings)} findings"
        typer.echo(f"{report.files:,} files, {report.bytes:,} bytes, {report.seconds:.1f} s: {verdict}")
    if not report.ok:
        raise typer.Exit(1)
