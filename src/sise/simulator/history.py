"""The past of a live market: candles that end at the price where the live flow begins.

Walked backwards from the start price: a day of minutes with the same rates, sizes and volatility as
the live flow, then days. The last minutes are laid out as trades, so the tape has trades to show. Each
market's past has its own random source, so it does not matter when it is first asked for.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

from sise.model.time import NS_PER_MS, NS_PER_SECOND
from sise.simulator.candles import DAY_NS, MINUTE_NS, Bar, CandleBook
from sise.simulator.listing import Listing
from sise.simulator.path import VISITS_MAX, fills_of
from sise.simulator.tape import Tape
from sise.simulator.ticks import SCALE

PAST_MINUTES: Final = 1_440
PAST_DAYS: Final = 400
MINUTES_AS_TRADES: Final = 50
MINUTES_KEPT: Final = 3 * 1_440

ORDERS_AND_THEIR_ECHO: Final = 2.4
"""Taker orders that come, per order of the listing's base rate (regimes and excitement)."""
_ACTIVITY_MEMORY: Final = 0.93
_ACTIVITY_SPREAD: Final = 0.25
_ACTIVITY_MEAN: Final = 0.23
_VOLUME_SPREAD: Final = 0.6
_DAY_VOLUME_SPREAD: Final = 0.4
_PULL_PER_DAY: Final = 0.004


def tape_with_past(listing: Listing, seed: int, start_ns: int) -> Tape:
    """A tape whose past ends with the last whole minute before ``start_ns``."""
    rng = Random(f"{seed} past {listing.info.code}")
    end_ns = start_ns - start_ns % MINUTE_NS
    minutes = _minutes(listing, rng, end_ns)
    candles = CandleBook(minutes_kept=MINUTES_KEPT, days_kept=PAST_DAYS)
    first_ns = end_ns - PAST_MINUTES * MINUTE_NS
    first_price = minutes[0].open if minutes else listing.price
    for day in _days(listing, rng, first_ns, first_price):
        candles.add_days(day)
    for bar in minutes[:-MINUTES_AS_TRADES]:
        candles.add_minutes(bar)
    return Tape(
        listing.info.code,
        candles,
        first_price=first_price,
        past=[fill for bar in minutes[-MINUTES_AS_TRADES:] for fill in fills_of(bar, MINUTE_NS)],
        asks_of_day=rng.uniform(0.42, 0.58),
    )


def _minutes(listing: Listing, rng: Random, end_ns: int) -> list[Bar]:
    usual_orders = listing.orders_per_second * ORDERS_AND_THEIR_ECHO * 60
    sigma = listing.day_volatility / math.sqrt(PAST_MINUTES)
    bars: list[Bar] = []
    price, activity = float(listing.price), 0.0
    for back in range(1, PAST_MINUTES + 1):
        activity = _ACTIVITY_MEMORY * activity + rng.gauss(0, _ACTIVITY_SPREAD)
        orders = usual_orders * math.exp(activity - _ACTIVITY_MEAN)
        step = rng.gauss(0, sigma)
        if bars and rng.random() < math.exp(-orders):
            price *= math.exp(-step)
            continue
        value = max(orders, 1.0) * listing.order_value * (0.6 + 0.5 * abs(step) / sigma)
        before = price * math.exp(-step)
        shape = _shape(listing, rng, before, price, sigma * min(1.0, math.sqrt(orders / 4)))
        last_ns = MINUTE_NS - (1 + int(rng.random() * 20_000)) * NS_PER_MS
        bars.append(_bar(rng, end_ns - back * MINUTE_NS, last_ns, shape, value, _VOLUME_SPREAD))
        price = before
    bars.reverse()
    return bars


def _days(listing: Listing, rng: Random, end_ns: int, close: int) -> list[Bar]:
    seconds = DAY_NS // NS_PER_SECOND
    usual = listing.orders_per_second * ORDERS_AND_THEIR_ECHO * seconds * listing.order_value
    sigma = listing.day_volatility
    bars: list[Bar] = []
    start_ns = (end_ns - 1) - (end_ns - 1) % DAY_NS
    price = float(close)
    for back in range(PAST_DAYS):
        step = rng.gauss(0, sigma) + math.log(price / listing.price) * _PULL_PER_DAY
        before = price * math.exp(-step)
        shape = _shape(listing, rng, before, price, sigma)
        day_ns = start_ns - back * DAY_NS
        last_ns = min(DAY_NS, end_ns - day_ns) - NS_PER_MS
        bars.append(_bar(rng, day_ns, last_ns, shape, usual, _DAY_VOLUME_SPREAD))
        price = before
    bars.reverse()
    return bars


def _shape(
    listing: Listing, rng: Random, opened: float, closed: float, sigma: float
) -> tuple[int, int, int, int]:
    """Open, high, low, close on the ladder, from a walk that is not."""
    nearest = listing.ladder.nearest
    high = max(opened, closed) * (1 + abs(rng.gauss(0, sigma / 2)))
    low = min(opened, closed) * (1 - abs(rng.gauss(0, sigma / 2)))
    return nearest(opened), nearest(high), nearest(low), nearest(closed)


def _bar(
    rng: Random, start_ns: int, last_ns: int, shape: tuple[int, int, int, int], value: float, spread: float
) -> Bar:
    opened, high, low, closed = shape
    volume = int(value * rng.lognormvariate(-spread * spread / 2, spread) * SCALE * SCALE / closed)
    volume = max(VISITS_MAX, volume)
    mean_price = (high + low) // 2
    return Bar(start_ns, opened, high, low, closed, volume, volume * mean_price, start_ns + last_ns)
