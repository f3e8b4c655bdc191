"""The contract, for each database."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, event, text

from sise.model.errors import Unreachable
from sise.model.time import parse_iso
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

    @pytest.mark.parametrize("year", [2012, 2041], ids=["below", "above"])
    def test_a_server_that_goes_while_a_partition_is_made_is_said(self, engine: Engine, year: int) -> None:
        rows = [tick(1, event_time=parse_iso(f"{year}-01-15T00:00:00Z"))]
        cuts = iter([True])

        def cut(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "PARTITION p" in statement and next(cuts, False):
                self.cut_connections(engine)

        event.listen(engine, "before_cursor_execute", cut)
        with pytest.raises(Unreachable, match="the server went away"):
            load(engine, scalp_ticks, TICK, rows)
        assert load(engine, scalp_ticks, TICK, rows).changed == 1

    def cut_connections(self, engine: Engine) -> None:
        with opened(MARIADB) as server, server.begin() as connection:
            mine = "SELECT id FROM information_schema.processlist WHERE db = :name"
            for number in connection.scalars(text(mine), {"name": engine.url.database}).all():
                connection.exec_driver_sql(f"KILL {number}")
