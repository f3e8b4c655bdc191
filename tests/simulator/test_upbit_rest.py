"""REST quotation against the recorded answers and the measured errors."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio

from sise.model.time import NS_PER_SECOND, SystemClock, parse_iso
from sise.simulator.market import LiveMarket
from tests.simulator.upbit_bench import (
    NOON_NS,
    Bench,
    PushFeed,
    ScaledClock,
    StillClock,
    a_book,
    a_candle,
    a_ticker,
    a_trade,
    bench,
)

TRIES_MAX: Final = 20
"""Of questions between which the market stands still."""
QUOTATION = (
    "get_candles_days",
    "get_candles_minutes",
    "get_candles_months",
    "get_candles_seconds",
    "get_candles_weeks",
    "get_candles_years",
    "get_orderbook_instruments",
    "get_orderbooks",
    "get_tickers",
    "get_tickers_by_quote",
    "get_trades",
)


@pytest_asyncio.fixture
async def live() -> AsyncIterator[Bench]:
    async with bench(LiveMarket(seed=7, markets=12), SystemClock()) as running:
        yield running


def _samples(shared: Path, name: str) -> tuple[str, dict[str, str], Any]:
    (recorded,) = json.loads((shared / f"wire/samples/upbit/rest_recorded_quotation_{name}.json").read_text())
    path = recorded["request"]["uri"].removeprefix("https://api.upbit.com")
    return path, recorded["response"]["headers"], recorded["response"]["body"]


def _shape(value: Any) -> Any:
    """Names in order and types; of a list, of its first element."""
    if isinstance(value, dict):
        return [(name, _shape(inner)) for name, inner in value.items()]
    if isinstance(value, list):
        return [_shape(value[0])]
    return type(value).__name__


async def test_answers_have_the_recorded_members_order_types_and_headers(live: Bench, shared: Path) -> None:
    for name in QUOTATION:
        path, headers, body = _samples(shared, name)
        response = await live.get(path)
        ours = json.loads(await response.read())
        assert _shape(ours) == _shape(body), name
        for header in ("Content-Type", "Cache-Control", "Limit-By-Ip"):
            assert response.headers[header] == headers[header], name
        group, recorded_group = (h["Remaining-Req"].split("; sec=")[0] for h in (response.headers, headers))
        assert group == recorded_group
        assert len(response.headers["ETag"]) == len(headers["ETag"])
        assert response.headers["ETag"].startswith('W/"0')


async def test_market_all_with_and_without_details(live: Bench) -> None:
    short = await live.rows("/v1/market/all")
    assert list(short[0]) == ["market", "korean_name", "english_name"]
    for flag in ("is_details=true", "isDetails=true"):
        event = (await live.rows(f"/v1/market/all?{flag}"))[0]["market_event"]
        assert list(event) == ["warning", "caution"]
        assert len(event["caution"]) == 5
    listed = [row["market"] for row in short if row["market"].startswith("KRW-")]
    by_quote = [row["market"] for row in await live.rows("/v1/ticker/all?quote_currencies=krw")]
    assert sorted(by_quote) == sorted(listed)
    assert by_quote != listed


async def test_errors_are_those_measured(live: Bench, shared: Path) -> None:
    recorded = json.loads((shared / "wire/samples/upbit/rest_errors.json").read_text())
    out_of_range = "GET /v1/candles/minutes/1?market=KRW-BTC&count=201"
    for row in recorded:
        request = out_of_range if row["request"].startswith("candle") else row["request"]
        response = await live.get(request.removeprefix("GET "))
        assert (response.status, await response.json()) == (row["status"], row["body"]), request
        assert ("Remaining-Req" in response.headers) == (row.get("headers") is None), request


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/candles/minutes/7?market=KRW-BTC", 400),
        ("/v1/candles/minutes/x?market=KRW-BTC", 400),
        ("/v1/candles/days?market=KRW-BTC&count=0", 400),
        ("/v1/candles/days?market=KRW-BTC&to=yesterday", 400),
        ("/v1/candles/days?market=KRW-BTC&converting_price_unit=USD", 400),
        ("/v1/candles/days", 400),
        ("/v1/trades/ticks?market=KRW-BTC&count=501", 400),
        ("/v1/trades/ticks?market=KRW-BTC&days_ago=8", 400),
        ("/v1/trades/ticks?market=KRW-BTC&to=250000", 400),
        ("/v1/orderbook?markets=KRW-BTC&level=x", 400),
        ("/v1/ticker?markets=KRW-BTC,KRW-NOPE", 404),
        ("/v1/ticker/all", 400),
        ("/", 404),
    ],
)
async def test_refused_parameters(path: str, status: int) -> None:
    async with bench() as here:
        response = await here.get(path)
        assert response.status == status
        assert "error" in await response.json()


async def test_other_methods_lead_nowhere() -> None:
    async with bench() as here, here.http.post(f"{here.addresses.rest}/v1/ticker") as response:
        assert response.status == 404
        assert "Remaining-Req" not in response.headers


async def test_case_repetition_and_lists_are_one(live: Bench) -> None:
    for query in ("markets=KRW-BTC,KRW-ETH", "markets=KRW-BTC&markets=KRW-ETH", "markets=krw-btc,krw-eth"):
        assert [row["market"] for row in await live.rows(f"/v1/ticker?{query}")] == ["KRW-BTC", "KRW-ETH"]


async def test_what_did_not_change_is_a_bare_zero() -> None:
    feed = PushFeed(tickers={"KRW-BTC": a_ticker(last=115_000_000.0)})
    async with bench(feed) as here:
        text = await (await here.get("/v1/ticker?markets=KRW-BTC")).text()
        assert '"change":"EVEN","change_price":0,"change_rate":0,"signed_change_price":0' in text
        assert '"trade_price":115000000.00000000' in text
        assert '"acc_trade_price":104890185475.22821' in text


async def test_candles_are_newest_first_and_to_is_exclusive(live: Bench) -> None:
    path = "/v1/candles/minutes/1?market=KRW-BTC"
    assert len(await live.rows(path)) == 1
    rows = await live.rows(f"{path}&count=200")
    starts = [row["candle_date_time_utc"] for row in rows]
    assert len(rows) == 200
    assert starts == sorted(starts, reverse=True)
    edge = starts[2]
    korean = rows[2]["candle_date_time_kst"].replace(":", "%3A")
    for to in (f"{edge}Z", edge.replace("T", "%20"), f"{korean}%2B09:00", f"{edge}.000Z"):
        (row,) = await live.rows(f"{path}&to={to}")
        assert row["candle_date_time_utc"] == starts[3], to


async def test_only_what_the_feed_has_is_answered_and_seconds_reach_back_three_months() -> None:
    minute = 60 * NS_PER_SECOND
    old = NOON_NS - 100 * 86_400 * NS_PER_SECOND
    feed = PushFeed(
        rows={
            ("KRW-BTC", "1m"): [a_candle(NOON_NS, 110.0), a_candle(NOON_NS - 7 * minute, 105.0)],
            ("KRW-BTC", "1s"): [a_candle(NOON_NS, 110.0), a_candle(old, 105.0)],
        }
    )
    async with bench(feed, ScaledClock()) as here:
        rows = await here.rows("/v1/candles/minutes/1?market=KRW-BTC&count=9&to=2026-11-20T12:00:01Z")
        starts = [row["candle_date_time_utc"] for row in rows]
        assert starts == ["2026-11-20T12:00:00", "2026-11-20T11:53:00"]
        assert rows[0]["candle_date_time_kst"] == "2026-11-20T21:00:00"
        seconds = await here.rows("/v1/candles/seconds?market=KRW-BTC&count=9&to=2026-11-20T12:00:01Z")
        assert [row["candle_date_time_utc"] for row in seconds] == ["2026-11-20T12:00:00"]
        assert await here.rows("/v1/candles/days?market=KRW-BTC") == []


async def test_day_candles_know_the_day_before_and_convert_only_when_asked(live: Bench) -> None:
    path = "/v1/candles/days?market=KRW-BTC"
    today, before = await live.rows(f"{path}&count=2")
    assert today["prev_closing_price"] == before["trade_price"]
    assert today["change_price"] == pytest.approx(today["trade_price"] - before["trade_price"])
    assert "converted_trade_price" not in today
    for name in ("converting_price_unit", "convertingPriceUnit"):
        (row,) = await live.rows(f"{path}&{name}=KRW")
        assert row["converted_trade_price"] == row["trade_price"]
    for _ in range(TRIES_MAX):
        (bitcoin,) = await live.rows("/v1/ticker?markets=KRW-BTC")
        (in_won,) = await live.rows("/v1/candles/days?market=BTC-ETH&converting_price_unit=KRW")
        (after,) = await live.rows("/v1/ticker?markets=KRW-BTC")
        if bitcoin["trade_price"] == after["trade_price"]:
            break  # else the market moved while it was asked
    assert bitcoin["trade_price"] == after["trade_price"]
    assert in_won["converted_trade_price"] == pytest.approx(in_won["trade_price"] * bitcoin["trade_price"])


async def test_trades_page_backwards_by_cursor(live: Bench) -> None:
    path = "/v1/trades/ticks?market=KRW-BTC&count=5"
    first = await live.rows(path)
    ids = [row["sequential_id"] for row in first]
    assert ids == sorted(ids, reverse=True)
    second = await live.rows(f"{path}&cursor={ids[-1]}")
    assert second[0]["sequential_id"] < ids[-1]
    both = await live.rows(f"/v1/trades/ticks?market=KRW-BTC&count=10&cursor={ids[0] + 1}")
    assert [row["sequential_id"] for row in both] == [row["sequential_id"] for row in (*first, *second)]


async def test_trades_of_a_time_of_day_and_of_days_ago() -> None:
    feed = PushFeed(last={"KRW-BTC": a_trade(0)})
    async with bench(feed) as here:
        path = "/v1/trades/ticks?market=KRW-BTC"
        (row,) = await here.rows(path)
        assert (row["trade_date_utc"], row["trade_time_utc"]) == ("2026-11-20", "12:00:00")
        assert row["change_price"] == 1_539_000.0
        for to in ("120000", "12:00:00"):
            assert await here.rows(f"{path}&to={to}") == []
        assert len(await here.rows(f"{path}&to=120001")) == 1
        assert await here.rows(f"{path}&days_ago=1") == []


async def test_orderbook_depth_is_clamped_and_unknown_levels_are_empty() -> None:
    feed = PushFeed(
        books={"KRW-BTC": a_book(), "BTC-ETH": a_book("BTC-ETH")}, tickers={"KRW-BTC": a_ticker()}
    )
    async with bench(feed) as here:
        (whole,) = await here.rows("/v1/orderbook?markets=KRW-BTC&count=99")
        assert len(whole["orderbook_units"]) == 30
        assert list(whole["orderbook_units"][0]) == ["bid_price", "bid_size", "ask_price", "ask_size"]
        assert whole["orderbook_units"][29]["ask_price"] == 0
        (five,) = await here.rows("/v1/orderbook?markets=KRW-BTC&count=5")
        assert five["orderbook_units"] == whole["orderbook_units"][:5]
        assert five["total_ask_size"] == whole["total_ask_size"]
        (coarse,) = await here.rows("/v1/orderbook?markets=KRW-BTC&level=10000&count=1")
        assert coarse["level"] == 10_000
        assert coarse["orderbook_units"][0]["ask_price"] == 116_540_000
        assert await here.rows("/v1/orderbook?markets=KRW-BTC&level=12345") == []
        assert await here.rows("/v1/orderbook?markets=BTC-ETH&level=10000") == []


async def test_the_eleventh_request_of_a_second_is_one_too_many() -> None:
    clock = StillClock()
    async with bench(LiveMarket(seed=1, markets=2), clock) as here:
        answers = [await here.get("/v1/ticker?markets=KRW-BTC") for _ in range(11)]
        assert [answer.status for answer in answers] == [200] * 10 + [429]
        left = [answer.headers["Remaining-Req"] for answer in answers]
        assert left[0] == "group=ticker; min=600; sec=9"
        assert left[9] == left[10] == "group=ticker; min=600; sec=0"
        assert (await answers[10].json())["error"]["name"] == "too_many_requests"
        other_group = await here.get("/v1/candles/minutes/1?market=KRW-BTC")
        assert other_group.status == 200
        clock.move(1)
        assert (await here.get("/v1/ticker?markets=KRW-BTC")).status == 200


async def test_who_goes_on_is_blocked_and_told_for_how_long() -> None:
    clock = StillClock()
    async with bench(clock=clock, too_many_requests_body="text") as here:
        answers = [await here.get("/v1/market/all") for _ in range(21)]
        assert [answer.status for answer in answers] == [200] * 10 + [429] * 9 + [418] * 2
        assert await answers[10].text() == "Too many API requests."
        assert "blocked for 10 seconds" in (await answers[20].json())["error"]["message"]
        assert (await here.get("/v1/accounts")).status == 418
        clock.move(10)
        assert (await here.get("/v1/market/all")).status == 200


async def test_a_browser_may_ask_once_in_ten_seconds() -> None:
    clock = StillClock()
    async with bench(clock=clock) as here:
        first = await here.get("/v1/market/all", Origin="https://example.com")
        assert first.headers["Remaining-Req"] == "group=origin; min=6; sec=0"
        second = await here.get("/v1/ticker?markets=KRW-BTC", Origin="https://example.com")
        assert (first.status, second.status) == (200, 429)
        clock.move(10)
        assert (await here.get("/v1/market/all", Origin="https://example.com")).status == 200


async def test_answers_are_packed_only_for_who_can_unpack() -> None:
    async with bench() as here, aiohttp.ClientSession(auto_decompress=False) as raw:
        url = f"{here.addresses.rest}/v1/market/all"
        async with raw.get(url, headers={"Accept-Encoding": "gzip"}) as packed:
            assert packed.headers["Content-Encoding"] == "gzip"
        async with raw.get(url, headers={"Accept-Encoding": "identity"}) as plain:
            assert "Content-Encoding" not in plain.headers
            assert json.loads(await plain.read())[0]["market"] == "KRW-BTC"


def _token(**claims: object) -> str:
    parts = [{"alg": "HS512", "typ": "JWT"}, claims]
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return "Bearer " + ".".join([*texts, "c2lnbmF0dXJl"])


async def test_accounts_want_a_token_and_take_a_nonce_once(shared: Path) -> None:
    recorded = json.loads((shared / "wire/samples/upbit/rest_recorded_accounts_list.json").read_text())
    async with bench(clock=StillClock()) as here:
        good = _token(access_key="any", nonce="n-1")
        response = await here.get("/v1/accounts", Authorization=good)
        assert _shape(await response.json()) == _shape(recorded[0]["response"]["body"])
        assert response.headers["Remaining-Req"] == "group=default; min=1800; sec=29"
        assert "Limit-By-Ip" not in response.headers
        for header, name in (
            ({"Authorization": good}, "nonce_used"),
            ({}, "no_authorization_token"),
            ({"Authorization": "Bearer not.a.token"}, "jwt_verification"),
            ({"Authorization": _token(nonce="n-2")}, "jwt_verification"),
        ):
            refused = await here.get("/v1/accounts", **header)
            assert (refused.status, (await refused.json())["error"]["name"]) == (401, name)


async def test_the_date_header_is_the_simulators_clock() -> None:
    async with bench(clock=StillClock()) as here:
        response = await here.get("/v1/market/all")
        assert response.headers["Date"] == "Fri, 20 Nov 2026 12:00:00 GMT"
        assert parse_iso("2026-11-20T12:00:00Z") == NOON_NS
