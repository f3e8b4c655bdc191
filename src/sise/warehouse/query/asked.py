"""What a reader may ask: moments and days, and which series; all of it checked before anything is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, TypedDict
from zoneinfo import ZoneInfo

from msgspec import Struct

from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, NS_PER_US, iso, parse_iso, to_ns
from sise.warehouse.tables.columns import STATES
from sise.warehouse.tables.types import LAST_NS

Moment = datetime | date | str
"""An aware ``datetime``, ISO 8601 text with offset; or a day of the market (``date``, ``2026-11-20``)."""

UTC_ZONE: Final = ZoneInfo("UTC")
LATEST_NS: Final = LAST_NS - NS_PER_US
"""The last moment that every database knows."""
FIRST_DAY: Final = date(1900, 1, 1)
LAST_DAY: Final = date(2199, 12, 30)
"""Days beyond are slips of the pen."""
DAY_NS: Final = 86_400 * NS_PER_SECOND
_DAY_LETTERS: Final = len("2026-11-20")


class Span(Struct, frozen=True):
    """``[start_ns, end_ns)``, UTC nanoseconds."""

    start_ns: int
    end_ns: int

    def within(self, other: Span) -> Span | None:
        """The part that both have, or None."""
        start_ns, end_ns = max(self.start_ns, other.start_ns), min(self.end_ns, other.end_ns)
        return Span(start_ns, end_ns) if start_ns < end_ns else None

    def windows(self, days: int) -> Iterator[Span]:
        """The span in pieces, cut where a multiple of so many UTC days since 1970 begins."""
        step, at = days * DAY_NS, self.start_ns
        while at < self.end_ns:
            following = min(at // step * step + step, self.end_ns)
            yield Span(at, following)
            at = following


class Series(Struct, frozen=True, order=True):
    """One symbol of one provider at one venue."""

    provider: str
    market: str
    venue: str
    symbol: str


class Who(Struct, frozen=True):
    """The series that are meant; None is any."""

    symbol: str | None = None
    provider: str | None = None
    market: str | None = None
    venue: str | None = None

    def means(self, series: Series) -> bool:
        return all(getattr(self, name) in (None, getattr(series, name)) for name in ("symbol", *CHOICE_NAMES))


CHOICE_NAMES: Final = ("provider", "market", "venue")


class Choice(TypedDict, total=False):
    """Which series is meant, where several have a symbol."""

    provider: str | None
    market: str | None
    venue: str | None


def span(start: Moment | None, end: Moment | None, zone: ZoneInfo) -> Span:
    """From ``start`` (included) to ``end`` (not included); a day as ``end`` is included whole.

    Days begin at midnight of ``zone``. None is the earliest and the latest there is.

    Raises
    ------
    BadInput
        A time without offset, a text that is no time, or an end that is not after the start.
    """
    start_ns = 0 if start is None else moment_ns("start", start, zone)
    end_ns = LATEST_NS if end is None else moment_ns("end", end, zone, whole_day=True)
    if end_ns <= start_ns:
        raise BadInput(
            "end", f"{end}", f"it is not after the start, {iso(start_ns)}; give the earlier one first"
        )
    return Span(max(start_ns, 0), min(end_ns, LATEST_NS))


def is_day(moment: Moment | None) -> bool:
    """Whether a day is named, and no moment."""
    if isinstance(moment, str):
        return len(moment.strip()) <= _DAY_LETTERS
    return isinstance(moment, date) and not isinstance(moment, datetime)


def moment_ns(field: str, moment: Moment, zone: ZoneInfo, *, whole_day: bool = False) -> int:
    """The moment in UTC ns; of a day its begin in ``zone``, or with ``whole_day`` that of the next day."""
    if isinstance(moment, datetime) or (isinstance(moment, str) and not is_day(moment)):
        return _told(field, moment)
    day = day_of(field, moment)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise BadInput(field, str(moment), f"name a day from {FIRST_DAY} to {LAST_DAY}, or leave it out")
    return to_ns(datetime.combine(day + timedelta(days=1) if whole_day else day, time(), zone))


def day_of(field: str, day: Moment) -> date:
    """A day as ``date`` or as text.

    Raises
    ------
    BadInput
        It is none.
    """
    if isinstance(day, str):
        try:
            return date.fromisoformat(day.strip())
        except ValueError:
            raise BadInput(field, day, "write a day as 2026-11-20, or a time with its offset") from None
    if isinstance(day, datetime) or not isinstance(day, date):
        raise BadInput(field, str(day), "name a day, such as 2026-11-20")
    return day


def _told(field: str, moment: datetime | str) -> int:
    try:
        return parse_iso(moment.strip()) if isinstance(moment, str) else to_ns(moment)
    except BadInput as fault:
        raise BadInput(field, str(moment), fault.remedy) from None


def checked_states(states: Collection[str] | None) -> list[str]:
    """The states of bars that are wanted; None: all.

    Raises
    ------
    BadInput
        One of them is none.
    """
    wanted = list(STATES) if states is None else [states] if isinstance(states, str) else list(states)
    for state in wanted:
        if state not in STATES:
            raise BadInput("states", state, f"use some of {' '.join(STATES)}")
    return wanted
