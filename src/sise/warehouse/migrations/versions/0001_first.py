"""The first tables (2.14.3-2.14.6), partitioned by month as each database does it.

What a migration has done stays done: this file describes the tables as they were then, and shares
nothing with the tables of today but the two column types. Every step may be repeated, because
MariaDB commits each of them: an upgrade that was cut short is taken up by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

from sise.warehouse.tables.types import Number, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

C = sa.Column
LONG = sa.Text().with_variant(MEDIUMTEXT(), "mariadb", "mysql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
QUALITY = {"quality_flag": ("normal", "degraded", "gap")}
STATE = {"state": ("traded", "empty", "unknown"), **QUALITY}
BARS = {
    "scalp_1m_bars": "idx_scalp_1m_bars_session",
    "scalp_5m_bars": "idx_scalp_5m_bars_session",
    "swing_bars_10m": "idx_swing_10m_session",
    "swing_bars_1h": "idx_swing_1h_session",
}


def upgrade() -> None:
    """Make all tables; partitions of months are made by the loader and the housekeeping."""
    _scalp_ticks()
    for name, index in BARS.items():
        _bars(name, index)
    _scalp_gaps()
    _eod_prices()
    _bookkeeping()
    _facts()
    _portfolio()
    _rebalance()


def downgrade() -> None:
    """Drop all tables, those that refer to others first."""
    for name in (
        *("rebalance_execution", "rebalance_orders", "rebalance_plan", "portfolio_positions"),
        *("portfolio_snapshot", "target_weights", "portfolio_policy", "findings", "corporate_actions"),
        *("rejects", "etl_runs", "etl_cursor", "eod_prices", "scalp_gaps", *BARS, "scalp_ticks"),
    ):
        op.drop_table(name, if_exists=True)


def _table(
    name: str,
    *columns: sa.Column[Any],
    words: Mapping[str, tuple[str, ...]] | None = None,
    month_of: str | None = None,
    serial: bool = False,
    indexes: Mapping[str, tuple[str, ...]] | None = None,
) -> None:
    checks = [
        sa.CheckConstraint(
            f"{column} IN ({', '.join(repr(word) for word in allowed)})", f"ck_{name}_{column}"
        )
        for column, allowed in (words or {}).items()
    ]
    how: dict[str, Any] = {
        "sqlite_with_rowid": serial,
        "mariadb_engine": "InnoDB",
        "mariadb_charset": "utf8mb4",
        "mariadb_collate": "utf8mb4_nopad_bin",
    }
    timescale = month_of is not None and _has_timescale()
    if month_of and not timescale:
        how["postgresql_partition_by"] = f"RANGE ({month_of})"
        how["mariadb_partition_by"] = (
            f"RANGE COLUMNS ({month_of}) (PARTITION p196912 VALUES LESS THAN ('1970-01-01'))"
        )
    op.create_table(name, *columns, *checks, if_not_exists=True, **how)
    if timescale:  # chunks of a day, because those of a week lie in two months
        op.execute(
            f"SELECT create_hypertable('{name}', '{month_of}', chunk_time_interval => interval '1 day',"
            " create_default_indexes => false, if_not_exists => true)"
        )
    for index, over in (indexes or {}).items():
        op.create_index(index, name, list(over), if_not_exists=True)


def _has_timescale() -> bool:
    bind = op.get_bind()
    found = sa.text("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
    return bind.dialect.name == "postgresql" and bind.scalar(found) is not None


def _instrument() -> list[sa.Column[Any]]:
    widths = {"provider": 20, "market": 20, "venue": 20, "symbol": 32}
    return [C(name, sa.String(width), primary_key=True) for name, width in widths.items()]


def _meta(*, session: bool = True) -> list[sa.Column[Any]]:
    return [
        C("receive_time", UtcTime),
        C("session_id", sa.String(64), nullable=not session),
        C("schema_version", sa.String(10), nullable=False),
        C("mitigation_level", sa.Integer, nullable=False),
        C("quality_flag", sa.String(20), nullable=False),
        C("raw_ref", sa.String(200)),
    ]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [C(name, Number) for name in names]


def _proof() -> list[sa.Column[Any]]:
    return [
        C("trades", sa.Integer),
        C("coverage_ratio", sa.Double),
        C("state", sa.String(10), nullable=False),
        C("source", sa.String(64), nullable=False),
    ]


def _scalp_ticks() -> None:
    _table(
        "scalp_ticks",
        *_instrument(),
        C("event_time", UtcTime, primary_key=True),
        C("id", sa.String(200), primary_key=True),
        C("kind", sa.String(10), nullable=False),
        *_numbers("bid_price", "ask_price", "bid_size", "ask_size", "last_price", "volume"),
        C("side", sa.String(10)),
        C("day_volume", Number),
        C("frame", sa.BigInteger),
        C("notes", sa.String(200)),
        *_meta(),
        words={"kind": ("trade", "sample"), **QUALITY},
        month_of="event_time",
        indexes={
            "idx_scalp_ticks_symbol_time": ("symbol", "event_time"),
            "idx_scalp_ticks_session": ("session_id",),
        },
    )


def _bars(name: str, index: str) -> None:
    _table(
        name,
        *_instrument(),
        C("bar_time", UtcTime, primary_key=True),
        *_numbers("open", "high", "low", "close", "volume", "value"),
        *_proof(),
        C("event_time", UtcTime),
        *_meta(),
        words=STATE,
        month_of="bar_time",
        indexes={index: ("session_id",)},
    )


def _scalp_gaps() -> None:
    _table(
        "scalp_gaps",
        C("provider", sa.String(20), primary_key=True),
        C("market", sa.String(20), primary_key=True),
        C("gap_start_ts", UtcTime, primary_key=True),
        C("id", sa.String(200), primary_key=True),
        C("gap_end_ts", UtcTime, nullable=False),
        C("gap_seconds", sa.Double, nullable=False),
        C("scope", sa.String(20)),
        C("reason", sa.String(100)),
        C("detail", LONG),
        C("event_time", UtcTime, nullable=False),
        *_meta(),
        words=QUALITY,
        indexes={"idx_scalp_gaps_session": ("session_id",), "idx_scalp_gaps_time": ("gap_start_ts",)},
    )


def _eod_prices() -> None:
    _table(
        "eod_prices",
        *_instrument(),
        C("trade_date", sa.Date, primary_key=True),
        *_numbers("open", "high", "low", "close", "volume", "value", "prev_close"),
        *_proof(),
        C("event_time", UtcTime),
        *_meta(session=False),
        words=STATE,
        indexes={"idx_eod_prices_date": ("trade_date",)},
    )


def _bookkeeping() -> None:
    _table(
        "etl_cursor",
        C("path", sa.String(200), primary_key=True),
        C("provider", sa.String(20), nullable=False),
        C("market", sa.String(20), nullable=False),
        C("track", sa.String(20), nullable=False),
        C("day", sa.Date, nullable=False),
        C("line", sa.BigInteger, nullable=False),
        C("sha256", sa.String(64)),
        C("updated_at", UtcTime, nullable=False),
        indexes={"idx_etl_cursor_day": ("day",)},
    )
    _table(
        "etl_runs",
        C("run_id", sa.String(64), primary_key=True),
        C("provider", sa.String(20), nullable=False),
        C("market", sa.String(20), nullable=False),
        C("day", sa.Date, nullable=False),
        C("started_at", UtcTime, nullable=False),
        C("ended_at", UtcTime),
        C("status", sa.String(20), nullable=False),
        *(C(name, sa.BigInteger) for name in ("lines_read", "rows_changed", "rows_same", "rows_rejected")),
        C("detail", LONG),
        words={"status": ("running", "done", "failed")},
        indexes={"idx_etl_runs_day": ("day",)},
    )
    _table(
        "rejects",
        C("table_name", sa.String(40), primary_key=True),
        C("raw_ref", sa.String(200), primary_key=True),
        C("day", sa.Date, nullable=False),
        C("reason", sa.String(500), nullable=False),
        C("line", LONG),
        indexes={"idx_rejects_day": ("day",)},
    )


def _facts() -> None:
    _table(
        "corporate_actions",
        C("market", sa.String(20), primary_key=True),
        C("symbol", sa.String(32), primary_key=True),
        C("ex_date", sa.Date, primary_key=True),
        C("kind", sa.String(30), primary_key=True),
        C("source", sa.String(64), primary_key=True),
        C("version", sa.Integer, primary_key=True, autoincrement=False),
        *_numbers("ratio", "amount"),
        C("currency", sa.String(8)),
        C("known_at", UtcTime, nullable=False),
        C("raw_ref", sa.String(200)),
        C("detail", LONG),
    )
    _table(
        "findings",
        C("rule", sa.String(40), primary_key=True),
        *_instrument(),
        C("start_time", UtcTime, primary_key=True),
        C("source", sa.String(64), primary_key=True),
        C("end_time", UtcTime),
        C("value", sa.Double),
        C("limit_value", sa.Double),
        C("raw_ref", sa.String(200)),
        C("detail", LONG),
        C("found_at", UtcTime, nullable=False),
        indexes={"idx_findings_time": ("start_time",)},
    )


def _of(target: str, table: str, kind: Any = sa.BigInteger, **how: Any) -> sa.Column[Any]:
    name = target.rpartition(".")[2]
    return C(name, kind, sa.ForeignKey(target, name=f"fk_{table}_{name}"), **how)


def _portfolio() -> None:
    policy = "portfolio_policy.policy_id"
    _table(
        "portfolio_policy",
        C("policy_id", sa.String(50), primary_key=True),
        C("name", sa.String(100), nullable=False),
        C("rebalance_freq", sa.String(20)),
        C("max_position_pct", sa.Double),
        C("created_at", UtcTime, nullable=False),
    )
    _table(
        "target_weights",
        _of(policy, "target_weights", sa.String(50), primary_key=True),
        C("market", sa.String(20), primary_key=True),
        C("symbol", sa.String(32), primary_key=True),
        C("effective_date", sa.Date, primary_key=True),
        C("target_weight", sa.Double, nullable=False),
    )
    _table(
        "portfolio_snapshot",
        C("snapshot_id", SERIAL, primary_key=True),
        _of(policy, "portfolio_snapshot", sa.String(50)),
        C("snapshot_time", UtcTime, nullable=False),
        *_numbers("total_value", "cash"),
        C("session_id", sa.String(64)),
        serial=True,
        indexes={
            "idx_portfolio_snapshot_policy": ("policy_id",),
            "idx_portfolio_snapshot_session": ("session_id",),
        },
    )
    _table(
        "portfolio_positions",
        _of("portfolio_snapshot.snapshot_id", "portfolio_positions", primary_key=True, autoincrement=False),
        C("market", sa.String(20), primary_key=True),
        C("symbol", sa.String(32), primary_key=True),
        *_numbers("quantity", "avg_price", "market_value"),
        C("weight_pct", sa.Double),
    )


def _rebalance() -> None:
    _table(
        "rebalance_plan",
        C("plan_id", SERIAL, primary_key=True),
        _of("portfolio_policy.policy_id", "rebalance_plan", sa.String(50)),
        C("created_at", UtcTime, nullable=False),
        C("status", sa.String(20), nullable=False, server_default="pending"),
        C("session_id", sa.String(64)),
        words={"status": ("pending", "executing", "done", "cancelled")},
        serial=True,
        indexes={"idx_rebalance_plan_policy": ("policy_id",), "idx_rebalance_plan_session": ("session_id",)},
    )
    _table(
        "rebalance_orders",
        C("order_id", SERIAL, primary_key=True),
        _of("rebalance_plan.plan_id", "rebalance_orders"),
        C("market", sa.String(20), nullable=False),
        C("venue", sa.String(20)),
        C("symbol", sa.String(32), nullable=False),
        C("side", sa.String(10), nullable=False),
        C("target_qty", Number),
        C("order_type", sa.String(20)),
        words={"side": ("BUY", "SELL")},
        serial=True,
        indexes={"idx_rebalance_orders_plan": ("plan_id",)},
    )
    _table(
        "rebalance_execution",
        C("exec_id", SERIAL, primary_key=True),
        _of("rebalance_orders.order_id", "rebalance_execution"),
        *_numbers("filled_qty", "filled_price"),
        C("exec_time", UtcTime),
        C("status", sa.String(20)),
        serial=True,
        indexes={"idx_rebalance_execution_order": ("order_id",)},
    )
