"""From a path or URL to a :class:`~sise.warehouse.query.reader.Reader`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sise.model.errors import BadInput
from sise.model.hours import SpecialDay
from sise.model.overrides import read_overrides
from sise.warehouse.candles_calendar import Calendars
from sise.warehouse.history import History
from sise.warehouse.query.journal import Journal
from sise.warehouse.query.parquet import Parquet
from sise.warehouse.query.places import Places
from sise.warehouse.query.reader import Reader
from sise.warehouse.query.store import Store
from sise.warehouse.query.universes import Universes

if TYPE_CHECKING:
    from sqlalchemy import Engine


def open_reader(places: Places, *, password: str | None = None, calendar: str | Path | None = None) -> Reader:
    """Open what there is to be asked; the public face is :func:`sise.connect`.

    ``calendar`` is the file of this installation's exceptions.

    Raises
    ------
    BadInput
        The file of exceptions cannot be used, or the database is of another version of sise.
    Unreachable
        The database does not answer.
    """
    calendars = Calendars(_exceptions(calendar), places.journal)
    stores: list[Store] = []
    engine = None if places.database is None else _engine(places.database, password)
    if engine is not None:
        from sise.warehouse.query.database import Database

        stores.append(Database(engine))
    elif places.journal is not None:
        # what the database holds was made of the journal: where there is one, it is asked
        stores.append(Journal(places.journal))
    if places.history is not None:
        stores.append(Parquet(History.at(places.history)))
    close = (lambda: None) if engine is None else engine.dispose
    return Reader(stores, Universes(places.journal), close, calendars)


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


def _exceptions(file: str | Path | None) -> list[SpecialDay]:
    if file is None:
        return []
    try:
        return read_overrides(Path(file).expanduser())
    except OSError as error:
        remedy = f"it cannot be read ({error.strerror}): name the TOML file of your exceptions"
        raise BadInput("calendar", str(file), remedy) from None
