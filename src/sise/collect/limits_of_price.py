"""The ladder of ticks and the daily price limits of Korean shares, as dated rows.

A price beyond its limits or off the ladder is *noted*, never refused: midpoint fills lie between ticks, a
first day of listing and a liquidation sale have other limits or none, and the base price that we hold may be
of before a corporate action. Where the provider names the day's limits itself, those are the ones to hand in.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from msgspec import Struct

ShareKind = Literal["stock", "etf", "etn", "elw"]


class TickRow(Struct, frozen=True):
    """From ``since`` on, prices of ``kinds`` below ``below`` (won; None: all) move in steps of ``tick``."""

    kinds: tuple[ShareKind, ...]
    below: int | None
    tick: int
    since: date
    source: str


class PriceLimits(Struct, frozen=True):
    """The lowest and the highest price of a day, both allowed."""

    low: float
    high: float


_LADDER: Final = "KRX, one ladder for KOSPI, KOSDAQ and KONEX, 2023-01-25"
_SINCE: Final = date(2023, 1, 25)
_STOCK: Final[tuple[ShareKind, ...]] = ("stock",)
_PRODUCTS: Final[tuple[ShareKind, ...]] = ("etf", "etn", "elw")

TICKS: Final = (
    TickRow(_STOCK, 2_000, 1, _SINCE, _LADDER),
    TickRow(_STOCK, 5_000, 5, _SINCE, _LADDER),
    TickRow(_STOCK, 20_000, 10, _SINCE, _LADDER),
    TickRow(_STOCK, 50_000, 50, _SINCE, _LADDER),
    TickRow(_STOCK, 200_000, 100, _SINCE, _LADDER),
    TickRow(_STOCK, 500_000, 500, _SINCE, _LADDER),
    TickRow(_STOCK, None, 1_000, _SINCE, _LADDER),
    # One won is the finest step that a source names for a cheap ETF: so nothing is noted wrongly.
    TickRow(_PRODUCTS, 2_000, 1, _SINCE, "KRX, ETF below 2,000 won since 2023-12 (unconfirmed)"),
    TickRow(_PRODUCTS, None, 5, _SINCE, "KRX, ETF, ETN and ELW"),
)

LIMIT_PERCENT: Final = 30
"""Of the base price, either way, since 2015-06-15."""


def tick_size(price: float, kind: ShareKind = "stock") -> int:
    """The step of prices, in won, at ``price``."""
    return next(row.tick for row in TICKS if kind in row.kinds and (row.below is None or price < row.below))


def price_limits(base: float, kind: ShareKind = "stock") -> PriceLimits:
    """The limits around the day's base price (won), rounded inward to the tick there."""
    high = base * (100 + LIMIT_PERCENT) / 100
    low = base * (100 - LIMIT_PERCENT) / 100
    tick, step = tick_size(high, kind), tick_size(low, kind)
    return PriceLimits(low=-(-low // step) * step, high=high // tick * tick)


def price_notes(price: float, limits: PriceLimits | None = None, kind: ShareKind = "stock") -> list[str]:
    """What is unusual about a price of a trade: ``off_tick``, ``beyond_price_limits``; empty: nothing."""
    notes = []
    if price % tick_size(price, kind):
        notes.append("off_tick")
    if limits is not None and not limits.low <= price <= limits.high:
        notes.append("beyond_price_limits")
    return notes
