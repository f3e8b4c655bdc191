"""``sise journal retain``: which raw days stay, which go, and why; once, or every day by itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress
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
    every_day_at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HH:MM", help="Stay, and do it at this time of Seoul's clock; may be given again."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Remove raw days that are old enough and backed up. Exit code 1 where one is over the cap without."""
    from sise.fleet.schedule import every_day, parse_time
    from sise.journal.disk import OsDisk
    from sise.journal.lifecycle import Retention
    from sise.run.clocks import clock_of

    settings = begin()
    root, clock = settings.data_dir, clock_of(settings.clock)
    if not root.is_dir():
        raise BadInput("data_dir (SISE_DATA_DIR)", str(root), "there is no such folder; name a journal's")
    times = [parse_time(each) for each in every_day_at or []]
    if times and (dry_run or over_cap):
        what = "--dry-run" if dry_run else "--over-cap"
        raise BadInput("--every-day-at", what, "what is done every day is the plan itself: leave one out")
    retention = Retention(root, OsDisk(), clock, SystemClock())
    alarms = False

    async def once() -> bool:
        nonlocal alarms
        decisions = await asyncio.to_thread(retention.apply)
        _print(decisions, as_json, applied=True)
        alarms = _has_alarm(decisions)
        return True

    if times:
        with suppress(KeyboardInterrupt):
            asyncio.run(every_day(clock, times, once))
    else:
        decisions = retention.plan(over_cap=over_cap) if dry_run else retention.apply(over_cap=over_cap)
        _print(decisions, as_json, applied=not dry_run)
        alarms = _has_alarm(decisions)
    if alarms:
        raise typer.Exit(1)


def _has_alarm(decisions: list[Decision]) -> bool:
    return any(each.action == "alarm" for each in decisions)


def _print(decisions: list[Decision], as_json: bool, *, applied: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode({"applied": applied, "days": decisions}))
        return
    for each in decisions:
        typer.echo(f"{each.day}  {each.action:<6}  {each.bytes:>15,} bytes  {each.reason}")
    going = [each for each in decisions if each.action == "remove"]
    typer.echo(f"{len(decisions)} days; {len(going)} to remove, {sum(each.bytes for each in going):,} bytes")
