"""Prices that a venue allows: tick ladders as dated data, and the integers they are counted in.

Inside the simulator a price or a size is an ``int`` of 1e-8 units, because sums of such numbers are
exact: a candle's volume is the sum of its trades to the last digit. ``as_float`` gives the double
that prints back to the same decimal.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from msgspec import Struct

SCALE: Final = 100_000_000
"""Units of 1e-8 in 1: no Upbit price or size has more decimals."""


def as_float(units: int) -> float:
    """``units`` of 1e-8 as the nearest double."""
    return units / SCALE


def as_units(number: float) -> int:
    """The nearest whole number of 1e-8 units."""
    return round(number * SCALE)


def value_float(units: int) -> float:
    """A price x size product (1e-16 units) as a double."""
    return units / (SCALE * SCALE)


class Ladder(Struct, frozen=True):
    """A tick ladder: from ``floors[i]`` on (ascending, the first is 0) prices step by ``steps[i]``.

    All prices are in 1e-8 units. Every floor is a multiple of the steps on both of its sides, so a
    price on the ladder stays on it when it walks across a floor.
    """

    floors: tuple[int, ...]
    steps: tuple[int, ...]

    def step_at(self, price: int) -> int:
        """The tick that holds at ``price``."""
        return self.steps[bisect_right(self.floors, price) - 1]

    def snap(self, price: int) -> int:
        """The highest price of the ladder not above ``price``, at least one tick."""
        step = self.step_at(max(price, 0))
        return max(price // step * step, self.steps[0])

    def nearest(self, price: float) -> int:
        """The price of the ladder nearest to ``price`` (1e-8 units), at least one tick."""
        step = self.step_at(max(int(price), 0))
        return max(round(price / step) * step, self.steps[0])

    def up(self, price: int) -> int:
        """The next price above one on the ladder."""
        return price + self.step_at(price)

    def down(self, price: int) -> int:
        """The next price below one on the ladder; 0 where there is none."""
        return price - self.step_at(price - 1) if price > self.steps[0] else 0

    def holds(self, price: int) -> bool:
        """Whether ``price`` is allowed."""
        return price > 0 and price % self.step_at(price) == 0


def _ladder(rows: tuple[tuple[str, str], ...]) -> Ladder:
    exact = [(_exact(floor), _exact(step)) for floor, step in rows]
    return Ladder(tuple(floor for floor, _ in exact), tuple(step for _, step in exact))


def _exact(text: str) -> int:
    whole, _, decimals = text.partition(".")
    return int(whole + decimals.ljust(8, "0"))


class LadderRow(Struct, frozen=True):
    """One dated row of a venue's rules, with where it is written."""

    quote: str
    since: str
    source: str
    ladder: Ladder


UPBIT_LADDERS: Final = (
    LadderRow(
        quote="KRW",
        since="2025-07-31",
        source="docs.upbit.com/kr, 원화 마켓 호가 단위, page of 2026-05-04",
        ladder=_ladder(
            (
                ("0", "0.00000001"),
                ("0.00001", "0.0000001"),
                ("0.0001", "0.000001"),
                ("0.001", "0.00001"),
                ("0.01", "0.0001"),
                ("0.1", "0.001"),
                ("1", "0.01"),
                ("10", "0.1"),
                ("100", "1"),
                ("1000", "1"),
                ("5000", "5"),
                ("10000", "10"),
                ("50000", "50"),
                ("100000", "100"),
                ("500000", "500"),
                ("1000000", "1000"),
            )
        ),
    ),
    LadderRow(
        quote="BTC",
        since="2025-07-31",
        source="docs.upbit.com/kr, BTC 마켓 호가 단위",
        ladder=_ladder((("0", "0.00000001"),)),
    ),
    LadderRow(
        quote="USDT",
        since="2025-07-31",
        source="docs.upbit.com/kr, USDT 마켓 호가 단위",
        ladder=_ladder(
            (
                ("0", "0.00000001"),
                ("0.0001", "0.0000001"),
                ("0.001", "0.000001"),
                ("0.01", "0.00001"),
                ("0.1", "0.0001"),
                ("1", "0.001"),
                ("10", "0.01"),
            )
        ),
    ),
)

_BY_QUOTE: Final = {row.quote: row.ladder for row in UPBIT_LADDERS}


def ladder_of(code: str) -> Ladder:
    """The ladder of a market's quote currency (``KRW-BTC``: KRW); one of 1e-8 where we know none."""
    return _BY_QUOTE.get(code.partition("-")[0], _BY_QUOTE["BTC"])


def tick_size(code: str, price: float) -> float:
    """The tick of market ``code`` at ``price``, both in the quote currency."""
    return as_float(ladder_of(code).step_at(as_units(price)))
