"""Waiting for a moment: never less, whatever the timer does."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sise.model.time import NS_PER_MS, NS_PER_SECOND, parse_iso, sleep_until

START = parse_iso("2026-11-20T09:29:00+09:00")


class BadTimer:
    """Its sleeps end earlier or later than asked for, by what it is told."""

    def __init__(self, errors_ns: list[int]) -> None:
        self.ns, self._errors, self.sleeps = START, errors_ns, 0

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        error = self._errors[self.sleeps] if self.sleeps < len(self._errors) else 0
        self.sleeps += 1
        self.ns += max(0, round(seconds * NS_PER_SECOND) + error)


@given(st.integers(0, 3_600 * NS_PER_SECOND), st.lists(st.integers(-5 * NS_PER_MS, NS_PER_MS), max_size=6))
def test_the_moment_has_come_when_the_wait_ends(left_ns: int, errors_ns: list[int]) -> None:
    clock = BadTimer(errors_ns)
    asyncio.run(sleep_until(clock, START + left_ns))
    assert START + left_ns <= clock.ns <= START + left_ns + 3 * NS_PER_MS
    assert clock.sleeps <= len(errors_ns) + 1
