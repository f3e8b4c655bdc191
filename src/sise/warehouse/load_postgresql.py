"""Many rows into PostgreSQL: by COPY, straight or by way of a temporary table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from sise.model.errors import SiseError
from sise.warehouse.engine import shown, writing
from sise.warehouse.engine_errors import translated
from sise.warehouse.load_paths import LOCK_SECONDS, REASON_CHARACTERS, listed, lock_number, seem_new
from sise.warehouse.load_rows import Ready
from sise.warehouse.load_text import lines_of
from sise.warehouse.load_values import Form
from sise.warehouse.tables.columns import rules

STAGE: Final = "sise_stage"


class PostgresqlPath:
    """Loads of one table and day take turns by an advisory lock that ends with the transaction."""

    form: Form = "lines"

    @contextmanager
    def transaction(self, engine: Engine, locks: Sequence[str]) -> Iterator[Connection]:
        with writing(engine) as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
            numbers = sorted(map(lock_number, locks))
            connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) number", (numbers,)
            )
            yield connection

    def write(self, connection: Connection, rows: Ready) -> int:
        if seem_new(connection, rows) and _copy_straight(connection, rows):
            return len(rows)
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {STAGE}")
        connection.exec_driver_sql(f"CREATE TEMP TABLE {STAGE} (LIKE {rows.table.name}) ON COMMIT DROP")
        _copy(connection, rows, STAGE)
        return connection.exec_driver_sql(_insert(rows)).rowcount

    def refusal(self, error: Exception) -> str | None:
        cause = _driver_error(error)
        if not isinstance(cause, (psycopg.IntegrityError, psycopg.DataError)):
            return None
        return (cause.diag.message_primary or type(cause).__name__)[:REASON_CHARACTERS]

    def transient(self, error: Exception) -> bool:
        kinds = psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure
        return isinstance(_driver_error(error), (*kinds, psycopg.errors.LockNotAvailable))


def _copy_straight(connection: Connection, rows: Ready) -> bool:
    """Whether all rows went in; else none did, for one was there."""
    savepoint = connection.begin_nested()
    try:
        _copy(connection, rows, rows.table.name)
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        savepoint.rollback()
        if isinstance(error, psycopg.errors.UniqueViolation):
            return False
        raise
    savepoint.commit()
    return True


def _copy(connection: Connection, rows: Ready, into: str) -> None:
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError(f"expected a connection of psycopg, and not {type(raw).__name__}")
    try:
        with raw.cursor() as cursor, cursor.copy(f"COPY {into} ({listed(rows.names)}) FROM STDIN") as copy:
            copy.write(lines_of(rows))
    except (psycopg.IntegrityError, psycopg.DataError):
        raise
    except psycopg.Error as error:  # COPY does not pass through SQLAlchemy, which would explain it
        found = translated(error, shown(connection.engine.url))
        raise (found or error) from error


def _insert(rows: Ready) -> str:
    names = listed(rows.names)
    table = rows.table.name
    start = f"INSERT INTO {table} ({names}) SELECT {names} FROM {STAGE} ON CONFLICT ({listed(rows.key)}) DO"
    if rules(rows.table).on_repeat == "keep":
        return f"{start} NOTHING"
    there, new = listed(rows.others, f"{table}.{{0}}"), listed(rows.others, "excluded.{0}")
    changes = listed(rows.others, "{0} = excluded.{0}")
    return f"{start} UPDATE SET {changes} WHERE ({there}) IS DISTINCT FROM ({new})"


def _driver_error(error: BaseException) -> BaseException | None:
    if isinstance(error, DBAPIError):
        return error.orig
    return error.__cause__ if isinstance(error, SiseError) else error
