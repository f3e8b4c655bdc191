"""Paging loses nothing and gives nothing twice, against a server that pages as Upbit does."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from sise.model.errors import BadInput, Undecodable
from sise.model.time import parse_iso
from sise.providers.upbit.client import UpbitRest
from tests.providers.stand_ins import FastClock, serving

NOW = int(datetime(2026, 9, 23, 12, 0, 30, tzinfo=UTC).timestamp())
MINUTE = 60 * 10**9


def text_of(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def candle(start: int) -> dict[str, Any]:
    price = 1000.0 + start % 977
    row: dict[str, Any] = {"market": "KRW-BTC", "candle_date_time_utc": text_of(start)}
    row |= {
        "candle_date_time_kst": text_of(start + 9 * 3600),
        "opening_price": price,
        "high_price": price + 1,
    }
    row |= {"low_price": price - 1, "trade_price": price, "timestamp": start * 1000 + 59_000}
    return row | {"candle_acc_trade_price": price * 2, "candle_acc_trade_volume": 2.0, "unit": 1}


def trade(number: int, ms: int) -> dict[str, Any]:
    day, time = text_of(ms // 1000).split("T")
    row: dict[str, Any] = {
        "market": "KRW-BTC",
        "trade_date_utc": day,
        "trade_time_utc": time,
        "timestamp": ms,
    }
    row |= {"trade_price": 1000.0, "trade_volume": 0.5, "prev_closing_price": 999.0, "change_price": 1.0}
    return row | {"ask_bid": "BID", "sequential_id": number}


def ticker(symbol: str, value: float) -> dict[str, Any]:
    return {"market": symbol, "trade_price": 5.0, "timestamp": NOW * 1000, "acc_trade_price_24h": value}


class Venue:
    """Upbit's rules of paging, in a few lines and without our code."""

    def __init__(self) -> None:
        chosen = random.Random(7)
        minutes = range(NOW // 60 * 60 - 1500 * 60, NOW, 60)
        self.starts = [start for start in minutes if chosen.random() < 0.7]
        # Days of trades; several in a millisecond, and one whose number is below the one before it.
        self.trades: list[dict[str, Any]] = []
        for ms in sorted(chosen.sample(range((NOW - 3 * 86_400) * 1000, NOW * 1000), 2600)):
            count = chosen.choice((1, 1, 3))
            self.trades += [trade(ms * 10_000 + n, ms) for n in range(count)]
        self.trades[-5]["timestamp"] -= 700
        self.asked: list[dict[str, str]] = []
        self.ignores_to = False
        self.cursor_is_inclusive = False
        self.days_matter = True

    async def handle(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.asked.append(query)
        if request.path == "/v1/candles/minutes/1":
            rows = self.candles(query)
        elif request.path == "/v1/trades/ticks":
            rows = self.page_of_trades(query)
        elif request.path == "/v1/market/all":
            names = ("KRW-B", "KRW-A", "KRW-C", "BTC-A")
            rows = [{"market": name, "korean_name": "이름", "english_name": name} for name in names]
        else:
            values = {"KRW-A": 7.0, "KRW-B": 7.0, "KRW-C": 9.0, "KRW-GONE": 99.0}
            asked = query.get("markets", ",".join(values)).split(",")
            rows = [ticker(symbol, values.get(symbol, 1.0)) for symbol in asked]
        return web.json_response(rows, headers={"Remaining-Req": "group=x; min=600; sec=9"})

    def candles(self, query: dict[str, str]) -> list[dict[str, Any]]:
        before = NOW + 1
        if "to" in query and not self.ignores_to:
            before = int(datetime.fromisoformat(query["to"]).timestamp())
        found = [start for start in self.starts if start < before]
        return [candle(start) for start in found[::-1][: int(query["count"])]]

    def page_of_trades(self, query: dict[str, str]) -> list[dict[str, Any]]:
        day = text_of(NOW - 86_400 * int(query.get("days_ago", "0")))[:10]
        below = int(query.get("cursor", 2**62))
        below += self.cursor_is_inclusive
        found = [t for t in self.trades if t["sequential_id"] < below]
        if self.days_matter:
            found = [t for t in found if t["trade_date_utc"] == day]
        return found[::-1][: int(query["count"])]


@asynccontextmanager
async def talking_to(venue: Venue) -> AsyncIterator[UpbitRest]:
    async with (
        serving(venue.handle) as host,
        UpbitRest(f"http://{host}", FastClock(NOW * 10**9), lambda _: None) as client,
    ):
        yield client


@pytest.mark.parametrize(("start_back", "end_back"), [(1500, 0), (1203, 402), (201, 200), (3000, 1400)])
async def test_every_candle_of_a_span_once_and_no_other(start_back: int, end_back: int) -> None:
    venue = Venue()
    start, end = NOW // 60 * 60 - start_back * 60, NOW // 60 * 60 - end_back * 60
    async with talking_to(venue) as client:
        candles = await client.candles_between("KRW-BTC", "1m", start * 10**9, end * 10**9)
    expected = [each for each in venue.starts if start <= each < end]
    assert [each.bar_time // 10**9 for each in candles] == expected
    assert [each.close for each in candles] == [candle(each)["trade_price"] for each in expected]
    assert len(venue.asked) <= len(expected) // 200 + 2


async def test_a_bound_within_a_second_keeps_the_candle_of_that_second() -> None:
    venue = Venue()
    async with talking_to(venue) as client:
        first = venue.starts[0]
        found = await client.candles_between("KRW-BTC", "1m", first * 10**9, first * 10**9 + 1)
        assert [each.bar_time for each in found] == [first * 10**9]
        assert await client.candles_between("KRW-BTC", "1m", first * 10**9 + 1, first * 10**9 + 2) == []
        assert await client.candles_between("KRW-BTC", "1m", first * 10**9, first * 10**9) == []


async def test_pages_that_do_not_move_back_are_not_followed_for_ever() -> None:
    venue = Venue()
    venue.ignores_to = True
    start = venue.starts[0] * 10**9
    async with talking_to(venue) as client:
        with pytest.raises(Undecodable, match="starts before"):
            await client.candles_between("KRW-BTC", "1m", start, NOW * 10**9 - 300 * MINUTE)


async def test_one_page_of_candles_is_newest_first() -> None:
    venue = Venue()
    async with talking_to(venue) as client:
        page = await client.candles("KRW-BTC", "1m", to_ns=parse_iso("2026-09-23T11:00:00Z"), count=3)
    starts = [each for each in venue.starts if each < parse_iso("2026-09-23T11:00:00Z") // 10**9]
    assert [each.bar_time // 10**9 for each in page] == starts[::-1][:3]


@pytest.mark.parametrize(
    ("hours", "inclusive", "days_matter"),
    [(1, False, True), (20, False, True), (77, False, True), (77, True, True), (77, True, False)],
)
async def test_every_trade_since_a_moment_once(hours: int, inclusive: bool, days_matter: bool) -> None:
    """Whether the cursor's own trade is on its page, and whether a page stops at midnight, or not."""
    venue = Venue()
    venue.cursor_is_inclusive, venue.days_matter = inclusive, days_matter
    since = (NOW - hours * 3600) * 10**9
    async with talking_to(venue) as client:
        found = [each async for each in client.all_trades("KRW-BTC", since)]
    expected = [each["sequential_id"] for each in venue.trades if each["timestamp"] * 10**6 >= since]
    assert len(expected) > 50
    assert [int(each.trade_id) for each in found] == expected[::-1]


async def test_top_markets_by_value_then_by_symbol() -> None:
    async with talking_to(Venue()) as client:
        top = await client.top_markets(2)
        assert [(each.symbol, each.value_24h) for each in top] == [("KRW-C", 9.0), ("KRW-A", 7.0)]
        assert top[0].name_ko == "이름"
        assert [each.symbol for each in await client.top_markets(9)] == ["KRW-C", "KRW-A", "KRW-B"]


async def test_the_busiest_are_ranked_by_value() -> None:
    venue = Venue()
    async with talking_to(venue) as client:
        assert client.rankings == ("value",)
        found = await client.busiest(2)
        assert [(each.rank, each.symbol, each.snapshot.value_24h) for each in found] == [
            *((1, "KRW-GONE", 99.0), (2, "KRW-C", 9.0)),
        ]
        assert len(venue.asked) == 1, "and so a market that is listed no more may stand there"
        with pytest.raises(BadInput, match="by"):
            await client.busiest(2, "surge")


async def test_many_symbols_are_asked_in_parts() -> None:
    symbols = [f"KRW-X{number}" for number in range(250)]
    venue = Venue()
    async with talking_to(venue) as client:
        assert [each.symbol for each in await client.tickers(symbols)] == symbols
    assert len(venue.asked) == 3


async def test_what_cannot_be_asked_is_not_asked() -> None:
    venue = Venue()
    async with talking_to(venue) as client:
        for call in (
            client.candles("KRW-BTC", "7m"),
            client.candles("KRW-BTC", "1m", count=201),
            client.candles_between("KRW-BTC", "1s", 0, NOW * 10**9),
            client.trades("KRW-BTC", count=501),
            client.trades("KRW-BTC", days_ago=8),
            client.books([]),
            client.books(["KRW-BTC"], count=31),
            client.tickers([]),
            client.top_markets(0),
            client.busiest(0),
        ):
            with pytest.raises(BadInput):
                await call
    assert not venue.asked
