"""``sise db``: the tables of the trading database, made, compared, taken down."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sise.model.time import SystemClock
from sise.run.lifetime import begin
from sise.run.options import JsonOption

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sise.run.settings import Settings

app = typer.Typer(help="The trading database: its tables and their version.", no_args_is_help=True)
DEFAULT_FILE = "trading.db"


def database(settings: Settings) -> Engine:
    """The trading database that the settings name; nothing is connected yet.

    Raises
    ------
    BadInput
        The URL cannot be used, or its driver is not installed.
    """
    from sise.warehouse.engine import open_engine

    url = settings.database_url or f"sqlite:///{settings.data_dir / DEFAULT_FILE}"
    password = settings.database_password
    return open_engine(url, password.get_secret_value() if password else None)


@app.command()
def upgrade(
    revision: Annotated[str, typer.Argument(help="Up to this revision.")] = "head",
    as_json: JsonOption = False,
) -> None:
    """Make the tables, or bring them up to this program's; make the partitions of the next months."""
    from sise.warehouse import migrate

    with _opened() as engine:
        migrate.upgrade(engine, SystemClock().now_ns(), revision)
        _tell(engine, as_json)


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Back to this revision; base: no tables are left.")],
    drop_rows: Annotated[bool, typer.Option("--drop-rows", help="Also where tables hold rows.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take the tables back to an older revision."""
    from sise.warehouse import migrate

    with _opened() as engine:
        migrate.downgrade(engine, revision, drop_rows=drop_rows)
        _tell(engine, as_json)


@app.command()
def current(as_json: JsonOption = False) -> None:
    """Print the revision of the database and of this program. Exit code 1 where they differ."""
    from sise.warehouse import migrate

    with _opened() as engine:
        if _tell(engine, as_json) != migrate.head():
            raise typer.Exit(1)


@app.command()
def check(as_json: JsonOption = False) -> None:
    """Compare every table, column and index with this program's. Exit code 1 where one differs."""
    from sise.warehouse import migrate

    with _opened() as engine:
        migrate.require_current(engine)
        found = migrate.differences(engine)
    if as_json:
        typer.echo(msgspec.json.encode({"ok": not found, "differences": found}))
    else:
        typer.echo("\n".join(found) or "the tables are this program's")
    if found:
        raise typer.Exit(1)


@contextmanager
def _opened() -> Iterator[Engine]:
    engine = database(begin())
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        yield engine
    finally:
        engine.dispose()


def _tell(engine: Engine, as_json: bool) -> str | None:
    from sise.warehouse import migrate
    from sise.warehouse.engine import shown

    at, newest = migrate.current(engine), migrate.head()
    if as_json:
        said = {"database": shown(engine.url), "revision": at, "head": newest}
        typer.echo(msgspec.json.encode(said))
    else:
        typer.echo(f"{shown(engine.url)}: revision {at or 'none'}, newest {newest}")
    return at
