"""The trading database: every table, for SQLite, PostgreSQL and MariaDB alike.

The names are those of the source documents (2.14.3-2.14.6). ``docs/warehouse.md`` says what differs and
why. A table that is changed here needs a migration (:mod:`sise.warehouse.migrate`); a test compares.
"""

from __future__ import annotations

from typing import Final

from sise.warehouse.tables.bars import eod_prices, swing_bars_1h, swing_bars_10m
from sise.warehouse.tables.bookkeeping import corporate_actions, etl_cursor, etl_runs, findings, rejects
from sise.warehouse.tables.columns import Rules, metadata, rules
from sise.warehouse.tables.portfolio import (
    portfolio_policy,
    portfolio_positions,
    portfolio_snapshot,
    rebalance_execution,
    rebalance_orders,
    rebalance_plan,
    target_weights,
)
from sise.warehouse.tables.scalp import scalp_1m_bars, scalp_5m_bars, scalp_gaps, scalp_ticks
from sise.warehouse.tables.types import Number, UtcTime

BARS: Final = {
    ("scalp", "1m"): scalp_1m_bars,
    ("scalp", "5m"): scalp_5m_bars,
    ("swing", "10m"): swing_bars_10m,
    ("swing", "1h"): swing_bars_1h,
}
"""Where the bars of a track and size lie."""
PARTITIONED: Final = tuple(table for table in metadata.sorted_tables if rules(table).partitioned)

__all__ = [
    "BARS",
    "PARTITIONED",
    "Number",
    "Rules",
    "UtcTime",
    "corporate_actions",
    "eod_prices",
    "etl_cursor",
    "etl_runs",
    "findings",
    "metadata",
    "portfolio_policy",
    "portfolio_positions",
    "portfolio_snapshot",
    "rebalance_execution",
    "rebalance_orders",
    "rebalance_plan",
    "rejects",
    "rules",
    "scalp_1m_bars",
    "scalp_5m_bars",
    "scalp_gaps",
    "scalp_ticks",
    "swing_bars_1h",
    "swing_bars_10m",
    "target_weights",
]
