"""``/ws/live`` over a real socket: what viewers are told, and what a slow one costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sise.journal.reader import Follower
from sise.serve.answers import Status
from sise.serve.app import ServeConfig, create_app
from sise.serve.follow import Following
from sise.serve.hub import CATCH_UP_BARS_MAX, Hub
from sise.serve.live import LiveView
from tests.serve.recording import T0, Recording, TestClock, at
from tests.serve.serving import served

BTC_1M = {"watch": {"symbol": "KRW-BTC", "size": "1m"}}


@asynccontextmanager
async def server_of(data_dir: Path, clock: TestClock) -> AsyncIterator[str]:
    async with served(create_app(ServeConfig(data_dir=data_dir), clock)) as address:
        yield f"ws://{address}/ws/live"


async def message(viewer: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next message that is wanted; the others are passed over."""
    async with asyncio.timeout(10):
        while True:
            found: dict[str, Any] = json.loads(await viewer.recv())
            if wanted(found):
                return found


async def test_a_viewer_is_told_quotes_bars_gaps_and_status_as_they_come(tmp_path: Path) -> None:
    recording, clock = Recording(tmp_path), TestClock(2)
    recording.start(0)
    recording.sample(0, 100.0)
    recording.sample(1, 100.0)
    async with server_of(tmp_path, clock) as url, connect(url) as viewer:
        hello = json.loads(await viewer.recv())
        assert (hello["type"], hello["demo"]) == ("hello", False)
        await viewer.send(json.dumps(BTC_1M))
        status = await message(viewer, lambda m: m["type"] == "status")
        assert (status["state"], status["collectors"]) == ("not_recording", [])
        recording.trade(1.5, 123.0, 2.0)
        quotes = await message(viewer, lambda m: m["type"] == "quotes" and m["quotes"][0]["last"] == 123.0)
        assert [quote["symbol"] for quote in quotes["quotes"]] == ["KRW-BTC"]
        await message(viewer, lambda m: m["type"] == "bars" and m["bars"][-1]["close"] == 123.0)
        clock.ns = at(5)
        recording.disconnected(3, 5)
        gap = (await message(viewer, lambda m: m["type"] == "gap"))["gap"]
        assert (gap["open"], gap["end"]) == (True, None)
        clock.ns = at(8)
        recording.gap(3, 8)
        recording.sample(8, 123.0)
        gap = (await message(viewer, lambda m: m["type"] == "gap"))["gap"]
        assert (gap["open"], gap["seconds"], gap["start"]) == (False, 5.0, "2026-11-20T00:00:03.000000Z")
        bars = await message(viewer, lambda m: m["type"] == "bars" and m["bars"][-1]["coverage"] < 1)
        assert bars["bars"][-1]["state"] == "unknown"


async def test_only_what_changed_is_told(tmp_path: Path) -> None:
    recording, clock = Recording(tmp_path), TestClock(2)
    recording.start(0)
    recording.sample(0, 100.0)
    recording.sample(1, 100.0)
    recording.sample(1, 200.0, "KRW-ETH")
    async with server_of(tmp_path, clock) as url, connect(url) as viewer:
        await viewer.send(json.dumps(BTC_1M))
        await message(viewer, lambda m: m["type"] == "quotes")
        await message(viewer, lambda m: m["type"] == "bars")
        seen: list[str] = []

        def is_second_status(found: dict[str, Any]) -> bool:
            seen.append(found["type"])
            return seen.count("status") == 3

        recording.sample(2, 100.0)  # says nothing new
        await message(viewer, is_second_status)
        assert "quotes" not in seen
        assert seen.count("bars") <= 1


@pytest.mark.parametrize(
    ("text", "word"),
    [("nonsense", "watch"), ('{"watch": {"symbol": "KRW-BTC", "size": "2m"}}', "1m"), ("x" * 2000, "1024")],
)
async def test_a_wrong_request_ends_the_line_with_a_reason(tmp_path: Path, text: str, word: str) -> None:
    async with server_of(tmp_path, TestClock()) as url, connect(url) as viewer:
        await viewer.send(text)
        with pytest.raises(ConnectionClosed) as closed:
            await message(viewer, lambda m: False)
        assert closed.value.rcvd is not None
        assert word in closed.value.rcvd.reason


async def test_another_sites_page_is_turned_away(tmp_path: Path) -> None:
    async with server_of(tmp_path, TestClock()) as url:
        with pytest.raises(InvalidStatus):
            async with connect(url, origin="http://evil.example"):  # type: ignore[arg-type]
                pass
        own = url.replace("ws://", "http://").removesuffix("/ws/live")
        async with connect(url, origin=own) as viewer:  # type: ignore[arg-type]
            assert json.loads(await viewer.recv())["type"] == "hello"


async def test_a_symbol_may_become_known_after_it_is_watched(tmp_path: Path) -> None:
    recording, clock = Recording(tmp_path), TestClock(2)
    async with server_of(tmp_path, clock) as url, connect(url) as viewer:
        await viewer.send(json.dumps(BTC_1M))
        await message(viewer, lambda m: m["type"] == "status")
        recording.start(0)
        recording.sample(0, 100.0)
        recording.sample(1, 100.0)
        bars = await message(viewer, lambda m: m["type"] == "bars")
        assert bars["bars"][0]["time"] == T0 // 10**9


async def test_a_server_stops_while_viewers_listen(tmp_path: Path) -> None:
    async with server_of(tmp_path, TestClock()) as url:
        viewer = await connect(url)
        await message(viewer, lambda m: m["type"] == "hello")
    with pytest.raises(ConnectionClosed):
        await message(viewer, lambda m: False)


class Told:
    """A viewer of a hub without a socket: what it holds after every message it was given."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.seen = 0
        self.texts: list[str] = []
        self.bars: dict[int, Any] = {}
        self.quotes: dict[str, Any] = {}
        self.gaps: dict[str, Any] = {}

    def catch_up(self) -> None:
        self.texts = self.hub.messages(self.seen, ("KRW-BTC", "1s"))
        self.seen = self.hub.published
        for text in self.texts:
            found = json.loads(text)
            if found["type"] == "bars":
                assert len(found["bars"]) <= CATCH_UP_BARS_MAX
                self.bars |= {bar["time"]: bar for bar in found["bars"]}
            elif found["type"] == "quotes":
                self.quotes |= {quote["symbol"]: quote for quote in found["quotes"]}
            elif found["type"] == "gap":
                self.gaps[found["gap"]["start"]] = found["gap"] | {"seconds": None}


class Market:
    """A recording that goes on second by second, with a gap and a late trade, and its hub."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = TestClock()
        self.recording = Recording(tmp_path)
        self.view = LiveView()
        self.follower = Follower(tmp_path, ["system/events/upbit", "scalp/upbit"])
        following = Following(self.view, tmp_path, (), 1.0, self.clock, self.clock)
        following.caught_up = True
        self.hub = Hub(self.view, following, self._status, self.clock, self.clock)
        self.recording.start(0)

    def _status(self) -> Status:
        return Status("recording", None, "", [], 0.0, False)

    def second(self, second: int) -> None:
        self.clock.ns = at(second)
        if second == 20:
            self.recording.disconnected(17, 20)
        if second == 32:
            self.recording.gap(17, 30)
        if not 17 < second < 30:
            self.recording.sample(second, 100.0 + second, volume=float(second))
        if second % 3 == 0:
            self.recording.trade(second - 0.5, 100.0 + second, received=float(second))
        if second == 42:
            self.recording.trade(3.5, 90.0, received=42.0)
        while lines := self.follower.poll():
            for line in lines:
                self.view.fold(line)
        self.hub.turn()

    def holds_the_truth(self, viewer: Told, second: int) -> None:
        """Every bar that the viewer holds is as the view has it now, and none is missing."""
        instrument = self.view.find("KRW-BTC")
        assert instrument is not None
        truth = {bar.time: msgspec.to_builtins(bar) for bar in self.view.bars(instrument, "1s", at(second))}
        held = {time: bar for time, bar in truth.items() if time in viewer.bars}
        assert {time: viewer.bars[time] for time in held} == held
        assert held.keys() >= {time for time in truth if time > T0 // 10**9 + 2}


async def test_a_slow_viewer_ends_with_what_a_quick_one_has(tmp_path: Path) -> None:
    market = Market(tmp_path)
    market.second(0)
    quick, slow, slower = Told(market.hub), Told(market.hub), Told(market.hub)
    for second in range(1, 61):
        market.second(second)
        quick.catch_up()
        market.holds_the_truth(quick, second)
        if second % 7 == 0:
            slow.catch_up()
        if second in (2, 60):
            slower.catch_up()
    slow.catch_up()
    for viewer in (quick, slow, slower):
        market.holds_the_truth(viewer, 60)
        assert viewer.quotes == quick.quotes
        assert viewer.gaps == quick.gaps
    assert [gap["open"] for gap in quick.gaps.values()] == [False]
    assert len(slower.texts) <= 4, "one message of each kind, however much was missed"


async def test_viewers_in_step_share_one_text(tmp_path: Path) -> None:
    market = Market(tmp_path)
    market.second(0)
    first, second = Told(market.hub), Told(market.hub)
    for moment in range(1, 5):
        market.second(moment)
        first.catch_up()
        second.catch_up()
        assert [id(text) for text in first.texts] == [id(text) for text in second.texts]
        assert first.texts


async def test_a_viewer_that_never_reads_holds_up_nobody_and_keeps_no_messages(tmp_path: Path) -> None:
    recording, clock = Recording(tmp_path), TestClock(2)
    slots = [{"symbol": f"KRW-{n:03d}", "name_ko": "가" * 40} for n in range(300)]
    recording.start(0, slots)
    recording.sample(1, 1.0)
    async with server_of(tmp_path, clock) as url:
        host, port = url.removeprefix("ws://").removesuffix("/ws/live").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(
            f"GET /ws/live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with connect(url, max_queue=None) as quick:
            for round_ in range(30):
                for slot in slots:
                    recording.sample(2, float(round_), slot["symbol"])
                last = float(round_)
                await message(quick, lambda m, x=last: m["type"] == "quotes" and m["quotes"][-1]["last"] == x)  # type: ignore[misc]
        writer.transport.abort()
