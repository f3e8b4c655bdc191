"""The market's rules as dated data: tick ladders, price limits, holidays, special days [wire/kis.md 6].

Prices are whole won, dates ``YYYYMMDD`` of Korea, moments of a day whole milliseconds since 00:00 KST.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec import Struct

from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, to_ns
from sise.simulator.ticks import Ladder

KST_OFFSET_NS: Final = 9 * 3_600 * NS_PER_SECOND
DAY_NS: Final = 86_400 * NS_PER_SECOND
LIMIT_PERCENT: Final = 30
VI_PERCENT: Final = 10

FLOORS_OF_2023: Final = (0, 2_000, 5_000, 20_000, 50_000, 200_000, 500_000)
AFTER_MARKET_SINCE: Final = "20260914"
"""KRX's after-market, and with it the columns ``MARKET_CLS_CODE`` on the wire."""
MID_PRICE_COLUMNS_SINCE: Final = "20260601"
NXT_SINCE: Final = "20250304"


class LadderRow(Struct, frozen=True):
    """The ticks that hold from ``since`` on, with where that is written."""

    since: str
    source: str
    ladder: Ladder


SHARE_LADDERS: Final = (
    LadderRow(
        "20230125",
        "KRX: one ladder for KOSPI, KOSDAQ and KONEX",
        Ladder(FLOORS_OF_2023, (1, 5, 10, 50, 100, 500, 1_000)),
    ),
)
FUND_LADDERS: Final = (LadderRow("20231201", "KRX: ETF, ETN and ELW", Ladder((0, 2_000), (1, 5))),)

_HOLIDAYS: Final = """
20250101 20250127 20250128 20250129 20250130 20250303 20250501 20250505 20250506 20250603 20250606
20250815 20251003 20251006 20251007 20251008 20251009 20251225 20251231
20260101 20260216 20260217 20260218 20260302 20260501 20260505 20260525 20260603 20260717 20260817
20260924 20260925 20261005 20261009 20261225 20261231
20270101 20270208 20270209 20270301 20270505 20270513 20270816 20270914 20270915 20270916 20271004
20271011 20271227 20271231
"""
HOLIDAYS: Final = frozenset(_HOLIDAYS.split())
"""Weekdays on which the exchange is closed, 2025 to 2027; of other years no holiday is known."""

CSAT_DAYS: Final = frozenset({"20241114", "20251113", "20261119", "20271118"})
"""The day of the university entrance examination: everything an hour later."""


def share_ladder(day: str) -> Ladder:
    """The ladder of shares on ``day``; before the first row, the first row's."""
    return _dated(SHARE_LADDERS, day)


def fund_ladder(day: str) -> Ladder:
    """The ladder of ETF and ETN on ``day``."""
    return _dated(FUND_LADDERS, day)


def _dated(rows: tuple[LadderRow, ...], day: str) -> Ladder:
    return next((row.ladder for row in reversed(rows) if row.since <= day), rows[0].ladder)


def price_limits(base: int, ladder: Ladder) -> tuple[int, int]:
    """Lowest and highest price of a day: 30 % off ``base``, the width and the prices rounded inward."""
    width = base * LIMIT_PERCENT // 100
    upper = ladder.snap(base + width)
    low = base - width
    step = ladder.step_at(low)
    return -(-low // step) * step, upper


def day_of(ns: int) -> str:
    """The Korean date that holds a moment."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=(ns + KST_OFFSET_NS) // NS_PER_SECOND)
    return moment.strftime("%Y%m%d")


def midnight_ns(day: str) -> int:
    """When ``day`` begins in Korea.

    Raises
    ------
    BadInput
        ``day`` is no date.
    """
    that = as_date(day)
    return to_ns(datetime(that.year, that.month, that.day, tzinfo=UTC)) - KST_OFFSET_NS


def as_date(day: str) -> date:
    """``YYYYMMDD`` as a date; raises :class:`BadInput` where it is none."""
    try:
        return date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        raise BadInput("day", day, "write a date as 20261119") from None


def is_trading_day(day: str) -> bool:
    """Whether the exchange opens."""
    return as_date(day).weekday() < 5 and day not in HOLIDAYS


def shifted(day: str, days: int) -> str:
    """The date so many calendar days later."""
    return (as_date(day) + timedelta(days=days)).strftime("%Y%m%d")


def trading_days_before(day: str, count: int) -> list[str]:
    """The last ``count`` trading days before ``day``, newest first."""
    found: list[str] = []
    while len(found) < count:
        day = shifted(day, -1)
        if is_trading_day(day):
            found.append(day)
    return found


def is_first_trading_day(day: str) -> bool:
    """Whether ``day`` is the first of its year."""
    return day[4:6] == "01" and is_trading_day(day) and trading_days_before(day, 1)[0][:4] != day[:4]
