"""What has changed since a tick: how a viewer who missed some is told just what it needs.

Time is cut into ticks (see :mod:`sise.serve.hub`). Nobody has a queue: a viewer that was slow asks
for the changes since the last tick it saw, and gets the present state of whatever changed.
"""

from __future__ import annotations

from collections import deque
from typing import Final

TICKS_REMEMBERED: Final = 150
EVERYTHING_NS: Final = 0


class EarliestChange:
    """The earliest moment (UTC ns) that was touched, tick by tick, for the last ticks."""

    __slots__ = ("_by_tick", "_forgotten")

    def __init__(self) -> None:
        self._by_tick: deque[tuple[int, int]] = deque()
        self._forgotten = -1

    def mark(self, tick: int, moment_ns: int) -> None:
        """Something at ``moment_ns`` changed during ``tick``; ticks never go back."""
        by_tick = self._by_tick
        if by_tick and by_tick[-1][0] == tick:
            if moment_ns < by_tick[-1][1]:
                by_tick[-1] = (tick, moment_ns)
            return
        by_tick.append((tick, moment_ns))
        if len(by_tick) > TICKS_REMEMBERED:
            self._forgotten = by_tick.popleft()[0]

    def since(self, tick: int) -> int | None:
        """The earliest moment touched after ``tick``; ``EVERYTHING_NS`` where that is not remembered."""
        if tick < self._forgotten:
            return EVERYTHING_NS
        return min((moment for at, moment in self._by_tick if at > tick), default=None)
