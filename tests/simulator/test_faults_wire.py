"""Every fault as a client meets it, asked for by the control API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from sise.simulator.faults import PlannedFault, parse_fault
from sise.simulator.upbit.frames import trade_frame
from tests.simulator.upbit_bench import (
    PATIENCE_SECONDS,
    Bench,
    PushFeed,
    StillClock,
    a_ticker,
    a_trade,
    bench,
    hear,
    hears_nothing,
    until,
)

LIVE: dict[str, object] = {"type": "trade", "codes": ["KRW-BTC"], "is_only_realtime": True}


async def _line(here: Bench) -> aiohttp.ClientWebSocketResponse:
    socket = await here.subscribed(LIVE, autoping=False)
    await here.active(1)
    return socket


async def _raw(socket: aiohttp.ClientWebSocketResponse) -> Any:
    return (await socket.receive(PATIENCE_SECONDS)).data


async def _fails(request: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await request
    except (aiohttp.ClientConnectionError, ConnectionError):
        return True
    return False


async def test_drop_cuts_every_line_once_and_new_ones_live() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await _line(here)
        await here.fault(kind="drop")
        assert (await socket.receive(PATIENCE_SECONDS)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert socket.close_code == 1006
        await until(lambda: here.lines() == 0)
        again = await _line(here)
        feed.push_trade(1)
        assert (await hear(again))["type"] == "trade"


async def test_drop_by_count_spends_itself_on_lines_as_they_come() -> None:
    async with bench() as here:
        await here.fault(kind="drop", count=2)
        for _ in range(2):
            socket = await here.connect()
            assert (await socket.receive(PATIENCE_SECONDS)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
        await here.connect()
        await asyncio.sleep(0.1)
        assert here.lines() == 1


async def _raw_get(here: Bench, path: str) -> bytes:
    """All bytes of one answer; a client that repeats nothing on its own."""
    host, port = here.addresses.rest.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_drop_on_rest_leaves_one_request_unanswered() -> None:
    async with bench() as here:
        await here.fault(kind="drop", target="rest")
        assert await _raw_get(here, "/v1/market/all") == b""
        assert b"KRW-BTC" in await _raw_get(here, "/v1/market/all")


@pytest.mark.parametrize("pong", [False, True])
async def test_silent_says_nothing_and_may_still_pong(pong: bool) -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await _line(here)
        await here.fault(kind="silent", seconds=3600, pong=pong)
        feed.push_trade(1)
        await socket.ping(b"anyone")
        if pong:
            assert (await socket.receive(PATIENCE_SECONDS)).data == b"anyone"
        await asyncio.sleep(0.1)
        await here.control("DELETE", "/control/fault")
        later = feed.push_trade(2)
        assert (await hear(socket))["sequential_id"] == later.sequential_id
        assert len(await here.sent()) == 1


async def test_drip_comes_in_many_pieces_and_is_whole() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        host, port = here.addresses.rest.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        head = (
            f"GET /websocket/v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n"
        )
        request = json.dumps([{"ticket": "t"}, LIVE]).encode()
        masked = bytes([0x81, 0x80 | len(request), 0, 0, 0, 0]) + request
        writer.write(head.encode() + masked)
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        await here.active(1)
        await here.fault(kind="drip", seconds=3600, delay_ms=1)
        trade = feed.push_trade(1)
        pieces = [await reader.read(65_536) for _ in range(30)]
        assert max(len(piece) for piece in pieces) < 20
        await here.control("DELETE", "/control/fault")
        data = b"".join(pieces)
        length = int.from_bytes(data[2:4], "big")
        data += await reader.readexactly(length + 4 - len(data))
        assert data[:2] == b"\x82\x7e"
        assert json.loads(data[4:])["sequential_id"] == trade.sequential_id
        writer.close()
        await writer.wait_closed()


async def test_drip_on_rest_is_whole_in_the_end() -> None:
    feed = PushFeed(tickers={"KRW-BTC": a_ticker()})
    async with bench(feed) as here:
        await here.fault(kind="drip", target="rest", seconds=3600, delay_ms=0.1)
        (row,) = await here.rows("/v1/ticker?markets=KRW-BTC")
        assert row["market"] == "KRW-BTC"


async def test_half_open_neither_reads_nor_writes_nor_ends_until_it_is_over() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await _line(here)
        await here.fault(kind="half_open", seconds=3600)
        feed.push_trade(1)
        await socket.ping(b"anyone")
        waiting = asyncio.create_task(socket.receive())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        assert here.lines() == 1
        await here.control("DELETE", "/control/fault")
        assert (await waiting).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert await here.sent() == []


async def test_refuse_closes_the_door_but_not_the_lines() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await _line(here)
        await here.fault(kind="refuse", seconds=3600)
        async with aiohttp.ClientSession() as fresh:
            assert await _fails(fresh.get(f"{here.addresses.rest}/v1/market/all"))
            assert await _fails(fresh.ws_connect(here.addresses.ws))
        feed.push_trade(1)
        assert (await hear(socket))["type"] == "trade"
        await here.control("DELETE", "/control/fault")
        assert (await here.get("/v1/market/all")).status == 200


async def test_unplug_cuts_everything_until_it_is_plugged_in_again() -> None:
    async with bench() as here:
        socket = await _line(here)
        assert (await here.get("/v1/market/all")).status == 200  # leaves a kept connection
        answer = await here.control("POST", "/control/unplug")
        assert answer == {"unplugged": True, "seconds": 15.0}
        assert (await socket.receive(PATIENCE_SECONDS)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert await _fails(here.get("/v1/market/all"))
        assert await _fails(here.connect())
        assert (await here.control("GET", "/control/state"))["unplugged"] is True
        await here.control("POST", "/control/plug")
        assert (await here.get("/v1/market/all")).status == 200
        await _line(here)


async def test_unplug_ends_by_itself_at_the_same_port() -> None:
    clock = StillClock()
    async with bench(clock=clock) as here:
        await here.control("POST", "/control/unplug", {"seconds": 15})
        clock.move(14)
        await asyncio.sleep(0.1)
        assert await _fails(here.connect())
        clock.move(1)
        await until(lambda: here.simulator.state()["listening"] is True)
        await here.connect()


async def test_duplicate_reorder_truncate_garbage_and_changed_fields() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await _line(here)

        async def ids(numbers: tuple[int, ...], frames: int) -> list[int]:
            feed.due += [a_trade(number) for number in numbers]
            return [json.loads(await _raw(socket))["trade_timestamp"] % 1000 for _ in range(frames)]

        await here.fault(kind="duplicate")
        assert await ids((1, 2), 3) == [1, 1, 2]
        await here.fault(kind="reorder")
        assert await ids((3, 4, 5), 3) == [4, 3, 5]
        await here.fault(kind="change_fields", change="rename", field="trade_price")
        feed.due += [a_trade(6), a_trade(7)]
        assert "trade_price_renamed" in json.loads(await _raw(socket))
        assert "trade_price" in json.loads(await _raw(socket))
        await here.fault(kind="truncate")
        feed.due += [a_trade(8), a_trade(9)]
        cut = await _raw(socket)
        whole = trade_frame(a_trade(8), "DEFAULT", "REALTIME")
        assert whole.startswith(cut)
        assert len(cut) < len(whole)
        assert json.loads(await _raw(socket))["trade_timestamp"] % 1000 == 9
        await here.fault(kind="garbage")
        feed.due.append(a_trade(10))
        assert json.loads(await _raw(socket))["trade_timestamp"] % 1000 == 10
        assert (await _raw(socket)).startswith(b"\xff")
        log = [(row["sequential_id"] or 0) // 10_000 % 1000 for row in await here.sent()]
        assert log == [1, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 0]
        faults = [row["fault"] for row in await here.sent()]
        expected = [
            "",
            "duplicate",
            "",
            "",
            "reorder",
            "",
            "change_fields",
            "",
            "truncate",
            "",
            "",
            "garbage",
        ]
        assert faults == expected


async def test_rest_429_418_and_html() -> None:
    async with bench(clock=StillClock()) as here:
        await here.fault(kind="rest_429", count=1)
        assert (await here.get("/v1/market/all")).status == 429
        await here.fault(kind="rest_418", seconds=30)
        blocked = await here.get("/v1/market/all")
        assert blocked.status == 418
        assert "30 seconds" in await blocked.text()
        assert blocked.headers["Remaining-Req"] == "group=market; min=600; sec=0"
        await here.control("DELETE", "/control/fault")
        await here.fault(kind="html")
        page = await here.get("/v1/market/all")
        assert (page.status, page.content_type) == (200, "text/html")
        assert "점검" in await page.text()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await here.connect()
        assert refused.value.status == 200


async def test_silent_rest_answers_never() -> None:
    async with bench() as here:
        await here.fault(kind="silent", target="rest", seconds=3600)
        waiting = asyncio.create_task(_raw_get(here, "/v1/market/all"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await here.control("DELETE", "/control/fault")
        assert await waiting == b""


async def test_a_clock_jump_moves_every_time_but_no_id() -> None:
    feed = PushFeed(tickers={"KRW-BTC": a_ticker()})
    async with bench(feed, StillClock()) as here:
        socket = await _line(here)
        await here.fault(kind="clock_jump", offset_seconds=-3600)
        trade = feed.push_trade(0)
        message = await hear(socket)
        assert message["trade_time"] == "11:00:00"
        assert message["sequential_id"] == trade.sequential_id
        response = await here.get("/v1/ticker?markets=KRW-BTC")
        assert response.headers["Date"] == "Fri, 20 Nov 2026 11:00:00 GMT"
        assert (await response.json())[0]["trade_time"] == "110000"


async def test_a_plan_is_run_from_the_start() -> None:
    clock = StillClock()
    plan = (PlannedFault(5.0, parse_fault({"kind": "drop"})),)
    async with bench(clock=clock, plan=plan) as here:
        socket = await _line(here)
        clock.move(4.9)
        await asyncio.sleep(0.1)
        assert here.lines() == 1
        clock.move(0.2)
        assert (await socket.receive(PATIENCE_SECONDS)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)


async def test_the_control_api_names_mistakes() -> None:
    async with bench() as here:
        url = f"{here.addresses.control}/control"
        for path, body in (("fault", b'{"kind":"dorp"}'), ("fault", b"{"), ("unplug", b"[1]")):
            async with here.http.post(f"{url}/{path}", data=body) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"]["remedy"]
        async with here.http.get(f"{url}/sent?after=x") as answer:
            assert answer.status == 400


async def test_state_and_pages_of_the_log() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await _line(here)
        for number in range(5):
            feed.push_trade(number)
            await hear(socket)
        await here.fault(kind="clock_jump", seconds=9, offset_seconds=1)
        state = await here.control("GET", "/control/state")
        assert state["sent"] == {"trade": 5}
        assert state["connections"][0]["subscriptions"] == {"trade": ["KRW-BTC"]}
        assert [fault["kind"] for fault in state["faults"]] == ["clock_jump"]
        page = await here.control("GET", "/control/sent?after=2&limit=2")
        assert [row["index"] for row in page["rows"]] == [3, 4]
        assert page["last_index"] == 5
        assert (await here.control("GET", "/control/sent?after=5"))["rows"] == []
        assert await hears_nothing(socket)
