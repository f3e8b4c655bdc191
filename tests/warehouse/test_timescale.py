"""The contract on a PostgreSQL server with TimescaleDB, and what is special to its chunks.

Only where ``SISE_TEST_TIMESCALE_URL`` names such a server, or with ``-m long`` (skipped loudly without one).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest
from sqlalchemy import Engine, Table, text

from sise.model.time import parse_iso
from sise.warehouse import migrate, schema
from sise.warehouse.load import load
from sise.warehouse.partitions import existing, maintain, partitioning
from sise.warehouse.partitions_server import PostgresqlPartitions
from sise.warehouse.partitions_timescale import TimescaleChunks
from tests.warehouse.database_base import count, rows_of
from tests.warehouse.database_suite import DatabaseContract
from tests.warehouse.databases import TIMESCALE, opened, server_database
from tests.warehouse.rows import NOON, TICK, tick

pytestmark = [] if TIMESCALE else [pytest.mark.long]
ABSENT = "TIMESCALEDB ABSENT, nothing is proven of it: no SISE_TEST_TIMESCALE_URL"
EDGES = (
    "2026-08-31T23:59:59.999999Z",
    "2026-09-01T00:00:00Z",
    "2026-09-30T23:59:59Z",
    "2026-10-01T00:00:00Z",
)
"""Of September, which goes, and of the months beside it, which stay; 31 August was a Monday."""


class TestTimescale(DatabaseContract):
    kind: ClassVar[str] = "timescale"
    partitions: ClassVar[bool] = False

    @pytest.fixture
    def url(self, database_url: Callable[[str], str]) -> str:
        if not TIMESCALE:
            pytest.skip(ABSENT)
        return database_url(self.kind)

    @pytest.mark.parametrize("table", schema.PARTITIONED, ids=str)
    def test_its_tables_are_hypertables(self, engine: Engine, table: Table) -> None:
        with engine.connect() as connection:
            assert isinstance(partitioning(connection, table), TimescaleChunks)

    def test_a_month_is_made_of_whole_chunks(self, engine: Engine) -> None:
        self._load_edges(engine)
        chunks = "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'scalp_ticks'"
        with engine.connect() as connection:
            before = connection.scalar(text(chunks))
        self._september_goes(engine)
        with engine.connect() as connection:
            assert connection.scalar(text(chunks)) == before - 2
        assert (2026, 9) not in existing(engine, schema.scalp_ticks)

    @pytest.mark.parametrize("interval", ["7 days", "3 hours", "3 months"])
    def test_chunks_of_another_length_lose_no_month_beside(self, engine: Engine, interval: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f"SELECT set_chunk_time_interval('scalp_ticks', interval '{interval}')"
            )
        self._load_edges(engine)
        self._september_goes(engine)
        migrate.downgrade(engine, "base", drop_rows=True)

    def test_tables_that_are_older_than_the_extension_stay_as_they_are(self) -> None:
        if not TIMESCALE:
            pytest.skip(ABSENT)
        with server_database(TIMESCALE) as url, opened(url) as engine:
            with engine.begin() as connection:
                connection.exec_driver_sql("DROP EXTENSION IF EXISTS timescaledb")
            migrate.upgrade(engine, NOON)
            self._load_edges(engine)
            engine.dispose()  # the extension can only be made in a new session
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE EXTENSION timescaledb")
            with engine.connect() as connection:
                assert isinstance(partitioning(connection, schema.scalp_ticks), PostgresqlPartitions)
            load(engine, schema.scalp_ticks, TICK, [tick(9, event_time=parse_iso("2031-01-01T00:00:00Z"))])
            assert count(engine, schema.scalp_ticks) == len(EDGES) + 1
            self._september_goes(engine, more=1)
            assert migrate.differences(engine) == []

    def cut_connections(self, engine: Engine) -> None:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        with opened(TIMESCALE) as server, server.begin() as connection:
            connection.execute(text(cut), {"name": engine.url.database})

    def _load_edges(self, engine: Engine) -> None:
        rows = [tick(number, event_time=parse_iso(at)) for number, at in enumerate(EDGES)]
        load(engine, schema.scalp_ticks, TICK, rows)

    def _september_goes(self, engine: Engine, more: int = 0) -> None:
        maintain(engine, NOON, backed_up=lambda table, month: month == (2026, 9))
        left = [row.event_time for row in rows_of(engine, schema.scalp_ticks)]
        assert left[: len(left) - more] == [parse_iso(EDGES[0]), parse_iso(EDGES[3])]
