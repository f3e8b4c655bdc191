"""When Upbit's WebSocket refuses a client or ends its line: errors, limits, silence, garbage."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from sise.simulator import line as line_module
from tests.simulator.upbit_bench import (
    PATIENCE_SECONDS,
    PushFeed,
    StillClock,
    a_book,
    bench,
    hear,
    say,
)

LIVE_TRADES: dict[str, object] = {"type": "trade", "codes": ["KRW-BTC"], "is_only_realtime": True}


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        ("[", "WRONG_FORMAT"),
        ('[{"type":"trade","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":"t"},{"type":"nope","codes":["KRW-BTC"]}]', "INVALID_PARAM"),
    ],
)
async def test_an_error_and_then_close_1000_a_little_later(request_text: str, name: str) -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await here.subscribed(LIVE_TRADES)
        await here.active(1)
        await socket.send_str(request_text)
        assert (await hear(socket))["error"]["name"] == name
        feed.push_trade(2)
        assert (await socket.receive(PATIENCE_SECONDS)).type is WSMsgType.CLOSE
        assert socket.close_code == 1000


async def test_the_private_line_wants_keys() -> None:
    async with bench() as here:
        socket = await here.connect("/private")
        assert (await hear(socket))["error"]["name"] == "INVALID_AUTH"
        assert (await socket.receive(PATIENCE_SECONDS)).type is WSMsgType.CLOSE


async def test_a_quiet_line_ends_without_a_close_frame_and_pings_keep_it() -> None:
    clock = StillClock()
    async with bench(clock=clock) as here:
        quiet = await here.subscribed(LIVE_TRADES)
        kept = await here.connect(autoping=False)
        await here.active(1)
        clock.move(60.4)
        await kept.ping(b"beat")
        assert (await kept.receive(PATIENCE_SECONDS)).type is WSMsgType.PONG
        assert here.lines() == 2
        clock.move(0.2)
        assert (await quiet.receive(PATIENCE_SECONDS)).type is WSMsgType.CLOSED
        assert quiet.close_code == 1006
        await kept.ping(b"still here")
        assert (await kept.receive(PATIENCE_SECONDS)).data == b"still here"


async def test_what_is_sent_keeps_a_line_as_well() -> None:
    feed = PushFeed()
    async with bench(feed, idle_close_seconds=0.3) as here:
        socket = await here.subscribed(LIVE_TRADES)
        for number in range(10):
            feed.push_trade(number)
            await hear(socket)
            await asyncio.sleep(0.05)
        assert not socket.closed


async def test_five_messages_a_second_and_a_hundred_a_minute() -> None:
    clock = StillClock()
    async with bench(clock=clock, idle_close_seconds=1e6) as here:
        fast, long = await here.connect(), await here.connect()
        for _ in range(6):
            await say(fast, LIVE_TRADES)
        assert (await hear(fast))["error"]["name"] == "Too Many Requests"
        for number in range(100):
            if number % 5 == 0:
                await asyncio.sleep(0.02)
                clock.move(1)
            await say(long, {"method": "LIST_SUBSCRIPTIONS"})
            assert "result" in await hear(long)
        clock.move(1)
        await say(long, {"method": "LIST_SUBSCRIPTIONS"})
        assert (await hear(long))["error"]["name"] == "Too Many Requests"


async def test_five_connections_a_second_and_what_the_upgrade_says() -> None:
    async with bench(clock=StillClock()) as here:
        lines = [await here.connect() for _ in range(5)]
        assert lines[1]._response.headers["Remaining-Req"] == "group=websocket; min=300; sec=3"
        with pytest.raises(WSServerHandshakeError) as refused:
            await here.connect()
        assert refused.value.status == 429


async def test_who_does_not_read_is_cut_and_the_queue_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "MAX_QUEUED_BYTES", 1_000_000)
    feed = PushFeed()
    async with bench(feed) as here:
        books: dict[str, object] = {"type": "orderbook", "codes": ["KRW-BTC"], "is_only_realtime": True}
        sleeper = await here.subscribed(books)
        reader = await here.subscribed(LIVE_TRADES)
        await here.active(2)
        assert sleeper._conn is not None
        assert sleeper._conn.transport is not None
        sleeper._conn.transport.pause_reading()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while here.lines() == 2:
                feed.due += [a_book() for _ in range(200)]
                await asyncio.sleep(0.02)
                for line in here.simulator._hub.lines.values():
                    assert line.queued_bytes <= 1_000_000
        trade = feed.push_trade(1)
        assert (await hear(reader))["sequential_id"] == trade.sequential_id


async def test_garbage_from_a_client_hurts_only_that_client() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        good = await here.subscribed(LIVE_TRADES)
        for bad in (b"\xff\xfe", b"[" * 100_000, b'[{"ticket":"' + b"x" * 100_000 + b'"}]'):
            socket = await here.connect()
            await socket.send_bytes(bad)
            assert "error" in await hear(socket)
        feed.push_trade(1)
        assert (await hear(good))["type"] == "trade"


async def test_a_request_that_is_too_long_ends_the_line() -> None:
    async with bench() as here:
        socket = await here.connect()
        await socket.send_str("[" + " " * 1_100_000)
        assert (await socket.receive(PATIENCE_SECONDS)).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)


async def test_plain_http_on_the_websockets_path_is_refused() -> None:
    async with bench() as here:
        assert (await here.get("/websocket/v1")).status == 400
