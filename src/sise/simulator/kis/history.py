"""Days before the first one: bars that end at the issue's base price, made when asked for, never kept long.

Going back from the base price, each day's close follows from the next day's by the issue's volatility.
Days that the market has lived through replace made ones (:meth:`History.add`).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Final

from msgspec import Struct

from sise.simulator.kis import rules
from sise.simulator.kis.listing import Listing
from sise.simulator.kis.tape import Minute

DAYS_KEPT: Final = 750
ISSUES_KEPT: Final = 64
YEAR_DAYS: Final = 250
_MINUTES_PER_DAY: Final = 390


class DayBar(Struct, frozen=True):
    """A trading day; money in won."""

    date: str
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int


class Extremes(Struct, frozen=True):
    """Highest and lowest price of the last :data:`YEAR_DAYS` days, and when."""

    high: int
    high_date: str
    low: int
    low_date: str


class History:
    """The past of all issues before ``first_day``."""

    def __init__(self, seed: int, first_day: str) -> None:
        self._seed = seed
        self._dates = rules.trading_days_before(first_day, DAYS_KEPT)
        self._lived: dict[str, list[DayBar]] = {}
        self._made: OrderedDict[str, list[DayBar]] = OrderedDict()
        self._extremes: dict[str, Extremes] = {}
        self._previous: dict[str, DayBar] = {}

    def add(self, code: str, bar: DayBar) -> None:
        """A day is over."""
        self._lived.setdefault(code, []).append(bar)
        self._previous[code] = bar
        self._extremes.pop(code, None)

    def previous(self, listing: Listing) -> DayBar:
        """The last day before today."""
        known = self._previous.get(listing.code)
        if known is None:
            known = self._previous[listing.code] = next(self._make(listing))
        return known

    def bars(self, listing: Listing) -> list[DayBar]:
        """All days before today, newest first."""
        made = self._made.get(listing.code)
        if made is None:
            made = self._made[listing.code] = list(self._make(listing))
            if len(self._made) > ISSUES_KEPT:
                self._made.popitem(last=False)
        return [*reversed(self._lived.get(listing.code, [])), *made]

    def extremes(self, listing: Listing) -> Extremes:
        """The highest and the lowest price of a year."""
        known = self._extremes.get(listing.code)
        if known is None:
            lived = self._lived.get(listing.code, [])
            year = [*reversed(lived), *islice(self._make(listing), YEAR_DAYS)][:YEAR_DAYS]
            top, bottom = max(year, key=lambda bar: bar.high), min(year, key=lambda bar: bar.low)
            known = Extremes(top.high, top.date, bottom.low, bottom.date)
            self._extremes[listing.code] = known
        return known

    def minutes(self, listing: Listing, bar: DayBar, open_ms: int) -> list[Minute]:
        """One-minute bars that make up ``bar``: its prices and volume exactly; oldest first."""
        rng = Random(f"{self._seed} minutes {listing.code} {bar.date}")
        ladder = rules.fund_ladder(bar.date) if listing.is_fund else rules.share_ladder(bar.date)
        count = min(_MINUTES_PER_DAY, bar.volume)
        if count < 4:
            return [Minute(open_ms // 60_000, *_prices(bar), bar.volume, bar.value)] if count else []
        turns = sorted(rng.sample(range(1, count - 1), 2)) if count > 4 else [1, 2]
        extremes = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
        places = [0, *turns, count - 1]
        knots = [bar.open, *extremes, bar.close]
        share, rest = divmod(bar.volume, count)
        value_share = bar.value // count
        minutes: list[Minute] = []
        before = bar.open
        for i in range(count):
            leg = sum(1 for place in places[1:-1] if i > place)
            x0, x1, y0, y1 = places[leg], places[leg + 1], knots[leg], knots[leg + 1]
            line = y0 + (y1 - y0) * (i - x0) / max(1, x1 - x0)
            close = knots[places.index(i)] if i in places else ladder.nearest(line)
            close = min(max(close, bar.low), bar.high)
            volume = share + (rest if i == 0 else 0)
            value = bar.value if i == count - 1 else value_share * (i + 1)
            high, low = max(before, close), min(before, close)
            minutes.append(Minute(open_ms // 60_000 + i, before, high, low, close, volume, value))
            before = close
        return minutes

    def _make(self, listing: Listing) -> Iterator[DayBar]:
        """Made days, newest first."""
        rng = Random(f"{self._seed} history {listing.code}")
        ladder = rules.fund_ladder(self._dates[0]) if listing.is_fund else rules.share_ladder(self._dates[0])
        close = listing.base
        for date in self._dates:
            before = ladder.nearest(close * math.exp(-rng.gauss(0, listing.volatility)))
            lower, upper = rules.price_limits(before, ladder)
            opened = min(max(ladder.nearest(before * math.exp(rng.gauss(0, 0.005))), lower), upper)
            reach = abs(rng.gauss(0, listing.volatility / 2))
            high = min(
                max(ladder.nearest(max(opened, close) * (1 + reach)), opened, close), max(upper, close)
            )
            low = max(min(ladder.nearest(min(opened, close) * (1 - reach)), opened, close), min(lower, close))
            volume = int(listing.day_value / close * rng.lognormvariate(-0.1, 0.5))
            value = volume * (opened + high + low + close) // 4
            yield DayBar(date, opened, high, low, close, volume, value)
            close = before


def _prices(bar: DayBar) -> tuple[int, int, int, int]:
    return bar.open, bar.high, bar.low, bar.close
