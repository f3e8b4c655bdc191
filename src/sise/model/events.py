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
class MarketState(Struct, gc=False):
    """Whether a symbol may be traded now, as its provider tells it when that changes.

    Codes are the provider's own, empty where it told none; its README says what they mean.
    """

    symbol: str
    event_time: int
    """UTC ns; the receive time where the message has none (KIS)."""
    halted: bool | None = None
    phase: str = ""
    """Of the market: opening auction, continuous, closed, circuit breaker, …"""
    expected_phase: str = ""
    """The same for expected prices."""
    status: str = ""
    """Of the issue: halted, under supervision, overheated, …"""
    vi: str = ""
    """Volatility interruption."""
    reason: str = ""
    """Why trading was stopped, in the provider's words."""
    venue: str = ""


@final
class Control(Struct, gc=False):
    """A message about the line or its market: an error, a keep-alive, a list of subscriptions, a state."""

    kind: Literal["error", "status", "subscriptions"]
    name: str
    message: str = ""
    state: MarketState | None = None
    """What the message says of a symbol that is no price: no proof that its trades are heard."""


NoticeKind = Literal["taken", "filled", "refused", "unreadable"]


@final
class OrderNotice(Struct, frozen=True, kw_only=True):
    """The provider told of one of the user's own orders: that much, and never what order it was.

    An observatory records the market; whose orders met it is not its business. So there is neither
    quantity nor price, and of the account only enough to tell two of them apart.
    """

    kind: NoticeKind
    """``taken``: accepted, changed or cancelled; ``unreadable``: no key opens it."""
    event_time: int
    """UTC ns."""
    symbol: str = ""
    account: str = ""
    """Masked; empty where it is not known."""


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
    """The provider's own code of a market warning; None where this answer tells none (see ``Instrument``)."""
    vi: str | None = None
    """The provider's own code of a volatility interruption."""
    base_price: float | None = None
    upper_limit: float | None = None
    lower_limit: float | None = None


@final
class Ranked(Struct, frozen=True, kw_only=True):
    """One place in a provider's own ranking of what is traded most now."""

    symbol: str
    rank: int
    """1 is the first."""
    snapshot: Snapshot
    """Price, volume and value, counted as :class:`Snapshot` says: the day so far, or 24 h."""
    name: str = ""
    prev_volume: float | None = None
    """Traded on the whole day before; None where the ranking does not tell it."""

    @property
    def change_rate(self) -> float | None:
        """The price over the previous close, less one (0.03 is up 3 %); None without a previous close."""
        before = self.snapshot.prev_close
        return self.snapshot.last_price / before - 1.0 if before else None


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
    warning: str = ""
    """The provider's own code of a market warning; empty where it tells none."""
    managed: bool | None = None
    """Under the exchange's supervision (관리종목); None where the provider does not say."""
    liquidation: bool | None = None
    """In liquidation trading before its delisting (정리매매)."""
    flags_source: str = ""
    """Where the flags come from, and so of when they are: ``symbol master``; empty where there are none."""
