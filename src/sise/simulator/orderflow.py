"""One market's order flow: a hidden fair value, makers who follow it, takers who come in bursts.

The fair value walks with the market's volatility, with the mood that all markets share, and with a
regime (quiet, usual, trend, burst, thin) that changes every few minutes. Makers withdraw quotes on
the wrong side of it and refill near it, so the book is never crossed. Takers arrive by a
self-exciting process: each order makes the next one likelier for some seconds. Their side leans to
where the price has been going, their sizes follow a power law, and they pay the best price of the
side they hit, level by level.

Pure: one ``Random`` handed in, times handed in. The same calls give the same market.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

from msgspec import Struct

from sise.model.time import NS_PER_MS, NS_PER_SECOND
from sise.simulator.book import BookSide
from sise.simulator.candles import DAY_NS
from sise.simulator.feed import BOOK_DEPTH_LEVELS, SimBook
from sise.simulator.listing import Listing
from sise.simulator.tape import Fill
from sise.simulator.ticks import SCALE, as_float

DAY_SECONDS: Final = DAY_NS // NS_PER_SECOND
MOOD_SHARE: Final = 0.7
"""The part of a market's volatility that it shares with all others; the squares add up to 1."""
OWN_SHARE: Final = math.sqrt(1 - MOOD_SHARE**2)

ORDERS_PER_SECOND_MAX: Final = 30.0
_EXCITEMENT_FADES_SECONDS: Final = 3.0
_EXCITEMENT_PER_ORDER: Final = 0.65
"""How many further orders one order causes on average; below 1, or bursts would never end."""
_QUOTES_PER_ORDER: Final = 2.5
_QUOTES_PER_SECOND: Final = (0.03, 9.0)
_PATIENCE_SECONDS: Final = 5.0
"""Rates are looked at again after so long without an event."""
_LEAN_SECONDS: Final = 15.0
_STALE_IS_TAKEN: Final = 0.8
_SIZE_POWER: Final = 1.4
_SIZE_MAX_ORDERS: Final = 400.0
FILLS_PER_ORDER_MAX: Final = 12
_PART_OF_ONE_MAKER: Final = 0.15
"""Of a large order, the part that one resting order gives on top of a usual one."""


class Regime(Struct, frozen=True):
    """A market's weather. ``drift`` is in standard deviations of one second, per second."""

    seconds: float
    weight: float
    drift: float = 0.0
    volatility: float = 1.0
    orders: float = 1.0
    depth: float = 1.0


REGIMES: Final = (
    Regime(seconds=200, weight=0.28, volatility=0.45, orders=0.3),
    Regime(seconds=240, weight=0.36),
    Regime(seconds=210, weight=0.22, drift=0.13, volatility=0.9, orders=1.3),
    Regime(seconds=15, weight=0.08, drift=0.3, volatility=2.5, orders=6.0, depth=0.7),
    Regime(seconds=60, weight=0.06, volatility=1.2, orders=0.4, depth=0.15),
)
_WEIGHTS: Final = [regime.weight for regime in REGIMES]


class Mood:
    """What all markets feel: a walk in whole seconds, in standard deviations of one second."""

    def __init__(self, rng: Random, start_ns: int) -> None:
        self._rng, self._at_second = rng, start_ns // NS_PER_SECOND
        self._level = self._drift = 0.0

    def at(self, ns: int) -> float:
        """The mood's level at ``ns``; calls come in the order of time."""
        while self._at_second < ns // NS_PER_SECOND:
            self._at_second += 1
            self._drift = 0.995 * self._drift + self._rng.gauss(0, 0.005)
            self._level += self._drift + self._rng.gauss(0, 1)
        return self._level

    def skip(self, ns: int) -> None:
        """Sleep for ``ns`` (whole seconds)."""
        self._at_second += ns // NS_PER_SECOND


class OrderFlow:
    """One market's book and its takers, from ``start_ns`` on at the listing's price."""

    def __init__(self, listing: Listing, rng: Random, start_ns: int, mood: Mood) -> None:
        self._listing, self._rng, self._mood = listing, rng, mood
        self._anchor = self._fair = self._trail = math.log(listing.price / SCALE)
        self._sigma = listing.day_volatility / math.sqrt(DAY_SECONDS)
        self._felt = mood.at(start_ns)
        self._excitement = 0.0
        self._regime_ends_ns = 0
        self._asks = BookSide(listing.ladder, 1, listing.order_value, rng)
        self._bids = BookSide(listing.ladder, -1, listing.order_value, rng)
        self._last_ns = start_ns
        self._turn_regime(start_ns)
        self._requote()
        self.due_ns = start_ns
        self._schedule()

    def act(self) -> list[Fill]:
        """What happens at ``due_ns``: the book moves, and perhaps a taker comes. Sets the next one."""
        now_ns, rng = self.due_ns, self._rng
        seconds = (now_ns - self._last_ns) / NS_PER_SECOND
        if now_ns >= self._regime_ends_ns:
            self._turn_regime(now_ns)
        self._walk(now_ns, seconds)
        self._excitement *= math.exp(-seconds / _EXCITEMENT_FADES_SECONDS)
        orders, quotes = self._rates()
        drawn = rng.random() * self._scheduled_rate if seconds < _PATIENCE_SECONDS else math.inf
        fills = self._taker(now_ns) if drawn < orders else []
        if drawn < orders + quotes:  # else the rates have faded since this moment was drawn
            rng.choice((self._asks, self._bids)).stir()
        self._requote()
        self._last_ns = now_ns
        self._schedule()
        return fills

    def skip(self, ns: int) -> None:
        """Sleep for ``ns``: nothing happens meanwhile."""
        self._last_ns += ns
        self.due_ns += ns
        self._regime_ends_ns += ns

    def book(self, time_ns: int) -> SimBook:
        """The whole book as it stands now, said to be of ``time_ns``."""
        bids, asks = self._bids.levels[:BOOK_DEPTH_LEVELS], self._asks.levels[:BOOK_DEPTH_LEVELS]
        rows = max(len(bids), len(asks))
        bids, asks = bids + [(0, 0)] * (rows - len(bids)), asks + [(0, 0)] * (rows - len(asks))
        levels = [
            (bid / SCALE, bid_size / SCALE, ask / SCALE, ask_size / SCALE)
            for (bid, bid_size), (ask, ask_size) in zip(bids, asks, strict=True)
        ]
        return SimBook(self._listing.info.code, time_ns, levels)

    def _rates(self) -> tuple[float, float]:
        base = self._listing.orders_per_second
        orders = min(base * self._regime.orders + self._excitement, ORDERS_PER_SECOND_MAX)
        low, high = _QUOTES_PER_SECOND
        return orders, min(max(base * _QUOTES_PER_ORDER, low), high)

    def _schedule(self) -> None:
        orders, quotes = self._rates()
        self._scheduled_rate = orders + quotes
        gap = min(self._rng.expovariate(self._scheduled_rate), _PATIENCE_SECONDS)
        self.due_ns += max(1, round(gap * 1_000)) * NS_PER_MS

    def _turn_regime(self, now_ns: int) -> None:
        rng = self._rng
        self._regime = rng.choices(REGIMES, _WEIGHTS)[0]
        self._drift = self._regime.drift * rng.choice((-1, 1)) * rng.uniform(0.5, 1.5)
        self._regime_ends_ns = now_ns + int(rng.expovariate(1 / self._regime.seconds) * NS_PER_SECOND)
        deep = self._listing.book_levels * self._regime.depth
        self._bid_depth = max(1, int(deep * rng.uniform(0.6, 1.4)))
        self._ask_depth = max(1, int(deep * rng.uniform(0.6, 1.4)))

    def _walk(self, now_ns: int, seconds: float) -> None:
        felt = self._mood.at(now_ns)
        steps = MOOD_SHARE * (felt - self._felt) + self._drift * seconds
        steps += OWN_SHARE * self._regime.volatility * math.sqrt(seconds) * self._rng.gauss(0, 1)
        self._felt = felt
        self._fair += self._sigma * steps + (self._anchor - self._fair) * seconds / DAY_SECONDS
        self._trail += (self._fair - self._trail) * min(1.0, seconds / _LEAN_SECONDS)

    def _requote(self) -> None:
        ladder = self._listing.ladder
        bid_limit = ladder.snap(int(math.exp(self._fair) * SCALE))
        self._bids.follow(bid_limit, self._bid_depth)
        self._asks.follow(ladder.up(bid_limit), self._ask_depth)

    def _taker(self, now_ns: int) -> list[Fill]:
        buy = self._takes_asks()
        side = self._asks if buy else self._bids
        self._excitement += _EXCITEMENT_PER_ORDER / _EXCITEMENT_FADES_SECONDS
        usual = self._listing.order_value * SCALE * SCALE / side.best()[0]
        orders = min(self._rng.paretovariate(_SIZE_POWER), _SIZE_MAX_ORDERS) * (_SIZE_POWER - 1) / _SIZE_POWER
        left = max(1, int(orders * usual))
        fills: list[Fill] = []
        while left > 0 and len(fills) < FILLS_PER_ORDER_MAX:
            ask, bid = self._asks.best(), self._bids.best()
            resting = 1 + int(usual * self._rng.expovariate(1) + left * _PART_OF_ONE_MAKER)
            taken = side.take(min(left, resting))
            if taken == 0:
                break
            fills.append(Fill(now_ns, ask[0] if buy else bid[0], taken, buy, ask, bid))
            left -= taken
        return fills

    def _takes_asks(self) -> bool:
        """The side a taker picks: a quote that is too cheap by now, else where the price leans."""
        fair = math.exp(self._fair)
        if self._rng.random() < _STALE_IS_TAKEN:
            if as_float(self._asks.best()[0]) <= fair:
                return True
            if as_float(self._bids.best()[0]) > fair:
                return False
        lean = (self._fair - self._trail) / (self._sigma * math.sqrt(_LEAN_SECONDS))
        return self._rng.random() < 0.5 + 0.35 * math.tanh(lean)
