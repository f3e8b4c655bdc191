"""Keeps our requests below what a provider allows, before it has to say so.

Per group a strict sliding window (never more than the rate in *any* window, where a bucket that
refills would allow twice the rate around a second's edge). What the provider says about itself
comes on top: ``exhausted`` (nothing left in this second) holds one group, ``block`` holds all.

All waiting is on the clock that was handed in, so that a test or a fast day governs alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from sise.model.errors import ProviderRefused
from sise.model.time import NS_PER_MS, NS_PER_SECOND, Clock

HOLD_SECONDS: Final = 1.0
"""How long a group rests that has nothing left: whenever its second began, it is over then."""

BLOCK_STEP_SECONDS: Final = 60.0
"""The n-th block of a client's life lasts at least n times this, whatever the provider says."""

BLOCK_SECONDS_MAX: Final = 24 * 3600.0


class Governor:
    """Admits requests by group. ``rates`` has for each group its windows: (count, seconds)."""

    def __init__(
        self, provider: str, rates: Mapping[str, Sequence[tuple[int, float]]], share: float, clock: Clock
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._windows = {
            group: InMemoryBucket(
                [Rate(max(1, int(count * share)), round(seconds * 1000)) for count, seconds in windows]
            )
            for group, windows in rates.items()
        }
        self._turns = {group: asyncio.Lock() for group in rates}
        self._held_until_ns = dict.fromkeys(rates, 0)
        self._blocked_until_ns = 0
        self._blocks = 0

    async def admit(self, group: str) -> None:
        """Return when a request of ``group`` may begin; requests of a group go in order.

        Raises
        ------
        ProviderRefused
            The provider has blocked us: nothing is sent until the block is over.
        """
        async with self._turns[group]:
            while True:
                self._refuse_while_blocked()
                wait = self._wait_seconds(group)
                if wait <= 0:
                    return
                await self._clock.sleep(wait)

    def exhausted(self, group: str, seconds: float = HOLD_SECONDS) -> None:
        """Nothing is left of ``group``: its next request begins no sooner than in ``seconds``."""
        until = self._clock.monotonic_ns() + round(seconds * NS_PER_SECOND)
        self._held_until_ns[group] = max(self._held_until_ns[group], until)

    def block(self, seconds: float | None) -> float:
        """The provider has blocked us, for ``seconds`` if it said so. Returns how long we keep silent."""
        self._blocks += 1
        period = min(max(seconds or 0.0, self._blocks * BLOCK_STEP_SECONDS), BLOCK_SECONDS_MAX)
        until = self._clock.monotonic_ns() + round(period * NS_PER_SECOND)
        self._blocked_until_ns = max(self._blocked_until_ns, until)
        return period

    def _refuse_while_blocked(self) -> None:
        left = self._blocked_until_ns - self._clock.monotonic_ns()
        if left > 0:
            raise ProviderRefused(
                self._provider,
                418,
                "blocked",
                f"asked too often before; no request is sent for another {left / NS_PER_SECOND:.0f} s",
            )

    def _wait_seconds(self, group: str) -> float:
        now_ns = self._clock.monotonic_ns()
        held_ns = self._held_until_ns[group] - now_ns
        if held_ns > 0:
            return held_ns / NS_PER_SECOND
        now_ms = now_ns // NS_PER_MS
        window = self._windows[group]
        window.leak(now_ms)
        item = RateItem(group, now_ms)
        if window.put(item):
            return 0.0
        waiting = window.waiting(item)
        # Milliseconds are cut off above, so one more makes the window whole.
        return (int(waiting) + 1) / 1000 if isinstance(waiting, int) else HOLD_SECONDS
