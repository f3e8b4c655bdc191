"""Many rows into MariaDB: by LOAD DATA LOCAL INFILE, straight or by way of a temporary table.

With LOCAL the server skips rows whose key is there and bends values that do not fit, and warns. A straight
load that warns, or that stores fewer rows than were sent, is therefore taken back.

``INSERT IGNORE`` is not used: it would also ignore rows that break a constraint. A server that allows
no local files (``local_infile = OFF``) gets the rows by ``INSERT``, a third as fast.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pymysql
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from sise.model.errors import SiseError, Unreachable
from sise.warehouse.load_paths import LOCK_SECONDS, REASON_CHARACTERS, listed, lock_number, seem_new
from sise.warehouse.load_rows import Ready
from sise.warehouse.load_text import lines_of, tuples_of
from sise.warehouse.load_values import Form
from sise.warehouse.tables.columns import rules

STAGE: Final = "sise_stage"
REFUSALS: Final = frozenset({1048, 1062, 1264, 1265, 1292, 1366, 1406, 1452, 1526, 4025})
"""Errors about a row: not null, duplicate, range, wrong value, too long, foreign key, partition, check."""
TRANSIENT: Final = frozenset({1020, 1205, 1213})
"""Record changed since last read, lock wait timeout, deadlock."""


class MariadbPath:
    """Loads of one table and day take turns by a named lock of the server."""

    def __init__(self, form: Form) -> None:
        self._form = form

    @classmethod
    def of(cls, engine: Engine) -> MariadbPath:
        """The path, by what the server allows."""
        with engine.connect() as connection:
            allowed = connection.scalar(text("SELECT @@local_infile"))
        return cls("lines" if allowed else "values")

    @property
    def form(self) -> Form:
        return self._form

    @contextmanager
    def transaction(self, engine: Engine, locks: Sequence[str]) -> Iterator[Connection]:
        with engine.connect() as connection:
            names = [f"sise {lock_number(f'{engine.url.database} {name}'):x}" for name in locks]
            try:
                for name in sorted(names):
                    _take(connection, name)
                # only now the transaction begins: it must see what the last holder wrote
                connection.commit()
                with connection.begin():
                    yield connection
            finally:
                if not connection.invalidated:
                    connection.exec_driver_sql("SELECT RELEASE_ALL_LOCKS()")

    def write(self, connection: Connection, rows: Ready) -> int:
        if self.form == "lines" and seem_new(connection, rows) and _load_straight(connection, rows):
            return len(rows)
        table, names = rows.table.name, listed(rows.names)
        connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {STAGE}")
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {STAGE} AS SELECT {names} FROM {table} LIMIT 0")
        if self.form == "lines":
            stored, warning = _load_data(connection, rows, STAGE)
            if warning or stored != len(rows):
                raise pymysql.err.DataError(1366, warning or f"{stored} of {len(rows)} rows arrived")
        else:
            marks = listed(["%s"] * len(rows.names))
            connection.exec_driver_sql(f"INSERT INTO {STAGE} ({names}) VALUES ({marks})", tuples_of(rows))
        changed = (
            0 if rules(rows.table).on_repeat == "keep" else connection.exec_driver_sql(_update(rows)).rowcount
        )
        # assigning a key to itself changes nothing: the row that is there stays
        kept = f"ON DUPLICATE KEY UPDATE {rows.key[0]} = {table}.{rows.key[0]}"
        done = connection.exec_driver_sql(f"INSERT INTO {table} ({names}) SELECT {names} FROM {STAGE} {kept}")
        return changed + done.rowcount

    def refusal(self, error: Exception) -> str | None:
        code, said = _code(error)
        return said[:REASON_CHARACTERS] if code in REFUSALS else None

    def transient(self, error: Exception) -> bool:
        return _code(error)[0] in TRANSIENT


def _take(connection: Connection, name: str) -> None:
    if connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, LOCK_SECONDS)).scalar() != 1:
        raise Unreachable(
            f"another load of the same table and day went on for {LOCK_SECONDS} s; run this again later"
        )


def _load_straight(connection: Connection, rows: Ready) -> bool:
    """Whether all rows went in as they are; else none did."""
    savepoint = connection.begin_nested()
    try:
        whole = _load_data(connection, rows, rows.table.name) == (len(rows), "")
    except DBAPIError as error:
        if _code(error)[0] not in REFUSALS:
            raise
        whole = False
    if whole:
        savepoint.commit()
    else:
        savepoint.rollback()
    return whole


def _load_data(connection: Connection, rows: Ready, into: str) -> tuple[int, str]:
    """How many rows were stored, and the server's first warning, if it has one."""
    with tempfile.TemporaryDirectory(prefix="sise-load-") as folder:
        path = Path(folder) / "rows"
        path.write_bytes(lines_of(rows))
        done = connection.exec_driver_sql(
            f"LOAD DATA LOCAL INFILE %s INTO TABLE {into} CHARACTER SET utf8mb4"
            rf" FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' ({listed(rows.names)})",
            (str(path),),
        )
    warning = connection.exec_driver_sql("SHOW WARNINGS LIMIT 1").first()
    return done.rowcount, str(warning[2]) if warning else ""


def _update(rows: Ready) -> str:
    key = " AND ".join(f"t.{name} = s.{name}" for name in rows.key)
    return f"UPDATE {rows.table.name} t JOIN {STAGE} s ON {key} SET {listed(rows.others, 't.{0} = s.{0}')}"


def _code(error: BaseException) -> tuple[int, str]:
    cause = (
        error.orig
        if isinstance(error, DBAPIError)
        else error.__cause__
        if isinstance(error, SiseError)
        else error
    )
    if isinstance(cause, pymysql.MySQLError) and len(cause.args) == 2 and isinstance(cause.args[0], int):
        return cause.args[0], str(cause.args[1])
    return 0, ""
