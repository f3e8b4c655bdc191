"""An answer of Upbit's REST -> events. Pure, like :mod:`sise.providers.upbit.decode`.

Each function returns the events in Upbit's own order and the names of fields that are new to us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from sise.model.errors import Undecodable
from sise.model.events import Book, Candle, Instrument, Snapshot, Trade
from sise.model.time import NS_PER_MS
from sise.providers.upbit import decode as frames
from sise.providers.upbit import rows
from sise.providers.upbit.forms import Form

_W = TypeVar("_W", bound=Struct)
_E = TypeVar("_E")

_SECONDS_OF: Final = {"s": 1.0, "초": 1.0, "m": 60.0, "분": 60.0, "h": 3600.0, "시": 3600.0}
_PERIOD: Final = re.compile(r"(\d{1,6})\s*(s|초|m|분|h|시)(?!illi)", re.IGNORECASE)
_REMAINING: Final = re.compile(r"sec=(\d{1,6})")

_MARKET: Final = Form("market row", rows.MarketRow, ("market", "korean_name", "english_name"))
_TICKER: Final = Form("ticker row", rows.TickerRow, ("market", *frames.SNAPSHOT_USED))
_TRADE: Final = Form("trade row", rows.TradeRow, ("market", "timestamp", *frames.TRADE_USED))
_BOOK: Final = Form("orderbook row", rows.BookRow, ("market", *frames.BOOK_USED))
_CANDLE: Final = Form("candle row", rows.CandleRow, ("market", *frames.CANDLE_USED))


def markets(body: bytes) -> tuple[list[Instrument], tuple[str, ...]]:
    """``/v1/market/all``."""
    return _rows(_MARKET, body, lambda row: Instrument(row.market, row.korean_name, row.english_name))


def tickers(body: bytes) -> tuple[list[Snapshot], tuple[str, ...]]:
    """``/v1/ticker`` and ``/v1/ticker/all``; ``event_time`` is ``timestamp``, as on the socket."""
    return _rows(_TICKER, body, _snapshot)


def trades(body: bytes) -> tuple[list[Trade], tuple[str, ...]]:
    """``/v1/trades/ticks``, newest first; ``timestamp`` is the match time here."""
    return _rows(_TRADE, body, _trade)


def books(body: bytes) -> tuple[list[Book], tuple[str, ...]]:
    """``/v1/orderbook``."""
    return _rows(_BOOK, body, _book)


def candles(body: bytes, size: str) -> tuple[list[Candle], tuple[str, ...]]:
    """``/v1/candles/…`` of our ``size``, newest first; the first may still be forming."""
    return _rows(_CANDLE, body, lambda row: _candle(row, size))


def refusal(body: bytes) -> tuple[str, str] | None:
    """Name and message of an error body, in the envelope or bare as the gateway sends it."""
    try:
        message = msgspec.json.decode(body)
        if not isinstance(message, dict):
            return None
        return frames.error_name(message.get("error", message))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Undecodable):
        return None


def remaining(headers: Mapping[str, str]) -> int | None:
    """``sec`` of ``Remaining-Req: group=candles; min=600; sec=9``."""
    found = _REMAINING.search(headers.get("Remaining-Req", ""))
    return int(found.group(1)) if found else None


def block_seconds(headers: Mapping[str, str], body: bytes) -> float | None:
    """How long a 418 lasts: ``Retry-After`` in seconds, or the longest period that the body names.

    The documents say that the body holds it and not how, so any number with a unit is taken.
    """
    after = headers.get("Retry-After", "").strip()
    periods = [float(after)] if after.isdigit() and len(after) <= 6 else []
    for count, unit in _PERIOD.findall(body.decode("utf-8", "replace")):
        periods.append(int(count) * _SECONDS_OF[unit.lower()])
    return max(periods, default=None)


def _rows(form: Form[_W], body: bytes, build: Callable[[Any], _E]) -> tuple[list[_E], tuple[str, ...]]:
    try:
        return [build(row) for row in form.strict_rows(body)], ()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refused = error
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"{form.kind}: not JSON: {error}") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Undecodable(f"{form.kind}: expected a list of objects")
    read = [form.read_changed(row) for row in found]
    names = dict.fromkeys(name for _, names in read for name in names)
    return [build(row) for row, _ in read], tuple(names) or form.changed_field(refused)


def _snapshot(row: rows.TickerRow) -> Snapshot:
    return Snapshot(
        row.market,
        row.timestamp * NS_PER_MS,
        row.trade_price,
        row.prev_closing_price,
        row.opening_price,
        row.high_price,
        row.low_price,
        row.acc_trade_volume,
        row.acc_trade_price,
        row.acc_trade_price_24h,
    )


def _trade(row: rows.TradeRow) -> Trade:
    side = "buy" if row.ask_bid == "BID" else "sell"
    when = row.timestamp * NS_PER_MS
    return Trade(row.market, when, row.trade_price, row.trade_volume, side, str(row.sequential_id))  # type: ignore[arg-type]


def _book(row: rows.BookRow) -> Book:
    return frames.book_of(row.market, row.timestamp * NS_PER_MS, row.orderbook_units, snapshot=False)


def _candle(row: rows.CandleRow, size: str) -> Candle:
    return Candle(
        row.market,
        row.timestamp * NS_PER_MS,
        frames.start_of_candle(row.candle_date_time_utc),
        size,
        row.opening_price,
        row.high_price,
        row.low_price,
        row.trade_price,
        row.candle_acc_trade_volume,
        row.candle_acc_trade_price,
    )
