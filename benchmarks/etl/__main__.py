"""``python -m benchmarks.etl``: journal -> bars and journal -> databases, beside peers, in one run.

The databases are those of ``--url`` (empty ones, their tables are made) and a new SQLite file.
"""

from __future__ import annotations

import gc
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from sqlalchemy import Engine, delete, text

from benchmarks.etl import measure
from benchmarks.etl.work import make_journal
from sise.run.etl import GC_AFTER_OBJECTS
from sise.run.options import JsonOption
from sise.warehouse.engine import open_engine
from sise.warehouse.migrate import upgrade
from sise.warehouse.schema import metadata

ROUNDS = 9
"""Each of ours and the peers in turn, after a first round that warms up."""


def main(
    ticks: Annotated[int, typer.Option(help="Trades in the journal.")] = 200_000,
    url: Annotated[list[str] | None, typer.Option(help="An empty database; may be given again.")] = None,
    memory: Annotated[bool, typer.Option(help="Also load a day ten times as large.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Measure, and print ratios to the peers."""
    gc.set_threshold(GC_AFTER_OBJECTS)
    with tempfile.TemporaryDirectory() as name:
        found = _all(Path(name), ticks, url or [], memory=memory)
    if as_json:
        print(json.dumps(found))
        return
    for section, values in found.items():
        print(section)
        for label, value in values.items():
            print(f"  {label:<44} {value:>14,.2f}")


def _all(folder: Path, ticks: int, urls: list[str], *, memory: bool) -> dict[str, dict[str, float]]:
    plain, sealed = folder / "plain", folder / "sealed"
    make_journal(plain, ticks)
    make_journal(sealed, ticks, sealed=True)
    found = {
        "bars, ticks a second": _bars(plain, sealed, ticks),
        "bytes a tick": measure.bytes_a_tick(plain, sealed, ticks),
    }
    rows = measure.rows_of(plain)
    for url in [f"sqlite:///{folder / 'bench.db'}", *urls]:
        found[f"load, {url.partition(':')[0]}"] = _load(url, plain, rows)
    if memory:
        big = folder / "big"
        make_journal(big, ticks, times=10)
        found["peak MiB"] = {
            "loading the day": measure.peak_mib(plain, f"sqlite:///{folder / 'one.db'}"),
            "loading a day ten times as large": measure.peak_mib(big, f"sqlite:///{folder / 'ten.db'}"),
        }
    return found


def _bars(plain: Path, sealed: Path, ticks: int) -> dict[str, float]:
    works: dict[str, Any] = {
        "ours, plain": lambda: measure.our_bars(plain),
        "ours, sealed": lambda: measure.our_bars(sealed),
        "duckdb bare, plain, 1 thread": lambda: measure.duckdb_bars(plain, "*.jsonl", 1),
        "duckdb bare, plain, 2 threads": lambda: measure.duckdb_bars(plain, "*.jsonl", 2),
        "duckdb bare, sealed, 2 threads": lambda: measure.duckdb_bars(sealed, "*.jsonl.zst", 2),
    }
    rounds: list[dict[str, float]] = []
    counts = set()
    for _ in range(ROUNDS + 1):
        runs = {name: measure.timed(work) for name, work in works.items()}
        counts |= {count for _, count in runs.values()}
        rounds.append({name: ticks / seconds for name, (seconds, _) in runs.items()})
    assert len(counts) == 1, f"not the same bars: {counts}"
    warm = rounds[1:]
    rates = {name: median(each[name] for each in warm) for name in works}
    for kind in ("plain", "sealed"):
        ratios = sorted(each[f"ours, {kind}"] / each[f"duckdb bare, {kind}, 2 threads"] for each in warm)
        rates |= {
            f"ratio to duckdb, {kind}, median": median(ratios),
            f"ratio to duckdb, {kind}, lowest": ratios[0],
            f"ratio to duckdb, {kind}, highest": ratios[-1],
        }
    return rates


def _load(url: str, root: Path, rows: list[Any]) -> dict[str, float]:
    engine = open_engine(url)
    upgrade(engine, measure.time_ns())
    try:
        bare = measure.bare_load(engine, rows)
        with engine.begin() as connection:
            connection.execute(_emptied(engine, "scalp_ticks"))
        ours, _ = measure.timed(lambda: measure.our_load(engine, root))
    finally:
        engine.dispose()
    return {
        "bare rows a second": len(rows) / bare,
        "ours, journal to ticks and bars, ticks a second": len(rows) / ours,
        "ratio to bare": bare / ours,
    }


def _emptied(engine: Engine, table: str) -> Any:
    """A server clears deleted rows away beside whatever runs next; truncated, there are none."""
    return delete(metadata.tables[table]) if engine.name == "sqlite" else text(f"TRUNCATE TABLE {table}")


typer.run(main)
