"""Validation: may this event be true at all? Pure; answers a reason, or None where it may.

What the market itself allows is never refused: a crossed book or an odd price is noted
(:func:`unusual`) and recorded.
"""

from __future__ import annotations

from math import inf

from sise.model.events import Book, Candle, MarketEvent, Trade


def refusal(event: MarketEvent) -> str | None:
    """Why ``event`` cannot be true, or None."""
    if type(event) is Trade:
        if 0.0 < event.price < inf and 0.0 < event.size < inf:
            return None
        return _price(event.price) or _size(event.size)
    if type(event) is Book:
        bid, ask, bid_size, ask_size = event.bid_price, event.ask_price, event.bid_size, event.ask_size
        if bid is None or ask is None or bid_size is None or ask_size is None:
            return _side(bid, bid_size) or _side(ask, ask_size)
        if 0.0 < bid < inf and 0.0 < ask < inf and 0.0 <= bid_size < inf and 0.0 <= ask_size < inf:
            return None
        return _side(bid, bid_size) or _side(ask, ask_size)
    if type(event) is Candle:
        return _candle(event)
    return _price(event.last_price)


def unusual(event: Book) -> bool:
    """True where the best bid is not below the best ask."""
    bid, ask = event.bid_price, event.ask_price
    return bid is not None and ask is not None and bid >= ask


def _price(price: float) -> str | None:
    if 0.0 < price < inf:
        return None
    return "price_not_positive" if price <= 0.0 else "not_finite"


def _size(size: float) -> str | None:
    if 0.0 < size < inf:
        return None
    return "size_not_positive" if size <= 0.0 else "not_finite"


def _side(price: float | None, size: float | None) -> str | None:
    if price is None or size is None:
        return None
    return _price(price) or ("size_not_positive" if size < 0.0 else "not_finite" if not size < inf else None)


def _candle(candle: Candle) -> str | None:
    for price in (candle.open, candle.high, candle.low, candle.close):
        if wrong := _price(price):
            return wrong
    if not candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
        return "high_low_do_not_hold"
    return "size_not_positive" if candle.volume < 0.0 else None
