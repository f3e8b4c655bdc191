"""Questions to Upbit: markets, tickers, books, trades and candles, past and present.

Upbit gives pages from the newest backwards and leaves out intervals in which nothing was traded,
so a page of 200 candles is not 200 intervals, and the end of the past is an empty page.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from sise.model.errors import BadInput, Undecodable
from sise.model.events import Book, Candle, Instrument, Quote, Ranked, Snapshot, Trade
from sise.model.time import NS_PER_SECOND, Clock, iso
from sise.providers.contract import OnAnswer, Ranking
from sise.providers.governor import Governor
from sise.providers.rest import Manners, RestSession
from sise.providers.upbit import answers, limits

log = logging.getLogger(__name__)

CANDLE_PATHS: Final = {
    "1s": ("seconds", 1),
    "1m": ("minutes/1", 60),
    "3m": ("minutes/3", 180),
    "5m": ("minutes/5", 300),
    "10m": ("minutes/10", 600),
    "15m": ("minutes/15", 900),
    "30m": ("minutes/30", 1_800),
    "1h": ("minutes/60", 3_600),
    "4h": ("minutes/240", 14_400),
    "1d": ("days", 86_400),
    "1w": ("weeks", 7 * 86_400),
    "1mo": ("months", 28 * 86_400),
    "1y": ("years", 365 * 86_400),
}
"""Our size -> path, and the shortest time in seconds that such a candle covers."""

CANDLES_PER_CALL_MAX: Final = 1_000_000
SYMBOLS_PER_REQUEST: Final = 100
"""Keeps an address below 2 kB."""

_T = TypeVar("_T")
_MANNERS: Final = Manners(answers.refusal, answers.remaining, answers.block_seconds)


class UpbitRest:
    """See :class:`sise.providers.contract.RestClient` for what every method may raise."""

    def __init__(self, rest_url: str, clock: Clock, on_answer: OnAnswer) -> None:
        today = datetime.fromtimestamp(clock.now_ns() // NS_PER_SECOND, UTC).date()
        rates = {
            group: [(row.count, row.seconds) for row in limits.rate_limits(group, today)]
            for group in limits.REST_GROUPS
        }
        self._session = RestSession(
            "upbit",
            rest_url,
            clock=clock,
            governor=Governor("upbit", rates, limits.SHARE_TAKEN, clock),
            manners=_MANNERS,
            on_answer=on_answer,
        )
        self._told: set[str] = set()

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.__aexit__(kind, error, trace)

    async def markets(self) -> list[Instrument]:
        """Every market of Upbit, KRW, BTC and USDT."""
        body = await self._session.get("/v1/market/all", {"is_details": "false"}, "market")
        return self._known("market", answers.markets(body))

    async def top_markets(self, count: int, quote: str = "KRW") -> list[Instrument]:
        """The ``count`` markets with the highest 24 h traded value; fewer if there are fewer."""
        if count < 1:
            raise BadInput("count", count, "ask for at least one market")
        names = {instrument.symbol: instrument for instrument in await self.markets()}
        listed = [(each, each.value_24h) for each in await self.all_tickers(quote) if each.symbol in names]
        ranked = sorted(listed, key=lambda pair: (-(pair[1] or 0.0), pair[0].symbol))
        return [
            Instrument(each.symbol, names[each.symbol].name_ko, names[each.symbol].name_en, value)
            for each, value in ranked[:count]
        ]

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        """By value: Upbit tells no usual volume."""
        return ("value",)

    async def busiest(self, count: int, by: Ranking = "value") -> list[Ranked]:
        """The KRW markets by the value traded in 24 h, ties by symbol."""
        if count < 1:
            raise BadInput("count", count, "ask for at least one market")
        if by not in self.rankings:
            raise BadInput("by", by, f"choose one of: {', '.join(self.rankings)}")
        ranked = sorted(await self.all_tickers(), key=lambda each: (-(each.value_24h or 0.0), each.symbol))
        return [
            Ranked(symbol=each.symbol, rank=rank, snapshot=each)
            for rank, each in enumerate(ranked[:count], 1)
        ]

    async def listings(self) -> list[Instrument]:
        """The KRW markets with previous close and 24 h traded value."""
        names = {instrument.symbol: instrument for instrument in await self.markets()}
        return [
            msgspec.structs.replace(names[each.symbol], value_24h=each.value_24h, prev_close=each.prev_close)
            for each in await self.all_tickers()
            if each.symbol in names
        ]

    async def trading_day(self, day: date) -> bool | None:
        """None: Upbit never shuts, and has no calendar to ask for."""
        return None

    @property
    def quotes_per_request(self) -> int:
        return SYMBOLS_PER_REQUEST

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """The state of each symbol and its best orders: two questions."""
        books = {book.symbol: book for book in await self.books(symbols, count=1)}
        return [
            Quote(symbol=each.symbol, snapshot=each, book=books.get(each.symbol))
            for each in await self.tickers(symbols)
        ]

    async def tickers(self, symbols: Sequence[str]) -> list[Snapshot]:
        """The state of each symbol. One unknown symbol makes Upbit refuse them all."""
        found: list[Snapshot] = []
        for part in _parts(symbols):
            body = await self._session.get("/v1/ticker", {"markets": ",".join(part)}, "ticker")
            found += self._known("ticker", answers.tickers(body))
        return found

    async def all_tickers(self, quote: str = "KRW") -> list[Snapshot]:
        """The state of every market quoted in ``quote``, in Upbit's order (which is no order)."""
        body = await self._session.get("/v1/ticker/all", {"quote_currencies": quote}, "ticker")
        return self._known("ticker", answers.tickers(body))

    async def books(self, symbols: Sequence[str], *, count: int = limits.BOOKS_COUNT_MAX) -> list[Book]:
        """The best ``count`` levels of each symbol (Upbit cuts a larger count itself)."""
        if not 1 <= count <= limits.BOOKS_COUNT_MAX:
            raise BadInput("count", count, f"ask for 1 to {limits.BOOKS_COUNT_MAX} levels")
        found: list[Book] = []
        for part in _parts(symbols):
            query = {"markets": ",".join(part), "count": str(count)}
            body = await self._session.get("/v1/orderbook", query, "orderbook")
            found += self._known("orderbook", answers.books(body))
        return found

    async def trades(
        self,
        symbol: str,
        *,
        count: int = limits.TRADES_COUNT_MAX,
        cursor: str | int | None = None,
        days_ago: int | None = None,
        to: str | None = None,
    ) -> list[Trade]:
        """One page, newest first.

        Parameters
        ----------
        cursor
            A ``trade_id``: the page begins just before it.
        days_ago
            1 to 7: a UTC day in the past instead of the running one.
        to
            ``HH:mm:ss`` UTC within that day.
        """
        if not 1 <= count <= limits.TRADES_COUNT_MAX:
            raise BadInput("count", count, f"ask for 1 to {limits.TRADES_COUNT_MAX} trades")
        if days_ago is not None and not 1 <= days_ago <= limits.TRADES_DAYS_AGO_MAX:
            raise BadInput("days_ago", days_ago, f"Upbit keeps {limits.TRADES_DAYS_AGO_MAX} days")
        asked = {"market": symbol, "count": count, "cursor": cursor, "days_ago": days_ago, "to": to}
        query = {name: str(value) for name, value in asked.items() if value is not None}
        body = await self._session.get("/v1/trades/ticks", query, "trade")
        return self._known("trade", answers.trades(body))

    async def all_trades(self, symbol: str, since_ns: int) -> AsyncIterator[Trade]:
        """Every trade since ``since_ns``, newest first, each once; Upbit keeps seven days.

        The pages of a day follow the cursor; an empty one means the day before. A trade whose
        number is not below everything already given was given already.
        """
        lowest: int | None = None
        days_ago = 0
        while days_ago <= limits.TRADES_DAYS_AGO_MAX:
            page = await self.trades(symbol, cursor=lowest, days_ago=days_ago or None)
            fresh = {int(trade.trade_id): trade for trade in page}
            if lowest is not None:
                fresh = {number: trade for number, trade in fresh.items() if number < lowest}
            if not fresh:
                days_ago += 1
                continue
            lowest = min(fresh)
            for trade in fresh.values():
                if trade.event_time >= since_ns:
                    yield trade
            if max(trade.event_time for trade in fresh.values()) < since_ns:
                return

    async def candles(
        self, symbol: str, size: str, *, to_ns: int | None = None, count: int = limits.CANDLES_COUNT_MAX
    ) -> list[Candle]:
        """One page of candles that start before ``to_ns`` (now, if not given), newest first."""
        path, _ = _candle_path(size)
        if not 1 <= count <= limits.CANDLES_COUNT_MAX:
            raise BadInput("count", count, f"ask for 1 to {limits.CANDLES_COUNT_MAX} candles")
        query = {"market": symbol, "count": str(count)}
        if to_ns is not None:
            query["to"] = _exclusive(to_ns)
        body = await self._session.get(f"/v1/candles/{path}", query, "candle")
        return self._known("candle", answers.candles(body, size))

    async def candles_between(self, symbol: str, size: str, start_ns: int, end_ns: int) -> list[Candle]:
        """The candles that start in ``[start_ns, end_ns)``, oldest first, each once.

        Pages go backwards: each asks for what starts before the oldest that is known. An interval
        without a trade has no candle; the past ends at an empty page.
        """
        _, seconds = _candle_path(size)
        if (end_ns - start_ns) // (seconds * NS_PER_SECOND) > CANDLES_PER_CALL_MAX:
            raise BadInput("start", iso(start_ns), f"ask for at most {CANDLES_PER_CALL_MAX} candles at once")
        found: dict[int, Candle] = {}
        before = end_ns
        while before > start_ns:
            page = await self.candles(symbol, size, to_ns=before)
            if not page:
                break
            oldest = min(candle.bar_time for candle in page)
            if oldest >= before:
                raise Undecodable(f"candles: asked for what starts before {iso(before)}, got {iso(oldest)}")
            for candle in page:
                if start_ns <= candle.bar_time < end_ns:
                    found.setdefault(candle.bar_time, candle)
            before = oldest
        return [found[start] for start in sorted(found)]

    def _known(self, kind: str, read: tuple[list[_T], tuple[str, ...]]) -> list[_T]:
        rows, names = read
        fresh = [name for name in names if f"{kind}.{name}" not in self._told]
        if fresh:
            self._told.update(f"{kind}.{name}" for name in fresh)
            log.warning("upbit: %s answers have fields that are new to us: %s", kind, ", ".join(fresh))
        return rows


def _candle_path(size: str) -> tuple[str, int]:
    found = CANDLE_PATHS.get(size)
    if found is None:
        raise BadInput("size", size, f"choose one of: {', '.join(CANDLE_PATHS)}")
    return found


def _exclusive(ns: int) -> str:
    """``to`` has whole seconds and candles start at whole seconds, so rounding up loses none."""
    return iso(-(-ns // NS_PER_SECOND) * NS_PER_SECOND)[:19] + "Z"


def _parts(symbols: Sequence[str]) -> list[Sequence[str]]:
    if not symbols:
        raise BadInput("symbols", [], "name at least one market, for example KRW-BTC")
    return [symbols[at : at + SYMBOLS_PER_REQUEST] for at in range(0, len(symbols), SYMBOLS_PER_REQUEST)]
