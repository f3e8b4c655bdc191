"""The WebSocket as measured: binary frames, snapshots first, silence, replacement."""

from __future__ import annotations

import asyncio
import json
import zlib

import websockets

from sise.model.time import NS_PER_MS, NS_PER_SECOND, SystemClock
from sise.simulator.feed import RawFrame
from sise.simulator.market import LiveMarket
from tests.simulator.upbit_bench import (
    NOON_NS,
    PATIENCE_SECONDS,
    PushFeed,
    StillClock,
    a_book,
    a_candle,
    a_ticker,
    a_trade,
    bench,
    hear,
    hears_nothing,
    say,
    until,
)

TRADES: dict[str, object] = {"type": "trade", "codes": ["KRW-BTC"]}
LIVE_TRADES: dict[str, object] = {**TRADES, "is_only_realtime": True}


async def test_a_snapshot_of_each_then_what_happens() -> None:
    feed = PushFeed(
        last={"KRW-BTC": a_trade(1)}, books={"KRW-BTC": a_book()}, tickers={"KRW-BTC": a_ticker()}
    )
    async with bench(feed) as here:
        codes = ["KRW-BTC"]
        socket = await here.subscribed(
            TRADES, {"type": "orderbook", "codes": codes}, {"type": "ticker", "codes": codes}
        )
        first = [await hear(socket) for _ in range(3)]
        assert [(m["type"], m["stream_type"]) for m in first] == [
            ("trade", "SNAPSHOT"),
            ("orderbook", "SNAPSHOT"),
            ("ticker", "SNAPSHOT"),
        ]
        trade = feed.push_trade(2)
        message = await hear(socket)
        assert (message["stream_type"], message["sequential_id"]) == ("REALTIME", trade.sequential_id)
        feed.push_book()
        assert (await hear(socket))["type"] == "orderbook"
        feed.due.append(a_ticker(last=1.0))
        assert (await hear(socket))["trade_price"] == 1.0


async def test_the_first_snapshot_takes_its_measured_time() -> None:
    clock = StillClock()
    async with bench(PushFeed(last={"KRW-BTC": a_trade(1)}), clock, snapshot_delay_ms=(172, 354)) as here:
        socket = await here.subscribed(TRADES)
        await here.waiting(1)
        clock.move(0.171)
        await asyncio.sleep(0.1)
        assert here.simulator.sent.last_index == 0
        clock.move(0.354 - 0.171)
        assert (await hear(socket))["stream_type"] == "SNAPSHOT"


async def test_only_snapshot_and_only_realtime() -> None:
    feed = PushFeed(last={"KRW-BTC": a_trade(1), "KRW-ETH": a_trade(1, "KRW-ETH")})
    async with bench(feed) as here:
        once = {"type": "trade", "codes": ["KRW-ETH"], "isOnlySnapshot": True}
        socket = await here.subscribed({**TRADES, "isOnlyRealtime": True}, once)
        assert (await hear(socket))["code"] == "KRW-ETH"
        feed.push_trade(2, "KRW-ETH")
        feed.push_trade(3)
        message = await hear(socket)
        assert (message["code"], message["stream_type"]) == ("KRW-BTC", "REALTIME")


async def test_unknown_lower_case_and_impossible_levels_are_met_with_silence() -> None:
    feed = PushFeed(last={"KRW-BTC": a_trade(1)}, books={"BTC-ETH": a_book("BTC-ETH")})
    async with bench(feed) as here:
        socket = await here.subscribed(
            {"type": "trade", "codes": ["krw-btc", "KRW-NOPE", "KRW-BTC.5"]},
            {"type": "orderbook", "codes": ["BTC-ETH"], "level": 10_000},
        )
        feed.push_trade(2)
        assert await hears_nothing(socket)


async def test_a_later_request_replaces_the_earlier_one() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await here.subscribed({"type": "trade", "codes": ["KRW-BTC", "KRW-ETH"]})
        await here.active(2)
        await say(socket, {"type": "trade", "codes": ["KRW-ETH"]}, {"format": "SIMPLE"})
        await here.active(1)
        feed.push_trade(2)
        eth = feed.push_trade(3, "KRW-ETH")
        message = await hear(socket)
        assert (message["cd"], message["sid"]) == ("KRW-ETH", eth.sequential_id)


async def test_a_stream_that_goes_on_is_not_interrupted_by_a_longer_list() -> None:
    feed = PushFeed()
    async with bench(feed, snapshot_delay_ms=(200, 200)) as here:
        socket = await here.subscribed(LIVE_TRADES)
        await here.active(1)
        await say(socket, TRADES, {"type": "trade", "codes": ["KRW-ETH"]})
        wanted = [feed.push_trade(number).sequential_id for number in range(2, 6)]
        heard = [await hear(socket) for _ in range(4)]
        assert [m["sequential_id"] for m in heard if m["stream_type"] == "REALTIME"] == wanted


async def test_depth_suffix_and_formats() -> None:
    feed = PushFeed(books={"KRW-BTC": a_book()})
    async with bench(feed) as here:
        for suffix, depth in ((".1", 1), (".5", 5), (".15", 15), (".30", 30), (".2", 30)):
            socket = await here.subscribed(
                {"type": "orderbook", "codes": [f"KRW-BTC{suffix}"]}, {"format": "SIMPLE_LIST"}
            )
            (message,) = await hear(socket)
            assert (message["cd"], len(message["obu"])) == ("KRW-BTC", depth)
            assert message["obu"][0]["as"] == 0.0007772
            await socket.close()
            await asyncio.sleep(0.2)  # five connections a second are allowed


async def test_a_grouped_book() -> None:
    feed = PushFeed(books={"KRW-BTC": a_book()})
    async with bench(feed) as here:
        socket = await here.subscribed({"type": "orderbook", "codes": ["KRW-BTC"], "level": 10_000})
        message = await hear(socket)
        assert message["level"] == 10_000
        assert message["orderbook_units"][0]["bid_price"] == 116_530_000


async def test_list_subscriptions_says_what_there_is_and_changes_the_format() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        socket = await here.subscribed(LIVE_TRADES)
        await here.active(1)
        await say(socket, {"method": "LIST_SUBSCRIPTIONS"}, {"format": "SIMPLE"})
        assert await hear(socket) == {
            "mthd": "LIST_SUBSCRIPTIONS",
            "rslt": [{"ty": "trade", "cds": ["KRW-BTC"]}],
            "tckt": "t",
        }
        feed.push_trade(2)
        assert (await hear(socket))["ty"] == "trade"


async def test_text_ping_begins_a_cycle_of_status_messages() -> None:
    clock = StillClock()
    async with bench(clock=clock) as here:
        socket = await here.connect()
        await socket.send_str("PING")
        await asyncio.sleep(0.1)
        clock.move(5.9)
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(hear(socket))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        clock.move(1.7)
        assert await waiting == {"status": "UP"}
        clock.move(10)
        assert await hear(socket) == {"status": "UP"}


async def test_deflate_only_where_offered() -> None:
    feed = PushFeed()
    async with bench(feed) as here:
        plain = await here.subscribed(LIVE_TRADES)
        assert plain.compress == 0
        packed = await here.subscribed(LIVE_TRADES, compress=15)
        assert packed.compress == 15
        await here.active(2)
        trade = feed.push_trade(2)
        for socket in (plain, packed):
            assert (await hear(socket))["sequential_id"] == trade.sequential_id
        async with websockets.connect(here.addresses.ws) as other:
            await other.send(json.dumps([{"ticket": "t"}, LIVE_TRADES]))
            await here.active(3)
            feed.push_trade(3)
            assert isinstance(await other.recv(), bytes)


async def test_candles_come_at_most_once_a_second_and_the_last_state_of_each_is_said() -> None:
    minute = 60 * NS_PER_SECOND
    clock = StillClock()
    key = ("KRW-BTC", "1m")
    feed = PushFeed(rows={key: [a_candle(NOON_NS - minute, 95.0)]})
    async with bench(feed, clock) as here:
        socket = await here.subscribed({"type": "candle.1m", "codes": ["KRW-BTC"]})
        await here.waiting(1)
        clock.move(0.01)
        snapshot = await hear(socket)
        assert (snapshot["stream_type"], snapshot["trade_price"]) == ("SNAPSHOT", 95.0)
        assert snapshot["candle_date_time_utc"] == "2026-11-20T11:59:00"
        for close in (101.0, 102.0, 103.0):
            feed.rows[key] = [a_candle(NOON_NS, close), a_candle(NOON_NS - minute, 95.0)]
            feed.push_trade(1)
            await until(lambda: not feed.due)
        clock.move(1)
        said = await hear(socket)
        assert (said["trade_price"], said["stream_type"]) == (103.0, "REALTIME")
        feed.rows[key] = [a_candle(NOON_NS + minute, 105.0), a_candle(NOON_NS, 104.0)]
        feed.due.append(a_trade(60_001))
        await until(lambda: not feed.due)
        clock.move(1)
        both = [await hear(socket), await hear(socket)]
        assert [m["trade_price"] for m in both] == [104.0, 105.0]
        clock.move(1)
        assert await hears_nothing(socket)


async def test_everything_heard_is_in_the_control_log_and_nothing_else() -> None:
    async with bench(LiveMarket(seed=3, markets=8), SystemClock()) as here:
        codes = [row["market"] for row in await here.rows("/v1/market/all")]
        socket = await here.subscribed(
            {"type": "trade", "codes": codes},
            {"type": "orderbook", "codes": codes},
            {"type": "ticker", "codes": codes},
        )
        heard: list[bytes] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(heard) < 150:
                heard.append((await socket.receive()).data)

        sent = await here.sent()
        assert [row["crc32"] for row in sent[:150]] == [f"{zlib.crc32(frame):08x}" for frame in heard]
        assert [row["index"] for row in sent[:150]] == list(range(1, 151))
        trades = [json.loads(frame) for frame in heard if frame.startswith(b'{"type":"trade"')]
        logged = [row["sequential_id"] for row in sent[:150] if row["kind"] == "trade"]
        assert [trade["sequential_id"] for trade in trades] == logged
        live = [json.loads(f) for f in heard if f.startswith(b'{"type":"orderbook"')]
        busy = [m for m in live if m["code"] == "KRW-BTC" and m["stream_type"] == "REALTIME"]
        assert all(m["timestamp"] % 100 == 0 for m in busy)


async def test_recorded_frames_go_to_who_asked_for_their_kind_and_code() -> None:
    frames = [
        RawFrame("KRW-BTC", "trade", b'{"ty":"trade","cd":"KRW-BTC","n":1}', NOON_NS),
        RawFrame("KRW-ETH", "trade", b'{"ty":"trade","cd":"KRW-ETH","n":2}', NOON_NS),
        RawFrame("", "", b"\xff garbage as recorded", NOON_NS + NS_PER_MS),
        RawFrame("KRW-BTC", "trade", b'{"ty":"trade","cd":"KRW-BTC","n":3}', NOON_NS),
    ]
    feed = PushFeed(verbatim=True, due=list(frames), last={"KRW-BTC": a_trade(1)})
    async with bench(feed, replay=None) as here:
        await asyncio.sleep(0.1)
        assert feed.started == 0
        socket = await here.subscribed(TRADES)
        heard = [(await socket.receive(PATIENCE_SECONDS)).data for _ in range(3)]
        assert heard == [frames[0].payload, frames[2].payload, frames[3].payload]
        assert feed.started == 1


async def test_a_live_market_begins_with_the_server() -> None:
    feed = PushFeed()
    async with bench(feed):
        assert feed.started == 1
