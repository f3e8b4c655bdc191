"""What the database says about itself: what was loaded, what was refused, what looks wrong."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Date, Double, Index, Integer, String, Table

from sise.warehouse.tables.columns import LONG, Rules, metadata, one_of, options
from sise.warehouse.tables.types import Number, UtcTime

RUN_STATES: Final = ("running", "done", "failed")

etl_cursor = Table(
    "etl_cursor",
    metadata,
    Column("path", String(200), primary_key=True),
    Column("provider", String(20), nullable=False),
    Column("market", String(20), nullable=False),
    Column("track", String(20), nullable=False),
    Column("day", Date, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("sha256", String(64)),
    Column("updated_at", UtcTime, nullable=False),
    Index("idx_etl_cursor_day", "day"),
    **options(Rules(on_repeat="replace")),
)
"""Up to which ``line`` a partition of the journal is loaded; ``sha256`` of the whole, once sealed."""

etl_runs = Table(
    "etl_runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("provider", String(20), nullable=False),
    Column("market", String(20), nullable=False),
    Column("day", Date, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("status", String(20), nullable=False),
    Column("lines_read", BigInteger),
    Column("rows_changed", BigInteger),
    Column("rows_same", BigInteger),
    Column("rows_rejected", BigInteger),
    Column("detail", LONG),
    one_of("etl_runs", "status", RUN_STATES),
    Index("idx_etl_runs_day", "day"),
    **options(Rules(on_repeat="replace")),
)
"""One run of the ETL over a day, and what came of it; ``detail`` is JSON."""

rejects = Table(
    "rejects",
    metadata,
    Column("table_name", String(40), primary_key=True),
    Column("raw_ref", String(200), primary_key=True),
    Column("day", Date, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("line", LONG),
    Index("idx_rejects_day", "day"),
    **options(Rules(on_repeat="replace")),
)
"""A line of the journal that is in no table, and why."""

corporate_actions = Table(
    "corporate_actions",
    metadata,
    Column("market", String(20), primary_key=True),
    Column("symbol", String(32), primary_key=True),
    Column("ex_date", Date, primary_key=True),
    Column("kind", String(30), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("ratio", Number),
    Column("amount", Number),
    Column("currency", String(8)),
    Column("known_at", UtcTime, nullable=False),
    Column("raw_ref", String(200)),
    Column("detail", LONG),
    **options(Rules(on_repeat="keep")),
)
"""A dated fact; a correction is a further ``version``, so that what was known when can be asked.

``ratio``: new shares for one old; ``amount``: money a share, in ``currency``.
"""

findings = Table(
    "findings",
    metadata,
    Column("rule", String(40), primary_key=True),
    Column("provider", String(20), primary_key=True),
    Column("market", String(20), primary_key=True),
    Column("venue", String(20), primary_key=True),
    Column("symbol", String(32), primary_key=True),
    Column("start_time", UtcTime, primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("end_time", UtcTime),
    Column("value", Double),
    Column("limit_value", Double),
    Column("raw_ref", String(200)),
    Column("detail", LONG),
    Column("found_at", UtcTime, nullable=False),
    Index("idx_findings_time", "start_time"),
    **options(Rules(on_repeat="replace", time="start_time")),
)
"""What a data-quality rule found, with its evidence; ``source`` is the table or file looked at."""
