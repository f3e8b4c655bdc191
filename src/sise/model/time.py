"""Time: UTC nanoseconds inside, ISO 8601 with ``Z`` in files, the market's zone at the edges.

A moment is an ``int``: nanoseconds since 1970-01-01T00:00:00Z, always a whole number of
microseconds, so that it survives being written to a file and read back.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from sise.model.errors import BadInput

NS_PER_SECOND: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000

MARKET_ZONES: Final = {
    "kr_stocks": ZoneInfo("Asia/Seoul"),
    "crypto": ZoneInfo("Asia/Seoul"),
    "us_stocks": ZoneInfo("America/New_York"),
}


class Clock(Protocol):
    """The clock as a part: handed in from ``run``, so that a day can run in minutes."""

    def now_ns(self) -> int:
        """UTC now, in whole microseconds expressed as nanoseconds since the epoch."""

    def monotonic_ns(self) -> int:
        """A clock that never runs backwards, for waits and rates only."""

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of this clock's time."""


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        return time.time_ns() // NS_PER_US * NS_PER_US

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def sleep_until(clock: Clock, moment_ns: int) -> None:
    """Wait until ``clock`` shows ``moment_ns`` (UTC ns), and not a microsecond less.

    A timer may end early by what its clock and the wall's differ: hours and grids must not begin before
    their moment, when it is still the one before.
    """
    while (left := moment_ns - clock.now_ns()) > 0:
        await clock.sleep(max(left, NS_PER_MS) / NS_PER_SECOND)


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso(ns: int) -> str:
    """``ns`` as ``2026-11-20T13:52:01.123456Z`` (microseconds; anything finer is cut off)."""
    second, rest = divmod(ns, NS_PER_SECOND)
    return f"{_second_text(second)}.{rest // NS_PER_US:06d}Z"


@lru_cache(maxsize=4096)
def _second_ns(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * NS_PER_SECOND


def parse_iso(text: str) -> int:
    """The moment of an ISO 8601 text that names its offset (or ``Z``).

    Raises
    ------
    BadInput
        The text is no ISO 8601 time, or it names no offset.
    """
    if len(text) == 27 and text[26] == "Z" and text[19] == "." and text[20:26].isdigit():
        try:
            return _second_ns(text[:19]) + int(text[20:26]) * NS_PER_US
        except ValueError:
            pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("time", text, "write it as 2026-11-20T09:00:00+09:00") from None
    return to_ns(moment)


def to_ns(moment: datetime) -> int:
    """Nanoseconds since the epoch of an aware ``datetime``.

    Raises
    ------
    BadInput
        ``moment`` has no time zone.
    """
    if moment.tzinfo is None:
        raise BadInput(
            "time", moment.isoformat(), "name its offset, for example +09:00 for Korea or Z for UTC"
        )
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * NS_PER_SECOND + delta.microseconds * NS_PER_US


def in_zone(ns: int, zone: ZoneInfo) -> datetime:
    """The moment as an aware ``datetime`` of ``zone``, to the microsecond."""
    second, rest = divmod(ns, NS_PER_SECOND)
    return datetime.fromtimestamp(second, zone).replace(microsecond=rest // NS_PER_US)
