"""From a candle back to trades: the fewest that make exactly this candle again.

A candle fixes the first price, the last, the highest, the lowest and the volume. The path visits them
in a believable order (down before up in a rising candle), and the volume is split into whole 1e-8
units, so nothing is lost to rounding.
"""

from __future__ import annotations

from typing import Final

from sise.model.time import NS_PER_MS
from sise.simulator.candles import Bar
from sise.simulator.tape import Fill

VISITS_MAX: Final = 4
"""A candle has four prices: so many trades are always enough."""


def fills_of(bar: Bar, length_ns: int) -> list[Fill]:
    """Fills within ``[bar.start_ns, bar.start_ns + length_ns)`` that aggregate to ``bar``.

    Their value is that of their prices and sizes: ``bar.value`` is not used. Times are whole
    milliseconds. ``bar.volume`` must be at least one unit for each price visited
    (:func:`prices_visited`).
    """
    prices = prices_visited(bar)
    share, rest = divmod(bar.volume, len(prices))
    step_ns = length_ns // len(prices)
    fills, before = [], bar.open
    for place, price in enumerate(prices):
        trade_ns = bar.start_ns + (place * step_ns + step_ns // 2) // NS_PER_MS * NS_PER_MS
        rising = price > before or (price == before and bar.close >= bar.open)
        fills.append(Fill(trade_ns, price, share + (rest if place == 0 else 0), rising))
        before = price
    return fills


def prices_visited(bar: Bar) -> list[int]:
    """Open, the two extremes, close; a price that repeats the one before it is left out."""
    extremes = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    prices = [bar.open]
    prices += [
        price for price, before in zip(extremes, (bar.open, extremes[0]), strict=True) if price != before
    ]
    if bar.close != prices[-1]:
        prices.append(bar.close)
    return prices
