"""Trades folded into intervals: the arithmetic under the bars, in compact columns.

Open and close are the prices of the lowest and highest ``(event_time, frame)``, so the order of
arrival does not matter. Volumes are summed exactly and rounded once, to the provider's own decimals.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from sise.model.records import CandleRecord
from sise.model.time import NS_PER_SECOND

VOLUME_DECIMALS: Final = 8


class Row(NamedTuple):
    """Trades of one interval, folded. The volume's exact sum is ``volume + volume_rest``."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    volume_rest: float
    trades: int

    @property
    def exact_volume(self) -> float:
        return round(self.volume + self.volume_rest, VOLUME_DECIMALS)


class RowStore:
    """Rows of one size in time's order, one array per column; the oldest go when there are too many."""

    def __init__(self, size_seconds: int, keep: int) -> None:
        self.size = size_seconds
        self._keep = keep
        self.floor = 0
        """Nothing is known about bars that start before this second: their rows were let go."""
        self.late = 0
        """Trades that came after their row had been let go."""
        self.time, self.trades = array("q"), array("I")
        self.open, self.high, self.low, self.close = array("d"), array("d"), array("d"), array("d")
        self.volume, self.rest = array("d"), array("d")
        self.opened_by, self.open_frame = array("q"), array("q")
        self.closed_by, self.close_frame = array("q"), array("q")

    def add(self, event_ns: int, frame: int, price: float, size: float) -> None:
        time = event_ns // NS_PER_SECOND
        time -= time % self.size
        times = self.time
        if times and times[-1] == time:  # where most trades belong
            self._update(-1, event_ns, frame, price, size)
            return
        at = self._place(time)
        if at < 0:
            self.late += 1
        elif at == len(self.time) or self.time[at] != time:
            self._insert(
                at, (time, 1, price, price, price, price, size, 0.0, event_ns, frame, event_ns, frame)
            )
        else:
            self._update(at, event_ns, frame, price, size)

    def put(self, time: int, candle: CandleRecord) -> None:
        """A whole row from outside; a later one of the same time replaces it."""
        at = self._place(time)
        if at < 0:
            return
        if at < len(self.time) and self.time[at] == time:
            for column in self._columns():
                del column[at]
        prices = (candle.open, candle.high, candle.low, candle.close)
        self._insert(at, (time, 0, *prices, candle.volume, 0.0, 0, 0, 0, 0))

    def rows(self, size_seconds: int, first: int, last: int) -> Iterator[Row]:
        """Rows that start in ``[first, last]``, made into ones of ``size_seconds``, oldest first."""
        row: Row | None = None
        for at in range(bisect_left(self.time, first), bisect_left(self.time, last + size_seconds)):
            fine = self._row(at)
            time = fine.time - fine.time % size_seconds
            if row is not None and row.time == time:
                row = _joined(row, fine)
                continue
            if row is not None:
                yield row
            row = fine._replace(time=time)
        if row is not None:
            yield row

    def _row(self, at: int) -> Row:
        prices = (self.open[at], self.high[at], self.low[at], self.close[at])
        return Row(self.time[at], *prices, self.volume[at], self.rest[at], self.trades[at])

    def _place(self, time: int) -> int:
        """Where a row of ``time`` is or belongs; -1 where rows so old were let go."""
        if not self.time or time > self.time[-1]:
            return len(self.time) if time >= self.floor else -1
        if time == self.time[-1]:
            return len(self.time) - 1
        return bisect_left(self.time, time) if time >= self.floor else -1

    def _update(self, at: int, event_ns: int, frame: int, price: float, size: float) -> None:
        if price > self.high[at]:
            self.high[at] = price
        elif price < self.low[at]:
            self.low[at] = price
        closed_by = self.closed_by[at]
        if event_ns > closed_by or (event_ns == closed_by and frame >= self.close_frame[at]):
            self.close[at], self.closed_by[at], self.close_frame[at] = price, event_ns, frame
        elif (event_ns, frame) < (self.opened_by[at], self.open_frame[at]):
            self.open[at], self.opened_by[at], self.open_frame[at] = price, event_ns, frame
        self.volume[at], rest = _two_sum(self.volume[at], size)
        self.rest[at] += rest
        self.trades[at] += 1

    def _insert(self, at: int, values: tuple[float, ...]) -> None:
        for column, value in zip(self._columns(), values, strict=True):
            column.insert(at, value)
        if len(self.time) > self._keep + self._keep // 8:
            excess = len(self.time) - self._keep
            self.floor = self.time[excess - 1] + self.size
            for column in self._columns():
                del column[:excess]

    def _columns(self) -> tuple[array[float], ...]:
        prices = (self.open, self.high, self.low, self.close, self.volume, self.rest)
        keys = (self.opened_by, self.open_frame, self.closed_by, self.close_frame)
        return (self.time, self.trades, *prices, *keys)  # type: ignore[return-value]  # int columns too


def _two_sum(a: float, b: float) -> tuple[float, float]:
    """``a + b`` and exactly what rounding took from it (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _joined(row: Row, later: Row) -> Row:
    volume, rest = _two_sum(row.volume, later.volume)
    return Row(
        row.time,
        row.open,
        max(row.high, later.high),
        min(row.low, later.low),
        later.close,
        volume,
        row.volume_rest + later.volume_rest + rest,
        row.trades + later.trades,
    )
