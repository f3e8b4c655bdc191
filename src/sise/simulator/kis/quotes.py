"""Where an issue is quoted: a fair value that walks, the best prices around it, what is left of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Final

from sise.simulator.kis import rules
from sise.simulator.kis.arrivals import Surge
from sise.simulator.kis.depth import Depth, depth_of
from sise.simulator.kis.listing import Listing
from sise.simulator.ticks import Ladder

_WALK_SECONDS_MAX: Final = 3_600.0
_ROUNDING: Final = 1e-6
_IMPACT: Final = 0.15
"""The part of the way to a level's price that the fair value goes when the level is taken whole."""


class Quotes:
    """The best prices of an issue; 0 where a limit leaves a side empty.

    Parameters
    ----------
    usual_size
        Shares of a usual trade.
    mood
        The market's common move since midnight at a moment, in logarithms.
    surges
        Those of the issue, its owner may add to them.
    """

    def __init__(
        self,
        listing: Listing,
        base: int,
        ladder: Ladder,
        session_seconds: float,
        usual_size: int,
        mood: Callable[[int], float],
        surges: list[Surge],
        rng: Random,
        start_ms: int,
    ) -> None:
        self.ladder, self.usual_size = ladder, usual_size
        self.lower, self.upper = rules.price_limits(base, ladder)
        self.salt = rng.getrandbits(40)
        self._rng, self._mood, self._surges = rng, mood, surges
        self._sigma = listing.volatility / math.sqrt(session_seconds)
        self._beta = rng.uniform(0.3, 1.5)
        self._fair, self._fair_ms = math.log(base), start_ms
        self._felt = mood(start_ms)
        self._lowest, self._highest = math.log(self.lower), math.log(self.upper)
        self.bid = self.ask = self.bid_left = self.ask_left = 0
        self.requote(fresh=True)

    def depth(self, ms: int) -> Depth:
        """Ten levels at ``ms``."""
        return depth_of(self, ms)

    def fair_price(self, noise: float = 0.0) -> int:
        """The price of the ladder nearest to the fair value, within the limits."""
        price = self.ladder.nearest(math.exp(self._fair + noise))
        return min(max(price, self.lower), self.upper)

    def settle(self, price: int) -> None:
        """An auction has found ``price``: quotes start anew from there."""
        self._fair = math.log(price)
        self.requote(fresh=True)

    def jump(self, deviation: float) -> None:
        """News of the night: a normal move of this standard deviation."""
        self._fair += self._rng.gauss(0, deviation)

    def walk(self, ms: int) -> None:
        """Move the fair value on to ``ms``."""
        seconds = (ms - self._fair_ms) / 1000
        if seconds <= 0:
            return
        move = self._rng.gauss(0, self._sigma * math.sqrt(min(seconds, _WALK_SECONDS_MAX)))
        felt = self._mood(ms)
        move += self._beta * (felt - self._felt)
        for surge in self._surges:
            overlap = min(ms, surge.end_ms) - max(self._fair_ms, surge.start_ms)
            if overlap > 0:
                move += surge.move * overlap / (surge.end_ms - surge.start_ms)
        self._fair = min(max(self._fair + move, self._lowest), self._highest)
        self._fair_ms, self._felt = ms, felt

    def requote(self, *, fresh: bool = False) -> None:
        """Quote around the fair value; ``fresh``: nothing of the old quotes is left."""
        fair = math.exp(self._fair)
        bid = self.ladder.snap(int(fair + _ROUNDING))
        if bid >= self.upper:
            bid, ask = self.upper, 0
        elif fair <= self.lower + _ROUNDING:
            bid, ask = 0, self.lower
        else:
            ask = self.ladder.up(bid)
        if fresh or bid != self.bid:
            self.bid, self.bid_left = bid, self._fresh_size()
        if fresh or ask != self.ask:
            self.ask, self.ask_left = ask, self._fresh_size()

    def middle(self) -> int | None:
        """The middle of the best prices where it is whole won and off the ladder."""
        if not self.bid or not self.ask or (self.bid + self.ask) % 2:
            return None
        middle = (self.bid + self.ask) // 2
        return None if self.ladder.holds(middle) else middle

    def taken(self, *, buys: bool, size: int) -> bool:
        """``size`` of the best level was taken; whether that was the last of it."""
        if buys:
            self.ask_left -= size
            return self.ask_left <= 0
        self.bid_left -= size
        return self.bid_left <= 0

    def next_level(self, *, buys: bool) -> None:
        """The best level is gone: the next one is best now, and the fair value gives way a little."""
        if buys:
            self._give_way(self.ask)
            ask = self.ladder.up(self.ask)
            self.ask, self.ask_left = (ask if ask <= self.upper else 0), self._fresh_size()
        else:
            self._give_way(self.bid)
            bid = self.ladder.down(self.bid)
            self.bid, self.bid_left = (bid if bid >= self.lower else 0), self._fresh_size()

    def next_taker_buys(self) -> bool:
        """The side of a taker: likelier the one whose price is near the fair value."""
        if not self.ask or not self.bid:
            return bool(self.ask)
        part = (math.exp(self._fair) - self.bid) / (self.ask - self.bid)
        return self._rng.random() < 0.3 + 0.4 * min(max(part, 0.0), 1.0)

    def _give_way(self, price: int) -> None:
        self._fair += _IMPACT * (math.log(price) - self._fair)

    def _fresh_size(self) -> int:
        return 1 + int(self.usual_size * self._rng.lognormvariate(1.6, 0.8))
