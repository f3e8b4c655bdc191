"""``sise journal retain``: which raw days stay, which go, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sise.model.errors import BadInput
from sise.model.time import SystemClock
from sise.run.lifetime import begin
from sise.run.options import JsonOption

if TYPE_CHECKING:
    from sise.journal.retention import Decision


def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan, remove nothing.")] = False,
    over_cap: Annotated[
        bool, typer.Option("--over-cap", help="Also remove days over the cap that have no verified backup.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove raw days that are old enough and backed up. Exit code 1 where one is over the cap without."""
    from sise.journal.disk import OsDisk
    from sise.journal.lifecycle import Retention

    root = begin().data_dir
    if not root.is_dir():
        raise BadInput("data_dir (SISE_DATA_DIR)", str(root), "there is no such folder; name a journal's")
    retention = Retention(root, OsDisk(), SystemClock())
    decisions = retention.plan(over_cap=over_cap) if dry_run else retention.apply(over_cap=over_cap)
    if as_json:
        typer.echo(msgspec.json.encode({"applied": not dry_run, "days": decisions}))
    else:
        _print(decisions)
    if any(each.action == "alarm" for each in decisions):
        raise typer.Exit(1)


def _print(decisions: list[Decision]) -> None:
    for each in decisions:
        typer.echo(f"{each.day}  {each.action:<6}  {each.bytes:>15,} bytes  {each.reason}")
    going = [each for each in decisions if each.action == "remove"]
    typer.echo(f"{len(decisions)} days; {len(going)} to remove, {sum(each.bytes for each in going):,} bytes")
