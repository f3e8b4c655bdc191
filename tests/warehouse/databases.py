"""Fresh databases of each kind for one test, dropped at its end.

The servers are those of this machine; ``SISE_TEST_POSTGRESQL`` and ``SISE_TEST_MARIADB`` name others.
One that is absent skips its tests with a loud reason; in CI that is a failure (``tests/conftest.py``).
A PostgreSQL server with TimescaleDB is only had where ``SISE_TEST_TIMESCALE_URL`` names one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import URL, Engine, make_url

from sise.model.errors import SiseError
from sise.warehouse.engine import open_engine

POSTGRESQL: Final = os.environ.get("SISE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1/postgres")
MARIADB: Final = os.environ.get("SISE_TEST_MARIADB", "mariadb://root@127.0.0.1/mysql")
TIMESCALE: Final = os.environ.get("SISE_TEST_TIMESCALE_URL", "")
"""Such as ``postgresql://postgres@127.0.0.1:55432/postgres``."""

Fresh = Callable[[Path], AbstractContextManager[str]]
"""A folder -> the URL of a new database, as long as the context lasts."""


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """A file in the folder."""
    yield f"sqlite:///{folder / 'trading.db'}"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A database on the PostgreSQL server."""
    with server_database(POSTGRESQL) as url:
        yield url


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """A database on the MariaDB server."""
    with server_database(MARIADB, "") as url:
        yield url


@contextmanager
def timescale(folder: Path) -> Iterator[str]:
    """A database with the extension TimescaleDB."""
    with server_database(TIMESCALE) as url:
        _run(url, "CREATE EXTENSION IF NOT EXISTS timescaledb")
        yield url


FRESH: Final[dict[str, Fresh]] = {
    "sqlite": sqlite,
    "postgresql": postgresql,
    "mariadb": mariadb,
    **({"timescale": timescale} if TIMESCALE else {}),
}


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """An engine, and no connection of it left behind."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def server_database(server: str, how_to_drop: str = "WITH (FORCE)") -> Iterator[str]:
    """A database on any server; how PostgreSQL drops it while somebody is connected, MariaDB needs ``""``."""
    name = f"sise_test_{secrets.token_hex(6)}"
    _run(server, f"CREATE DATABASE {name}")
    try:
        yield _named(make_url(server), name)
    finally:
        _run(server, f"DROP DATABASE {name} {how_to_drop}")


def _run(server: str, statement: str) -> None:
    with opened(server) as engine:
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(statement)
        except SiseError as error:
            pytest.skip(f"DATABASE SERVER ABSENT, nothing is proven of it: {error}")


def _named(server: URL, name: str) -> str:
    return server.set(database=name).render_as_string(hide_password=False)
