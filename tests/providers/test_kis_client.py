"""Paging loses nothing, keys are renewed, refusals are told; against a server that pages as KIS does."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from sise.model.errors import BadInput, ProviderRefused, Undecodable, Unreachable
from sise.model.time import in_zone, parse_iso
from sise.providers.contract import Answer
from sise.providers.kis.charts import KOREA
from sise.providers.kis.client import KisRest
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.kis.provider import Kis
from tests.providers.kis_server import APP, NOW_NS, SECRET, TODAY, Server, envelope
from tests.providers.stand_ins import FastClock, serving

KEYS = KisKeys(app_key=Secret(APP), app_secret=Secret(SECRET))
answers: list[Answer] = []


@asynccontextmanager
async def talking(
    folder: Path, server: Server | None = None, keys: KisKeys = KEYS
) -> AsyncIterator[tuple[KisRest, Server]]:
    server = server or Server(FastClock(NOW_NS))
    answers.clear()
    async with serving(server.handle) as host:
        provider = Kis(
            rest_url=f"http://{host}", keys=keys, tokens_dir=folder, mock=keys.mock, rng=random.Random(1)
        )
        async with provider.rest(server.clock, answers.append) as client:
            yield client, server


async def test_every_day_once(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        found = await client.daily("005930", TODAY - timedelta(days=400), TODAY)
        days = [in_zone(each.bar_time, KOREA) for each in found]
        first = TODAY - timedelta(days=400)
        assert [each.date() for each in days] == sorted(day for day in server.days if day >= first)
        assert {(each.hour, each.minute) for each in days} == {(0, 0)}
        assert [each.close for each in found] == [90.0 + each.day for each in days]
        assert len(server.asked) <= len(found) // 100 + 2
        last = await client.candles("005930", "1d", count=7)
        assert [each.bar_time for each in last] == [each.bar_time for each in found[::-1][:7]]
        assert await client.daily("005930", TODAY + timedelta(days=1), TODAY) == []


@pytest.mark.parametrize(("day", "until"), [(TODAY, "103000"), (date(2026, 9, 21), "153000")])
async def test_every_minute_once_with_its_own_value(tmp_path: Path, day: date, until: str) -> None:
    async with talking(tmp_path) as (client, server):
        found = await client.minutes("005930", day)
        expected = [hour for hour in server.minutes if hour <= until]
        assert [f"{in_zone(each.bar_time, KOREA):%Y%m%d%H%M%S}" for each in found] == [
            f"{day:%Y%m%d}{hour}" for hour in expected
        ]
        assert [each.value for each in found] == [10.0 * (100 + n) for n in range(len(expected))]
        kinds = {name for name, _ in server.asked}
        assert kinds == {f"inquire-time-{'itemchartprice' if day == TODAY else 'dailychartprice'}"}


async def test_minutes_over_midnight_and_of_a_day_without_trade(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, _):
        start, end = parse_iso("2026-09-21T15:20:00+09:00"), parse_iso("2026-09-22T09:10:00+09:00")
        found = await client.candles_between("005930", "1m", start, end)
        assert found == sorted(found, key=lambda each: each.bar_time)
        assert {in_zone(each.bar_time, KOREA).day for each in found} == {21, 22}
        assert all(start <= each.bar_time < end for each in found)
        assert await client.minutes("005930", date(2026, 9, 20)) == []


async def test_a_minute_whose_value_is_not_known_is_not_made_up(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        server.minutes_kept = len(server.minutes) + 150
        found = await client.minutes("005930", date(2026, 9, 21))
        assert len(found) == 149, "the oldest that KIS has kept has no row before it"
        assert all(each.value == each.close * each.volume for each in found)


async def test_a_server_that_does_not_page_is_found_out(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        server.ignores_hour = server.ignores_days = True
        with pytest.raises(Undecodable, match="minutes until"):
            await client.minutes("005930", date(2026, 9, 21))
        with pytest.raises(Undecodable, match="days until"):
            await client.daily("005930", TODAY - timedelta(days=400), TODAY)


async def test_a_repeated_minute_is_no_trade(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        real = server.minute

        def repeating(day: str, hour: str) -> dict[str, str]:
            return real(day, max(h for h in server.minutes if h <= "100000")) | {"stck_cntg_hour": hour}

        server.minute = lambda day, hour: real(day, hour) if hour <= "100000" else repeating(day, hour)  # type: ignore[method-assign]
        found = await client.minutes("005930", TODAY)
        assert f"{in_zone(found[-1].bar_time, KOREA):%H%M%S}" == max(
            h for h in server.minutes if h <= "100000"
        )


async def test_many_prices_go_thirty_at_a_time(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        symbols = [f"{n:06d}" for n in range(65)]
        quotes = await client.quotes(symbols)
        assert [quote.symbol for quote in quotes] == symbols
        assert [len(query) // 2 for _, query in server.asked] == [30, 30, 5]
        assert {query["FID_COND_MRKT_DIV_CODE_1"] for _, query in server.asked} == {"J"}
        halted, traded = quotes[3], quotes[4]
        assert (halted.snapshot, halted.halted, halted.base_price) == (None, True, 990.0)
        assert traded.snapshot is not None
        assert (traded.snapshot.last_price, traded.snapshot.prev_close, traded.snapshot.open) == (
            1000.0,
            990.0,
            None,
        )
        assert traded.book is not None
        assert (traded.book.bid_price, traded.book.bid_size, traded.book.ask_size) == (None, None, 5.0)
        assert len(await client.tickers(symbols)) == 64


async def test_the_calendar_follows_its_pages(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        last = TODAY + timedelta(days=60)
        days = await client.trading_days(TODAY, last)
        assert len(days) == 61
        assert (days[0].day, days[-1].day) == (f"{TODAY:%Y%m%d}", f"{last:%Y%m%d}")
        assert [day.open for day in days[:7]] == [True, True, True, True, False, False, True]
        assert [head["tr_cont"] for head in server.headers] == ["", "N", "N"]
        assert all(len(query["CTX_AREA_FK"]) == 20 for _, query in server.asked[1:])


async def test_the_masters_make_the_universe(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        assert [each.symbol for each in await client.markets()] == [f"{n:06d}" for n in range(1, 6)] + [
            "0193T0"
        ]
        top = await client.top_markets(3)
        assert [each.symbol for each in top] == ["0193T0", "000005", "000004"]
        assert top[1].value_24h == 5 * 12345.0
        listed = await client.listings()
        assert [(each.symbol, each.kind, each.halted) for each in listed][2:] == [
            *(("000003", "stock", True), ("000004", "stock", False), ("000005", "stock", False)),
            *(("Q500001", "etn", False), ("0193T0", "stock", False)),
        ]
        assert {each.prev_close for each in listed} == {12345.0}
        assert [each.warning for each in listed] == ["00", "00", "02", "00", "00", "00", "00"]
        assert {(each.managed, each.liquidation, each.flags_source) for each in listed} == {
            (False, False, "symbol master")
        }
        assert client.quotes_per_request == 30
        assert not server.issued, "masters need no key"


async def test_an_expired_token_is_renewed_once(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        await client.quotes(["005930"])
        await server.clock.sleep(100)
        server.revoked.add(server.issued[-1][1])
        assert len(await client.quotes(["005930"])) == 1
        assert [name for _, name in server.issued] == ["canary-token-1", "canary-token-2"]
        server.revoked.add(server.issued[-1][1])
        server.faults = [envelope("EGW00123", "기간이 만료된 token 입니다.") for _ in range(2)]
        asked = len(server.asked)
        with pytest.raises(ProviderRefused, match="EGW00123"):
            await client.quotes(["005930"])
        assert len(server.asked) == asked + 2


async def test_a_token_that_has_expired_already_is_refused(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        server.expires = timedelta(hours=-9)
        with pytest.raises(ProviderRefused, match="expired_token"):
            await client.quotes(["005930"])
        assert not server.asked


async def test_asked_too_often_is_waited_for(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        server.faults = [envelope("EGW00201", "초당 거래건수를 초과하였습니다.") for _ in range(3)]
        assert len(await client.quotes(["005930"])) == 1
        waits = [b - a for a, b in zip(server.asked_at, server.asked_at[1:], strict=False)]
        assert len(waits) == 3
        assert all(wait >= 0.15e9 for wait in waits)
        server.faults = [envelope("EGW00201", "초당 거래건수를 초과하였습니다.") for _ in range(9)]
        with pytest.raises(ProviderRefused, match="EGW00201"):
            await client.quotes(["005930"])


async def test_a_refusal_is_told_in_kis_own_words(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        for status in (200, 500):
            server.faults = [envelope("OPSQ2001", "ERROR INVALID FID_COND_MRKT_DIV_CODE", status)]
            with pytest.raises(ProviderRefused, match=f"HTTP {status}, OPSQ2001.*DIV_CODE$"):
                await client.quotes(["005930"])
        server.faults = [web.Response(status=200, text="<html>점검</html>")]
        with pytest.raises(Unreachable):
            await client.quotes(["005930"])
        server.faults = [
            web.json_response({"rt_cd": "0", "output": [{"inter_shrn_iscd": "005930", "inter2_prpr": "x"}]})
        ]
        with pytest.raises(Undecodable, match="inter2_prpr"):
            await client.quotes(["005930"])


async def test_a_wrong_key(tmp_path: Path) -> None:
    keys = KisKeys(app_key=Secret("canary-wrong"), app_secret=Secret(SECRET))
    async with talking(tmp_path, keys=keys) as (client, _):
        with pytest.raises(ProviderRefused, match="HTTP 403, EGW00103"):
            await client.quotes(["005930"])
        with pytest.raises(ProviderRefused, match="EGW00103"):
            await client.approval()


async def test_requests_stay_below_the_limit(tmp_path: Path) -> None:
    for mock, least in ((False, 1 / 18), (True, 1.0)):
        keys = KisKeys(app_key=Secret(APP), app_secret=Secret(SECRET), mock=mock)
        async with talking(tmp_path, keys=keys) as (client, server):
            await client.quotes([f"{n:06d}" for n in range(30 * 12)])
            waits = [b - a for a, b in zip(server.asked_at, server.asked_at[1:], strict=False)]
            assert min(waits) > least * 10**9


async def test_no_secret_is_tapped_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with talking(tmp_path) as (client, server):
            await client.quotes(["005930"])
            approval = await client.approval()
            assert approval.reveal().startswith("11111111-")
            server.faults = [web.Response(status=502), envelope("EGW00121", "유효하지 않은 token 입니다.")]
            await client.quotes(["005930"])
    assert answers
    for text in (repr(answers), caplog.text):
        assert "canary" not in text
        assert "11111111-" not in text


async def test_what_kis_cannot_be_asked(tmp_path: Path) -> None:
    async with talking(tmp_path) as (client, server):
        day = parse_iso("2026-09-22T00:00:00+09:00")
        with pytest.raises(BadInput, match="no trades to ask for"):
            await client.trades("005930")
        with pytest.raises(BadInput, match="no trades to ask for"):
            _ = [trade async for trade in client.all_trades("005930", day)]
        for wrong in (
            client.quotes(["5930"]),
            client.tickers([]),
            client.top_markets(0),
            client.busiest(0),
            client.all_tickers("USD"),
            client.candles("005930", "3m"),
            client.books(["005930"], count=11),
        ):
            with pytest.raises(BadInput):
                await wrong
        assert not server.asked
    with pytest.raises(BadInput, match="SISE_KIS_APP_KEY"):
        Kis().rest(FastClock(), lambda _: None)
