"""The guard: has this been recorded before, and does it come as it should?

A repeated trade is refused. What is late, or stamped by a clock far from ours, is recorded and
noted: a wrong clock must not cost a tick.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def take(self, trade: Trade, received_at: int) -> list[str] | None:
        """Remember a trade that will be recorded; answers what is unusual about it. None: it is a repeat."""
        if self.is_repeat(trade.trade_id):
            return None
        notes = self._notes(trade, received_at)
        self.remember(trade.trade_id, trade.event_time)
        return notes

    def take_run(self, trades: Sequence[Trade], received_at: int) -> bool:
        """Remember trades of one moment, none a snapshot, where :meth:`take` would say nothing of any.

        Else False, and none is remembered. What is remembered is the same as after :meth:`take` of each.
        """
        last = trades[-1]
        if last.event_time < self.last_time or not -_SKEW_NS <= received_at - last.event_time <= _SKEW_NS:
            return False
        ids = {trade.trade_id for trade in trades}
        known = self._recent
        if len(ids) < len(trades) or len(known) + len(ids) > TRADES_REMEMBERED:
            return False
        if not (known.isdisjoint(ids) and self._older.isdisjoint(ids)):
            return False
        known |= ids
        self.last_id, self.last_time = last.trade_id, last.event_time
        return True

    def _notes(self, trade: Trade, received_at: int) -> list[str]:
        notes = []
        if trade.snapshot:
            notes.append("snapshot")
        elif not -_SKEW_NS <= received_at - trade.event_time <= _SKEW_NS:
            notes.append("clock_skew")
        if trade.event_time < self.last_time:
            notes.append("out_of_order")
        return notes
