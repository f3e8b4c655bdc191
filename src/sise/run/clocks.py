"""A clock that begins where it is told and runs faster, so that a day passes in minutes."""

from __future__ import annotations

import asyncio
import time

from sise.model.errors import BadInput
from sise.model.time import NS_PER_US, Clock, SystemClock, parse_iso
from sise.run.redact import shown


class FastClock:
    """Time from ``start_ns`` on (UTC nanoseconds), ``speed`` times as fast as the machine's.

    ``begun_ns`` is the real moment (UTC nanoseconds) at which it is ``start_ns``, for processes that live
    in the same time; without it, now.
    """

    def __init__(self, start_ns: int, speed: float, begun_ns: int | None = None) -> None:
        since = 0 if begun_ns is None else time.time_ns() - begun_ns
        self._start_ns, self._speed = start_ns, speed
        self._begun_ns = time.monotonic_ns() - since

    def now_ns(self) -> int:
        return (self._start_ns + self.monotonic_ns()) // NS_PER_US * NS_PER_US

    def monotonic_ns(self) -> int:
        return int((time.monotonic_ns() - self._begun_ns) * self._speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


def clock_of(text: str | None) -> Clock:
    """The clock of a setting ``START@SPEED@WALL``; the machine's own where there is none.

    Raises
    ------
    BadInput
        ``text`` has another form.
    """
    if text is None:
        return SystemClock()
    try:
        start, speed, wall = text.split("@")
        return FastClock(parse_iso(start), float(speed), parse_iso(wall))
    except (ValueError, BadInput):
        remedy = "write it as 2026-11-19T09:00:00+09:00@60@2026-11-20T00:00:00Z"
        raise BadInput("clock (SISE_CLOCK)", shown(text), remedy) from None
