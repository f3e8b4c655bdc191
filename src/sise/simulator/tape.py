"""The tape: all that a market has made public, and the answers that follow from it alone.

Matching and publishing are apart, as at a venue: a :class:`Fill` happens in the book, and becomes a
trade of the tape when it is published. Last trade, trade history, ticker and candles are read from
the tape, so they never know more than the stream has said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from sise.model.time import NS_PER_MS
from sise.simulator.candles import DAY_NS, Bar, CandleBook, utc_date
from sise.simulator.feed import TRADES_KEPT_PER_MARKET, SimTicker, SimTrade
from sise.simulator.ticks import as_float, value_float

IDS_PER_MS: Final = 10_000
DAYS_IN_52_WEEKS: Final = 364


class Fill(Struct, gc=False):
    """An execution in the book, in 1e-8 units, with the best orders that stood when it came."""

    trade_ns: int
    price: int
    size: int
    taker_buy: bool
    best_ask: tuple[int, int] | None = None
    """Price and size."""
    best_bid: tuple[int, int] | None = None


class Tape:
    """One market's public past.

    Parameters
    ----------
    code
        The market.
    candles
        Its candle book, filled with whatever past it has.
    first_price
        The price (1e-8 units) that stands for yesterday's close where the past holds no yesterday.
    past
        Fills of the very last past, oldest first, not yet counted in ``candles``.
    asks_of_day
        The share of today's volume so far that was sold into bids, 0 to 1.
    """

    def __init__(
        self,
        code: str,
        candles: CandleBook,
        *,
        first_price: int,
        past: Iterable[Fill] = (),
        asks_of_day: float = 0.5,
    ) -> None:
        self.code, self.candles = code, candles
        self._trades: deque[SimTrade] = deque(maxlen=TRADES_KEPT_PER_MARKET)
        self._last_id = 0
        self._window: deque[Bar] = deque(candles.minutes)
        self._volume_24h = sum(bar.volume for bar in self._window)
        self._value_24h = sum(bar.value for bar in self._window)
        self._day: Bar | None = None
        self._prev_close = first_price
        self._year_high = self._year_low = (first_price, "")
        self._asks = 0
        if candles.days:
            self._turn_day()
            self._asks = int(candles.days[-1].volume * asks_of_day)
        for fill in past:
            self.publish(fill, fill.trade_ns)

    def publish(self, fill: Fill, publish_ns: int) -> SimTrade:
        """Make ``fill`` public: count it everywhere and give it its id."""
        self.candles.add_trade(fill.trade_ns, fill.price, fill.size)
        if self.candles.days[-1] is not self._day:
            self._turn_day()
        if not fill.taker_buy:
            self._asks += fill.size
        self._slide(fill)
        self._last_id = max(self._last_id + 1, fill.trade_ns // NS_PER_MS * IDS_PER_MS)
        ask, bid = fill.best_ask, fill.best_bid
        trade = SimTrade(
            code=self.code,
            trade_time_ns=fill.trade_ns,
            publish_time_ns=publish_ns,
            price=as_float(fill.price),
            size=as_float(fill.size),
            taker_buy=fill.taker_buy,
            sequential_id=self._last_id,
            prev_close=as_float(self._prev_close),
            best_ask_price=as_float(ask[0]) if ask else None,
            best_ask_size=as_float(ask[1]) if ask else None,
            best_bid_price=as_float(bid[0]) if bid else None,
            best_bid_size=as_float(bid[1]) if bid else None,
        )
        self._trades.append(trade)
        return trade

    def last_trade(self) -> SimTrade | None:
        """The newest trade, if any."""
        return self._trades[-1] if self._trades else None

    def trades(self, *, before_id: int | None, to_ns: int | None, count: int) -> list[SimTrade]:
        """Newest first; only ids below ``before_id`` and trade times before ``to_ns``."""
        found: list[SimTrade] = []
        for trade in reversed(self._trades):
            if len(found) >= count:
                break
            if before_id is not None and trade.sequential_id >= before_id:
                continue
            if to_ns is None or trade.trade_time_ns < to_ns:
                found.append(trade)
        return found

    def ticker(self) -> SimTicker | None:
        """The state as of the last trade; ``None`` before the first."""
        if not self._trades or self._day is None:
            return None
        trade, day = self._trades[-1], self._day
        today = utc_date(day.start_ns)
        high, high_date = max(self._year_high, (day.high, today), key=lambda at: at[0])
        low, low_date = min(self._year_low, (day.low, today), key=lambda at: at[0])
        return SimTicker(
            code=self.code,
            time_ns=trade.publish_time_ns,
            open=as_float(day.open),
            high=as_float(day.high),
            low=as_float(day.low),
            last=trade.price,
            prev_close=as_float(self._prev_close),
            acc_volume=as_float(day.volume),
            acc_value=value_float(day.value),
            acc_volume_24h=as_float(self._volume_24h),
            acc_value_24h=value_float(self._value_24h),
            acc_ask_volume=as_float(self._asks),
            acc_bid_volume=as_float(day.volume - self._asks),
            last_size=trade.size,
            last_taker_buy=trade.taker_buy,
            last_trade_ns=trade.trade_time_ns,
            high_52w=as_float(high),
            high_52w_date=high_date,
            low_52w=as_float(low),
            low_52w_date=low_date,
        )

    def _turn_day(self) -> None:
        days = self.candles.days
        self._day, self._asks = days[-1], 0
        if len(days) > 1:
            self._prev_close = days[-2].close
        since_ns = self._day.start_ns - DAYS_IN_52_WEEKS * DAY_NS
        year = [day for day in days[-DAYS_IN_52_WEEKS - 1 :] if day.start_ns >= since_ns]
        self._year_high = max(((day.high, utc_date(day.start_ns)) for day in year), key=lambda at: at[0])
        self._year_low = min(((day.low, utc_date(day.start_ns)) for day in year), key=lambda at: at[0])

    def _slide(self, fill: Fill) -> None:
        minute = self.candles.minutes[-1]
        if not self._window or self._window[-1] is not minute:
            self._window.append(minute)
        self._volume_24h += fill.size
        self._value_24h += fill.price * fill.size
        while self._window[0].start_ns <= minute.start_ns - DAY_NS:
            gone = self._window.popleft()
            self._volume_24h -= gone.volume
            self._value_24h -= gone.value
