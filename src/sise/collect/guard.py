"""The guard: has this been recorded before, and does it come as it should?

A repeated trade is refused. What is late, or stamped by a clock far from ours, is recorded and
noted: a wrong clock must not cost a tick.
"""

from __future__ import annotations

from typing import Final

from sise.model.events import Trade
from sise.model.time import NS_PER_SECOND

TRADES_REMEMBERED: Final = 500
"""Per symbol; a repeat is looked for among so many trades (a reconnect repeats the last one)."""
CLOCK_SKEW_SECONDS: Final = 60
_SKEW_NS: Final = CLOCK_SKEW_SECONDS * NS_PER_SECOND


class TradeGuard:
    """Remembers the last trades of one symbol."""

    __slots__ = ("_older", "_recent", "last_id", "last_time")

    def __init__(self) -> None:
        self._recent: set[str] = set()
        self._older: set[str] = set()
        self.last_time = 0
        self.last_id = ""

    def is_repeat(self, trade_id: str) -> bool:
        """Whether the trade is among those remembered."""
        return trade_id in self._recent or trade_id in self._older

    def remember(self, trade_id: str, event_time: int) -> None:
        """Call once for each trade that is recorded."""
        if len(self._recent) >= TRADES_REMEMBERED:
            self._older, self._recent = self._recent, set()
        self._recent.add(trade_id)
        self.last_id = trade_id
        if event_time > self.last_time:
            self.last_time = event_time

    def notes(self, trade: Trade, received_at: int) -> list[str]:
        """What is unusual about a trade that will be recorded."""
        notes = []
        if trade.snapshot:
            notes.append("snapshot")
        elif not -_SKEW_NS <= received_at - trade.event_time <= _SKEW_NS:
            notes.append("clock_skew")
        if trade.event_time < self.last_time:
            notes.append("out_of_order")
        return notes
