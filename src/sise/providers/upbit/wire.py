"""What Upbit sends, field by field, in its DEFAULT spelling; SIMPLE is the same with short names.

Each struct is written once with the long names, in the order in which the wire sends them (a
decoder that meets the fields in its own order is fastest). :func:`spelled` makes the SIMPLE
twin from the name table; :func:`loosened` makes a twin that knows only the fields we use, for a
frame whose form has changed. The field map with its evidence is in ``README.md``.

Times are milliseconds since the epoch, UTC. Prices are in the quote currency, sizes in base units.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

MS_MAX: Final = 253_402_300_799_999
"""The last millisecond of year 9999: what a time may be and still be written as ISO 8601."""

Ms = Annotated[int, Meta(ge=1, le=MS_MAX)]
Code = Annotated[str, Meta(min_length=1, max_length=32)]
TradeNumber = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Side = Literal["ASK", "BID"]
Stream = Literal["SNAPSHOT", "REALTIME"]

CANDLE_UNITS: Final = {
    "1s": "1s",
    "1m": "1m",
    "3m": "3m",
    "5m": "5m",
    "10m": "10m",
    "15m": "15m",
    "30m": "30m",
    "60m": "1h",
    "240m": "4h",
}
"""What stands after ``candle.`` on the socket -> our word for the candle's size."""

PRIVATE_TYPES: Final = frozenset({"myOrder", "myAsset", "myTrade", "announcement"})
"""Types of the private socket (``myTrade`` is retired): known, and no market data."""


class Unit(Struct, gc=False, forbid_unknown_fields=True):
    """One depth of a book. A side that has no order there is sent as 0 / 0."""

    ask_price: float
    bid_price: float
    ask_size: float
    bid_size: float


class BookFrame(Struct, gc=False, forbid_unknown_fields=True):
    """``{"ty":"orderbook","cd":"KRW-BTC","tms":1790134773006,…,"obu":[…],"st":"SNAPSHOT","lv":0}``"""

    type: Literal["orderbook"]
    code: Code
    timestamp: Ms
    total_ask_size: float
    total_bid_size: float
    orderbook_units: list[Unit]
    stream_type: Stream
    level: float = 0.0


class TradeFrame(Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """``{"type":"trade","code":"KRW-BTC",…,"sequential_id":17303368620470000,…}``

    ``best_*`` are absent in frames of 2021.
    """

    type: Literal["trade"]
    code: Code
    timestamp: Ms
    trade_date: str
    trade_time: str
    trade_timestamp: Ms
    trade_price: float
    trade_volume: float
    ask_bid: Side
    prev_closing_price: float | None
    change: str | None
    change_price: float | None
    sequential_id: TradeNumber
    best_ask_price: float | None = None
    best_ask_size: float | None = None
    best_bid_price: float | None = None
    best_bid_size: float | None = None
    stream_type: Stream


class TickerFrame(Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """``{"type":"ticker","code":"BTC-ETH","opening_price":0.02295092,…}``

    Only what a snapshot cannot be without is required: a listing of today lacks some of the rest.
    """

    type: Literal["ticker"]
    code: Code
    opening_price: float | None = None
    high_price: float | None = None
    low_price: float | None = None
    trade_price: float
    prev_closing_price: float | None = None
    acc_trade_price: float | None = None
    change: str | None = None
    change_price: float | None = None
    signed_change_price: float | None = None
    change_rate: float | None = None
    signed_change_rate: float | None = None
    ask_bid: str | None = None
    trade_volume: float | None = None
    acc_trade_volume: float | None = None
    trade_date: str | None = None
    trade_time: str | None = None
    trade_timestamp: int | None = None
    acc_ask_volume: float | None = None
    acc_bid_volume: float | None = None
    highest_52_week_price: float | None = None
    highest_52_week_date: str | None = None
    lowest_52_week_price: float | None = None
    lowest_52_week_date: str | None = None
    trade_status: str | None = None
    market_state: str | None = None
    market_state_for_ios: str | None = None
    is_trading_suspended: bool | None = None
    delisting_date: Any = None
    market_warning: str | None = None
    timestamp: Ms
    acc_trade_price_24h: float | None = None
    acc_trade_volume_24h: float | None = None
    stream_type: Stream


class CandleFrame(Struct, gc=False, forbid_unknown_fields=True):
    """``{"type":"candle.1s","code":"KRW-USDT","candle_date_time_utc":"2025-04-22T09:50:34",…}``"""

    type: Literal[
        "candle.1s",
        "candle.1m",
        "candle.3m",
        "candle.5m",
        "candle.10m",
        "candle.15m",
        "candle.30m",
        "candle.60m",
        "candle.240m",
    ]
    code: Code
    candle_date_time_utc: str
    candle_date_time_kst: str
    opening_price: float
    high_price: float
    low_price: float
    trade_price: float
    candle_acc_trade_volume: float
    candle_acc_trade_price: float
    timestamp: Ms
    stream_type: Stream


_SHARED_SHORT: Final = {
    "type": "ty",
    "code": "cd",
    "timestamp": "tms",
    "stream_type": "st",
    "trade_time": "ttm",
    "trade_timestamp": "ttms",
    "trade_price": "tp",
    "trade_volume": "tv",
    "ask_bid": "ab",
    "prev_closing_price": "pcp",
    "change": "c",
    "change_price": "cp",
    "opening_price": "op",
    "high_price": "hp",
    "low_price": "lp",
}
UNIT_SHORT: Final = {"ask_price": "ap", "bid_price": "bp", "ask_size": "as", "bid_size": "bs"}
BOOK_SHORT: Final = {
    **_SHARED_SHORT,
    "total_ask_size": "tas",
    "total_bid_size": "tbs",
    "orderbook_units": "obu",
    "level": "lv",
}
TRADE_SHORT: Final = {
    **_SHARED_SHORT,
    "trade_date": "td",
    "sequential_id": "sid",
    "best_ask_price": "bap",
    "best_ask_size": "bas",
    "best_bid_price": "bbp",
    "best_bid_size": "bbs",
}
TICKER_SHORT: Final = {
    **_SHARED_SHORT,
    "signed_change_price": "scp",
    "change_rate": "cr",
    "signed_change_rate": "scr",
    "acc_trade_volume": "atv",
    "acc_trade_volume_24h": "atv24h",
    "acc_trade_price": "atp",
    "acc_trade_price_24h": "atp24h",
    "trade_date": "tdt",
    "acc_ask_volume": "aav",
    "acc_bid_volume": "abv",
    "highest_52_week_price": "h52wp",
    "highest_52_week_date": "h52wdt",
    "lowest_52_week_price": "l52wp",
    "lowest_52_week_date": "l52wdt",
    "trade_status": "ts",
    "market_state": "ms",
    "market_state_for_ios": "msfi",
    "is_trading_suspended": "its",
    "delisting_date": "dd",
    "market_warning": "mw",
}
CANDLE_SHORT: Final = {
    **_SHARED_SHORT,
    "candle_date_time_utc": "cdttmu",
    "candle_date_time_kst": "cdttmk",
    "candle_acc_trade_volume": "catv",
    "candle_acc_trade_price": "catp",
}

_S = TypeVar("_S", bound=Struct)


def spelled(form: type[_S], short: dict[str, str]) -> type[_S]:
    """The SIMPLE twin of ``form``: same attributes, the wire's names taken from ``short``."""
    return _twin(form, msgspec.structs.fields(form), short, strict=True)


def loosened(form: type[_S], used: Iterable[str]) -> type[_S]:
    """A twin of ``form`` that has only the fields ``used`` and lets every other one pass."""
    wanted = frozenset(used)
    fields = [field for field in msgspec.structs.fields(form) if field.name in wanted]
    return _twin(form, fields, {field.name: field.encode_name for field in fields}, strict=False)


def _twin(
    form: type[_S], fields: Iterable[msgspec.structs.FieldInfo], names: dict[str, str], *, strict: bool
) -> type[_S]:
    members = []
    for field in fields:
        kind = field.type
        if field.name == "orderbook_units":
            unit = kind.__args__[0]
            kind = list[spelled(unit, UNIT_SHORT) if strict else loosened(unit, UNIT_SHORT)]  # type: ignore[misc]
        default = {} if field.required else {"default": field.default}
        members.append((field.name, kind, msgspec.field(name=names[field.name], **default)))
    return cast(
        "type[_S]",
        msgspec.defstruct(form.__name__, members, gc=False, kw_only=True, forbid_unknown_fields=strict),
    )
