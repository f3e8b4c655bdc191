"""Ours beside the peers, each over the same files and rows, one after the other."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from sqlalchemy import Engine

from benchmarks.etl.work import DAY
from sise.model.time import NS_PER_US
from sise.warehouse.etl.ahead import Unit, UnitsAhead
from sise.warehouse.etl.barrows import bar_rows
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.hearing import Hearing
from sise.warehouse.etl.minutes import DayFold
from sise.warehouse.etl.reading import DayReader
from sise.warehouse.etl.run import Etl
from sise.warehouse.etl.tickarrays import rows_of as tick_rows
from sise.warehouse.etl.ticks import COLUMNS
from sise.warehouse.etl.units import UNIT_ROWS
from sise.warehouse.history_ticks_file import encoded
from sise.warehouse.history_ticks_form import FORMS, stored
from sise.warehouse.load_rows import ready
from sise.warehouse.load_values import Form
from sise.warehouse.schema import scalp_ticks

TIMES = ("event_time", "receive_time")
_TYPES = "{symbol: 'VARCHAR', event_time: 'TIMESTAMP', frame: 'BIGINT', price: 'DOUBLE', size: 'DOUBLE'}"
_QUERY = """
    SELECT symbol, date_trunc('minute', event_time) AS minute, arg_min(price, frame), max(price), min(price),
           arg_max(price, frame), sum(size), count(*)
    FROM read_json('{files}', format = 'newline_delimited', columns = {types}) GROUP BY ALL
"""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def our_bars(root: Path) -> int:
    """Every line checked and decoded, folded, judged: the number of minutes with trades."""
    fold = DayFold(DAY)
    for unit in _units(root):
        fold.fold(unit.read.ticks)
    return int((bar_rows(fold, Hearing(), 60)["trades"] > 0).sum())


def _units(root: Path) -> Iterator[Unit]:
    reader = DayReader(root, DAY)
    units = UnitsAhead(reader, DAY, {}, UNIT_ROWS)
    while unit := units.take():
        yield unit
        units.done()
    units.close()
    reader.close()


def duckdb_bars(root: Path, pattern: str, threads: int) -> int:
    """The same sums by DuckDB: no checksums, no states, no coverage."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    files = str(root / DAY.folder("scalp") / pattern)
    return int(connection.sql(_QUERY.format(files=files, types=_TYPES)).to_arrow_table().num_rows)


def rows_of(root: Path) -> list[tuple[Any, ...]]:
    return [row for unit in _units(root) for row in tick_rows(unit.read.ticks, DAY).iter_rows()]


def our_load(engine: Engine, root: Path) -> None:
    Etl(engine, root, time_ns, Patience(0), tells=False).load_day(DAY)


def time_ns() -> int:
    return time.time_ns() // 1000 * 1000


def bare_load(engine: Engine, rows: list[tuple[Any, ...]]) -> float:
    """Seconds that the database alone takes for the same rows in one transaction, already written down.

    COPY, LOAD DATA or executemany into the same keyed table, by the loader's own last step.
    """
    from sise.warehouse.load_paths import path_for
    from sise.warehouse.partitions import days_of, ensure

    path = path_for(engine)
    form: Form = path.form
    checked = ready(scalp_ticks, COLUMNS, rows, form).ready
    ensure(engine, scalp_ticks, days_of(checked))
    began = time.perf_counter()
    with path.transaction(engine, []) as connection:
        path.write(connection, checked)
    return time.perf_counter() - began


def bytes_a_tick(root: Path, sealed: Path, ticks: int) -> dict[str, float]:
    """Per tick: as JSONL, sealed, and as the history's Parquet with everything that it keeps of a trade."""

    def size(of: Path) -> int:
        return sum(path.stat().st_size for path in (of / DAY.folder("scalp")).iterdir())

    rows = pl.DataFrame(rows_of(root), schema=COLUMNS, orient="row", infer_schema_length=None)
    utc = [pl.from_epoch(pl.col(name) // NS_PER_US, "us").dt.replace_time_zone("UTC") for name in TIMES]
    frame = rows.with_columns(utc).rename({"last_price": "price", "volume": "size"})
    kept = frame.select(pl.col(name).cast(kind) for name, kind in FORMS["ticks"].items())
    parquet = len(encoded(stored(kept.sort("symbol", "event_time"))))
    return {"jsonl": size(root) / ticks, "sealed": size(sealed) / ticks, "parquet": parquet / ticks}


def peak_mib(root: Path, url: str) -> float:
    """The peak memory of a process that loads the journal into a database."""
    code = (
        "import re, sys; from pathlib import Path;"
        "from benchmarks.etl.measure import our_load, time_ns;"
        "from sise.warehouse.engine import open_engine; from sise.warehouse.migrate import upgrade;"
        "e = open_engine(sys.argv[2]); upgrade(e, time_ns()); our_load(e, Path(sys.argv[1]));"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), url], capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])
