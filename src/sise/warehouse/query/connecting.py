"""From a path or URL to a :class:`~sise.warehouse.query.reader.Reader`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sise.journal.partition import JOURNAL_FOLDERS
from sise.model.errors import BadInput
from sise.warehouse.history import History
from sise.warehouse.history_files import S3_PREFIX
from sise.warehouse.query.journal import Journal
from sise.warehouse.query.parquet import Parquet
from sise.warehouse.query.reader import Reader
from sise.warehouse.query.store import Store
from sise.warehouse.query.universes import Universes

if TYPE_CHECKING:
    from sqlalchemy import Engine

DATABASE_FILE: Final = "trading.db"
HISTORY_FOLDER: Final = "history"
DATA_FOLDER: Final = "data"


def connect(
    place: str | Path = "data",
    *,
    history: str | Path | None = None,
    journal: str | Path | None = None,
    password: str | None = None,
) -> Reader:
    """Open what there is to be asked; the public face is :func:`sise.connect`.

    Raises
    ------
    BadInput
        Nothing that can be asked is there, or the database is of another version of sise.
    Unreachable
        The database does not answer.
    """
    named = str(place)
    if named.startswith(S3_PREFIX):
        return _reader(None, History.at(named), None)
    if "://" in named:
        _check_file(named)
        return _reader(named, _history(history), _folder(journal), password)
    path = Path(place)
    if path.is_file():
        return _reader(_url(path), _history(history), _folder(journal))
    if not path.is_dir():
        raise BadInput("place", named, _FORM)
    if any(path.glob("bars_*/manifest")):
        return _reader(None, History.at(named), None)
    return _data_folder(path, history, journal)


def history_set_for(place: str | Path, variables: Mapping[str, str]) -> str | None:
    """The history that ``SISE_HISTORY`` gives to the data folder of ``SISE_DATA_DIR``; None: nothing is set.

    Another folder has another history: the bars of two are never mixed unasked.
    """
    named = variables.get("SISE_HISTORY")
    own = Path(variables.get("SISE_DATA_DIR") or DATA_FOLDER)
    return named if named and own.resolve() == Path(place).resolve() else None


_FORM: Final = (
    "name a data folder, a history, a .db file, s3://bucket/folder, "
    "or a database: sqlite:///data/trading.db, postgresql://user@host/name, mariadb://user@host/name"
)


def _data_folder(path: Path, history: str | Path | None, journal: str | Path | None) -> Reader:
    database = path / DATABASE_FILE
    own_history = path / HISTORY_FOLDER
    return _reader(
        _url(database) if database.is_file() else None,
        _history(history or (own_history if own_history.is_dir() else None)),
        _folder(journal) or (path if _has_journal(path) else None),
        named=str(path),
    )


def _reader(
    url: str | None,
    history: History | None,
    journal: Path | None,
    password: str | None = None,
    *,
    named: str = "",
) -> Reader:
    stores: list[Store] = []
    engine = None if url is None else _engine(url, password)
    if engine is not None:
        from sise.warehouse.query.database import Database

        stores.append(Database(engine))
    elif journal is not None:
        # what the database holds was made of the journal: where there is one, it is asked
        stores.append(Journal(journal))
    if history is not None:
        stores.append(Parquet(history))
    if not stores:
        raise BadInput("place", named, f"the folder holds nothing that can be asked; {_FORM}")
    return Reader(stores, Universes(journal), (lambda: None) if engine is None else engine.dispose)


def _engine(url: str, password: str | None) -> Engine:
    from sise.warehouse.engine import open_engine
    from sise.warehouse.migrate import require_current

    engine = open_engine(url, password)
    try:
        require_current(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _url(path: Path) -> str:
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path)).render_as_string()


def _check_file(url: str) -> None:
    """SQLite would make the file; a reader makes none."""
    kind, _, path = url.partition(":///")
    if kind.startswith("sqlite") and path and not Path(path.partition("?")[0]).is_file():
        raise BadInput("place", url, "there is no such file; run: sise db upgrade")


def _history(place: str | Path | None) -> History | None:
    return None if place is None else History.at(str(place))


def _folder(place: str | Path | None) -> Path | None:
    if place is None:
        return None
    if not Path(place).is_dir():
        raise BadInput("journal", str(place), "there is no such folder")
    return Path(place)


def _has_journal(path: Path) -> bool:
    return any((path / name).is_dir() for name in JOURNAL_FOLDERS)
