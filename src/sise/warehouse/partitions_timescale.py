"""How months of a hypertable of TimescaleDB are listed and dropped.

Its chunks come with the rows. Ours hold one UTC day, so that a month is made of whole chunks: those of seven
days would reach into the month beside it, which may have to stay. Where somebody has set another interval
(``set_chunk_time_interval``), the rows of a chunk that lies in two months are deleted by their time.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, text

from sise.model.time import NS_PER_US
from sise.warehouse.partitions_month import Month, month_of
from sise.warehouse.partitions_server import DDL_WAIT_SECONDS
from sise.warehouse.tables.columns import rules


class TimescaleChunks:
    """See the module."""

    def existing(self, connection: Connection, table: Table) -> list[Month]:
        """Months that a chunk reaches into, in order."""
        chunks = connection.execute(
            text(
                "SELECT extract(epoch FROM range_start) * 1000000, extract(epoch FROM range_end) * 1000000"
                " FROM timescaledb_information.chunks"
                " WHERE hypertable_schema = current_schema() AND hypertable_name = :table"
            ),
            {"table": table.name},
        )
        found: set[Month] = set()
        for start, end in chunks:
            month = month_of(int(start) * NS_PER_US)
            while month.start_ns < int(end) * NS_PER_US:
                found.add(month)
                month = month.after
        return sorted(found)

    def drop(self, connection: Connection, table: Table, month: Month) -> None:
        """Only this month: one before it may be held."""
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{DDL_WAIT_SECONDS}s'")
        connection.execute(
            text(
                "SELECT drop_chunks(to_regclass(:table), newer_than => CAST(:first AS timestamptz),"
                " older_than => CAST(:after AS timestamptz))"
            ),
            {
                "table": table.name,
                "first": f"{month.first_day} 00:00+00",
                "after": f"{month.after.first_day} 00:00+00",
            },
        )
        time = table.c[str(rules(table).time)]
        connection.execute(delete(table).where(time >= month.start_ns, time < month.end_ns))


def is_hypertable(connection: Connection, table: Table) -> bool:
    """Whether the table is one; the server's extension may be younger than the table."""
    if connection.scalar(text("SELECT to_regclass('timescaledb_information.hypertables')")) is None:
        return False
    found = connection.scalar(
        text(
            "SELECT 1 FROM timescaledb_information.hypertables"
            " WHERE hypertable_schema = current_schema() AND hypertable_name = :table"
        ),
        {"table": table.name},
    )
    return found is not None
