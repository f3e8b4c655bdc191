"""Policies, what is held, and how it is brought into balance (2.14.6). Kept for ever."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Date, Double, ForeignKey, Index, Integer, String, Table

from sise.warehouse.tables.columns import Rules, metadata, one_of, options
from sise.warehouse.tables.types import Number, UtcTime

PLAN_STATES: Final = ("pending", "executing", "done", "cancelled")
SIDES: Final = ("BUY", "SELL")

_SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")
_BY_KEY: Final = Rules(on_repeat="replace")
_BY_SERIAL: Final = Rules(on_repeat="refuse")


def _of(target: str, **how: Any) -> Column[Any]:
    """A column of the same name as the one it refers to."""
    kind = String(50) if target.endswith("policy_id") else BigInteger
    return Column(target.rpartition(".")[2], kind, ForeignKey(target), **how)


portfolio_policy = Table(
    "portfolio_policy",
    metadata,
    Column("policy_id", String(50), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("rebalance_freq", String(20)),
    Column("max_position_pct", Double),
    Column("created_at", UtcTime, nullable=False),
    **options(_BY_KEY),
)

target_weights = Table(
    "target_weights",
    metadata,
    _of("portfolio_policy.policy_id", primary_key=True),
    Column("market", String(20), primary_key=True),
    Column("symbol", String(32), primary_key=True),
    Column("effective_date", Date, primary_key=True),
    Column("target_weight", Double, nullable=False),
    **options(_BY_KEY),
)

portfolio_snapshot = Table(
    "portfolio_snapshot",
    metadata,
    Column("snapshot_id", _SERIAL, primary_key=True),
    _of("portfolio_policy.policy_id"),
    Column("snapshot_time", UtcTime, nullable=False),
    Column("total_value", Number),
    Column("cash", Number),
    Column("session_id", String(64)),
    Index("idx_portfolio_snapshot_policy", "policy_id"),
    Index("idx_portfolio_snapshot_session", "session_id"),
    **options(_BY_SERIAL, serial=True),
)

portfolio_positions = Table(
    "portfolio_positions",
    metadata,
    _of("portfolio_snapshot.snapshot_id", primary_key=True, autoincrement=False),
    Column("market", String(20), primary_key=True),
    Column("symbol", String(32), primary_key=True),
    Column("quantity", Number),
    Column("avg_price", Number),
    Column("market_value", Number),
    Column("weight_pct", Double),
    **options(_BY_KEY),
)

rebalance_plan = Table(
    "rebalance_plan",
    metadata,
    Column("plan_id", _SERIAL, primary_key=True),
    _of("portfolio_policy.policy_id"),
    Column("created_at", UtcTime, nullable=False),
    Column("status", String(20), nullable=False, server_default="pending"),
    Column("session_id", String(64)),
    one_of("rebalance_plan", "status", PLAN_STATES),
    Index("idx_rebalance_plan_policy", "policy_id"),
    Index("idx_rebalance_plan_session", "session_id"),
    **options(_BY_SERIAL, serial=True),
)

rebalance_orders = Table(
    "rebalance_orders",
    metadata,
    Column("order_id", _SERIAL, primary_key=True),
    _of("rebalance_plan.plan_id"),
    Column("market", String(20), nullable=False),
    Column("venue", String(20)),
    Column("symbol", String(32), nullable=False),
    Column("side", String(10), nullable=False),
    Column("target_qty", Number),
    Column("order_type", String(20)),
    one_of("rebalance_orders", "side", SIDES),
    Index("idx_rebalance_orders_plan", "plan_id"),
    **options(_BY_SERIAL, serial=True),
)

rebalance_execution = Table(
    "rebalance_execution",
    metadata,
    Column("exec_id", _SERIAL, primary_key=True),
    _of("rebalance_orders.order_id"),
    Column("filled_qty", Number),
    Column("filled_price", Number),
    Column("exec_time", UtcTime),
    Column("status", String(20)),
    Index("idx_rebalance_execution_order", "order_id"),
    **options(_BY_SERIAL, serial=True),
)
