"""``sise rehearse``: short days of each provider by the thousand, with faults, on simulated time.

What must be true of every journal is checked. This is the collector's nightly proof: a seed that breaks
something is printed, and plays the same again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from sise.model.errors import BadInput, SiseError
from sise.run.lifetime import begin
from sise.run.options import JsonOption

if TYPE_CHECKING:
    from sise.rehearse.seeds import SeedResult

SEEDS: Final = 20

Rehearsed = Literal["kis", "upbit"]


class Broken(SiseError):
    """Some seed broke an invariant."""


def rehearse(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, each a day of each provider.")] = SEEDS,
    first: Annotated[int, typer.Option(min=0, help="The seed of the first; the others follow.")] = 0,
    provider: Annotated[
        Rehearsed | None,
        typer.Option(help="Only its days. [default: of each seed, every provider's in turn]"),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="So many at a time. [default: as many as processors]")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="With one seed and --provider: leave its journal in this empty folder."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Play short trading days with faults on simulated time, and check what must be true of every journal."""
    begin()
    totals = {"days": 0, "frames": 0, "faults": 0}
    wrong: list[dict[str, str | int]] = []
    for result in _results(first, seeds, provider, jobs or os.cpu_count() or 1, keep):
        totals["days"] += 1
        totals["frames"] += result.frames
        totals["faults"] += result.faults
        if result.broken:
            wrong.append({"provider": result.provider, "seed": result.seed})
        _tell(result, as_json=as_json)
    if as_json:
        typer.echo(json.dumps({"ok": not wrong, **totals, "broken": wrong}))
    else:
        typer.echo(f"{totals['days']} days, {totals['faults']} faults, {totals['frames']:,} frames: "
                   f"{len(wrong)} broken")  # fmt: skip
    if wrong:
        seed, whose = wrong[0]["seed"], wrong[0]["provider"]
        raise Broken(
            f"seed {seed} of {whose} breaks an invariant: "
            f"sise rehearse --provider {whose} --first {seed} --seeds 1 --keep DIR"
        )


def _results(
    first: int, seeds: int, provider: Rehearsed | None, jobs: int, keep: Path | None
) -> Iterator[SeedResult]:
    from sise.rehearse.seeds import PROVIDERS, run_seed, run_seeds

    if keep is None:
        providers = PROVIDERS if provider is None else (provider,)
        yield from run_seeds(range(first, first + seeds), jobs, providers)
        return
    if seeds != 1 or provider is None:
        raise BadInput(
            "--keep", str(keep), f"it takes one day: add --seeds 1 --provider {'|'.join(PROVIDERS)}"
        )
    if keep.exists() and any(keep.iterdir()):
        raise BadInput("--keep", str(keep), "name an empty folder")
    keep.mkdir(parents=True, exist_ok=True)
    yield run_seed(first, keep, provider)


def _tell(result: SeedResult, *, as_json: bool) -> None:
    if as_json:
        from msgspec.json import encode

        typer.echo(encode(result).decode())
        return
    verdict = "BROKEN" if result.broken else "ok"
    typer.echo(
        f"{result.provider} seed {result.seed}: {verdict}, {result.frames:,} frames, {result.faults} faults"
    )
    for what in result.broken:
        typer.echo(f"    {what}")
