"""Bars by the plainest sum: exact, slow, and without a line of the code that makes the stored ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from sise.model.records import TradeRecord
from sise.model.time import iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.ticks import Tick

_MINUTE_NS = 60_000_000_000


class PlainSums:
    """Trades of a day by symbol, venue and minute."""

    def __init__(self, day: MarketDay) -> None:
        self._day = day
        self._bars: dict[tuple[str, str, int], list[Any]] = {}

    def add(self, ticks: Iterable[Tick]) -> None:
        for tick in ticks:
            record = tick.record
            if not isinstance(record, TradeRecord) or not self._day.holds(tick.event_ns):
                continue
            key = (record.symbol, record.venue, tick.event_ns - tick.event_ns % _MINUTE_NS)
            at, price = (tick.event_ns, record.frame), record.price
            bar = self._bars.get(key)
            if bar is None:
                self._bars[key] = [at, price, price, price, at, price, Decimal(repr(record.size)), 1]
                continue
            if at < bar[0]:
                bar[0], bar[1] = at, price
            if at >= bar[4]:
                bar[4], bar[5] = at, price
            bar[2], bar[3] = max(bar[2], price), min(bar[3], price)
            bar[6] += Decimal(repr(record.size))
            bar[7] += 1

    def compare(self, rows: Iterable[Any], differs: Callable[[str], None]) -> None:
        """Hold stored minutes against the sums; ``differs`` is told of each that is unlike."""
        left = dict(self._bars)
        for row in rows:
            bar = left.pop((row.symbol, row.venue, row.bar_time), None)
            named = f"{row.symbol} {iso(row.bar_time)}"
            if bar is None:
                if row.trades:
                    differs(f"{named} has {row.trades} trades, and the journal none")
                continue
            prices = [float(value) for value in (row.open, row.high, row.low, row.close)]
            if prices != [bar[1], bar[2], bar[3], bar[5]] or row.trades != bar[7]:
                differs(f"{named} has other prices or trades than the sum of its trades")
            volume = round(bar[6], 8)
            near = 2 * Decimal(math.ulp(float(volume)))  # a bar's sum is a double
            if row.volume < volume - near or (row.state == "traded" and abs(row.volume - volume) > near):
                differs(f"{named} has a volume of {row.volume}, its trades have {volume}")
        for symbol, _, minute in left:
            differs(f"{symbol} {iso(minute)} has trades, and no bar")
