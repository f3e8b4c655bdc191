"""The calendar of this installation: what is built in, and the exceptions of a file that a setting names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sise.model.calendar import Calendar
from sise.model.errors import BadInput
from sise.model.hours import VENUE_OF_MARKET, SpecialDay
from sise.model.overrides import read_overrides
from sise.run.redact import shown

if TYPE_CHECKING:
    from sise.run.settings import Settings


def exceptions_of(settings: Settings) -> tuple[SpecialDay, ...]:
    """The exceptions of the installation; none where no file is named.

    Raises
    ------
    BadInput
        The file cannot be read, or holds what is no exception.
    """
    if settings.calendar is None:
        return ()
    try:
        return tuple(read_overrides(settings.calendar.expanduser()))
    except OSError as error:
        remedy = f"it cannot be read ({error.strerror}): name the file of your exceptions, or none"
        raise BadInput("calendar (SISE_CALENDAR)", shown(str(settings.calendar)), remedy) from None


def calendar_of(market: str, settings: Settings) -> Calendar:
    """The calendar of ``market`` (``kr_stocks`` …). Raises as :func:`exceptions_of`."""
    return Calendar(VENUE_OF_MARKET[market], overrides=exceptions_of(settings))
