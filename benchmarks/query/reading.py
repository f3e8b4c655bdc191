"""One reading, in a process of its own: ``python -m benchmarks.query.reading whole|parts|floor PLACE``."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import make_url

import sise
from sise.warehouse.candles import SCHEMA
from sise.warehouse.engine import open_engine

SYMBOL = "KRW-BTC"


def read(way: str, place: str) -> int:
    """How many bars were read."""
    if way == "floor":
        return floor(place)
    with sise.connect(place) as reader:
        if way == "whole":
            return reader.bars(SYMBOL).height
        return sum(part.height for part in reader.bars_in_parts(SYMBOL))


def floor(place: str) -> int:
    """The same columns by the driver alone."""
    if "://" not in place:
        files = sorted(Path(place).rglob("*.parquet"))
        return pl.scan_parquet(files, hive_partitioning=False).select(*SCHEMA).collect().height
    engine = open_engine(place)
    names = ", ".join("bar_time" if name == "start" else name for name in SCHEMA)
    names = names.replace("open", "`open`").replace("close", "`close`") if "maria" in place else names
    connection = engine.raw_connection()
    try:
        cursor = _cursor(connection, make_url(place).get_backend_name())
        cursor.execute(f"SELECT {names} FROM scalp_1m_bars WHERE symbol = '{SYMBOL}'")
        rows = 0
        while batch := cursor.fetchmany(50_000):
            rows += len(batch)
        return rows
    finally:
        connection.close()
        engine.dispose()


def _cursor(connection: Any, backend: str) -> Any:
    """One that streams."""
    if backend == "postgresql":
        return connection.cursor(name="floor")
    if backend == "mariadb":
        from pymysql.cursors import SSCursor

        return connection.cursor(SSCursor)
    return connection.cursor()


def peak_mb() -> float:
    """The most that this process held; what ``getrusage`` tells may be its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024, 1)


if __name__ == "__main__":
    import_module("sise.warehouse.query.connecting")  # what is loaded belongs to the memory before
    before, began = peak_mb(), time.perf_counter()
    rows = read(*sys.argv[1:])
    seconds = round(time.perf_counter() - began, 2)
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak_mb(), "before_mb": before}))
