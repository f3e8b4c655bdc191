"""sise (시세): records what venues send, with proof of what was and was not heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sise.warehouse.query.reader import Reader

__all__ = ["__version__", "connect"]

__version__ = "0.1.0"


def connect(
    place: str | Path = "data",
    *,
    history: str | Path | None = None,
    journal: str | Path | None = None,
    password: str | None = None,
) -> Reader:
    """What was recorded, for a notebook: ``sise.connect("data").bars("005930", "1m", "2026-11-20")``.

    Parameters
    ----------
    place
        A data folder (its ``trading.db``, ``history`` and journal are found), a history (a folder or
        ``s3://bucket/folder``), a ``.db`` file, or the URL of a database.
    history, journal
        More places: older bars, and the data folder with the universes; with a database the journal
        is not read for rows. The history of the data folder is where the variable
        ``SISE_HISTORY`` says.
    password
        Of the database; better than in the URL.
    """
    import os

    from sise.warehouse.query.connecting import connect, history_set_for

    if history is None:
        history = history_set_for(place, os.environ)
    return connect(place, history=history, journal=journal, password=password)
