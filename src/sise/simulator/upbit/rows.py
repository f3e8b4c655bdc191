"""The rows of REST answers, as JSON text: prices with eight decimals, whole numbers in order books."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from sise.simulator.feed import MarketInfo, SimBook, SimCandle, SimTicker, SimTrade
from sise.simulator.upbit.frames import book_totals, change_of, exact_difference
from sise.simulator.upbit.spelling import (
    day_text,
    eight,
    kst_second_text,
    members,
    ms,
    plain,
    quoted,
    second_text,
    ten,
    time_text,
)

CAUTIONS: Final = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
_UNIT: Final = '{{"bid_price":{},"bid_size":{},"ask_price":{},"ask_size":{}}}'


def market_row(market: MarketInfo, *, details: bool) -> str:
    """A row of ``/market/all``."""
    pairs = [
        ("market", quoted(market.code)),
        ("korean_name", quoted(market.korean_name)),
        ("english_name", quoted(market.english_name)),
    ]
    if details:
        caution = members([(name, "false") for name in CAUTIONS])
        event = members([("warning", "true" if market.warning else "false"), ("caution", caution)])
        pairs.append(("market_event", event))
    return members(pairs)


def ticker_row(ticker: SimTicker, offset_ns: int) -> str:
    """A row of ``/ticker`` and ``/ticker/all``. Where nothing changed, the changes are a bare 0."""
    difference = exact_difference(ticker.last, ticker.prev_close)
    rate = difference / ticker.prev_close if ticker.prev_close else 0.0
    price, share = (eight, ten) if difference else (plain, plain)
    traded_ns = ticker.last_trade_ns + offset_ns
    utc, kst = second_text(traded_ns), kst_second_text(traded_ns)
    return members(
        [
            ("market", quoted(ticker.code)),
            ("trade_date", _digits(utc[:10])),
            ("trade_time", _digits(utc[11:])),
            ("trade_date_kst", _digits(kst[:10])),
            ("trade_time_kst", _digits(kst[11:])),
            ("trade_timestamp", ms(traded_ns)),
            ("opening_price", eight(ticker.open)),
            ("high_price", eight(ticker.high)),
            ("low_price", eight(ticker.low)),
            ("trade_price", eight(ticker.last)),
            ("prev_closing_price", eight(ticker.prev_close)),
            ("change", quoted(change_of(ticker.last, ticker.prev_close))),
            ("change_price", price(abs(difference))),
            ("change_rate", share(abs(rate))),
            ("signed_change_price", price(difference)),
            ("signed_change_rate", share(rate)),
            ("trade_volume", eight(ticker.last_size)),
            ("acc_trade_price", _sum(ticker.acc_value)),
            ("acc_trade_price_24h", _sum(ticker.acc_value_24h)),
            ("acc_trade_volume", eight(ticker.acc_volume)),
            ("acc_trade_volume_24h", eight(ticker.acc_volume_24h)),
            ("highest_52_week_price", eight(ticker.high_52w)),
            ("highest_52_week_date", quoted(ticker.high_52w_date)),
            ("lowest_52_week_price", eight(ticker.low_52w)),
            ("lowest_52_week_date", quoted(ticker.low_52w_date)),
            ("timestamp", ms(ticker.time_ns + offset_ns)),
        ]
    )


def trade_row(trade: SimTrade, offset_ns: int) -> str:
    """A row of ``/trades/ticks``; ``change_price`` is signed here."""
    traded_ns = trade.trade_time_ns + offset_ns
    return members(
        [
            ("market", quoted(trade.code)),
            ("trade_date_utc", quoted(day_text(traded_ns))),
            ("trade_time_utc", quoted(time_text(traded_ns))),
            ("timestamp", ms(traded_ns)),
            ("trade_price", eight(trade.price)),
            ("trade_volume", eight(trade.size)),
            ("prev_closing_price", eight(trade.prev_close)),
            ("change_price", eight(exact_difference(trade.price, trade.prev_close))),
            ("ask_bid", '"BID"' if trade.taker_buy else '"ASK"'),
            ("sequential_id", str(trade.sequential_id)),
        ]
    )


def book_row(book: SimBook, count: int, level: Decimal, offset_ns: int) -> str:
    """A row of ``/orderbook``, grouped by ``level`` already; inside a unit the bid comes first."""
    units = [
        _UNIT.format(plain(bid), _size(bid_size), plain(ask), _size(ask_size))
        for bid, bid_size, ask, ask_size in book.levels[:count]
    ]
    asks, bids = book_totals(book)
    return members(
        [
            ("market", quoted(book.code)),
            ("timestamp", ms(book.time_ns + offset_ns)),
            ("total_ask_size", _size(asks)),
            ("total_bid_size", _size(bids)),
            ("orderbook_units", "[" + ",".join(units) + "]"),
            ("level", format(level, "f")),
        ]
    )


def instrument_row(code: str, tick: Decimal, levels: list[Decimal]) -> str:
    """A row of ``/orderbook/instruments``: numbers as text."""
    return members(
        [
            ("market", quoted(code)),
            ("quote_currency", quoted(code.partition("-")[0])),
            ("tick_size", quoted(format(tick, "f"))),
            ("supported_levels", "[" + ",".join(quoted(format(level, "f")) for level in levels) + "]"),
        ]
    )


def candle_row(code: str, candle: SimCandle, more: Sequence[tuple[str, str]] = ()) -> str:
    """A candle with the members that its unit adds."""
    return members(
        [
            ("market", quoted(code)),
            ("candle_date_time_utc", quoted(second_text(candle.start_ns))),
            ("candle_date_time_kst", quoted(kst_second_text(candle.start_ns))),
            ("opening_price", eight(candle.open)),
            ("high_price", eight(candle.high)),
            ("low_price", eight(candle.low)),
            ("trade_price", eight(candle.close)),
            ("timestamp", ms(candle.last_trade_ns)),
            ("candle_acc_trade_price", _sum(candle.value)),
            ("candle_acc_trade_volume", eight(candle.volume)),
            *more,
        ]
    )


def day_members(candle: SimCandle, prev_close: float, krw_rate: Decimal | None) -> list[tuple[str, str]]:
    """What day candles add; the converted price only where it was asked for."""
    difference = exact_difference(candle.close, prev_close)
    added = [
        ("prev_closing_price", eight(prev_close)),
        ("change_price", eight(difference)),
        ("change_rate", ten(difference / prev_close if prev_close else 0.0)),
    ]
    if krw_rate is not None:
        added.append(("converted_trade_price", eight(float(Decimal(repr(candle.close)) * krw_rate))))
    return added


def period_members(candle: SimCandle) -> list[tuple[str, str]]:
    """What weeks, months and years add."""
    return [("first_day_of_period", quoted(day_text(candle.start_ns)))]


def _digits(date_or_time: str) -> str:
    return quoted(date_or_time.replace("-", "").replace(":", ""))


def _size(number: float) -> str:
    """A size in a REST book: always with a point."""
    text = plain(number)
    return text if "." in text else f"{text}.0"


def _sum(number: float) -> str:
    """A sum of money: all its digits, at least one decimal."""
    return _size(number)
