"""What a frame says, once understood: the events that every provider's ``decode`` gives.

Times are UTC nanoseconds (see :mod:`sise.model.time`). Prices are in the market's quote
currency, sizes in its base unit. A value that the provider did not send is ``None``, never 0.
Prices and sizes are floats that print back to the provider's own number.
"""

from __future__ import annotations

from typing import Literal, final

from msgspec import Struct

Side = Literal["buy", "sell", "unknown"]
"""The taker's side of a trade."""


@final
class Trade(Struct, gc=False):
    """One execution. ``trade_id`` is unique per symbol at the provider."""

    symbol: str
    event_time: int
    price: float
    size: float
    side: Side
    trade_id: str
    snapshot: bool = False
    """True where the provider repeats its last trade as the first answer to a subscription."""
    venue: str = ""
    """Where it happened, for a provider of several venues; empty: the provider's only one."""


@final
class Book(Struct, gc=False):
    """The best orders of both sides at ``event_time``; ``levels[0]`` is the best."""

    symbol: str
    event_time: int
    bid_price: float | None
    bid_size: float | None
    ask_price: float | None
    ask_size: float | None
    depth: int
    """How many levels the frame held; they stay in the wire log."""
    snapshot: bool = False
    venue: str = ""


@final
class Snapshot(Struct, gc=False):
    """The state of a symbol: last price and the day so far.

    ``volume`` and ``value`` count from the provider's own start of day (Upbit: 00:00 UTC).
    """

    symbol: str
    event_time: int
    last_price: float
    prev_close: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: float | None = None
    value: float | None = None
    value_24h: float | None = None
    snapshot: bool = False
    venue: str = ""


@final
class Candle(Struct, gc=False):
    """A candle as the provider made it; ``bar_time`` is where its interval starts."""

    symbol: str
    event_time: int
    bar_time: int
    size: str
    """``1s 1m 3m … 4h 1d 1w 1mo 1y``"""
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    snapshot: bool = False


@final
class UnknownFields(Struct, gc=False):
    """The frame held fields that we do not know; the rest was understood."""

    kind: str
    names: tuple[str, ...]


@final
class Control(Struct, gc=False):
    """A message about the line itself: an error, a keep-alive, a list of subscriptions."""

    kind: Literal["error", "status", "subscriptions"]
    name: str
    message: str = ""


@final
class Quote(Struct, frozen=True, kw_only=True):
    """A symbol as one question by REST tells it. What the answer does not hold is ``None``."""

    symbol: str
    name: str = ""
    snapshot: Snapshot | None = None
    """``None`` where the symbol has no price now: it is halted."""
    book: Book | None = None
    halted: bool | None = None
    warning: str | None = None
    """The provider's own code of a market warning."""
    vi: str | None = None
    """The provider's own code of a volatility interruption."""
    base_price: float | None = None
    upper_limit: float | None = None
    lower_limit: float | None = None


MarketEvent = Trade | Book | Snapshot | Candle
Event = MarketEvent | UnknownFields | Control


class Instrument(Struct, frozen=True):
    """Something that can be watched at a provider."""

    symbol: str
    name_ko: str = ""
    name_en: str = ""
    value_24h: float | None = None
    kind: str = ""
    """``stock``, ``etf``, …: what a universe's rule asks for; empty where a market has one kind."""
    prev_close: float | None = None
    halted: bool = False
