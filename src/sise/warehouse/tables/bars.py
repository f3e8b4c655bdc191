"""Bars of a fixed size, and the end of a day (2.14.4, 2.14.5)."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Table

from sise.warehouse.tables.columns import (
    QUALITY_FLAGS,
    STATES,
    Rules,
    instrument,
    meta,
    metadata,
    one_of,
    options,
    prices,
    proof,
)
from sise.warehouse.tables.types import Number, UtcTime


def bar_table(name: str, index: str) -> Table:
    """A table of bars; ``bar_time`` is where a bar begins.

    ``event_time`` and ``receive_time`` are those of the last record folded in, ``NULL`` where there
    was none. A bar that is loaded again replaces the one that is there.
    """
    return Table(
        name,
        metadata,
        *instrument(),
        Column("bar_time", UtcTime, primary_key=True),
        *prices(),
        *proof(),
        Column("event_time", UtcTime),
        *meta(),
        one_of(name, "state", STATES),
        one_of(name, "quality_flag", QUALITY_FLAGS),
        Index(f"idx_{index}_session", "session_id"),
        **options(Rules(on_repeat="replace", time="bar_time", partitioned=True)),
    )


swing_bars_10m = bar_table("swing_bars_10m", "swing_10m")
swing_bars_1h = bar_table("swing_bars_1h", "swing_1h")

eod_prices = Table(
    "eod_prices",
    metadata,
    *instrument(),
    Column("trade_date", Date, primary_key=True),
    *prices(),
    Column("prev_close", Number),
    *proof(),
    Column("event_time", UtcTime),
    *meta(session=False),
    one_of("eod_prices", "state", STATES),
    one_of("eod_prices", "quality_flag", QUALITY_FLAGS),
    Index("idx_eod_prices_date", "trade_date"),
    **options(Rules(on_repeat="replace")),
)
"""A day of a symbol in its market's own time zone; ``prev_close`` as the provider said it."""
