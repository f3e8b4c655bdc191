"""What Upbit allows, as dated rows with their source, and what we take of it.

A change of rules is a new row with its own date; nothing else in the code holds a number of
Upbit's. Sources: [D] the provider's pages, [M] measured on the live wire, [R] recorded answers,
all collected in ``README.md``.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from sise.providers.dated import Cap, RateLimit, in_force

_PAGE: Final = "[D] docs.upbit.com/kr, rate limits, page of 2026-10-07"
_SEEN: Final = date(2026, 10, 7)

RATE_LIMITS: Final = (
    RateLimit("market", 10, 1.0, "ip", _SEEN, _PAGE, "market"),
    RateLimit("ticker", 10, 1.0, "ip", _SEEN, _PAGE, "ticker"),
    RateLimit("trade", 10, 1.0, "ip", _SEEN, _PAGE, "crix-trades"),
    RateLimit("orderbook", 10, 1.0, "ip", _SEEN, _PAGE, "orderbook"),
    RateLimit("candle", 10, 1.0, "ip", _SEEN, _PAGE, "candles"),
    RateLimit("websocket-connect", 5, 1.0, "ip", _SEEN, _PAGE, "websocket"),
    RateLimit("websocket-message", 5, 1.0, "connection", _SEEN, _PAGE),
    RateLimit("websocket-message", 100, 60.0, "connection", _SEEN, _PAGE),
)

REST_GROUPS: Final = ("market", "ticker", "trade", "orderbook", "candle")

SLOTS: Final = (
    Cap(
        "symbols that one collector watches by default",
        41,
        date(2026, 11, 20),
        "ours: Upbit states no cap and served 855 codes in one request [M]; 41 is the number of the"
        " house's tightest provider, so that a plan for one fits all",
    ),
)

SHARE_TAKEN: Final = 0.8
"""Of each published rate: the rest is for whoever else shares the address, and for jitter."""

CODES_MAX: Final = 1_000
"""Codes in one subscription; 855 in one frame of 9.5 kB were all served [M]."""

BOOK_DEPTHS: Final = (1, 5, 15, 30)
"""Suffixes of a code that the socket obeys; it answers any other with 30 [D]."""

BOOKS_COUNT_MAX: Final = 30
TRADES_COUNT_MAX: Final = 500
TRADES_DAYS_AGO_MAX: Final = 7
CANDLES_COUNT_MAX: Final = 200

IDLE_CLOSE_SECONDS: Final = 60.0
"""A socket on which neither side speaks is cut after 60.5 s [M] (120 s by the documents)."""


def rate_limits(group: str, on: date) -> tuple[RateLimit, ...]:
    """The rows of ``group`` in force ``on`` a day (:func:`sise.providers.dated.in_force`)."""
    return in_force(RATE_LIMITS, group, on)
