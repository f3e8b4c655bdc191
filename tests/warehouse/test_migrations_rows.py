"""Migrations keep every row of every table, up and down; one that is cut short is taken up again.

There is one revision so far. So the next one is made here: it changes a table with partitions, makes an
index and a table, and is found by a program that is otherwise this one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from sqlalchemy import Engine, event, inspect

from sise.model.errors import BadInput
from sise.warehouse import migrate
from sise.warehouse.engine import writing
from sise.warehouse.hashing import hash_rows
from sise.warehouse.load import load
from sise.warehouse.schema import metadata, scalp_ticks
from tests.warehouse.any_rows import ROWS, fill
from tests.warehouse.databases import FRESH, opened
from tests.warehouse.rows import NOON, TICK, tick

SEED = 7
VERSIONS = Path(migrate.__file__).parent / "migrations" / "versions"
NEXT = '''
"""The next release: a column more, an index, a table."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None

def upgrade():
    op.add_column("scalp_ticks", sa.Column("more", sa.String(20)))
    op.create_index("idx_next", "etl_runs", ["status"])
    op.create_table("next_table", sa.Column("id", sa.Integer, primary_key=True))

def downgrade():
    op.drop_table("next_table")
    op.drop_index("idx_next", "etl_runs")
    op.drop_column("scalp_ticks", "more")
'''

Hashes = dict[str, tuple[int, str]]


@pytest.fixture(params=list(FRESH))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with FRESH[request.param](tmp_path) as url:
        yield url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A database without tables."""
    with opened(url) as engine:
        yield engine


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Turns this program into the one of the next release."""

    def turn() -> None:
        folder = tmp_path / "versions"
        folder.mkdir()
        (folder / "0002_next.py").write_text(NEXT)
        real = migrate._config

        def config() -> Config:
            found = real()
            found.set_main_option("version_locations", f"{VERSIONS}{os.pathsep}{folder}")
            return found

        monkeypatch.setattr(migrate, "_config", config)

    return turn


def hashes(engine: Engine) -> Hashes:
    with engine.connect() as connection:
        found = {table.name: hash_rows(connection, table) for table in metadata.sorted_tables}
    return {name: (one.rows, one.sha256) for name, one in found.items()}


def test_the_next_release_keeps_every_row_up_and_down(
    engine: Engine, next_release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.upgrade(engine, NOON, "0001")
    fill(engine, SEED)
    before = hashes(engine)
    assert {rows for rows, _ in before.values()} == {ROWS}
    next_release()
    with pytest.raises(BadInput, match="its tables are of revision 0001; run: sise db upgrade"):
        migrate.require_current(engine)
    assert hashes(engine) == before
    migrate.upgrade(engine, NOON)
    migrate.require_current(engine)
    assert hashes(engine) == before
    assert any("more" in difference for difference in migrate.differences(engine))
    assert load(engine, scalp_ticks, TICK, [tick(1)]).changed == 1
    with writing(engine) as connection:
        connection.execute(
            scalp_ticks.delete().where(scalp_ticks.c.id == "1", scalp_ticks.c.event_time == tick(1)[4])
        )
    with pytest.raises(BadInput, match="--drop-rows"):
        migrate.downgrade(engine, "0001")
    migrate.downgrade(engine, "0001", drop_rows=True)
    assert hashes(engine) == before
    assert migrate.differences(engine) == []
    monkeypatch.undo()
    migrate.require_current(engine)


def test_a_newer_release_is_refused_and_loses_nothing(
    engine: Engine, next_release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    next_release()
    migrate.upgrade(engine, NOON)
    fill(engine, SEED)
    before = hashes(engine)
    monkeypatch.undo()
    for use in (
        migrate.require_current,
        lambda engine: migrate.upgrade(engine, NOON),
        lambda engine: migrate.downgrade(engine, "base", drop_rows=True),
    ):
        with pytest.raises(BadInput, match=r"newer sise \(revision 0002, known is 0001\); update this"):
            use(engine)
    assert hashes(engine) == before


EVERY = pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.long), 19])
"""Cut at every change, or at some."""


CHANGES = ("CREATE", "DROP", "INSERT", "UPDATE", "ALTER", "DELETE", "SELECT create_")


class Cut(BaseException):
    """As ``kill -9``: nothing of ours is done after it."""


def cut_at(engine: Engine, number: int, work: Callable[[], None]) -> bool:
    """Do the work, cut before its ``number``-th change; False where it has fewer."""
    seen = 0

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        if statement.lstrip().startswith(
            ("CREATE", "DROP", "INSERT", "UPDATE", "ALTER", "DELETE", "SELECT create_")
        ):
            seen += 1
            if seen == number:
                raise Cut

    event.listen(engine, "before_cursor_execute", count)
    try:
        work()
    except Cut:
        return True
    finally:
        event.remove(engine, "before_cursor_execute", count)
        engine.dispose()
    return False


@EVERY
def test_an_upgrade_cut_short_is_taken_up_by_the_next(engine: Engine, every: int) -> None:
    cuts = 1
    while cut_at(engine, cuts, lambda: migrate.upgrade(engine, NOON)):
        if migrate.current(engine) is None:
            with pytest.raises(BadInput, match="run: sise db upgrade"):
                migrate.require_current(engine)
        else:  # only partitions are wanting, which come with the rows
            assert migrate.differences(engine) == []
        cuts += every
    assert cuts > len(metadata.tables)
    assert migrate.differences(engine) == []
    fill(engine, SEED)


@EVERY
def test_a_downgrade_cut_short_says_what_to_do(engine: Engine, every: int) -> None:
    cuts, told = 1, 0
    migrate.upgrade(engine, NOON)
    while cut_at(engine, cuts, lambda: migrate.downgrade(engine, "base")):
        with engine.connect() as connection:
            torn = set(metadata.tables) - set(inspect(connection).get_table_names())
        if torn:
            told += 1
            with pytest.raises(BadInput, match=r"cut short.*: sise db downgrade base, then sise db upgrade"):
                migrate.upgrade(engine, NOON)
            migrate.downgrade(engine, "base")
        migrate.upgrade(engine, NOON)
        assert migrate.differences(engine) == []
        cuts += every
    assert cuts > len(metadata.tables)
    assert (told > 0) == (engine.dialect.name == "mariadb")


def test_an_upgrade_that_is_killed_is_taken_up_by_the_next(engine: Engine, url: str) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, url], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert migrate.current(engine) is None
    with engine.connect() as connection:
        left = set(inspect(connection).get_table_names()) & set(metadata.tables)
    assert (len(left) > 0) == (engine.dialect.name == "mariadb")
    migrate.upgrade(engine, NOON)
    assert migrate.differences(engine) == []


_KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from sqlalchemy import event
    from sise.warehouse import migrate
    from sise.warehouse.engine import open_engine

    def die_in_the_middle(connection, cursor, statement, *_):
        if "CREATE TABLE" in statement and "rebalance_plan" in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = open_engine(sys.argv[1])
    event.listen(engine, "before_cursor_execute", die_in_the_middle)
    migrate.upgrade(engine, 1_800_000_000_000_000_000)
    """
)
