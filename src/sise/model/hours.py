"""When venues trade, as dated rows with their source: a change of rules is a new row, never an edit.

Hours are wall-clock times of the venue's own zone. Where sources differ, the widest hours are taken:
a recorder that begins early loses nothing. :mod:`sise.model.calendar` makes sessions of these rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

SessionKind = Literal["pre", "regular", "after"]

SWEEP_EVERY_SECONDS: Final = 600
"""O3. The grid of the swing track is the wall clock's: 09:00, 09:10, …"""
SCALP_MARGIN_SECONDS: Final = 1_800
"""O4. The scalp track listens from so long after the open to so long before the close: 09:30 to 15:00 on an
ordinary day of KRX; a day that opens late moves with it. Where the market never shuts, always."""

SEOUL: Final = ZoneInfo("Asia/Seoul")
NEW_YORK: Final = ZoneInfo("America/New_York")


class Hours(Struct, frozen=True):
    """From ``since`` on (until a newer row of the same venue and kind) trading lasts ``[open, close)``.

    ``open`` equal to ``close`` (midnight) is the whole day, from midnight to midnight of the zone.
    """

    venue: str
    kind: SessionKind
    open: time
    close: time
    since: date
    source: str


class SpecialDay(Struct, frozen=True, forbid_unknown_fields=True):
    """A day that is not as the rows of hours and the list of holidays have it.

    Closed: ``closed`` is true, for the session ``kind`` or, without one, for the whole day. Open: ``open``
    and ``close`` are the hours of the session ``kind`` (``regular`` where none is named), and the day
    is a trading day whatever the list of holidays says. Without a ``venue`` it is meant for every
    venue that it is given to.
    """

    date: date
    reason: str
    source: str
    closed: bool = False
    open: time | None = None
    close: time | None = None
    kind: SessionKind | None = None
    venue: str = ""


class Venue(Struct, frozen=True):
    """A place of trade: its zone, and where its full holidays are listed (empty: it has none)."""

    name: str
    zone: ZoneInfo
    holidays: str
    first_day: date
    """Before it the rows below say nothing."""
    weekends: bool
    """True where it trades on Saturdays and Sundays too."""


VENUES: Final = {
    "krx": Venue("krx", SEOUL, "XKRX", date(2001, 1, 1), weekends=False),
    "nxt": Venue("nxt", SEOUL, "XKRX", date(2025, 3, 4), weekends=False),
    # A crypto day is a UTC day: it begins at 09:00 in Seoul, where the day candles roll.
    "crypto": Venue("crypto", ZoneInfo("UTC"), "", date(2017, 10, 24), weekends=True),
    "xnys": Venue("xnys", NEW_YORK, "XNYS", date(2001, 1, 1), weekends=False),
}

VENUE_OF_MARKET: Final = {"kr_stocks": "krx", "crypto": "crypto", "us_stocks": "xnys"}
"""Whose days are the days of a market."""

_WIRE: Final = "wire reference KIS, market facts of 2026-11"
_PRESS_NXT: Final = "press 2025-03; sources differ by seconds to minutes, the widest are taken"

HOURS: Final = (
    Hours("krx", "regular", time(9), time(15), date(2000, 5, 22), "KRX: the lunch break ends"),
    Hours("krx", "regular", time(9), time(15, 30), date(2016, 8, 1), "KRX: half an hour longer"),
    Hours("krx", "after", time(16), time(20), date(2026, 9, 14), f"{_WIRE}: KRX after-market"),
    Hours("nxt", "pre", time(8), time(8, 50), date(2025, 3, 4), _PRESS_NXT),
    Hours("nxt", "regular", time(9), time(15, 20), date(2025, 3, 4), _PRESS_NXT),
    Hours("nxt", "after", time(15, 30), time(20), date(2025, 3, 4), _PRESS_NXT),
    Hours("crypto", "regular", time(0), time(0), date(2017, 10, 24), "around the clock"),
    Hours("xnys", "regular", time(9, 30), time(16), date(1985, 9, 30), "NYSE: core session"),
)

HALF_DAY_CLOSE: Final = {"xnys": time(13)}
"""When the half days that the list of holidays knows end."""

FIRST_DAY_OF_YEAR: Final = (
    # The date is the row's first year, its month and day mean nothing.
    SpecialDay(
        date(2001, 1, 1), "first trading day of the year", _WIRE, open=time(10), close=time(15), venue="krx"
    ),
    SpecialDay(
        date(2017, 1, 1),
        "first trading day of the year",
        _WIRE,
        open=time(10),
        close=time(15, 30),
        venue="krx",
    ),
    SpecialDay(
        date(2026, 1, 1),
        "first trading day of the year",
        "as on KRX",
        open=time(10),
        close=time(15, 20),
        venue="nxt",
    ),
    SpecialDay(
        date(2026, 1, 1),
        "first trading day of the year",
        "no pre-market (unconfirmed)",
        closed=True,
        kind="pre",
        venue="nxt",
    ),
)


def _exam_day(day: date) -> Iterator[SpecialDay]:
    """The college entrance exam: KRX opens and shuts an hour late, NXT follows and has no pre-market."""
    reason = "college scholastic ability test"
    yield SpecialDay(day, reason, _WIRE, open=time(10), close=time(16, 30), venue="krx")
    if day >= VENUES["nxt"].first_day:
        yield SpecialDay(day, reason, _WIRE, closed=True, kind="pre", venue="nxt")
        yield SpecialDay(
            day, reason, "as on KRX (unconfirmed)", open=time(10), close=time(16, 20), venue="nxt"
        )
        yield SpecialDay(
            day,
            reason,
            "as on KRX (unconfirmed)",
            open=time(16, 30),
            close=time(20),
            kind="after",
            venue="nxt",
        )


EXAM_DAYS: Final = (date(2024, 11, 14), date(2025, 11, 13), date(2026, 11, 19))
"""Announced each year by the ministry of education; later years come by the override file."""

SPECIAL_DAYS: Final = tuple(row for day in EXAM_DAYS for row in _exam_day(day))
