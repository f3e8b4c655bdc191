"""Bars of the trading database as the columns that the history and the rules of quality share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import ColumnElement, Engine, Table, select

from sise.model.time import NS_PER_US
from sise.warehouse.candles import SCHEMA, shaped, zone_of
from sise.warehouse.schema import eod_prices, scalp_1m_bars, scalp_5m_bars, swing_bars_1h, swing_bars_10m

BARS: Final[dict[str, tuple[Table, int]]] = {
    "1m": (scalp_1m_bars, 60),
    "5m": (scalp_5m_bars, 300),
    "10m": (swing_bars_10m, 600),
    "1h": (swing_bars_1h, 3_600),
    "1d": (eod_prices, 86_400),
}
"""Every table of bars: its size by name, and in seconds."""


def bars_frame(engine: Engine, table: Table, where: ColumnElement[bool], market: str) -> pl.DataFrame:
    """Rows of one market (columns of ``SCHEMA``); a day begins at its market's midnight."""
    time = "trade_date" if table is eod_prices else "bar_time"
    names = [name for name in SCHEMA if name != "start"]
    query = select(table.c[time], *(table.c[name] for name in names)).where(where)
    columns: dict[str, list[Any]] = {"start": [], **{name: [] for name in names}}
    with engine.connect() as connection:
        for row in connection.execute(query.execution_options(yield_per=5_000)):
            for name, value in zip(columns, row, strict=True):
                columns[name].append(_plain(value, market) if name == "start" else _number(value))
    schema = {name: pl.Int64() if name == "start" else SCHEMA[name] for name in columns}
    frame = pl.DataFrame(columns, schema=schema)
    return shaped(frame.with_columns(pl.col("start").cast(pl.Datetime("us", "UTC"))))


def _plain(value: int | date, market: str) -> int:
    """A moment in µs."""
    if isinstance(value, int):
        return value // NS_PER_US
    midnight = datetime(value.year, value.month, value.day, tzinfo=zone_of(market))
    return int(midnight.timestamp()) * 1_000_000


def _number(value: Any) -> Any:
    return float(value) if hasattr(value, "as_tuple") else value
