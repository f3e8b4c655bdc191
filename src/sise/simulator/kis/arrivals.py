"""When takers come: a rate that follows the session and surges, and orders that draw others after them."""

from __future__ import annotations

from random import Random
from typing import Final

from msgspec import Struct

from sise.simulator.kis.listing import Listing
from sise.simulator.kis.sessions import MS_PER_MINUTE, Day, Intensity, Phase

FILLS_PER_ORDER: Final = 1.9
"""Trades that a taker's order makes on average."""
ORDERS_PER_SECOND_MAX: Final = 30.0
SURGES_MAX: Final = 20

_FOLLOWS: Final = 0.45
"""How often an order is followed by another at once."""
_FOLLOWS_MS: Final = 350.0
_LONGEST_WAIT_MS: Final = 600_000
_QUIET_PHASES: Final = {"1": 0.25, "3": 0.06}
"""Trades in the pre- and the after-market, against the regular session's rate."""
_SURGE_CHANCE, _PLANNED_SURGES_MAX = 0.12, 4
_LARGE_VALUE, _LARGE_MOVES_LESS = 1e11, 4


class Surge(Struct, frozen=True):
    """For a while ``rate`` times the trades, and a drift that adds up to ``move`` (0.1: 10 %)."""

    start_ms: int
    end_ms: int
    rate: float
    move: float


class Arrivals:
    """The moments of one issue's orders, drawn from the issue's ``Random``."""

    def __init__(
        self, listing: Listing, day: Day, intensity: Intensity, surges: list[Surge], rng: Random
    ) -> None:
        seconds = (day.close_ms - day.open_ms) / 1000
        self._rate = listing.trades_per_day / FILLS_PER_ORDER / seconds
        self._intensity, self._surges, self._rng = intensity, surges, rng

    def after(self, ms: int, phase: Phase, *, is_open: bool) -> tuple[int, bool]:
        """When the next thing is due, and whether it is an order or only a change of the rate."""
        rate = self._rate_at(ms, phase) if is_open else 0.0
        if rate <= 0:
            return phase.end_ms, False
        if self._rng.random() < _FOLLOWS:
            wait = self._rng.expovariate(1 / _FOLLOWS_MS)
        else:
            wait = self._rng.expovariate(rate * (1 - _FOLLOWS)) * 1000
        order_ms, change_ms = ms + 1 + int(wait), self._change_ms(ms, phase)
        return min(order_ms, change_ms), order_ms < change_ms

    def _change_ms(self, ms: int, phase: Phase) -> int:
        """When the rate changes at the latest."""
        change = min(phase.end_ms, ms + _LONGEST_WAIT_MS)
        for surge in self._surges:
            for edge in (surge.start_ms, surge.end_ms):
                if ms < edge < change:
                    change = edge
        return change

    def _rate_at(self, ms: int, phase: Phase) -> float:
        rate = self._rate * _QUIET_PHASES.get(phase.market_class, 1.0)
        if phase.market_class == "2":
            rate *= self._intensity.at(ms)
        for surge in self._surges:
            if surge.start_ms <= ms < surge.end_ms:
                rate *= surge.rate
        return min(rate, ORDERS_PER_SECOND_MAX)


def planned_surges(listing: Listing, day: Day, rng: Random) -> list[Surge]:
    """Some shares have a day to remember, a few of them several surges."""
    surges: list[Surge] = []
    while rng.random() < _SURGE_CHANCE and len(surges) < _PLANNED_SURGES_MAX:
        start = int(rng.uniform(day.open_ms + MS_PER_MINUTE, day.close_ms - 40 * MS_PER_MINUTE))
        length = int(rng.uniform(2, 15) * MS_PER_MINUTE)
        move = rng.choice((1, 1, 1, -1)) * rng.choice((0.02, 0.03, 0.05, 0.08, 0.14, 0.22))
        if listing.day_value > _LARGE_VALUE:
            move /= _LARGE_MOVES_LESS
        surges.append(Surge(start, start + length, rng.uniform(5, 25), move))
    return surges if listing.group == "ST" else []
