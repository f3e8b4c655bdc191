"""A finished day into the history: its minutes, and its end as the provider told it."""

from __future__ import annotations

import hashlib

import polars as pl
from sqlalchemy import Engine

from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.frames import BARS, bars_frame
from sise.warehouse.etl.proof import of_day
from sise.warehouse.history import History
from sise.warehouse.history_entry import Origin

SOURCE = "journal"
KEPT = ("1m", "1d")
"""Coarser minutes are made of these when asked for."""


def keep_day(engine: Engine, history: History, day: MarketDay, now_ns: int) -> list[str]:
    """Store the day's bars with ``source`` ``journal``; the files written, none where it holds the same.

    A day that was loaded again with another outcome is a new import beside the old one, and the last counts.
    Of the end of the day only a word on the whole day is kept: a history of many vendors must not take half a
    day for one.
    """
    written = []
    for size in KEPT:
        bars = bars_frame(engine, BARS[size][0], of_day(BARS[size][0], day), day.market)
        if size == "1d":
            bars = bars.filter(pl.col("state") != "unknown")
        if bars.is_empty():
            continue
        bars = bars.with_columns(source=pl.lit(SOURCE))
        content = bars.write_csv().encode()
        origin = Origin(f"journal {day.name}", hashlib.sha256(content).hexdigest(), len(content))
        written += history.add(f"bars_{size}", bars, origin, now_ns)
    return written
