"""Records the simulated market once for each depth of book, seals what lies there, and counts bytes.

The market is the simulator's, so the figures say what a setting costs beside another, and only
roughly what a real market costs: that has its own hours and its own liveliness.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from msgspec import Struct, to_builtins
from rich.console import Console
from rich.table import Table

from sise.journal.files import partitions
from sise.journal.seal import seal
from sise.model.time import SystemClock
from sise.run.options import JsonOption, parse_duration

DEPTHS: Final = (1, 5, 15, 30)
WIDTH: Final = 120
"""Characters, where the output is no terminal."""
TRACKS: Final = ("wire", "scalp")
SECONDS_PER_DAY: Final = 86_400
ENDING_SECONDS_MAX: Final = 60.0


class Cost(Struct):
    """One setting, measured over ``seconds``; bytes by track, as written and as sealed."""

    book_depth: int
    seconds: float
    frames: int
    records: int
    plain_bytes: dict[str, int]
    sealed_bytes: dict[str, int]

    def a_day(self, sizes: dict[str, int]) -> float:
        """Gigabytes (10^9) a day."""
        return sum(sizes.values()) / self.seconds * SECONDS_PER_DAY / 1e9


def measure(seconds: float, markets: int, folder: Path) -> list[Cost]:
    """Record every depth at the same time, from the same market."""
    with _simulator() as addresses:
        running = {depth: _collect(depth, seconds, markets, folder, addresses) for depth in DEPTHS}
        ledgers = {
            depth: json.loads(process.communicate(timeout=seconds + ENDING_SECONDS_MAX)[0].splitlines()[-1])
            for depth, process in running.items()
        }
    return [_cost(depth, seconds, ledger, folder / str(depth)) for depth, ledger in ledgers.items()]


@contextmanager
def _simulator() -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "sise", "simulate", "upbit", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _collect(
    depth: int, seconds: float, markets: int, folder: Path, addresses: dict[str, str]
) -> subprocess.Popen[str]:
    config = folder / f"{depth}.toml"
    config.write_text(f"book_depth = {depth}\nmarkets = {markets}\nhistory_candles = 0\n")
    settings = {
        "SISE_CONFIG": str(config),
        "SISE_DATA_DIR": str(folder / str(depth)),
        "SISE_UPBIT_REST_URL": addresses["rest"],
        "SISE_UPBIT_WS_URL": addresses["ws"],
        "SISE_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "sise", "collect", "--for", f"{seconds}s", "--json"]
    return subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)


def _cost(depth: int, seconds: float, ledger: dict[str, Any], data: Path) -> Cost:
    plain, sealed, records = dict.fromkeys(TRACKS, 0), dict.fromkeys(TRACKS, 0), 0
    now = SystemClock().now_ns()
    for track in TRACKS:
        for file in partitions(data, [track]):
            done = seal(file.on_disk(data), now)
            assert done is not None
            plain[track] += done.raw_bytes
            sealed[track] += done.bytes
            records += done.lines if track == "scalp" else 0
    return Cost(depth, seconds, ledger["frames"]["recorded"], records, plain, sealed)


def _show(costs: list[Cost], markets: int) -> None:
    table = Table(title=f"{markets} simulated markets, GB (10^9 bytes) a day", title_justify="left")
    for column in (
        "book_depth",
        "frames/s",
        "records/s",
        "wire",
        "scalp",
        "wire sealed",
        "scalp sealed",
        "all sealed",
    ):
        table.add_column(column, justify="right")
    for cost in costs:
        parts = [{track: sizes[track]} for sizes in (cost.plain_bytes, cost.sealed_bytes) for track in TRACKS]
        table.add_row(
            str(cost.book_depth),
            f"{cost.frames / cost.seconds:,.0f}",
            f"{cost.records / cost.seconds:,.0f}",
            *(f"{cost.a_day(part):.2f}" for part in parts),
            f"{cost.a_day(cost.sealed_bytes):.2f}",
        )
    Console(soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH).print(table)


def main(
    seconds: Annotated[
        float, typer.Option("--for", parser=parse_duration, metavar="DURATION", help="How long to record.")
    ] = 60.0,
    markets: Annotated[int, typer.Option(min=1, max=300)] = 41,
    as_json: JsonOption = False,
) -> None:
    """Bytes a day for each depth of book."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sise-storage-") as folder:
        costs = measure(seconds, markets, Path(folder))
    if as_json:
        print(json.dumps({"markets": markets, "took": time.monotonic() - began, "costs": to_builtins(costs)}))
    else:
        _show(costs, markets)


if __name__ == "__main__":
    typer.run(main)
