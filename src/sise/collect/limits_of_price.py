"""The ladder of ticks and the daily price limits of Korean shares, as dated rows.

A price beyond its limits or off the ladder is *noted*, never refused: midpoint fills lie between ticks, a
first day of listing and a liquidation sale have other limits or none, and the base price that we hold may be
of before a corporate action. Where the provider names the day's limits itself, those are the ones to hand in.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from sise.model.ladders import TICKS, ShareKind


class PriceLimits(Struct, frozen=True):
    """The lowest and the highest price of a day, both allowed."""

    low: float
    high: float


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
