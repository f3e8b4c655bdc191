"""Candles as a venue makes them: exact sums of the trades, and no candle where nothing traded.

:class:`CandleBook` keeps one market's bars at three base units (1 second, 1 minute, 1 day) and folds
every other unit from them on demand: intraday units from minutes, weeks and longer from days. So a
candle of any unit, asked at any time, is the aggregation of the trades heard so far. Bars hold
integers of 1e-8 (values: 1e-16), see :mod:`sise.simulator.ticks`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, to_ns
from sise.simulator.feed import SimCandle
from sise.simulator.ticks import as_float, value_float

MINUTE_NS: Final = 60 * NS_PER_SECOND
DAY_NS: Final = 86_400 * NS_PER_SECOND

UNIT_NS: Final = {
    "1s": NS_PER_SECOND,
    **{f"{minutes}m": minutes * MINUTE_NS for minutes in (1, 3, 5, 10, 15, 30, 60, 240)},
    "1d": DAY_NS,
}
"""Units of fixed length, in nanoseconds."""

CALENDAR_UNITS: Final = ("1w", "1M", "1y")
UNITS: Final = (*UNIT_NS, *CALENDAR_UNITS)

SECOND_BARS_KEPT: Final = 1_000
_EPOCH_IS_THURSDAY_NS: Final = 3 * DAY_NS
_start_ns = attrgetter("start_ns")


class Bar(Struct, gc=False):
    """One interval's trades, summed. ``value`` is the sum of price x size in 1e-16 units."""

    start_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int
    last_trade_ns: int

    def fold(self, later: Bar) -> None:
        """Take in a bar that follows this one in time."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.value += later.value
        self.last_trade_ns = later.last_trade_ns

    def as_candle(self) -> SimCandle:
        """The bar in floats of the quote currency and base units."""
        return SimCandle(
            start_ns=self.start_ns,
            open=as_float(self.open),
            high=as_float(self.high),
            low=as_float(self.low),
            close=as_float(self.close),
            volume=as_float(self.volume),
            value=value_float(self.value),
            last_trade_ns=self.last_trade_ns,
        )


def interval_start(unit: str, ns: int) -> int:
    """Where the interval of ``unit`` that holds ``ns`` starts: 00:00 UTC days, Monday weeks.

    Raises
    ------
    BadInput
        ``unit`` is none of :data:`UNITS`.
    """
    if unit in UNIT_NS:
        return ns - ns % UNIT_NS[unit]
    if unit == "1w":
        return ns - (ns + _EPOCH_IS_THURSDAY_NS) % (7 * DAY_NS)
    day = _utc_day(ns)
    if unit == "1M":
        return to_ns(day.replace(day=1))
    if unit == "1y":
        return to_ns(day.replace(month=1, day=1))
    raise BadInput("unit", unit, f"ask for one of {' '.join(UNITS)}")


def interval_end(unit: str, ns: int) -> int:
    """Where the interval that holds ``ns`` ends, exclusive; raises as :func:`interval_start`."""
    start = interval_start(unit, ns)
    if unit in UNIT_NS:
        return start + UNIT_NS[unit]
    longest_days = {"1w": 7, "1M": 31, "1y": 366}[unit]
    return interval_start(unit, start + longest_days * DAY_NS)


def utc_date(ns: int) -> str:
    """``YYYY-MM-DD`` of the UTC day that holds ``ns``."""
    return _utc_day(ns).strftime("%Y-%m-%d")


def _utc_day(ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=ns // DAY_NS)


class CandleBook:
    """One market's bars, fed in the order of time.

    Parameters
    ----------
    minutes_kept, days_kept
        How many traded bars stay; the oldest go first. ``None`` keeps all (a bounded file).
    """

    def __init__(self, *, minutes_kept: int | None = None, days_kept: int | None = None) -> None:
        self.seconds: list[Bar] = []
        self.minutes: list[Bar] = []
        self.days: list[Bar] = []
        self._minutes_kept, self._days_kept = minutes_kept, days_kept

    def add_trade(self, trade_ns: int, price: int, size: int) -> None:
        """Count one trade into all three bases."""
        trade = Bar(trade_ns, price, price, price, price, size, price * size, trade_ns)
        _put(self.seconds, NS_PER_SECOND, trade, SECOND_BARS_KEPT)
        self.add_minutes(trade)

    def add_minutes(self, bar: Bar) -> None:
        """Count a bar that lies within one minute, or a whole one of a past day."""
        _put(self.minutes, MINUTE_NS, bar, self._minutes_kept)
        self.add_days(bar)

    def add_days(self, bar: Bar) -> None:
        """Count a bar into its day only: for a past of which no minutes are known."""
        _put(self.days, DAY_NS, bar, self._days_kept)

    def candles(self, unit: str, to_ns: int, count: int) -> list[SimCandle]:
        """At most ``count`` traded intervals that start before ``to_ns``, newest first.

        Raises
        ------
        BadInput
            ``unit`` is none of :data:`UNITS`.
        """
        end = interval_end(unit, to_ns - 1)
        folded: list[Bar] = []
        for bar in _before(self._base(unit), end):
            start = interval_start(unit, bar.start_ns)
            if folded and folded[-1].start_ns == start:
                folded[-1] = _joined(bar, folded[-1], start)
            elif len(folded) == count:
                break
            else:
                folded.append(replace(bar, start_ns=start))
        return [bar.as_candle() for bar in folded]

    def _base(self, unit: str) -> list[Bar]:
        if unit == "1s":
            return self.seconds
        return self.minutes if UNIT_NS.get(unit, DAY_NS) < DAY_NS else self.days


def _put(bars: list[Bar], length_ns: int, bar: Bar, kept: int | None) -> None:
    start = bar.start_ns - bar.start_ns % length_ns
    if bars and bars[-1].start_ns == start:
        bars[-1].fold(bar)
        return
    bars.append(replace(bar, start_ns=start))
    if kept is not None and len(bars) > kept + kept // 8:
        del bars[:-kept]  # in blocks, so that a full list does not move with every bar


def _before(bars: list[Bar], end_ns: int) -> Iterator[Bar]:
    for index in range(bisect_left(bars, end_ns, key=_start_ns) - 1, -1, -1):
        yield bars[index]


def _joined(earlier: Bar, later: Bar, start_ns: int) -> Bar:
    joined = replace(earlier, start_ns=start_ns)
    joined.fold(later)
    return joined
