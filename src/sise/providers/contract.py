"""What every provider can do, and nothing of how it does it.

A provider is three pure things (``decode``, ``subscription`` and its dated limits) and one that
speaks (``rest``). Its socket is opened with :mod:`sise.providers.socket`: no provider has its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from types import TracebackType
from typing import Literal, Protocol, Self

from msgspec import Struct

from sise.model.events import Book, Candle, Event, Instrument, OrderNotice, Quote, Ranked, Snapshot, Trade
from sise.model.time import Clock


class Answer(Struct, frozen=True):
    """An answer to a REST request, as it came, before anyone has tried to understand it."""

    url: str
    """Path and query; never a header, so never a secret."""
    status: int
    body: bytes
    received_at: int
    """UTC ns."""


OnAnswer = Callable[[Answer], None]

Ranking = Literal["value", "surge"]
"""``value``: most value traded; ``surge``: volume most above the usual, as the provider counts it."""


class RestClient(Protocol):
    """Questions to a provider. An async context manager: inside it, a connection is kept.

    Every method may raise :class:`~sise.model.errors.Unreachable` (no answer of the provider's),
    :class:`~sise.model.errors.ProviderRefused` (its answer is no),
    :class:`~sise.model.errors.Undecodable` (its answer has another form) and
    :class:`~sise.model.errors.BadInput` (it was asked for what cannot be).
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def markets(self) -> list[Instrument]:
        """Everything that can be watched, without values."""

    async def top_markets(self, count: int, quote: str = "KRW") -> list[Instrument]:
        """The ``count`` markets with the highest value traded in 24 h, ties by symbol."""

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        """What :meth:`busiest` can be asked for here; empty where the provider ranks nothing."""

    async def busiest(self, count: int, by: Ranking = "value") -> list[Ranked]:
        """The first ``count`` places of the provider's own ranking, one request, best first.

        Fewer where it tells fewer (KIS: 30). ``BadInput`` where ``by`` is none of :attr:`rankings`.
        """

    async def listings(self) -> list[Instrument]:
        """Everything that can be watched, with what a universe is made of: kind, previous close, value."""

    async def trading_day(self, day: date) -> bool | None:
        """Whether the market opens on ``day``, as the provider says; None: it tells no such thing."""

    @property
    def quotes_per_request(self) -> int:
        """How many symbols one call of :meth:`quotes` may name."""

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """The state of each symbol with its best orders; a symbol that is not answered is left out."""

    async def tickers(self, symbols: Sequence[str]) -> list[Snapshot]:
        """The state of each symbol, in the provider's order."""

    async def all_tickers(self, quote: str = "KRW") -> list[Snapshot]:
        """The state of every symbol quoted in ``quote``."""

    async def books(self, symbols: Sequence[str], *, count: int = 30) -> list[Book]:
        """The best orders of each symbol."""

    async def trades(
        self,
        symbol: str,
        *,
        count: int = 500,
        cursor: str | int | None = None,
        days_ago: int | None = None,
        to: str | None = None,
    ) -> list[Trade]:
        """One page of trades, newest first."""

    def all_trades(self, symbol: str, since_ns: int) -> AsyncIterator[Trade]:
        """Every trade since ``since_ns``, newest first, each once."""

    async def candles(
        self, symbol: str, size: str, *, to_ns: int | None = None, count: int = 200
    ) -> list[Candle]:
        """One page of candles that start before ``to_ns``, newest first."""

    async def candles_between(self, symbol: str, size: str, start_ns: int, end_ns: int) -> list[Candle]:
        """The candles that start in ``[start_ns, end_ns)``, oldest first, each once."""


class Line(Protocol):
    """What is said on a socket so that it carries the wanted symbols: a machine without a socket.

    Upbit takes one text that replaces all before it; KIS takes a registration at a time and answers
    each. Whoever holds the socket sends what :meth:`next_text` gives, until that is None, after
    :meth:`opened`, :meth:`want` and :meth:`heard`, and again from time to time.
    """

    @property
    def proves_itself(self) -> bool:
        """True where the provider confirms what it carries; else only data does."""

    @property
    def confirmed(self) -> bool:
        """Everything wanted is carried, as the provider says (where it :attr:`proves_itself`)."""

    @property
    def answers(self) -> int:
        """Grows with every answer that proves that the provider still carries what it did."""

    @property
    def refused(self) -> dict[str, str]:
        """Symbols that the provider does not carry, and why."""

    @property
    def carried(self) -> tuple[str, ...]:
        """Symbols that take a place at the provider: asked for, until their end is confirmed."""

    @property
    def stopped(self) -> str:
        """Why this socket is of no more use; empty while it is."""

    @property
    def unanswered(self) -> bool:
        """It is :attr:`stopped` because the provider says nothing any more, not because it refuses."""

    @property
    def pause_seconds(self) -> float:
        """How long from now :meth:`next_text` gives nothing because it would be too soon."""

    async def prepare(self) -> None:
        """Fetch what a new socket needs. May raise what :class:`RestClient` may."""

    def opened(self) -> None:
        """A new socket is open: it carries nothing yet."""

    def want(self, symbols: Sequence[str]) -> None:
        """From now on exactly these are wanted. Raises ``BadInput`` where that cannot be."""

    def next_text(self) -> str | None:
        """What to send next."""

    def heard(self, payload: bytes) -> str | None:
        """A message about the line came; what to send back at once."""

    def notices(self) -> list[OrderNotice]:
        """What came since the last call and only the line can read: notices of one's own orders.

        The frames themselves stay sealed wherever they are kept.
        """

    def probe(self) -> str | None:
        """What a provider that is alive answers, however quiet its market is."""


class Provider(Protocol):
    """One provider of one market."""

    @property
    def name(self) -> str:
        """``upbit``: the name in settings, folders and records."""

    @property
    def market(self) -> str:
        """``kr_stocks``, ``crypto`` or ``us_stocks``."""

    @property
    def venue(self) -> str:
        """Where the trades happen; for many providers, their own name."""

    @property
    def slots_max(self) -> int:
        """How many symbols one socket watches."""

    @property
    def book_depth(self) -> int:
        """How many levels of a book are asked for."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The wire's own names of what is subscribed."""

    @property
    def rest_url(self) -> str: ...

    @property
    def ws_url(self) -> str: ...

    @property
    def without_secrets(self) -> Callable[[bytes], bytes] | None:
        """Takes keys out of a frame before it is kept; None where no frame holds any."""

    def decode(self, payload: bytes, received_at: int) -> list[Event]:
        """The events of a frame; pure. Raises :class:`~sise.model.errors.Undecodable`."""

    def line(self, rest: RestClient, name: str) -> Line:
        """The line of one socket after another; ``name`` is unique to the session."""

    def rest(self, clock: Clock, on_answer: OnAnswer) -> RestClient:
        """A client for the provider's questions; ``on_answer`` hears every answer first."""
