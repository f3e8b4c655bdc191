"""Reading one-minute bars back: seconds and peak memory for each kind of place, whole and in parts.

    python -m benchmarks.query [--bars 1000000] [--lines 200000] [--json]

Made bars of one symbol around the clock, the same in every place; each reading is a fresh process. *Floor* is
the same select by the database's own driver, rows thrown away; of Parquet it is polars reading the same
columns. The journal holds trades instead, of which bars are made while reading.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import polars as pl
import typer
from rich.console import Console
from rich.table import Table
from tests.warehouse.databases import FRESH

from sise.journal.line import close_line
from sise.model.records import TradeRecord
from sise.model.time import NS_PER_SECOND, NS_PER_US, iso, parse_iso
from sise.warehouse.candles import SCHEMA, UTC_TIME
from sise.warehouse.engine import open_engine
from sise.warehouse.history import History
from sise.warehouse.history_entry import Origin
from sise.warehouse.load import Columns, load_together
from sise.warehouse.migrate import upgrade
from sise.warehouse.schema import scalp_1m_bars

FIRST: Final = parse_iso("2024-11-01T00:00:00Z")
MINUTE_NS: Final = 60 * NS_PER_SECOND
LOADED_AT_ONCE: Final = 100_000
SYMBOL: Final = "KRW-BTC"
META: Final[dict[str, Any]] = {
    "session_id": "s",
    "schema_version": "1.0",
    "mitigation_level": 0,
    "quality_flag": "normal",
}
WAYS: Final = ("whole", "parts", "floor")


def made_bars(count: int) -> pl.DataFrame:
    """Bars that differ in every column that may."""
    number = pl.int_range(count, eager=True)
    close = 150_000_000.0 + (number * 7_919 % 100_003).cast(pl.Float64)
    volume = (number * 104_729 % 1_000_003).cast(pl.Float64)
    start = (number * MINUTE_NS + FIRST) // NS_PER_US
    return pl.DataFrame({
        "provider": ["upbit"] * count, "market": ["crypto"] * count, "venue": ["UPBIT"] * count,
        "symbol": [SYMBOL] * count, "start": start.cast(UTC_TIME), "open": close - 1, "high": close + 2,
        "low": close - 3, "close": close, "volume": volume / 1024, "value": volume / 8,
        "trades": number % 97,
        "state": ["traded"] * count, "coverage_ratio": [1.0] * count, "source": ["journal"] * count,
    }).cast(SCHEMA)  # type: ignore[arg-type]  # fmt: skip


def fill_database(url: str, bars: pl.DataFrame) -> None:
    engine = open_engine(url)
    try:
        upgrade(engine, FIRST)
        for part in bars.iter_slices(LOADED_AT_ONCE):
            columns: dict[str, Any] = part.drop("start").to_dict(as_series=False)
            columns["bar_time"] = (part["start"].dt.timestamp("us") * NS_PER_US).to_list()
            columns |= {name: [value] * part.height for name, value in META.items()}
            loaded = load_together(engine, [Columns(scalp_1m_bars, columns)])
            assert not loaded[0].rejected
    finally:
        engine.dispose()


def fill_journal(root: Path, lines: int) -> None:
    folder = root / "scalp" / "upbit" / "crypto" / "20241101"
    folder.mkdir(parents=True)
    step = 12 * 3_600 * NS_PER_SECOND // lines // NS_PER_US * NS_PER_US
    with (folder / "09_00_00.jsonl").open("wb") as file:
        for number in range(lines):
            at = iso(FIRST + number * step)
            trade = TradeRecord(
                **META, event_time=at, receive_time=at, provider="upbit", market="crypto", venue="UPBIT",
                symbol=SYMBOL, frame=number, price=150_000_000.0 + number % 1_000, size=0.001, side="buy",
                trade_id=str(number),
            )  # fmt: skip
            file.write(close_line(msgspec.json.encode(trade)))


def places(stack: ExitStack, folder: Path, bars: pl.DataFrame, lines: int) -> Iterator[tuple[str, str]]:
    """Each kind of place, filled, as it is asked for."""
    for kind, fresh in FRESH.items():
        own = folder / kind
        own.mkdir()
        url = stack.enter_context(fresh(own))
        fill_database(url, bars)
        yield kind, url
    history = folder / "history"
    History.at(str(history)).add("bars_1m", bars, Origin("made", "0" * 64, 1), FIRST)
    yield "history", str(history)
    fill_journal(folder / "data", lines)
    yield "journal", str(folder / "data")


def main(
    bars: Annotated[int, typer.Option(min=1)] = 1_000_000,
    lines: Annotated[int, typer.Option(min=1, help="Trades in the journal.")] = 200_000,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Fill every kind of place, and read it."""
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for kind, place in places(stack, Path(folder), made_bars(bars), lines):
            for way in WAYS if kind != "journal" else WAYS[:2]:
                command = [sys.executable, "-m", "benchmarks.query.reading", way, place]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                results.append({"place": kind, "way": way, **json.loads(done.stdout)})
    if as_json:
        typer.echo(json.dumps(results))
        return
    table = Table("place", "way", "rows", "seconds", "peak MB", "of it before MB")
    for row in results:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
