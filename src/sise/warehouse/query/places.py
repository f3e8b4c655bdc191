"""What is meant by a path or URL: which database, history and journal are to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from sise.journal.partition import JOURNAL_FOLDERS
from sise.model.errors import BadInput
from sise.warehouse.history_files import S3_PREFIX

DATABASE_FILE: Final = "trading.db"
HISTORY_FOLDER: Final = "history"
DATA_FOLDER: Final = "data"
_SQLITE: Final = "sqlite"
_FORM: Final = (
    "name a data folder, a history, a .db file, s3://bucket/folder, "
    "or a database: sqlite:///data/trading.db, postgresql://user@host/name, mariadb://user@host/name"
)


class Places(Struct, frozen=True, kw_only=True):
    """A database's URL, a history (a folder or ``s3://…``) and a data folder; None: is not asked."""

    database: str | None = None
    history: str | None = None
    journal: Path | None = None


class Own(Struct, frozen=True):
    """What this installation's variables say beside the folder ``data_dir``: they hold for that one alone.

    Another folder has another database and another history: two are never mixed unasked.
    """

    data_dir: Path
    database: str | None
    password: str | None
    history: str | None
    calendar: str | None

    def has(self, place: str | Path) -> bool:
        """Whether ``place`` is the data folder of this installation."""
        return self.data_dir.resolve() == Path(place).resolve()


def own_places(variables: Mapping[str, str]) -> Own:
    """What the variables ``SISE_…`` say. An unset or empty one says nothing."""
    return Own(
        Path(variables.get("SISE_DATA_DIR") or DATA_FOLDER),
        _there(variables.get("SISE_DATABASE_URL")),
        variables.get("SISE_DATABASE_PASSWORD") or None,
        variables.get("SISE_HISTORY") or None,
        variables.get("SISE_CALENDAR") or None,
    )


def places_at(
    place: str | Path,
    history: str | Path | None,
    journal: str | Path | None,
    database: str | None,
) -> Places:
    """Where to look; what is named beside ``place`` goes before what is found there.

    Raises
    ------
    BadInput
        Nothing that can be asked is there, or one thing is named twice.
    """
    named = str(place)
    more = Places(database=database, history=_text(history), journal=_folder(journal))
    if database is not None:
        _check_file(database)
    if "://" in named:
        own = _of_url(named)
    elif Path(place).is_file():
        own = Places(database=_url(Path(place)))
    elif not Path(place).is_dir():
        raise BadInput("place", "(hidden)" if "@" in named else named, f"there is no such file; {_FORM}")
    elif any(Path(place).glob("bars_*/manifest")):
        own = Places(history=named)
    else:
        return _in_folder(Path(place), more)
    return _both(own, more)


def _of_url(named: str) -> Places:
    if named.startswith(S3_PREFIX):
        return Places(history=named)
    _check_file(named)
    return Places(database=named)


def _both(own: Places, more: Places) -> Places:
    """``own`` is one place; ``more`` may not name another of its kind."""
    for field in ("database", "history"):
        if getattr(own, field) is not None and getattr(more, field) is not None:
            raise BadInput(field, None, f"the place is a {field} already: leave one of the two out")
    return Places(
        database=own.database or more.database, history=own.history or more.history, journal=more.journal
    )


def _in_folder(path: Path, more: Places) -> Places:
    """All that lies in a data folder, where nothing else is named."""
    file, history = path / DATABASE_FILE, path / HISTORY_FOLDER
    found = Places(
        database=more.database or (_url(file) if file.is_file() else None),
        history=more.history or (str(history) if history.is_dir() else None),
        journal=more.journal or (path if _has_journal(path) else None),
    )
    if found == Places():
        raise BadInput("place", str(path), f"the folder holds nothing that can be asked; {_FORM}")
    return found


def _there(url: str | None) -> str | None:
    """A file of SQLite that is still to be made holds nothing: the journal answers."""
    return None if not url or _missing_file(url) else url


def _check_file(url: str) -> None:
    """SQLite would make the file; a reader makes none."""
    if (path := _missing_file(url)) is not None:
        raise BadInput("database", path, "there is no such file; run: sise db upgrade")


def _missing_file(url: str) -> str | None:
    kind, _, path = url.partition(":///")
    path = path.partition("?")[0]
    return path if kind.startswith(_SQLITE) and path and not Path(path).is_file() else None


def _url(path: Path) -> str:
    from sqlalchemy import URL

    return URL.create(_SQLITE, database=str(path)).render_as_string()


def _text(place: str | Path | None) -> str | None:
    return None if place is None else str(place)


def _folder(place: str | Path | None) -> Path | None:
    if place is None:
        return None
    if not Path(place).is_dir():
        raise BadInput("journal", str(place), "there is no such folder; name a data folder")
    return Path(place)


def _has_journal(path: Path) -> bool:
    return any((path / name).is_dir() for name in JOURNAL_FOLDERS)
