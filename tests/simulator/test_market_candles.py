"""The live market's candles: exactly the trades it published, on a past that ends where it begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from sise.model.time import NS_PER_SECOND, parse_iso, to_ns
from sise.simulator.feed import SimCandle, SimTrade
from sise.simulator.market import LiveMarket

MINUTE = 60 * NS_PER_SECOND
START = parse_iso("2026-11-20T23:40:00Z")
"""An hour of live trades from here lies on both sides of midnight."""
SECONDS = 3_600


@pytest.fixture(scope="module")
def lived() -> tuple[LiveMarket, list[SimTrade]]:
    """A market of three KRW markets after an hour, and all trades it published."""
    market = LiveMarket(41, 3)
    market.start(START)
    trades: list[SimTrade] = []
    for second in range(1, SECONDS + 1):
        happenings = market.step(START + second * NS_PER_SECOND)
        trades += [happening for happening in happenings if isinstance(happening, SimTrade)]
    return market, trades


def moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // NS_PER_SECOND, UTC)


def fixed(seconds: int) -> Callable[[int], int]:
    return lambda ns: ns // NS_PER_SECOND // seconds * seconds * NS_PER_SECOND


INTERVALS = {
    "1s": fixed(1),
    "1m": fixed(60),
    "3m": fixed(180),
    "5m": fixed(300),
    "10m": fixed(600),
    "15m": fixed(900),
    "30m": fixed(1_800),
    "60m": fixed(3_600),
}


CALENDAR: dict[str, Callable[[datetime], datetime]] = {
    "1w": lambda day: day - timedelta(days=day.weekday()),
    "1M": lambda day: day.replace(day=1),
    "1y": lambda day: day.replace(month=1, day=1),
}


def aggregated(trades: list[SimTrade], start_of: Callable[[int], int]) -> dict[int, list[object]]:
    """Bars of the trades, made apart from the engine: OHLC, volume as decimal, last trade time."""
    bars: dict[int, list[object]] = {}
    for trade in trades:
        size = Decimal(repr(trade.size))
        bar = bars.setdefault(
            start_of(trade.trade_time_ns), [trade.price, trade.price, trade.price, trade.price, Decimal(0), 0]
        )
        bar[1] = max(bar[1], trade.price)  # type: ignore[call-overload]
        bar[2] = min(bar[2], trade.price)  # type: ignore[call-overload]
        bar[3], bar[4], bar[5] = trade.price, bar[4] + size, trade.trade_time_ns  # type: ignore[operator]
    return bars


def figures(row: SimCandle) -> list[object]:
    return [row.open, row.high, row.low, row.close, Decimal(repr(row.volume)), row.last_trade_ns]


@pytest.mark.parametrize("unit", INTERVALS)
@pytest.mark.parametrize("code", ["KRW-BTC", "KRW-ETH", "BTC-DOT"])
def test_candles_are_the_aggregation_of_the_published_trades(
    lived: tuple[LiveMarket, list[SimTrade]], unit: str, code: str
) -> None:
    market, trades = lived
    bars = aggregated([trade for trade in trades if trade.code == code], INTERVALS[unit])
    first = INTERVALS["60m"](START) + 3_600 * NS_PER_SECOND if unit == "60m" else START
    wanted = {start: bar for start, bar in bars.items() if start >= first}
    count = 400 if unit == "1s" else 2_000
    rows = market.candles(code, unit, START + SECONDS * NS_PER_SECOND, count)
    starts = [row.start_ns for row in rows]
    assert starts == sorted(set(starts), reverse=True), "newest first, each once"
    answered = {row.start_ns: figures(row) for row in rows if row.start_ns >= first}
    if len(rows) == count:
        wanted = {start: bar for start, bar in wanted.items() if start >= starts[-1]}
    assert wanted
    assert answered == wanted


def test_values_are_price_times_size(lived: tuple[LiveMarket, list[SimTrade]]) -> None:
    market, trades = lived
    value: dict[int, Decimal] = {}
    for trade in trades:
        if trade.code == "KRW-XRP":
            start = trade.trade_time_ns // MINUTE * MINUTE
            value[start] = value.get(start, Decimal(0)) + Decimal(repr(trade.price)) * Decimal(
                repr(trade.size)
            )
    rows = market.candles("KRW-XRP", "1m", START + SECONDS * NS_PER_SECOND, 50)
    assert len(rows) == 50
    assert all(row.value == float(value[row.start_ns]) for row in rows)


def test_candles_never_know_more_than_the_stream() -> None:
    market = LiveMarket(43, 1)
    market.start(START)
    trades: list[SimTrade] = []
    for step in range(1, 1_200):
        now_ns = START + step * NS_PER_SECOND // 10
        trades += [happening for happening in market.step(now_ns) if isinstance(happening, SimTrade)]
        mine = [trade for trade in trades if trade.code == "KRW-BTC"]
        rows = market.candles("KRW-BTC", "1m", now_ns, 3)
        known = {row.start_ns: figures(row) for row in rows if row.start_ns >= START}
        assert known == aggregated(mine, INTERVALS["1m"])
        last = market.last_trade("KRW-BTC")
        assert last is not None
        assert not mine or last == mine[-1]


def test_the_past_is_a_day_of_minutes_that_ends_at_the_start_price() -> None:
    market = LiveMarket(47)
    market.start(START)
    now_ns = START + 1
    busy = market.candles("KRW-BTC", "1m", now_ns, 2_000)
    assert len(busy) == 1_440, "the busiest market trades in every minute"
    assert [row.start_ns for row in busy] == [START - back * MINUTE for back in range(1, 1_441)]
    for newer, older in pairwise(busy):
        assert newer.open == older.close
        assert older.low <= min(older.open, older.close) <= max(older.open, older.close) <= older.high
        assert older.low * older.volume <= older.value * (1 + 1e-12)
        assert older.value <= older.high * older.volume * (1 + 1e-12)
    quiet = market.candles("BTC-DOT", "1m", now_ns, 2_000)
    assert 10 < len(quiet) < 1_000, "minutes without trades are absent"
    book = market.book("KRW-BTC")
    assert book is not None
    assert abs(book.levels[0][0] / busy[0].close - 1) < 0.001


def test_the_past_does_not_depend_on_when_it_is_asked_for() -> None:
    early, late = LiveMarket(53, 4), LiveMarket(53, 4)
    for market in (early, late):
        market.start(START)
    before = early.candles("KRW-USDT", "1m", START, 500)
    late.step(START + 20 * NS_PER_SECOND)
    assert late.candles("KRW-USDT", "1m", START, 500) == before


def test_the_last_minutes_of_the_past_are_trades() -> None:
    market = LiveMarket(59, 2)
    market.start(START)
    trades = market.trades("KRW-XRP", before_id=None, to_ns=None, count=2_000)[::-1]
    bars = aggregated(trades, INTERVALS["1m"])
    assert len(bars) == 50
    rows = market.candles("KRW-XRP", "1m", START, 50)
    assert {row.start_ns: figures(row) for row in rows} == bars


def test_days_are_the_minutes_of_the_day_and_longer_units_are_days(
    lived: tuple[LiveMarket, list[SimTrade]],
) -> None:
    market, _ = lived
    now_ns = START + SECONDS * NS_PER_SECOND
    midnight = parse_iso("2026-11-21T00:00:00Z")
    minutes = [row for row in market.candles("KRW-BTC", "1m", now_ns, 2_000) if row.start_ns >= midnight]
    today, *past = market.candles("KRW-BTC", "1d", now_ns, 400)
    assert today.start_ns == midnight
    assert (today.open, today.close) == (minutes[-1].open, minutes[0].close)
    assert (today.high, today.low) == (max(row.high for row in minutes), min(row.low for row in minutes))
    assert Decimal(repr(today.volume)) == sum(Decimal(repr(row.volume)) for row in minutes)
    assert len(past) == 399
    assert all(newer.start_ns - older.start_ns == 86_400 * NS_PER_SECOND for newer, older in pairwise(past))
    days = [today, *past]
    for unit, start_of in CALENDAR.items():
        newest = market.candles("KRW-BTC", unit, now_ns, 2)[1 if unit != "1y" else 0]
        mine = [day for day in days if to_ns(start_of(moment(day.start_ns))) == newest.start_ns]
        assert mine
        assert (newest.open, newest.close) == (mine[-1].open, mine[0].close)
        assert (newest.high, newest.low) == (max(day.high for day in mine), min(day.low for day in mine))


def test_to_is_exclusive_and_pages_meet(lived: tuple[LiveMarket, list[SimTrade]]) -> None:
    market, _ = lived
    now_ns = START + SECONDS * NS_PER_SECOND
    whole = market.candles("KRW-ETH", "3m", now_ns, 200)
    paged: list[SimCandle] = []
    to_ns_ = now_ns
    while len(paged) < 200:
        page = market.candles("KRW-ETH", "3m", to_ns_, 37)
        paged += page
        to_ns_ = page[-1].start_ns
    assert paged[:200] == whole
