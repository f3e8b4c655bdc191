"""Many rows into SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from sise.warehouse.engine import writing
from sise.warehouse.load_paths import REASON_CHARACTERS, listed
from sise.warehouse.load_rows import Ready
from sise.warehouse.load_text import tuples_of
from sise.warehouse.load_values import Form
from sise.warehouse.tables.columns import rules


class SqlitePath:
    """One prepared statement for all rows. The database has one writer: there is nothing to lock."""

    form: Form = "sqlite"

    def transaction(self, engine: Engine, locks: Sequence[str]) -> AbstractContextManager[Connection]:
        return writing(engine)

    def write(self, connection: Connection, rows: Ready) -> int:
        raw = connection.connection.driver_connection
        if raw is None:
            raise RuntimeError("the connection is closed")
        before: int = raw.total_changes
        connection.exec_driver_sql(_insert(rows), tuples_of(rows))
        return int(raw.total_changes) - before

    def refusal(self, error: Exception) -> str | None:
        return str(error.orig)[:REASON_CHARACTERS] if isinstance(error, IntegrityError) else None

    def transient(self, error: Exception) -> bool:
        return False


def _insert(rows: Ready) -> str:
    marks = listed(["?"] * len(rows.names))
    insert = f"INSERT INTO {rows.table.name} ({listed(rows.names)}) VALUES ({marks})"
    start = f"{insert} ON CONFLICT ({listed(rows.key)}) DO"
    if rules(rows.table).on_repeat == "keep":
        return f"{start} NOTHING"
    differ = " OR ".join(f"{name} IS NOT excluded.{name}" for name in rows.others)
    return f"{start} UPDATE SET {listed(rows.others, '{0} = excluded.{0}')} WHERE {differ}"
