"""KIS's texts -> numbers, codes and moments: what sockets and REST have in common. Pure.

Every number that leaves here prints back to the text it came from, and every moment is whole.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from sise.model.errors import Undecodable
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, to_ns

NUMBER_MAX: Final = 1e15
"""Won and shares above this would not print back; no market has such a number."""

DIGITS_BELOW_MAX: Final = 15
"""So few digits are surely less than ``NUMBER_MAX``."""

_DAY_NS: Final = 86_400 * NS_PER_SECOND
_KOREA_NS: Final = 9 * 3600 * NS_PER_SECOND
"""Korea has had no summer time since 1988."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,10})?")
_CODE: Final = re.compile(r"[0-9A-Z]{6,9}")


def number(text: str, feed: str, column: str) -> float:
    """``text`` as a number that prints back.

    Raises
    ------
    Undecodable
        It is no plain decimal number, or larger than any of the market's.
    """
    if _NUMBER.fullmatch(text) and abs(value := float(text)) < NUMBER_MAX:
        return value
    raise Undecodable(f"{feed}: {column} is no number: {text[:24]!r}")


@lru_cache(maxsize=4096)
def code(text: str, feed: str) -> str:
    """``text`` as the code of an issue: six characters, ETN seven, funds nine; not only digits.

    Raises
    ------
    Undecodable
        It is none.
    """
    if _CODE.fullmatch(text):
        return text
    raise Undecodable(f"{feed}: no code of an issue where the record begins")


@lru_cache(maxsize=4096)
def moment(date: str, hour: str) -> int:
    """``20260922`` and ``140610``, Korean time, in UTC nanoseconds.

    Raises
    ------
    Undecodable
        They are no date and time.
    """
    if len(date) == 8 and len(hour) == 6 and (date + hour).isdigit():
        try:
            zone = MARKET_ZONES["kr_stocks"]
            return to_ns(datetime.strptime(date + hour, "%Y%m%d%H%M%S").replace(tzinfo=zone))
        except ValueError:
            pass
    raise Undecodable(f"no date and time: {date[:12]!r} {hour[:12]!r}")


def moment_near(hour: str, received_at: int) -> int:
    """The moment at which Korean clocks showed ``hour`` (HHMMSS) nearest to ``received_at``.

    Raises
    ------
    Undecodable
        It is no time of day.
    """
    of_day = moment("19700102", hour) + _KOREA_NS - _DAY_NS
    midnight = (received_at + _KOREA_NS) // _DAY_NS * _DAY_NS - _KOREA_NS
    at = midnight + of_day
    if at - received_at > _DAY_NS // 2:
        return at - _DAY_NS
    return at + _DAY_NS if received_at - at > _DAY_NS // 2 else at
