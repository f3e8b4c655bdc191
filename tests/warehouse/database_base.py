"""A migrated, empty database of one kind, and what lies in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, Table, func, select

from sise.warehouse import migrate, schema
from sise.warehouse.engine import writing
from tests.warehouse.databases import opened
from tests.warehouse.rows import NOON


def rows_of(engine: Engine, table: Table) -> list[Any]:
    """All rows in the key's order."""
    with engine.connect() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key)))


def count(engine: Engine, table: Table) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


class OnDatabase:
    """Inherit, and set ``kind``."""

    kind: ClassVar[str]
    partitions: ClassVar[bool] = True
    """Whether months are partitions here."""

    @pytest.fixture
    def url(self, database_url: Callable[[str], str]) -> str:
        return database_url(self.kind)

    @pytest.fixture
    def engine(self, url: str) -> Iterator[Engine]:
        """The database, with tables, empty; partitions of earlier tests may be there."""
        with opened(url) as engine:
            migrate.upgrade(engine, NOON)
            with writing(engine) as connection:
                for table in reversed(schema.metadata.sorted_tables):
                    connection.execute(table.delete())
            yield engine
