"""What goes over the WebSocket: a happening as the bytes of a frame, in each of the formats.

One function per message type gives its members by their DEFAULT names, in Upbit's order; SIMPLE is the
same members under short names [wire/upbit.md 7, field tables]. Pure: no clock, no socket.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct

from sise.simulator.feed import SimBook, SimCandle, SimTicker, SimTrade
from sise.simulator.upbit.spelling import (
    day_text,
    eight,
    java_double,
    kst_second_text,
    members,
    ms,
    plain,
    quoted,
    second_text,
    small_as_java,
    ten,
    time_text,
)

Format = Literal["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"]
StreamType = Literal["SNAPSHOT", "REALTIME"]
Pairs = list[tuple[str, str]]

# Names that several types share, and where one type shortens a name differently from another.
_SHORT: Final = {
    "type": "ty",
    "code": "cd",
    "timestamp": "tms",
    "stream_type": "st",
    "opening_price": "op",
    "high_price": "hp",
    "low_price": "lp",
    "trade_price": "tp",
    "trade_volume": "tv",
    "prev_closing_price": "pcp",
    "change": "c",
    "change_price": "cp",
    "signed_change_price": "scp",
    "change_rate": "cr",
    "signed_change_rate": "scr",
    "acc_trade_volume": "atv",
    "acc_trade_volume_24h": "atv24h",
    "acc_trade_price": "atp",
    "acc_trade_price_24h": "atp24h",
    "trade_time": "ttm",
    "trade_timestamp": "ttms",
    "ask_bid": "ab",
    "acc_ask_volume": "aav",
    "acc_bid_volume": "abv",
    "highest_52_week_price": "h52wp",
    "highest_52_week_date": "h52wdt",
    "lowest_52_week_price": "l52wp",
    "lowest_52_week_date": "l52wdt",
    "market_state": "ms",
    "is_trading_suspended": "its",
    "delisting_date": "dd",
    "market_warning": "mw",
    "sequential_id": "sid",
    "best_ask_price": "bap",
    "best_ask_size": "bas",
    "best_bid_price": "bbp",
    "best_bid_size": "bbs",
    "total_ask_size": "tas",
    "total_bid_size": "tbs",
    "orderbook_units": "obu",
    "level": "lv",
    "candle_date_time_utc": "cdttmu",
    "candle_date_time_kst": "cdttmk",
    "candle_acc_trade_volume": "catv",
    "candle_acc_trade_price": "catp",
}
_TRADE_DATE_SHORT: Final = {"ticker": "tdt", "trade": "td"}


class Spelling(Struct, frozen=True):
    """How one family of formats writes a price and a size, and names the members of a book's level."""

    price: Callable[[float], str]
    size: Callable[[float], str]
    level: str


_DEFAULT: Final = Spelling(
    java_double, eight, '{{"ask_price":{},"bid_price":{},"ask_size":{},"bid_size":{}}}'
)
_SIMPLE: Final = Spelling(plain, small_as_java, '{{"ap":{},"bp":{},"as":{},"bs":{}}}')


def is_simple(form: Format) -> bool:
    """Whether ``form`` has the short names."""
    return form.startswith("SIMPLE")


def spelling_of(form: Format) -> Spelling:
    """Number spelling of ``form``."""
    return _SIMPLE if is_simple(form) else _DEFAULT


def finish(kind: str, pairs: Pairs, form: Format) -> bytes:
    """The frame's bytes: names as ``form`` has them, wrapped in a list of one where it says so."""
    if is_simple(form):
        short = {**_SHORT, "trade_date": _TRADE_DATE_SHORT.get(kind, "td")}
        pairs = [(short[name], value) for name, value in pairs]
    text = members(pairs)
    return f"[{text}]".encode() if form.endswith("_LIST") else text.encode()


def change_of(price: float, prev_close: float) -> str:
    """``RISE``, ``EVEN`` or ``FALL`` against the previous close."""
    return "RISE" if price > prev_close else "FALL" if price < prev_close else "EVEN"


def exact_difference(price: float, prev_close: float) -> float:
    """``price - prev_close`` as the decimals say it, without the doubles' dust."""
    return float(Decimal(repr(price)) - Decimal(repr(prev_close)))


def trade_frame(trade: SimTrade, form: Format, stream: StreamType) -> bytes:
    """A trade; ``timestamp`` is when it was published, ``trade_timestamp`` when it was matched."""
    say = spelling_of(form)
    difference = exact_difference(trade.price, trade.prev_close)
    best = (
        ("best_ask_price", trade.best_ask_price, say.price),
        ("best_ask_size", trade.best_ask_size, say.size),
        ("best_bid_price", trade.best_bid_price, say.price),
        ("best_bid_size", trade.best_bid_size, say.size),
    )
    pairs: Pairs = [
        ("type", '"trade"'),
        ("code", quoted(trade.code)),
        ("timestamp", ms(trade.publish_time_ns)),
        ("trade_date", quoted(day_text(trade.trade_time_ns))),
        ("trade_time", quoted(time_text(trade.trade_time_ns))),
        ("trade_timestamp", ms(trade.trade_time_ns)),
        ("trade_price", say.price(trade.price)),
        ("trade_volume", say.size(trade.size)),
        ("ask_bid", '"BID"' if trade.taker_buy else '"ASK"'),
        ("prev_closing_price", say.price(trade.prev_close)),
        ("change", quoted(change_of(trade.price, trade.prev_close))),
        ("change_price", say.price(abs(difference))),
        ("sequential_id", str(trade.sequential_id)),
        *((name, spell(value or 0.0)) for name, value, spell in best),
        ("stream_type", quoted(stream)),
    ]
    return finish("trade", pairs, form)


def book_frame(book: SimBook, form: Format, stream: StreamType, depth: int, level: Decimal) -> bytes:
    """The best ``depth`` levels of a book already grouped by ``level``; totals are the whole book's."""
    say = spelling_of(form)
    price, size, pattern = say.price, say.size, say.level
    units = [
        pattern.format(price(ask), price(bid), size(ask_size), size(bid_size))
        for bid, bid_size, ask, ask_size in book.levels[:depth]
    ]
    ask_total, bid_total = book_totals(book)
    pairs: Pairs = [
        ("type", '"orderbook"'),
        ("code", quoted(book.code)),
        ("timestamp", ms(book.time_ns)),
        ("total_ask_size", size(ask_total)),
        ("total_bid_size", size(bid_total)),
        ("orderbook_units", "[" + ",".join(units) + "]"),
        ("stream_type", quoted(stream)),
        ("level", format(level, "f")),
    ]
    return finish("orderbook", pairs, form)


def book_totals(book: SimBook) -> tuple[float, float]:
    """Total size of the asks and of the bids, rounded to eight decimals."""
    asks = sum(level[3] for level in book.levels)
    bids = sum(level[1] for level in book.levels)
    return round(asks, 8), round(bids, 8)


def ticker_frame(ticker: SimTicker, form: Format, stream: StreamType, *, warning: bool) -> bytes:
    """The state of a market after its last trade."""
    say = spelling_of(form)
    difference = exact_difference(ticker.last, ticker.prev_close)
    rate = difference / ticker.prev_close if ticker.prev_close else 0.0
    traded = second_text(ticker.last_trade_ns)
    pairs: Pairs = [
        ("type", '"ticker"'),
        ("code", quoted(ticker.code)),
        ("opening_price", say.price(ticker.open)),
        ("high_price", say.price(ticker.high)),
        ("low_price", say.price(ticker.low)),
        ("trade_price", say.price(ticker.last)),
        ("prev_closing_price", say.price(ticker.prev_close)),
        ("acc_trade_price", say.price(ticker.acc_value)),
        ("change", quoted(change_of(ticker.last, ticker.prev_close))),
        ("change_price", say.price(abs(difference))),
        ("signed_change_price", say.price(difference)),
        ("change_rate", ten(abs(rate))),
        ("signed_change_rate", ten(rate)),
        ("ask_bid", '"BID"' if ticker.last_taker_buy else '"ASK"'),
        ("trade_volume", say.size(ticker.last_size)),
        ("acc_trade_volume", say.size(ticker.acc_volume)),
        ("trade_date", quoted(traded[:10].replace("-", ""))),
        ("trade_time", quoted(traded[11:].replace(":", ""))),
        ("trade_timestamp", ms(ticker.last_trade_ns)),
        ("acc_ask_volume", say.size(ticker.acc_ask_volume)),
        ("acc_bid_volume", say.size(ticker.acc_bid_volume)),
        ("highest_52_week_price", say.price(ticker.high_52w)),
        ("highest_52_week_date", quoted(ticker.high_52w_date)),
        ("lowest_52_week_price", say.price(ticker.low_52w)),
        ("lowest_52_week_date", quoted(ticker.low_52w_date)),
        ("market_state", '"ACTIVE"'),
        ("is_trading_suspended", "false"),
        ("delisting_date", "null"),
        ("market_warning", '"CAUTION"' if warning else '"NONE"'),
        ("timestamp", ms(ticker.time_ns)),
        ("acc_trade_price_24h", say.price(ticker.acc_value_24h)),
        ("acc_trade_volume_24h", say.size(ticker.acc_volume_24h)),
        ("stream_type", quoted(stream)),
    ]
    return finish("ticker", pairs, form)


def candle_frame(kind: str, code: str, candle: SimCandle, form: Format, stream: StreamType) -> bytes:
    """A candle of type ``kind`` (``candle.1m``); the same candle is sent again as it grows."""
    say = spelling_of(form)
    pairs: Pairs = [
        ("type", quoted(kind)),
        ("code", quoted(code)),
        ("candle_date_time_utc", quoted(second_text(candle.start_ns))),
        ("candle_date_time_kst", quoted(kst_second_text(candle.start_ns))),
        ("opening_price", say.price(candle.open)),
        ("high_price", say.price(candle.high)),
        ("low_price", say.price(candle.low)),
        ("trade_price", say.price(candle.close)),
        ("candle_acc_trade_volume", say.size(candle.volume)),
        ("candle_acc_trade_price", say.price(candle.value)),
        ("timestamp", ms(candle.last_trade_ns)),
        ("stream_type", quoted(stream)),
    ]
    return finish(kind, pairs, form)
