"""Once a day at Seoul's 21:00, again soon after a failure, and the day after all the same."""

from __future__ import annotations

import asyncio

import pytest

from sise.fleet.schedule import every_day, next_time, parse_time
from sise.model.errors import BadInput, Unreachable
from sise.model.time import NS_PER_SECOND, iso, parse_iso
from tests.journal.parts import HandClock


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-20T20:59:59+09:00", "2026-11-20T12:00:00.000000Z"),
        ("2026-11-20T21:00:00+09:00", "2026-11-20T15:30:00.000000Z"),
        ("2026-11-20T23:00:00+09:00", "2026-11-20T15:30:00.000000Z"),
        ("2026-12-31T23:00:00Z", "2027-01-01T12:00:00.000000Z"),
    ],
)
def test_next_time(now: str, then: str) -> None:
    assert iso(next_time(parse_iso(now), [(21, 0), (0, 30)])) == then


@pytest.mark.parametrize("text", ["21", "24:00", "9:00", "21:60", "", "noon", "21:00:00"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(BadInput, match="write a time of Seoul's clock"):
        parse_time(text)
    assert parse_time("21:00") == (21, 0)


class Enough(Exception):
    """The test has seen enough."""


async def _run(answers: list[bool | Exception]) -> list[str]:
    clock = HandClock(parse_iso("2026-11-20T00:00:00+09:00"))
    done: list[str] = []

    async def work() -> bool:
        done.append(iso(clock.now_ns())[5:16])
        if len(done) > len(answers):
            raise Enough
        answer = answers[len(done) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(Enough):
        await asyncio.wait_for(every_day(clock, [parse_time("21:00")], work), 10)
    return done


async def test_every_day() -> None:
    assert await _run([True, True]) == ["11-20T12:00", "11-21T12:00", "11-22T12:00"]


async def test_again_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    seen = await _run([Unreachable("nobody there"), False, True])
    assert seen == ["11-20T12:00", "11-20T12:10", "11-20T12:20", "11-21T12:00"]
    assert "nobody there; tried again in 10 minutes" in caplog.text


async def test_given_up_until_tomorrow() -> None:
    seen = await _run([False] * 6)
    assert seen[5:] == ["11-20T12:50", "11-21T12:00"]


async def test_a_machine_that_was_off_at_its_hour_begins_at_once() -> None:
    """With ``at_once`` a failure is tried again like any other, and the hour comes all the same."""
    clock = HandClock(parse_iso("2026-11-20T22:30:00+09:00"))
    done: list[str] = []
    said: list[str] = []

    async def work() -> bool:
        done.append(iso(clock.now)[5:16])
        if len(done) == 1:
            raise Unreachable("nobody there")
        if len(done) == 3:
            raise Enough
        return True

    with pytest.raises(Enough):
        await every_day(clock, [(21, 0)], work, at_once=True, on_failure=said.append)
    assert done == ["11-20T13:30", "11-20T13:40", "11-21T12:00"]
    assert said == ["nobody there"]


def test_the_clock_is_asked_again_and_again() -> None:
    """A machine that slept is late by a minute at most: no sleep is longer."""
    slept: list[float] = []

    class Counting(HandClock):
        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            self.now += round(seconds * NS_PER_SECOND)

    async def work() -> bool:
        raise Enough

    with pytest.raises(Enough):
        asyncio.run(every_day(Counting(parse_iso("2026-11-20T20:00:00+09:00")), [(21, 0)], work))
    assert max(slept) <= 60
    assert sum(slept) == 3600
