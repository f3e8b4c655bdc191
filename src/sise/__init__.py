"""sise (시세): records what venues send, with proof of what was and was not heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sise.warehouse.query.reader import Reader

__all__ = ["__version__", "connect"]

__version__ = "0.1.0"


def connect(
    place: str | Path | None = None,
    *,
    history: str | Path | None = None,
    journal: str | Path | None = None,
    database: str | None = None,
    password: str | None = None,
    calendar: str | Path | None = None,
) -> Reader:
    """What was recorded, for a notebook: ``sise.connect("data").bars("005930", "1m", "2026-11-20")``.

    Parameters
    ----------
    place
        A data folder (its ``trading.db``, ``history`` and journal are found), a history (a folder or
        ``s3://bucket/folder``), a ``.db`` file, or the URL of a database. None is the data folder of this
        installation: ``SISE_DATA_DIR``, or ``data``.
    history, journal, database
        More places: older bars (a folder or ``s3://…``), the data folder with the universes and the
        providers' answers about trading days, the URL of the trading database. With a database the journal
        is not read for rows.
    password
        Of the database; better than in the URL.
    calendar
        The TOML file of days that are not as the built-in calendar has them.

    What is not named is taken from the variables ``SISE_HISTORY``, ``SISE_DATABASE_URL`` and
    ``SISE_DATABASE_PASSWORD`` where ``place`` is this installation's data folder, and from ``SISE_CALENDAR``
    for every place.

    Raises
    ------
    sise.model.errors.BadInput
        Nothing that can be asked is there, a name cannot be used, or the database is of another version.
    sise.model.errors.Unreachable
        The database does not answer.
    """
    import os

    from sise.warehouse.query.connecting import open_reader
    from sise.warehouse.query.places import own_places, places_at

    own = own_places(os.environ)
    place = own.data_dir if place is None else place
    if own.has(place):
        history = own.history if history is None else history
        if database is None and own.database is not None:
            database, password = own.database, own.password if password is None else password
    places = places_at(place, history, journal, database)
    return open_reader(places, password=password, calendar=own.calendar if calendar is None else calendar)
