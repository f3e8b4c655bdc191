"""No window ever holds more requests than we allow ourselves, and what the provider says counts."""

from __future__ import annotations

import asyncio

import pytest

from sise.model.errors import ProviderRefused
from sise.providers.governor import Governor
from tests.providers.stand_ins import FastClock

SECOND = 10**9


def governor(clock: FastClock) -> Governor:
    return Governor("upbit", {"candle": [(10, 1.0)], "ticker": [(10, 1.0), (20, 60.0)]}, 0.8, clock)


async def admitted(guard: Governor, clock: FastClock, group: str, count: int) -> list[int]:
    times = []
    for _ in range(count):
        await guard.admit(group)
        times.append(clock.monotonic_ns())
    return times


def most_in(times: list[int], window_ns: int) -> int:
    return max(sum(1 for other in times if at <= other < at + window_ns) for at in times)


async def test_no_second_holds_more_than_eight() -> None:
    clock = FastClock()
    times = await admitted(governor(clock), clock, "candle", 100)
    assert most_in(times, SECOND) == 8
    assert times[-1] < 13.5 * SECOND, "nor is more waited than needed"


async def test_every_window_of_a_group_holds() -> None:
    clock = FastClock()
    times = await admitted(governor(clock), clock, "ticker", 40)
    assert most_in(times, SECOND) == 8
    assert most_in(times, 60 * SECOND) == 16


async def test_requests_that_come_together_are_governed_together() -> None:
    clock = FastClock()
    guard = governor(clock)
    many = await asyncio.gather(*(admitted(guard, clock, "candle", 5) for _ in range(6)))
    assert most_in(sorted(at for times in many for at in times), SECOND) == 8


async def test_an_exhausted_group_waits_and_the_others_do_not() -> None:
    clock = FastClock()
    guard = governor(clock)
    guard.exhausted("candle")
    assert await admitted(guard, clock, "ticker", 1) == [0]
    assert await admitted(guard, clock, "candle", 1) == [SECOND]


async def test_a_block_stops_everything_for_as_long_as_it_lasts() -> None:
    clock = FastClock()
    guard = governor(clock)
    assert guard.block(90.0) == 90.0
    for group in ("candle", "ticker"):
        with pytest.raises(ProviderRefused, match="another 90 s"):
            await guard.admit(group)
    await clock.sleep(90.0)
    await guard.admit("candle")


async def test_blocks_that_say_nothing_grow() -> None:
    guard = governor(FastClock())
    assert [guard.block(seconds) for seconds in (None, None, 10.0, 900.0, 10.0**9)] == [
        60.0,
        120.0,
        180.0,
        900.0,
        86_400.0,
    ]
