"""A minute's trades, folded by columns, joined to what is known of the minute already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sise.warehouse.rows import RowStore


class MinuteTrades(NamedTuple):
    """Trades of one symbol and minute. ``prices`` and ``sizes`` are in the order of the journal."""

    time: int
    """The minute's start, epoch seconds."""
    opened: tuple[int, int, float]
    """Event time (UTC ns), frame and price of the first trade by time and frame."""
    closed: tuple[int, int, float]
    high: float
    low: float
    prices: Sequence[float]
    sizes: Sequence[float]


class MinuteRows(RowStore):
    """A :class:`RowStore` that takes the trades of a minute together; the result is the same."""

    def merge(self, trades: MinuteTrades) -> None:
        time, (opened_ns, open_frame, opening), (closed_ns, close_frame, closing), high, low, _, sizes = (
            trades
        )
        at = self._place(time)
        if at < 0:
            self.late += len(sizes)
        elif at == len(self.time) or self.time[at] != time:
            volume, rest = _summed(0.0, 0.0, sizes)
            prices = (opening, high, low, closing, volume, rest)
            self._insert(at, (time, len(sizes), *prices, opened_ns, open_frame, closed_ns, close_frame))
        else:
            self.high[at], self.low[at] = max(self.high[at], high), min(self.low[at], low)
            if (closed_ns, close_frame) >= (self.closed_by[at], self.close_frame[at]):
                self.close[at], self.closed_by[at], self.close_frame[at] = closing, closed_ns, close_frame
            if (opened_ns, open_frame) < (self.opened_by[at], self.open_frame[at]):
                self.open[at], self.opened_by[at], self.open_frame[at] = opening, opened_ns, open_frame
            self.volume[at], self.rest[at] = _summed(self.volume[at], self.rest[at], sizes)
            self.trades[at] += len(sizes)


def _summed(total: float, rest: float, sizes: Sequence[float]) -> tuple[float, float]:
    """``total`` and ``rest`` with ``sizes`` added one after the other, with what rounding takes (Knuth)."""
    for size in sizes:
        before = total
        total = before + size
        part = total - before
        rest += (before - (total - part)) + (size - part)
    return total, rest
