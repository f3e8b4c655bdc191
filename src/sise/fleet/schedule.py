"""Once a day at fixed times of Seoul's clock, and again soon after a failure."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sise.model.errors import BadInput, SiseError
from sise.model.time import NS_PER_SECOND, Clock, in_zone, to_ns

log = logging.getLogger(__name__)

ZONE: Final = ZoneInfo("Asia/Seoul")
RETRIES_MAX: Final = 6
RETRY_MINUTES: Final = 10
SLEEP_SECONDS_MAX: Final = 60.0
"""A machine that slept, or whose clock was set, is late by at most so much."""

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def parse_time(text: str) -> tuple[int, int]:
    """Hour and minute of ``21:00``.

    Raises
    ------
    BadInput
        ``text`` is no time of a day.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise BadInput("--every-day-at", text, "write a time of Seoul's clock as 21:00")
    return int(match[1]), int(match[2])


def next_time(now_ns: int, times: list[tuple[int, int]]) -> int:
    """The first moment after ``now_ns`` (UTC ns) at which Seoul's clock shows one of ``times``."""
    today = in_zone(now_ns, ZONE).replace(second=0, microsecond=0)
    moments = [
        to_ns((today + timedelta(days=days)).replace(hour=hour, minute=minute))
        for days in (0, 1)
        for hour, minute in times
    ]
    return min(moment for moment in moments if moment > now_ns)


async def every_day(
    clock: Clock,
    times: list[tuple[int, int]],
    work: Callable[[], Awaitable[bool]],
    *,
    at_once: bool = False,
    on_failure: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Do ``work`` at each of ``times``, until cancelled. It is done again where it fails or answers False.

    ``at_once``: now too, for a machine that was off at its hour. ``on_failure`` is told why a try failed.
    """
    moment_ns = clock.now_ns() if at_once else next_time(clock.now_ns(), times)
    while True:
        await _sleep_until(clock, moment_ns)
        for _ in range(RETRIES_MAX):
            if await _done(work, on_failure):
                break
            await _sleep_until(clock, clock.now_ns() + RETRY_MINUTES * 60 * NS_PER_SECOND)
        else:
            log.error("given up until the next time after %d tries", RETRIES_MAX)
        moment_ns = next_time(clock.now_ns(), times)


async def _sleep_until(clock: Clock, moment_ns: int) -> None:
    while (left := (moment_ns - clock.now_ns()) / NS_PER_SECOND) > 0:
        await clock.sleep(min(left, SLEEP_SECONDS_MAX))


async def _done(work: Callable[[], Awaitable[bool]], on_failure: Callable[[str], None]) -> bool:
    try:
        return await work()
    except SiseError as error:
        log.error("%s; tried again in %d minutes", error, RETRY_MINUTES)
        on_failure(str(error))
        return False
