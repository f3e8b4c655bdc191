"""How each server makes, lists and drops the monthly partitions of a table.

*PostgreSQL*: a partition is a table ``scalp_ticks_p202611``, made apart and then attached, because that
lets loads of other months go on. Hypertables of TimescaleDB: :mod:`sise.warehouse.partitions_timescale`.

*MariaDB*: ``VALUES LESS THAN`` the next month. A month below the lowest partition is split off the one
that covers it, so a partition never holds rows at or above its own bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from sqlalchemy import Connection, Table, text

from sise.warehouse.engine_mariadb import named_lock
from sise.warehouse.partitions_month import Month, month_named

DDL_WAIT_SECONDS: Final = 60
"""How long making or dropping a partition waits for others to let go of the table."""


class Partitions(Protocol):
    """Monthly partitions of one kind of server."""

    def existing(self, connection: Connection, table: Table) -> list[Month]:
        """Months that have a partition, in order."""

    def add(self, connection: Connection, table: Table, months: Sequence[Month]) -> list[Month]:
        """Make partitions for ``months``, in order; which were made, for another may have been quicker."""

    def drop(self, connection: Connection, table: Table, month: Month) -> None:
        """Drop the partition of a month with all its rows."""


class PostgresqlPartitions:
    """See the module."""

    def existing(self, connection: Connection, table: Table) -> list[Month]:
        names = connection.scalars(
            text(
                "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                " WHERE i.inhparent = to_regclass(:table) AND NOT i.inhdetachpending ORDER BY 1"
            ),
            {"table": table.name},
        )
        return [month for name in names if (month := month_named(name))]

    def add(self, connection: Connection, table: Table, months: Sequence[Month]) -> list[Month]:
        # one maker at a time, or two would make the same partition
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"partitions {table.name}"}
        )
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{DDL_WAIT_SECONDS}s'")
        there = set(self.existing(connection, table))
        missing = [month for month in months if month not in there]
        for month in missing:
            part = f"{table.name}_{month.name}"
            connection.exec_driver_sql(f"CREATE TABLE {part} (LIKE {table.name} INCLUDING ALL)")
            connection.exec_driver_sql(
                f"ALTER TABLE {table.name} ATTACH PARTITION {part}"
                f" FOR VALUES FROM ('{month.first_day} 00:00+00') TO ('{month.after.first_day} 00:00+00')"
            )
        return missing

    def drop(self, connection: Connection, table: Table, month: Month) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{DDL_WAIT_SECONDS}s'")
        connection.exec_driver_sql(f"DROP TABLE {table.name}_{month.name}")


class MariadbPartitions:
    """See the module."""

    def existing(self, connection: Connection, table: Table) -> list[Month]:
        return [month for month in self._all(connection, table) if month.start_ns >= 0]

    def _all(self, connection: Connection, table: Table) -> list[Month]:
        names = connection.scalars(
            text(
                "SELECT partition_name FROM information_schema.partitions WHERE table_schema = DATABASE()"
                " AND table_name = :table AND partition_name IS NOT NULL ORDER BY partition_ordinal_position"
            ),
            {"table": table.name},
        )
        return [month for name in names if (month := month_named(name))]

    def add(self, connection: Connection, table: Table, months: Sequence[Month]) -> list[Month]:
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {DDL_WAIT_SECONDS}")
        with named_lock(connection, f"sise {table.name}", DDL_WAIT_SECONDS, "another maker of partitions"):
            there = self._all(connection, table)
            missing = [month for month in months if month not in there]
            below = [month for month in missing if month < there[-1]]
            for month in below:
                above = next(each for each in there if each > month)
                both = f"{_bound(month)}, {_bound(above)}"
                connection.exec_driver_sql(
                    f"ALTER TABLE {table.name} REORGANIZE PARTITION {above.name} INTO ({both})"
                )
                there = sorted([*there, month])
            if len(missing) > len(below):
                bounds = ", ".join(_bound(month) for month in missing[len(below) :])
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD PARTITION ({bounds})")
        return missing

    def drop(self, connection: Connection, table: Table, month: Month) -> None:
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {DDL_WAIT_SECONDS}")
        connection.exec_driver_sql(f"ALTER TABLE {table.name} DROP PARTITION {month.name}")


def _bound(month: Month) -> str:
    return f"PARTITION {month.name} VALUES LESS THAN ('{month.after.first_day}')"
