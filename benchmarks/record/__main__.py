"""``python -m benchmarks.record``: see the package's docstring; ``docs/performance.md`` has the figures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from benchmarks.record import report, soak
from benchmarks.record.measure import Result
from benchmarks.record.rounds import RECEIVERS, bench, need_room, summarize
from sise.run.options import parse_duration


def main(
    frames: Annotated[int, typer.Option(min=1_000, max=2_000_000, help="Frames a round.")] = 200_000,
    rounds: Annotated[int, typer.Option(min=1, max=50)] = 3,
    peers: Annotated[
        str, typer.Option(help=f"Which receivers, with commas: {','.join(RECEIVERS)}.")
    ] = ",".join(RECEIVERS),
    soak_for: Annotated[
        float | None,
        typer.Option("--soak", parser=parse_duration, metavar="DURATION", help="sise alone, steadily."),
    ] = None,
    soak_rate: Annotated[int, typer.Option(min=100, max=200_000, help="Frames a second then.")] = 20_000,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Frames and journals lie here for a while.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Frames per second on one core, from a loopback socket to the durable journal."""
    names = [name for name in peers.split(",") if name]
    if unknown := set(names) - set(RECEIVERS):
        raise typer.BadParameter(
            f"{', '.join(unknown)}: choose from {', '.join(RECEIVERS)}", param_hint="--peers"
        )
    console = Console(stderr=as_json, soft_wrap=True, width=None if sys.stdout.isatty() else report.WIDTH)
    with bench(frames, folder) as work:
        if soak_for is None:
            results = [work.round(names, lambda each: _say(console, each)) for _ in range(rounds)]
            summary = summarize(work.facts, results)
            if as_json:
                print(msgspec.json.encode(summary).decode())
            else:
                report.show(console, summary)
            sys.exit(0 if summary.nothing_lost is not False else 1)
        total = round(soak_rate * soak_for)
        size = total * soak.BYTES_PER_FRAME
        if size > soak.JOURNAL_BYTES_MAX:
            raise typer.BadParameter(f"{size:,} bytes of journal; take less time or a lower --soak-rate")
        need_room(work.folder, size)
        with work.sender(soak_rate, soak_for) as url, work.data() as data:
            arguments = [work.receiver_core, url, work.folder, data, total]
            result = work.child("soak", [str(each) for each in arguments], soak_for + soak.END_SECONDS_MAX)
        if as_json:
            print(msgspec.json.encode(result).decode())
        else:
            report.show_soak(console, result)
        sys.exit(0 if result.detail["ok"] else 1)


def _say(console: Console, result: Result) -> None:
    console.print(f"{result.name}: {result.per_second:,.0f} frames/s", style="dim")


if __name__ == "__main__":
    typer.run(main)
