"""A database of each kind with our tables, once a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sise.warehouse.migrate import upgrade
from tests.warehouse.databases import opened
from tests.warehouse.etl.journals import NOW, empty


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest, database_url: Callable[[str], str]) -> Iterator[Engine]:
    """Each of the three, without rows."""
    with opened(database_url(request.param)) as engine:
        upgrade(engine, NOW)
        empty(engine)
        yield engine


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Engine]:
    """A new SQLite file."""
    with opened(f"sqlite:///{tmp_path / 'lite.db'}") as engine:
        upgrade(engine, NOW)
        yield engine
