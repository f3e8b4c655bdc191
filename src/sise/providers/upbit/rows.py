"""The rows of Upbit's REST answers, field by field; see :mod:`sise.providers.upbit.wire`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from sise.providers.upbit.wire import Code, Ms, Side, TradeNumber, Unit


class MarketRow(Struct, forbid_unknown_fields=True):
    """A row of ``/v1/market/all``."""

    market: Code
    korean_name: str
    english_name: str
    market_event: Any = None


class TickerRow(Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A row of ``/v1/ticker`` and ``/v1/ticker/all``."""

    market: Code
    trade_date: str | None = None
    trade_time: str | None = None
    trade_date_kst: str | None = None
    trade_time_kst: str | None = None
    trade_timestamp: int | None = None
    opening_price: float | None = None
    high_price: float | None = None
    low_price: float | None = None
    trade_price: float
    prev_closing_price: float | None = None
    change: str | None = None
    change_price: float | None = None
    change_rate: float | None = None
    signed_change_price: float | None = None
    signed_change_rate: float | None = None
    trade_volume: float | None = None
    acc_trade_price: float | None = None
    acc_trade_price_24h: float | None = None
    acc_trade_volume: float | None = None
    acc_trade_volume_24h: float | None = None
    highest_52_week_price: float | None = None
    highest_52_week_date: str | None = None
    lowest_52_week_price: float | None = None
    lowest_52_week_date: str | None = None
    timestamp: Ms


class TradeRow(Struct, gc=False, forbid_unknown_fields=True):
    """A row of ``/v1/trades/ticks``; here ``timestamp`` is the match time."""

    market: Code
    trade_date_utc: str
    trade_time_utc: str
    timestamp: Ms
    trade_price: float
    trade_volume: float
    prev_closing_price: float | None
    change_price: float | None
    ask_bid: Side
    sequential_id: TradeNumber


class BookRow(Struct, forbid_unknown_fields=True):
    """A row of ``/v1/orderbook``."""

    market: Code
    timestamp: Ms
    total_ask_size: float
    total_bid_size: float
    orderbook_units: list[Unit]
    level: float = 0.0


class CandleRow(Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A row of ``/v1/candles/…``. What follows ``candle_acc_trade_volume`` depends on the size."""

    market: Code
    candle_date_time_utc: str
    candle_date_time_kst: str
    opening_price: float
    high_price: float
    low_price: float
    trade_price: float
    timestamp: Ms
    candle_acc_trade_price: float
    candle_acc_trade_volume: float
    unit: int | None = None
    prev_closing_price: float | None = None
    change_price: float | None = None
    change_rate: float | None = None
    converted_trade_price: float | None = None
    first_day_of_period: str | None = None
