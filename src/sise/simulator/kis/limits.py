"""REST calls per second, as dated rows [wire/kis.md 1.5]."""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct

from sise.model.time import NS_PER_SECOND, Clock


class CallLimit(Struct, frozen=True):
    """So many calls in any second, per app key."""

    mock: bool
    per_second: int
    since: str
    source: str


CALL_LIMITS: Final = (
    CallLimit(mock=False, per_second=20, since="20230101", source="the portal's notice before 2026"),
    CallLimit(mock=False, per_second=18, since="20260420", source="the portal's notice of 2026-04"),
    CallLimit(mock=True, per_second=2, since="20230101", source="the portal's notice before 2026"),
    CallLimit(mock=True, per_second=1, since="20260420", source="the portal's notice of 2026-04"),
)


def calls_per_second(day: str, *, mock: bool) -> int:
    """The limit of ``day`` (``YYYYMMDD``)."""
    rows = [row for row in CALL_LIMITS if row.mock == mock]
    return next((row.per_second for row in reversed(rows) if row.since <= day), rows[0].per_second)


class Calls:
    """Counts one app key's calls over a sliding second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: deque[int] = deque()

    def allows(self, limit: int) -> bool:
        """Spend one call; False where that is one too many (which is not counted)."""
        now = self._clock.monotonic_ns()
        while self._times and now - self._times[0] >= NS_PER_SECOND:
            self._times.popleft()
        if len(self._times) >= limit:
            return False
        self._times.append(now)
        return True
