"""The schema's version: bring it up, take it down, say where it is, compare it with this program.

The migrations lie in the package, so they come with every installation. One runs at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, inspect, select

from sise.model.errors import BadInput
from sise.warehouse.engine import shown, writing
from sise.warehouse.engine_errors import FIELD
from sise.warehouse.engine_mariadb import named_lock
from sise.warehouse.partitions import make_ahead
from sise.warehouse.schema import metadata

BASE: Final = "base"
HEAD: Final = "head"
LOCK_NUMBER: Final = 0x73697365
LOCK_SECONDS: Final = 60


def upgrade(engine: Engine, now_ns: int, target: str = HEAD) -> None:
    """Bring the schema up to ``target``, and make the partitions of this month and the next ones.

    Raises
    ------
    BadInput
        The database is of a newer sise, cannot be written, a downgrade of it was cut short, or there is no
        such revision.
    Unreachable
        No answer.
    """
    if engine.dialect.name == "sqlite" and engine.url.database:
        _make_folder(Path(engine.url.database).parent)
    with _migrating(engine) as config:
        _known(config, target)
        command.upgrade(config, target)
    at = current(engine)
    if at == head():
        _refuse_torn(engine)
    if at is not None:
        make_ahead(engine, now_ns)


def downgrade(engine: Engine, target: str, *, drop_rows: bool = False) -> None:
    """Take the schema back to ``target`` (``base``: nothing is left).

    Raises
    ------
    BadInput
        There is no such revision, or a table has rows and ``drop_rows`` is not set.
    """
    if current(engine) is None:
        return
    if not drop_rows and (filled := _tables_with_rows(engine)):
        remedy = "add --drop-rows to lose what they hold"
        if target != BASE:
            remedy = "back them up, then add --drop-rows to lose what the older tables have no place for"
        raise BadInput("tables with rows", ", ".join(filled), remedy)
    with _migrating(engine) as config:
        _known(config, target)
        command.downgrade(config, target)


def current(engine: Engine) -> str | None:
    """The revision that the database is at; ``None`` where it has no tables yet."""
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).exists():
        return None  # to connect would make the file
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision that this program knows as the newest."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def require_current(engine: Engine) -> None:
    """Refuse a database that is not at this program's revision.

    Raises
    ------
    BadInput
        It has no tables, or those of an older or newer sise.
    """
    at = current(engine)
    if at == head():
        return
    if at is None:
        raise BadInput(FIELD, shown(engine.url), "its tables are missing; run: sise db upgrade")
    _refuse_newer(engine, at)
    raise BadInput(FIELD, shown(engine.url), f"its tables are of revision {at}; run: sise db upgrade")


def differences(engine: Engine) -> list[str]:
    """What the database's tables have that the program's have not, or the other way round; none is right."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
        return [str(difference) for difference in compare_metadata(context, metadata)]


def ours(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Whether Alembic should look at an object: partitions and the tables of others are not in the model."""
    return kind != "table" or name in metadata.tables


@contextmanager
def _migrating(engine: Engine) -> Iterator[Config]:
    config = _config()
    with writing(engine) as connection, _turn(connection):
        _refuse_newer(engine, MigrationContext.configure(connection).get_current_revision())
        config.attributes["connection"] = connection
        yield config


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "sise.warehouse:migrations")
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _turn(connection: Connection) -> Iterator[None]:
    """One migration at a time. PostgreSQL's lock ends with the transaction, SQLite's is the transaction."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(LOCK_NUMBER)))
    if name in ("postgresql", "sqlite"):
        yield
        return
    with named_lock(connection, "sise", LOCK_SECONDS, "another migration"):
        yield


def _refuse_newer(engine: Engine, at: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if at is not None and at not in known:
        remedy = f"its tables are of a newer sise (revision {at}, known is {head()}); update this program"
        raise BadInput(FIELD, shown(engine.url), remedy)


def _refuse_torn(engine: Engine) -> None:
    """In MariaDB a downgrade that is cut short has dropped tables, and the revision says nothing of it."""
    with engine.connect() as connection:
        missing = sorted(set(metadata.tables) - set(inspect(connection).get_table_names()))
    if missing:
        remedy = (
            f"a downgrade was cut short, {', '.join(missing)} are missing; "
            "run: sise db downgrade base, then sise db upgrade"
        )
        raise BadInput(FIELD, shown(engine.url), remedy)


def _known(config: Config, target: str) -> None:
    scripts = ScriptDirectory.from_config(config)
    known = [BASE, HEAD, *(script.revision for script in scripts.walk_revisions())]
    if target not in known:
        raise BadInput("revision", target, f"there are {', '.join(known)}")


def _tables_with_rows(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        there = set(inspect(connection).get_table_names())
        tables = [table for table in metadata.sorted_tables if table.name in there]
        return [
            table.name
            for table in tables
            if connection.scalar(
                select(func.count()).select_from(select(table.primary_key.columns[0]).limit(1).subquery())
            )
        ]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(FIELD, str(folder), f"the folder cannot be made: {error.strerror}") from None
