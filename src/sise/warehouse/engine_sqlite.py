"""How a file of SQLite is opened: WAL and durable; or only to be read, where it cannot be written.

A database in WAL mode wants to make two files beside it, also for a reader. Where the folder does not allow
that, SQLite reads it through files that a writer left there, or as ``immutable``: without locks, as if nobody
wrote (https://sqlite.org/wal.html#read_only_databases). So that is only done where no ``-wal`` file is, which
every writer keeps while it is at work.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any


def choose_mode(_dialect: Any, _record: Any, arguments: list[Any], keywords: dict[str, Any]) -> None:
    """Turn the path of a file that is there, and may not be written, into one that is only read.

    SQLAlchemy's ``do_connect``: the driver's arguments are changed in place.
    """
    path = Path(arguments[0])
    if keywords.get("uri") or not path.is_file():
        return
    folder_writable = _writable(path.parent)
    if folder_writable and _writable(path):
        return
    alone = not folder_writable and not _has_log(path)
    arguments[0] = f"{path.absolute().as_uri()}?{'immutable=1' if alone else 'mode=ro'}"
    keywords["uri"] = True


def set_up(connection: sqlite3.Connection, _record: Any) -> None:
    """Every connection checks foreign keys; one that can write uses WAL."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _has_log(path: Path) -> bool:
    """Whether rows may lie in the log alone; an empty one whose index is gone was left behind."""
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    return log.is_file() and (index.is_file() or log.stat().st_size > 0)
