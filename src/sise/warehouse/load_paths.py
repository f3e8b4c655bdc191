"""The three ways in: what each database does best with many rows at once.

========== =================================================================================
PostgreSQL COPY into a temporary table, then ``INSERT … SELECT … ON CONFLICT``
MariaDB    LOAD DATA LOCAL INFILE into a temporary table, then ``UPDATE`` and ``INSERT … SELECT``
SQLite     ``INSERT … ON CONFLICT`` of many rows by one prepared statement
========== =================================================================================

Most loads bring only rows that are new. So the servers' rows go straight into the table first, which
is twice as fast; where one of them is there already, that is taken back and the longer way is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Final, Protocol

from sqlalchemy import Connection, Engine

from sise.warehouse.load_rows import Ready
from sise.warehouse.load_values import Form

LOCK_SECONDS: Final = 60
"""How long a load waits for another one of the same table and day."""
REASON_CHARACTERS: Final = 500


class BulkPath(Protocol):
    """What the loader asks of a database."""

    @property
    def form(self) -> Form:
        """The form in which it takes values."""

    def transaction(self, engine: Engine, locks: Sequence[str]) -> AbstractContextManager[Connection]:
        """A transaction that writes; loads that share one of the ``locks`` wait for each other."""

    def write(self, connection: Connection, rows: Ready) -> int:
        """Store the rows by their table's rule; how many were put in or changed."""

    def refusal(self, error: Exception) -> str | None:
        """Why the database does not take a row, if that is what the error says."""

    def transient(self, error: Exception) -> bool:
        """Whether the same may succeed when tried again: a deadlock, a lock that was not given."""


def path_for(engine: Engine) -> BulkPath:
    """The way into this database."""
    match engine.dialect.name:
        case "sqlite":
            from sise.warehouse.load_sqlite import SqlitePath

            return SqlitePath()
        case "postgresql":
            from sise.warehouse.load_postgresql import PostgresqlPath

            return PostgresqlPath()
        case _:
            from sise.warehouse.load_mariadb import MariadbPath

            return MariadbPath.of(engine)


def lock_number(name: str) -> int:
    """A lock's name as a signed 64-bit number; two names share one hardly ever, and then only wait."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)


def seem_new(connection: Connection, rows: Ready) -> bool:
    """Whether neither the first nor the last row's key is in the table: then the others hardly are."""
    columns = [rows.columns[rows.names.index(name)] for name in rows.key]
    where = " AND ".join(f"{name} = %s" for name in rows.key)
    query = f"SELECT 1 FROM {rows.table.name} WHERE {where}"
    ends = (tuple(column[at] for column in columns) for at in (0, -1))
    return not any(connection.exec_driver_sql(query, end).first() for end in ends)


def listed(names: Sequence[str], form: str = "{0}") -> str:
    """``names`` with commas between, each as ``form`` says."""
    return ", ".join(form.format(name) for name in names)
