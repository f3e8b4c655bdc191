"""What one venue has traded of one issue today: sums, extremes, one-minute bars. All exact integers."""

from __future__ import annotations

from array import array
from typing import Final

from msgspec import Struct

MS_PER_MINUTE: Final = 60_000
_WIDTH: Final = 7

BUY, AUCTION, SELL = "1", "3", "5"
"""CCLD_DVSN: who took; an auction has no taker and counts on neither side."""


class Minute(Struct, frozen=True):
    """One minute that had trades; ``value`` is the day's cumulative value at its end."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int


class Tape:
    """Sums of trades, fed in the order of time. Prices in won, volumes in shares, times in ms."""

    __slots__ = (
        "_rows",
        "buy_volume",
        "buys",
        "high",
        "high_ms",
        "last",
        "last_ms",
        "last_side",
        "last_size",
        "low",
        "low_ms",
        "open",
        "open_ms",
        "sell_volume",
        "sells",
        "trades",
        "value",
        "volume",
    )

    def __init__(self) -> None:
        self.volume = self.value = self.trades = 0
        self.open = self.high = self.low = self.last = 0
        self.open_ms = self.high_ms = self.low_ms = self.last_ms = 0
        self.sells = self.buys = self.sell_volume = self.buy_volume = 0
        self.last_size, self.last_side = 0, BUY
        self._rows = array("q")

    def fold(self, ms: int, price: int, size: int, side: str) -> None:
        """Take in one trade."""
        self.volume += size
        self.value += price * size
        self.trades += 1
        if self.trades == 1:
            self.open = self.high = self.low = price
            self.open_ms = self.high_ms = self.low_ms = ms
        elif price > self.high:
            self.high, self.high_ms = price, ms
        elif price < self.low:
            self.low, self.low_ms = price, ms
        if side == BUY:
            self.buys += 1
            self.buy_volume += size
        elif side == SELL:
            self.sells += 1
            self.sell_volume += size
        self.last, self.last_ms, self.last_size, self.last_side = price, ms, size, side
        rows, minute = self._rows, ms // MS_PER_MINUTE
        if not rows or rows[-7] != minute:
            rows.extend((minute, price, price, price, price, size, self.value))
            return
        if price > rows[-5]:
            rows[-5] = price
        elif price < rows[-4]:
            rows[-4] = price
        rows[-3] = price
        rows[-2] += size
        rows[-1] = self.value

    def minutes(self, until: int, count: int) -> list[Minute]:
        """The last ``count`` traded minutes not after minute ``until`` of the day, newest first."""
        rows = self._rows
        found: list[Minute] = []
        for place in range(len(rows) - _WIDTH, -1, -_WIDTH):
            if rows[place] <= until:
                found.append(Minute(*rows[place : place + _WIDTH]))
            if len(found) >= count:
                break
        return found

    def strength(self) -> int:
        """체결강도: bought per sold, in hundredths of a percent; 0 until something was sold."""
        return round(self.buy_volume * 10_000 / self.sell_volume) if self.sell_volume else 0

    def average(self) -> float:
        """The volume-weighted average price; 0 before the first trade."""
        return self.value / self.volume if self.volume else 0.0
