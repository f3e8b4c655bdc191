"""Track B: ticks, their bars and the holes (2.14.4)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, String, Table

from sise.warehouse.tables.bars import bar_table
from sise.warehouse.tables.columns import (
    LONG,
    QUALITY_FLAGS,
    Rules,
    instrument,
    meta,
    metadata,
    one_of,
    options,
)
from sise.warehouse.tables.types import Number, UtcTime

TICK_KINDS: Final = ("trade", "sample")

scalp_ticks = Table(
    "scalp_ticks",
    metadata,
    *instrument(),
    Column("event_time", UtcTime, primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("bid_price", Number),
    Column("ask_price", Number),
    Column("bid_size", Number),
    Column("ask_size", Number),
    Column("last_price", Number),
    Column("volume", Number),
    Column("side", String(10)),
    Column("day_volume", Number),
    Column("frame", BigInteger),
    Column("notes", String(200)),
    *meta(),
    one_of("scalp_ticks", "kind", TICK_KINDS),
    one_of("scalp_ticks", "quality_flag", QUALITY_FLAGS),
    Index("idx_scalp_ticks_symbol_time", "symbol", "event_time"),
    Index("idx_scalp_ticks_session", "session_id"),
    **options(Rules(on_repeat="keep", time="event_time", partitioned=True)),
)
"""A trade, or a sample of a slot on the grid.

``id`` is the provider's trade id; of a sample its ``raw_ref``. ``volume`` is the size of a trade
(a sample has none); ``day_volume`` is the provider's cumulative volume of a sample. ``frame`` is the
number of the wire line, ``notes`` the record's notes with commas between.
"""

scalp_1m_bars = bar_table("scalp_1m_bars", "scalp_1m_bars")
scalp_5m_bars = bar_table("scalp_5m_bars", "scalp_5m_bars")

scalp_gaps = Table(
    "scalp_gaps",
    metadata,
    Column("provider", String(20), primary_key=True),
    Column("market", String(20), primary_key=True),
    Column("gap_start_ts", UtcTime, primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("gap_end_ts", UtcTime, nullable=False),
    Column("gap_seconds", Double, nullable=False),
    Column("scope", String(20)),
    Column("reason", String(100)),
    Column("detail", LONG),
    Column("event_time", UtcTime, nullable=False),
    *meta(),
    one_of("scalp_gaps", "quality_flag", QUALITY_FLAGS),
    Index("idx_scalp_gaps_session", "session_id"),
    Index("idx_scalp_gaps_time", "gap_start_ts"),
    **options(Rules(on_repeat="replace", time="gap_start_ts")),
)
"""A hole in what was heard. ``id`` is the marker's ``raw_ref``; ``event_time`` when it was written."""
