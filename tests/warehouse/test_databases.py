"""The contract, for each database."""

from __future__ import annotations

from typing import ClassVar

import pytest
from sqlalchemy import Engine, text

from sise.warehouse import load as load_module
from sise.warehouse.hashing import hash_rows
from sise.warehouse.load import load
from sise.warehouse.load_mariadb import MariadbPath
from sise.warehouse.schema import scalp_ticks
from tests.warehouse.database_suite import DatabaseContract, hash_by_hand
from tests.warehouse.databases import MARIADB, POSTGRESQL, opened
from tests.warehouse.rows import TICK, tick


class TestSqlite(DatabaseContract):
    kind: ClassVar[str] = "sqlite"
    partitions: ClassVar[bool] = False


class TestPostgresql(DatabaseContract):
    kind: ClassVar[str] = "postgresql"

    def cut_connections(self, engine: Engine) -> None:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        with opened(POSTGRESQL) as server, server.begin() as connection:
            connection.execute(text(cut), {"name": engine.url.database})


class TestMariadb(DatabaseContract):
    kind: ClassVar[str] = "mariadb"

    def test_a_server_that_takes_no_files_gets_the_same_rows(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [tick(number, session_id="\\N\t'%s") for number in range(200)]
        monkeypatch.setattr(load_module, "path_for", lambda engine: MariadbPath("values"))
        loaded = load(engine, scalp_ticks, TICK, [*rows, tick(1, kind="no", id="x")])
        assert (loaded.changed, [rejected.row for rejected in loaded.rejected]) == (200, [200])
        monkeypatch.undo()
        assert load(engine, scalp_ticks, TICK, rows).same == 200
        with engine.connect() as connection:
            assert hash_rows(connection, scalp_ticks).sha256 == hash_by_hand(rows)

    def cut_connections(self, engine: Engine) -> None:
        with opened(MARIADB) as server, server.begin() as connection:
            mine = "SELECT id FROM information_schema.processlist WHERE db = :name"
            for number in connection.scalars(text(mine), {"name": engine.url.database}).all():
                connection.exec_driver_sql(f"KILL {number}")
