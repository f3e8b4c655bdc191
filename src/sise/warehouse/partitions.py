"""Monthly partitions: made before rows come, dropped when they are old and safe elsewhere.

A month goes as a whole, and only when its last moment is older than what is to be kept; so every
database holds the same rows after the same housekeeping. Databases and tables without
partitions lose the same months by deletion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import Connection, Engine, Table

from sise.warehouse.engine import writing
from sise.warehouse.load_rows import Ready
from sise.warehouse.partitions_month import Month, month_of
from sise.warehouse.partitions_rows import DAY_NS, delete_month, months_of_rows
from sise.warehouse.partitions_server import (
    MariadbPartitions,
    Partitions,
    PostgresqlPartitions,
)
from sise.warehouse.partitions_timescale import TimescaleChunks, is_hypertable
from sise.warehouse.tables.columns import metadata, rules

KEEP_DAYS: Final = 30
"""Requirement O10: the trading database holds 30 days."""
MONTHS_AHEAD: Final = 2

BackedUp = Callable[[Table, Month], bool]
"""Whether the rows of a month are safe elsewhere: a verified backup, or a journal that makes them again."""


class Decision(Struct, frozen=True):
    """What became of a month of a table, and why."""

    table: str
    month: str
    """``2026-11``"""
    action: Literal["made", "kept", "removed", "held"]
    """``held``: old enough to go, but not backed up."""
    reason: str


def maintain(
    engine: Engine, now_ns: int, *, backed_up: BackedUp, keep_days: int = KEEP_DAYS
) -> list[Decision]:
    """Make the partitions of this month and the next ones, and remove what is old and backed up.

    Safe to run at any time, any number of times, beside loads. ``now_ns`` is UTC now; ``backed_up``
    is asked once for each month that could go.
    """
    decisions = make_ahead(engine, now_ns)
    before_ns = now_ns - keep_days * DAY_NS
    for table in metadata.sorted_tables:
        if rules(table).time is None:
            continue
        for month in existing(engine, table):
            decisions.append(_decide(engine, table, month, before_ns, backed_up))
    return decisions


def make_ahead(engine: Engine, now_ns: int) -> list[Decision]:
    """Make the partitions of this month and the ``MONTHS_AHEAD`` next ones."""
    months = [month_of(now_ns)]
    for _ in range(MONTHS_AHEAD):
        months.append(months[-1].after)
    tables = [table for table in metadata.sorted_tables if rules(table).partitioned]
    return [
        Decision(str(table.name), _shown(month), "made", "in good time")
        for table in tables
        for month in make(engine, table, months)
    ]


def make(engine: Engine, table: Table, months: Iterable[Month]) -> list[Month]:
    """Make the partitions of those ``months`` that have none; which were made."""
    with engine.connect() as connection:
        server = partitioning(connection, table)
        if server is None or isinstance(server, TimescaleChunks):  # chunks come with the rows
            return []
        there = set(server.existing(connection, table))
    missing = sorted(set(months) - there)
    if not missing:
        return []
    with engine.begin() as connection:
        return server.add(connection, table, missing)


def existing(engine: Engine, table: Table) -> list[Month]:
    """The months of a table that a partition (or, without partitions, a row) is there of."""
    with engine.connect() as connection:
        server = partitioning(connection, table)
        return server.existing(connection, table) if server else months_of_rows(connection, table)


def partitioning(connection: Connection, table: Table) -> Partitions | TimescaleChunks | None:
    """How this server partitions this table; ``None`` where it does not."""
    if not rules(table).partitioned or connection.dialect.name == "sqlite":
        return None
    if connection.dialect.name != "postgresql":
        return MariadbPartitions()
    return TimescaleChunks() if is_hypertable(connection, table) else PostgresqlPartitions()


def days_of(rows: Ready) -> set[str]:
    """The UTC days (``2026-11-20``) that the rows lie in; none where the table has no time."""
    time = rules(rows.table).time
    if time is None:
        return set()
    column = rows.columns[rows.names.index(time)]
    return {str(value)[:10] for value in column}


def ensure(engine: Engine, table: Table, days: Iterable[str]) -> None:
    """Make the partitions that rows of these days need."""
    if rules(table).partitioned:
        make(engine, table, {Month(int(day[:4]), int(day[5:7])) for day in days})


def _decide(engine: Engine, table: Table, month: Month, before_ns: int, backed_up: BackedUp) -> Decision:
    if month.end_ns > before_ns:
        return Decision(str(table.name), _shown(month), "kept", "not every row is old enough")
    if not backed_up(table, month):
        return Decision(str(table.name), _shown(month), "held", "old enough to go, but not backed up")
    _remove(engine, table, month)
    return Decision(str(table.name), _shown(month), "removed", "old enough, and backed up")


def _remove(engine: Engine, table: Table, month: Month) -> None:
    with writing(engine) as connection:
        server = partitioning(connection, table)
        if server:
            server.drop(connection, table, month)
    if server is None:
        delete_month(engine, table, month)


def _shown(month: Month) -> str:
    return f"{month.year:04d}-{month.month:02d}"
