"""The face between a market and the wire: what happened, and what can be asked.

A :class:`Feed` is the provider's inside (a seeded market, a recorded capture, a candle file); the
server that speaks the provider's wire knows nothing else of it. A feed is pure: it reads no clock,
the server hands it ``now_ns`` with every :meth:`Feed.step`. What a feed answers is exactly what it
has handed out so far: whoever aggregates the trades gets the feed's candles.

Times are UTC nanoseconds, prices floats in the quote currency, sizes floats in base units with at
most eight decimals. A code that the feed does not know is answered with ``None`` or an empty list.
"""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct

TRADES_KEPT_PER_MARKET: Final = 2_000
BOOK_DEPTH_LEVELS: Final = 30
HAPPENINGS_PER_STEP: Final = 2_000
"""A replay hands out at most so many in one step; the rest stays due, and ``next_ns`` says so."""


class MarketInfo(Struct, frozen=True):
    """A market as listed. ``code`` is ``QUOTE-BASE``; ``warning`` marks one under caution."""

    code: str
    korean_name: str
    english_name: str
    warning: bool = False


class SimTrade(Struct, gc=False):
    """One execution. The best orders are those that stood when it came; ``None``: unknown or absent."""

    code: str
    trade_time_ns: int
    publish_time_ns: int
    price: float
    size: float
    taker_buy: bool
    sequential_id: int
    """Trade time in ms x 10,000 + n: unique and increasing per market."""
    prev_close: float
    best_ask_price: float | None
    best_ask_size: float | None
    best_bid_price: float | None
    best_bid_size: float | None


class SimBook(Struct, gc=False):
    """The whole book at ``time_ns``, best first: ``(bid_price, bid_size, ask_price, ask_size)``.

    Where one side has fewer orders than the other its levels are padded with ``0.0, 0.0``.
    """

    code: str
    time_ns: int
    levels: list[tuple[float, float, float, float]]


class SimTicker(Struct, gc=False):
    """The state of a market as of its last trade; ``acc_*`` count since 00:00 UTC of its day.

    The 24-hour figures slide by whole minutes. Dates are ``YYYY-MM-DD`` in UTC.
    """

    code: str
    time_ns: int
    open: float
    high: float
    low: float
    last: float
    prev_close: float
    acc_volume: float
    acc_value: float
    acc_volume_24h: float
    acc_value_24h: float
    acc_ask_volume: float
    acc_bid_volume: float
    last_size: float
    last_taker_buy: bool
    last_trade_ns: int
    high_52w: float
    high_52w_date: str
    low_52w: float
    low_52w_date: str


class SimCandle(Struct, gc=False):
    """A candle of an interval that had trades; ``start_ns`` is where the interval starts."""

    start_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    last_trade_ns: int


class RawFrame(Struct):
    """A recorded frame, to be sent byte for byte. ``at_ns`` is when it was recorded.

    ``kind`` is the provider's type (``trade orderbook ticker candle.1m …``); ``code`` and ``kind``
    are empty where the payload does not say.
    """

    code: str
    kind: str
    payload: bytes
    at_ns: int


Happening = SimTrade | SimBook | SimTicker | RawFrame


class Feed(Protocol):
    """A market's inside, stepped by the server's clock."""

    verbatim: bool
    """True: only :class:`RawFrame` come, and the server must not invent snapshots."""

    def markets(self) -> list[MarketInfo]:
        """All listed markets, in the listing's order."""

    def start(self, now_ns: int) -> None:
        """Begin at ``now_ns``; later calls change nothing.

        A replay begins when the first subscriber subscribes, a live market with the server.
        """

    def step(self, now_ns: int) -> list[Happening]:
        """Everything that happened up to ``now_ns`` and was not handed out yet, in order."""

    def next_ns(self) -> int | None:
        """When the next happening is due (in the past: at once); ``None``: not started or exhausted."""

    def finished(self) -> bool:
        """Nothing will ever come again."""

    def book(self, code: str) -> SimBook | None:
        """The last book that was handed out."""

    def ticker(self, code: str) -> SimTicker | None:
        """The state as of the last trade."""

    def last_trade(self, code: str) -> SimTrade | None:
        """The last trade that was handed out."""

    def trades(
        self, code: str, *, before_id: int | None = None, to_ns: int | None = None, count: int = 1
    ) -> list[SimTrade]:
        """Newest first; only ids below ``before_id`` and trade times before ``to_ns``."""

    def candles(self, code: str, unit: str, to_ns: int, count: int) -> list[SimCandle]:
        """Newest first, the one in formation included; start before ``to_ns``; traded intervals only.

        ``unit`` is one of ``1s 1m 3m 5m 10m 15m 30m 60m 240m 1d 1w 1M 1y``.
        """
