"""A database file on a read-only disk is read, and writing is a sentence. Root may all, so not as root."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import sise
from sise.model.errors import BadInput
from sise.warehouse import migrate
from sise.warehouse.load import load
from sise.warehouse.schema import scalp_ticks
from tests.warehouse.databases import opened
from tests.warehouse.query_places import OPEN, bar, store_bars
from tests.warehouse.rows import TICK, tick

NOBODY = 65_534
pytestmark = pytest.mark.skipif(os.name != "posix", reason="NO POSIX: read-only folders were not tested")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with ``trading.db``, which everybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "data 100%")
        path.mkdir()
        Path(name).chmod(0o755)
        with opened(f"sqlite:///{path}/trading.db") as engine:
            migrate.upgrade(engine, OPEN)
            store_bars(engine, [bar(minute) for minute in range(3)])
        with sise.connect(path) as place:  # what is loaded when it is used, is loaded as root
            place.bars("005930")
        yield path


@contextmanager
def read_only(folder: Path, file_mode: int = 0o444, folder_mode: int = 0o555) -> Iterator[None]:
    """Nobody may write there; root, who always may, is somebody else meanwhile."""
    for path in folder.iterdir():
        path.chmod(file_mode)
    folder.chmod(folder_mode)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


@pytest.mark.parametrize("file_mode", [0o444, 0o666])
def test_a_read_only_folder_is_read_and_not_written(folder: Path, file_mode: int) -> None:
    with read_only(folder, file_mode):
        for place in (folder, folder / "trading.db"):
            with sise.connect(place) as reader:
                assert reader.bars("005930").height == 3
        with opened(f"sqlite:///{folder}/trading.db") as engine:
            with pytest.raises(BadInput, match="is read-only; let this user write to it"):
                load(engine, scalp_ticks, TICK, [tick(1)])
            with pytest.raises(BadInput, match="is read-only; let this user write to it"):
                migrate.downgrade(engine, migrate.BASE, drop_rows=True)
    assert [path.name for path in folder.iterdir()] == ["trading.db"]


def test_a_read_only_file_in_a_folder_that_can_be_written(folder: Path) -> None:
    with read_only(folder, folder_mode=0o777):
        with sise.connect(folder) as reader:
            assert reader.bars("005930").height == 3
        with opened(f"sqlite:///{folder}/trading.db") as engine, pytest.raises(BadInput, match="read-only"):
            load(engine, scalp_ticks, TICK, [tick(1)])


def test_what_a_writer_has_only_in_its_log_is_read_too(folder: Path) -> None:
    with opened(f"sqlite:///{folder}/trading.db") as engine:
        store_bars(engine, [bar(3)])
        assert (folder / "trading.db-wal").stat().st_size > 0
        with read_only(folder), sise.connect(folder) as reader:
            assert reader.bars("005930").height == 4


def test_a_log_that_cannot_be_read_is_not_passed_over(folder: Path) -> None:
    with opened(f"sqlite:///{folder}/trading.db") as engine:
        store_bars(engine, [bar(3)])
        copied = folder.with_name("copy")
        copied.mkdir()
        for end in ("", "-wal"):
            shutil.copy(folder / f"trading.db{end}", copied / f"trading.db{end}")
    with read_only(copied), pytest.raises(BadInput, match="this user may write there"):
        sise.connect(copied)


def test_a_file_without_wal_is_read_where_it_cannot_be_written(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "trading.db")) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with read_only(folder, folder_mode=0o777), sise.connect(folder) as reader:
        assert reader.bars("005930").height == 3
