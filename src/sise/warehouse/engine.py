"""The way to a trading database: one URL, three kinds, the same behaviour.

    sqlite:///data/trading.db                  a file; no server is needed
    postgresql://sise@db.example/sise          PostgreSQL 13 or newer
    mariadb://sise@db.example/sise             MariaDB 10.6 or newer

A connection speaks UTC, checks foreign keys and says what is wrong in a sentence
(:mod:`sise.warehouse.engine_errors`). Passwords appear in none of them. A file of SQLite that cannot be
written, or in whose folder nothing can be, is read all the same (:mod:`sise.warehouse.engine_sqlite`).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, NoSuchModuleError

from sise.model.errors import BadInput, SiseError
from sise.warehouse.engine_errors import FIELD, driver_missing, translated
from sise.warehouse.engine_sqlite import choose_mode, set_up

DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mariadb": "mariadb+pymysql",
    "mysql": "mariadb+pymysql",
}
CONNECT_SECONDS: Final = 10
SILENT_SECONDS: Final = 30
"""A server that says nothing for so long is asked whether it is there."""
ASK_EVERY_SECONDS: Final = 10
GONE_SECONDS: Final = 60
"""One whose machine answers nothing for so long is gone: without this, a cut line is waited at for hours."""
SQLITE_WAIT_MS: Final = 60_000
"""How long a writer waits for SQLite's one lock."""
_WRITES: Final = "sise_writes"


def open_engine(url: str, password: str | None = None) -> Engine:
    """An engine for the database at ``url``; nothing is connected yet.

    Raises
    ------
    BadInput
        The URL is none, names no database, or its driver is not installed.
    """
    parsed = _parsed(url)
    if password is not None:
        parsed = parsed.set(password=password)
    try:
        engine = create_engine(parsed, **_arguments(parsed))
    except ModuleNotFoundError as error:
        raise driver_missing(parsed.get_backend_name(), error.name) from None
    except (ArgumentError, NoSuchModuleError):
        raise BadInput(FIELD, shown(parsed), _FORM) from None
    event.listen(engine, "handle_error", _explain)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", choose_mode)
        event.listen(engine, "connect", set_up)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name == "mariadb":
        event.listen(engine, "do_connect", _count_changes)
        event.listen(engine, "connect", _notice_a_cut_line)
    return engine


def shown(url: URL) -> str:
    """The URL as it may be printed: no password, no query, no driver."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, committed at the end. SQLite's lock is taken at once, so writers queue."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


_FORM: Final = (
    "write it as sqlite:///data/trading.db, postgresql://user@host/name or mariadb://user@host/name"
)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadInput(FIELD, "(hidden)", _FORM) from None
    driver = DRIVERS.get(parsed.drivername.partition("+")[0])
    if driver is None or (not parsed.database and not driver.startswith("sqlite")):
        raise BadInput(FIELD, shown(parsed), _FORM)
    if not parsed.database or parsed.database == ":memory:":
        raise BadInput(
            FIELD, shown(parsed), "name a file: a database in memory is another one in each connection"
        )
    return parsed.set(drivername=driver)


def _arguments(url: URL) -> dict[str, Any]:
    match url.get_backend_name():
        case "sqlite":
            # no transactions behind our back: SQLAlchemy's events begin them
            return {"connect_args": {"isolation_level": None, "timeout": SQLITE_WAIT_MS / 1000}}
        case "postgresql":
            options = {"options": "-c timezone=UTC", "application_name": "sise"}
            alive = {
                "keepalives_idle": SILENT_SECONDS,
                "keepalives_interval": ASK_EVERY_SECONDS,
                "tcp_user_timeout": GONE_SECONDS * 1000,
            }
            waits = {"connect_timeout": CONNECT_SECONDS, **alive}
            return {"pool_pre_ping": True, "connect_args": {**waits, **options}}
        case _:
            setting = "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
            arguments = {"connect_timeout": CONNECT_SECONDS, "local_infile": True, "charset": "utf8mb4"}
            return {"pool_pre_ping": True, "connect_args": {"init_command": setting, **arguments}}


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _count_changes(_dialect: Any, _record: Any, _arguments: Any, keywords: dict[str, Any]) -> None:
    """Let an UPDATE count the rows that it changed, not those that it looked at."""
    from pymysql.constants.CLIENT import FOUND_ROWS

    keywords["client_flag"] = keywords.get("client_flag", 0) & ~FOUND_ROWS


def _notice_a_cut_line(connection: Any, _record: Any) -> None:
    """What libpq has settings for; PyMySQL asks after two hours. Not every system knows each setting."""
    line = connection._sock
    settings = {
        "TCP_KEEPIDLE": SILENT_SECONDS,
        "TCP_KEEPINTVL": ASK_EVERY_SECONDS,
        "TCP_USER_TIMEOUT": GONE_SECONDS * 1000,
    }
    if line.family in (socket.AF_INET, socket.AF_INET6):
        for name, value in settings.items():
            if hasattr(socket, name):
                line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _explain(context: ExceptionContext) -> None:
    if context.is_pre_ping:  # the pool finds a cut connection and makes another
        return
    if (context.statement or "").startswith("DESCRIBE "):  # how SQLAlchemy asks whether a table exists
        return
    if isinstance(context.original_exception, SiseError):
        return
    if isinstance(context.sqlalchemy_exception, (IntegrityError, DataError)):
        return
    url = context.engine.url if context.engine else None
    name = shown(url) if url else "the database"
    found = translated(context.original_exception, name, connecting=context.connection is None)
    if found is not None:
        raise found from context.original_exception
