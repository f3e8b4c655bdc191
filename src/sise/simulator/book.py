"""One side of an order book: price levels on the ladder, best first, never empty for long.

Prices and sizes are ints of 1e-8 units. ``away`` is the direction in which a side gets worse: down
for bids, up for asks, so that both sides are the same code.
"""

from __future__ import annotations

from random import Random
from typing import Final, Literal

from sise.simulator.feed import BOOK_DEPTH_LEVELS
from sise.simulator.ticks import SCALE, Ladder

_TOUCH_DECAY: Final = 0.35
"""How strongly activity prefers the best levels."""
_USUAL_GAP: Final = 0.00005
"""The usual distance of neighbouring levels, relative to the price, where ticks are finer."""
_LEVEL_ORDERS: Final = 2.5
"""How many usual orders rest at the best price."""
_COARSE_POWER: Final = 0.7
"""Where ticks are coarse the same orders crowd on fewer prices."""
_DEPTH_GROWTH: Final = 0.12
_SIZE_SPREAD: Final = 0.9
_WITHDRAWN, _FILLED = 0.1, 0.55
"""How often a touched level is given up, and how often the hole behind it is filled instead."""


class BookSide:
    """Levels of one side.

    Parameters
    ----------
    ladder
        The prices that are allowed.
    away
        +1 for asks, -1 for bids.
    order_value
        The usual order's value in the quote currency.
    """

    def __init__(self, ladder: Ladder, away: Literal[-1, 1], order_value: float, rng: Random) -> None:
        self.levels: list[tuple[int, int]] = []
        self._ladder, self._away, self._order_value, self._rng = ladder, away, order_value, rng

    def best(self) -> tuple[int, int]:
        """Price and size of the best level."""
        return self.levels[0]

    def take(self, size: int) -> int:
        """Take up to ``size`` from the best level and say how much; the last level is never emptied."""
        price, resting = self.levels[0]
        if size < resting:
            self.levels[0] = (price, resting - size)
            return size
        if len(self.levels) > 1:
            del self.levels[0]
            return resting
        self.levels[0] = (price, 1)
        return resting - 1

    def follow(self, limit: int, depth: int) -> None:
        """Withdraw orders better than ``limit``, quote near it, and keep ``depth`` levels."""
        levels = self.levels
        while levels and (limit - levels[0][0]) * self._away > 0:
            del levels[0]
        gap = self._gap_ticks(limit)
        if not levels or abs(levels[0][0] - limit) > gap * self._ladder.step_at(limit):
            levels[:0] = self._fresh(limit, gap, depth)
        del levels[min(depth, BOOK_DEPTH_LEVELS) :]
        while len(levels) < min(depth, BOOK_DEPTH_LEVELS):
            price = self._worse(levels[-1][0], self._rng.randint(1, gap))
            if price <= 0:
                break
            levels.append((price, self._size(price, len(levels))))

    def stir(self) -> None:
        """One order placed, changed or withdrawn, most likely near the best price."""
        rng, levels = self._rng, self.levels
        place = min(int(rng.expovariate(_TOUCH_DECAY)), len(levels) - 1)
        choice = rng.random()
        if choice < _WITHDRAWN and len(levels) > 2:
            del levels[place]
            return
        price, size = levels[place]
        between = self._worse(price, 1)
        if choice < _WITHDRAWN + _FILLED and place + 1 < len(levels) and between != levels[place + 1][0]:
            levels.insert(place + 1, (between, self._size(between, place)))
        else:
            levels[place] = (price, max(1, (size + self._size(price, place)) // 2))

    def _fresh(self, limit: int, gap: int, depth: int) -> list[tuple[int, int]]:
        """New levels from near ``limit`` on, up to where old ones still stand."""
        old = self.levels[0][0] if self.levels else None
        price = self._worse(limit, self._rng.randrange(gap)) if gap > 1 else limit
        fresh: list[tuple[int, int]] = []
        while 0 < price != old and len(fresh) < depth and (old is None or (old - price) * self._away > 0):
            fresh.append((price, self._size(price, len(fresh))))
            price = self._worse(price, self._rng.randint(1, gap))
        return fresh or [(limit, self._size(limit, 0))]

    def _worse(self, price: int, ticks: int) -> int:
        if self._away > 0:
            return self._ladder.snap(price + ticks * self._ladder.step_at(price))
        down = price - ticks * self._ladder.step_at(price - 1)
        return self._ladder.snap(down) if down > 0 else 0

    def _gap_ticks(self, price: int) -> int:
        return max(1, int(price * _USUAL_GAP) // self._ladder.step_at(price))

    def _size(self, price: int, place: int) -> int:
        coarse = max(1.0, self._ladder.step_at(price) / (price * _USUAL_GAP)) ** _COARSE_POWER
        orders = _LEVEL_ORDERS * coarse * (1 + _DEPTH_GROWTH * place)
        value = self._order_value * orders * self._rng.lognormvariate(0, _SIZE_SPREAD)
        return max(1, int(value * SCALE * SCALE / price))
