"""The quotation API without HTTP: a path and its query in, the JSON text of the answer out.

Members, their order and how their numbers are spelled are those of the recorded answers
[wire/samples/upbit/rest_recorded_quotation_*.json].
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from multidict import MultiMapping

from sise.model.time import NS_PER_SECOND
from sise.simulator.feed import BOOK_DEPTH_LEVELS, Feed, SimCandle
from sise.simulator.upbit import parameters as ask
from sise.simulator.upbit import rows
from sise.simulator.upbit.depth import grouped, levels_of, tick_of

Query = MultiMapping[str]

DAY_NS: Final = 86_400 * NS_PER_SECOND
SECOND_CANDLES_KEPT_NS: Final = 92 * DAY_NS
MAX_CANDLES: Final = 200
MAX_TRADES: Final = 500
MAX_DAYS_AGO: Final = 7
MINUTE_UNITS: Final = frozenset({1, 3, 5, 10, 15, 30, 60, 240})
_MINUTES_PATH: Final = "/v1/candles/minutes/"


class Quotation:
    """Answers about the feed's markets. ``answer`` is pure but for the feed, which it only asks."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._markets = {market.code: market for market in feed.markets()}
        self._paths: Final[dict[str, tuple[str, Callable[[Query, int, int], str]]]] = {
            "/v1/market/all": ("market", self._market_all),
            "/v1/ticker": ("ticker", self._ticker),
            "/v1/ticker/all": ("ticker", self._ticker_all),
            "/v1/trades/ticks": ("crix-trades", self._trades),
            "/v1/orderbook": ("orderbook", self._orderbook),
            "/v1/orderbook/instruments": ("orderbook", self._instruments),
            "/v1/candles/seconds": ("candles", self._seconds),
            "/v1/candles/days": ("candles", self._days),
            "/v1/candles/weeks": ("candles", self._period("1w")),
            "/v1/candles/months": ("candles", self._period("1M")),
            "/v1/candles/years": ("candles", self._period("1y")),
        }

    def group_of(self, path: str) -> str | None:
        """The rate limit's group of ``path``; ``None`` where there is no such path."""
        if path.startswith(_MINUTES_PATH):
            return "candles"
        known = self._paths.get(path)
        return known[0] if known else None

    def answer(self, path: str, query: Query, now_ns: int, offset_ns: int) -> str:
        """The body. ``offset_ns`` is by how much the provider's clock is wrong.

        Raises
        ------
        RestError
            As Upbit would answer.
        """
        if path.startswith(_MINUTES_PATH):
            return self._minutes(path.removeprefix(_MINUTES_PATH), query, now_ns)
        return self._paths[path][1](query, now_ns, offset_ns)

    def _codes(self, query: Query, name: str = "markets") -> list[str]:
        codes = [code.strip().upper() for code in ask.required(query, name).split(",")]
        if any(code not in self._markets for code in codes):
            raise ask.code_not_found()
        return codes

    def _market_all(self, query: Query, now_ns: int, offset_ns: int) -> str:
        details = ask.flag(query, "is_details", "isDetails")
        return _array([rows.market_row(market, details=details) for market in self._markets.values()])

    def _ticker(self, query: Query, now_ns: int, offset_ns: int) -> str:
        return self._tickers(self._codes(query), offset_ns)

    def _ticker_all(self, query: Query, now_ns: int, offset_ns: int) -> str:
        text = ask.text(query, "quote_currencies", "quoteCurrencies")
        if text is None:
            raise ask.missing()
        quotes = {quote.strip().upper() for quote in text.split(",")}
        codes = [code for code in self._markets if code.partition("-")[0] in quotes]
        return self._tickers(sorted(codes, key=_scattered), offset_ns)

    def _tickers(self, codes: list[str], offset_ns: int) -> str:
        known = (self._feed.ticker(code) for code in codes)
        return _array([rows.ticker_row(ticker, offset_ns) for ticker in known if ticker])

    def _trades(self, query: Query, now_ns: int, offset_ns: int) -> str:
        code = self._codes(query, "market")[0]
        count = ask.integer(query, "count", 1, 1, MAX_TRADES)
        cursor = ask.integer(query, "cursor", 0, 0, 2**63 - 1)
        days_ago = ask.integer(query, "days_ago", 0, 0, MAX_DAYS_AGO)
        time_of_day = ask.time_of_day(query, "to")
        to_ns: int | None = None
        from_ns = 0
        if days_ago or time_of_day is not None:
            from_ns = now_ns // DAY_NS * DAY_NS - days_ago * DAY_NS
            to_ns = from_ns + (DAY_NS if time_of_day is None else time_of_day)
        trades = self._feed.trades(code, before_id=cursor or None, to_ns=to_ns, count=count)
        return _array([rows.trade_row(one, offset_ns) for one in trades if one.trade_time_ns >= from_ns])

    def _orderbook(self, query: Query, now_ns: int, offset_ns: int) -> str:
        codes = self._codes(query)
        count = min(ask.integer(query, "count", BOOK_DEPTH_LEVELS, 1, 2**31 - 1), BOOK_DEPTH_LEVELS)
        level = ask.number(query, "level")
        books = []
        for code in codes:
            book = self._feed.book(code)
            if book and (not level or level in levels_of(code, self._price(code))):
                books.append(rows.book_row(grouped(book, level), count, level, offset_ns))
        return _array(books)

    def _instruments(self, query: Query, now_ns: int, offset_ns: int) -> str:
        answers = []
        for code in self._codes(query):
            price = self._price(code)
            levels = levels_of(code, price)
            answers.append(rows.instrument_row(code, tick_of(code, price), levels))
        return _array(answers)

    def _price(self, code: str) -> float:
        ticker = self._feed.ticker(code)
        if ticker:
            return ticker.last
        trade = self._feed.last_trade(code)
        return trade.price if trade else 0.0

    def _candles(self, query: Query, now_ns: int, unit: str, extra: int = 0) -> tuple[str, list[SimCandle]]:
        code = self._codes(query, "market")[0]
        count = ask.integer(query, "count", 1, 1, MAX_CANDLES)
        to_ns = ask.moment(query, "to", now_ns)
        return code, self._feed.candles(code, unit, to_ns, count + extra)

    def _minutes(self, text: str, query: Query, now_ns: int) -> str:
        if not text.isascii() or not text.isdigit():
            raise ask.mismatch()
        unit = int(text)
        if unit not in MINUTE_UNITS:
            raise ask.invalid()
        code, candles = self._candles(query, now_ns, f"{unit}m")
        return _array([rows.candle_row(code, one, (("unit", str(unit)),)) for one in candles])

    def _seconds(self, query: Query, now_ns: int, offset_ns: int) -> str:
        code, candles = self._candles(query, now_ns, "1s")
        oldest = now_ns - SECOND_CANDLES_KEPT_NS
        return _array([rows.candle_row(code, one) for one in candles if one.start_ns >= oldest])

    def _days(self, query: Query, now_ns: int, offset_ns: int) -> str:
        converting = ask.text(query, "converting_price_unit", "convertingPriceUnit")
        if converting not in (None, "KRW"):
            raise ask.invalid()
        code, candles = self._candles(query, now_ns, "1d", extra=1)
        count = ask.integer(query, "count", 1, 1, MAX_CANDLES)
        rate = self._krw_rate(code) if converting else None
        answers = []
        for i, one in enumerate(candles[:count]):
            before = candles[i + 1].close if i + 1 < len(candles) else one.open
            answers.append(rows.candle_row(code, one, rows.day_members(one, before, rate)))
        return _array(answers)

    def _krw_rate(self, code: str) -> Decimal:
        quote = code.partition("-")[0]
        return Decimal(1) if quote == "KRW" else Decimal(repr(self._price(f"KRW-{quote}")))

    def _period(self, unit: str) -> Callable[[Query, int, int], str]:
        def answer(query: Query, now_ns: int, offset_ns: int) -> str:
            code, candles = self._candles(query, now_ns, unit)
            return _array([rows.candle_row(code, one, rows.period_members(one)) for one in candles])

        return answer


def _scattered(code: str) -> int:
    """An order that is fixed but not the listing's."""
    return zlib.crc32(code.encode())


def _array(items: list[str]) -> str:
    return "[" + ",".join(items) + "]"
