"""What the simulator's tests share: clocks that can be driven, a feed that can be pushed, raw clients.

The clients are aiohttp's own, so nothing of ours stands on both sides of the wire.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from sise.model.time import NS_PER_MS, NS_PER_SECOND, Clock, parse_iso
from sise.simulator.feed import (
    Feed,
    Happening,
    MarketInfo,
    SimBook,
    SimCandle,
    SimTicker,
    SimTrade,
)
from sise.simulator.upbit.server import Addresses, UpbitSimulator, UpbitSimulatorConfig

NOON_NS: Final = parse_iso("2026-11-20T12:00:00Z")
PATIENCE_SECONDS: Final = 10.0
FAST: Final = {"snapshot_delay_ms": (5, 10)}


class ScaledClock:
    """A clock ``factor`` times faster than the machine's, beginning at noon of a fixed day."""

    def __init__(self, factor: float = 1.0) -> None:
        self._factor = factor
        self._begin_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        return NOON_NS + self.monotonic_ns() // 1000 * 1000

    def monotonic_ns(self) -> int:
        return int((time.monotonic_ns() - self._begin_ns) * self._factor)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._factor)


class StillClock:
    """A clock that stands until a test moves it; ``sleep`` waits for real, so that the pump runs."""

    def __init__(self) -> None:
        self.passed_ns = 0

    def now_ns(self) -> int:
        return NOON_NS + self.passed_ns

    def monotonic_ns(self) -> int:
        return 1_000 * NS_PER_SECOND + self.passed_ns

    def move(self, seconds: float) -> None:
        self.passed_ns += int(seconds * NS_PER_SECOND)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


@dataclass
class PushFeed:
    """A feed whose test says what happens."""

    codes: tuple[str, ...] = ("KRW-BTC", "KRW-ETH", "BTC-ETH")
    verbatim: bool = False
    due: list[Happening] = field(default_factory=list)
    started: int = 0
    books: dict[str, SimBook] = field(default_factory=dict)
    tickers: dict[str, SimTicker] = field(default_factory=dict)
    last: dict[str, SimTrade] = field(default_factory=dict)
    rows: dict[tuple[str, str], list[SimCandle]] = field(default_factory=dict)

    def markets(self) -> list[MarketInfo]:
        return [MarketInfo(code, f"이름 {code}", f"name {code}") for code in self.codes]

    def start(self, now_ns: int) -> None:
        self.started += 1

    def step(self, now_ns: int) -> list[Happening]:
        due, self.due = self.due, []
        return due

    def next_ns(self) -> int | None:
        return 0 if self.due else None

    def finished(self) -> bool:
        return False

    def book(self, code: str) -> SimBook | None:
        return self.books.get(code)

    def ticker(self, code: str) -> SimTicker | None:
        return self.tickers.get(code)

    def last_trade(self, code: str) -> SimTrade | None:
        return self.last.get(code)

    def trades(
        self, code: str, *, before_id: int | None = None, to_ns: int | None = None, count: int = 1
    ) -> list[SimTrade]:
        known = [self.last[code]] if code in self.last else []
        return [one for one in known if to_ns is None or one.trade_time_ns < to_ns][:count]

    def candles(self, code: str, unit: str, to_ns: int, count: int) -> list[SimCandle]:
        rows = self.rows.get((code, unit), [])
        return [row for row in rows if row.start_ns < to_ns][:count]

    def push_trade(self, number: int, code: str = "KRW-BTC", price: float = 116_539_000.0) -> SimTrade:
        """A trade that happens now; ``number`` makes its id."""
        trade = a_trade(number, code, price)
        self.last[code] = trade
        self.due.append(trade)
        return trade

    def push_book(self, code: str = "KRW-BTC", ask_size: float = 0.0007772) -> SimBook:
        book = a_book(code, ask_size)
        self.books[code] = book
        self.due.append(book)
        return book


def a_trade(number: int, code: str = "KRW-BTC", price: float = 116_539_000.0) -> SimTrade:
    at_ns = NOON_NS + number * NS_PER_MS
    return SimTrade(
        code=code,
        trade_time_ns=at_ns,
        publish_time_ns=at_ns + 35 * NS_PER_MS,
        price=price,
        size=0.0007772,
        taker_buy=True,
        sequential_id=at_ns // NS_PER_MS * 10_000,
        prev_close=115_000_000.0,
        best_ask_price=116_539_000.0,
        best_ask_size=0.5,
        best_bid_price=116_538_000.0,
        best_bid_size=0.00079276,
    )


def a_book(code: str = "KRW-BTC", ask_size: float = 0.0007772) -> SimBook:
    levels = [
        (116_538_000.0 - i * 1000, 0.25, 116_539_000.0 + i * 1000, ask_size if i == 0 else 0.5)
        for i in range(20)
    ]
    levels += [(116_500_000.0 - i * 1000, 0.5, 0.0, 0.0) for i in range(10)]
    return SimBook(code, NOON_NS, levels)


def a_ticker(code: str = "KRW-BTC", last: float = 116_539_000.0, last_size: float = 0.01) -> SimTicker:
    return SimTicker(
        code=code,
        time_ns=NOON_NS + 35 * NS_PER_MS,
        open=115_000_000.0,
        high=117_000_000.0,
        low=114_000_000.0,
        last=last,
        prev_close=115_000_000.0,
        acc_volume=1024.30599241,
        acc_value=104890185475.22821,
        acc_volume_24h=1587.73606087,
        acc_value_24h=162997300132.123,
        acc_ask_volume=500.0,
        acc_bid_volume=524.30599241,
        last_size=last_size,
        last_taker_buy=True,
        last_trade_ns=NOON_NS,
        high_52w=179_869_000.0,
        high_52w_date="2025-10-09",
        low_52w=89_000_000.0,
        low_52w_date="2026-02-06",
    )


def a_candle(start_ns: int, close: float, last_trade_ns: int | None = None) -> SimCandle:
    return SimCandle(start_ns, 100.0, 120.0, 90.0, close, 1.5, 150.0, last_trade_ns or start_ns)


@dataclass
class Bench:
    """A running simulator and an HTTP client for it."""

    simulator: UpbitSimulator
    addresses: Addresses
    http: aiohttp.ClientSession
    sockets: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        """GET a REST path; the body is read."""
        response = await self.http.get(self.addresses.rest + path, headers=headers)
        await response.read()
        return response

    async def rows(self, path: str) -> Any:
        """The JSON of a REST path that answers 200."""
        response = await self.get(path)
        assert response.status == 200, await response.text()
        return await response.json()

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of a control call that works."""
        response = await self.http.request(method, self.addresses.control + path, json=body)
        assert response.ok, await response.text()
        return await response.json()

    async def fault(self, **fault: object) -> None:
        await self.control("POST", "/control/fault", fault)

    async def sent(self) -> list[dict[str, Any]]:
        """The control log of data frames."""
        rows: list[dict[str, Any]] = (await self.control("GET", "/control/sent"))["rows"]
        return rows

    async def connect(self, path: str = "", **options: Any) -> aiohttp.ClientWebSocketResponse:
        brief = aiohttp.ClientWSTimeout(ws_close=1.0)
        socket: aiohttp.ClientWebSocketResponse = await self.http.ws_connect(
            self.addresses.ws + path, timeout=brief, **options
        )
        self.sockets.append(socket)
        return socket

    async def subscribed(self, *parts: dict[str, object], **options: Any) -> aiohttp.ClientWebSocketResponse:
        """A line whose request was sent; whether it is active is seen in :meth:`active`."""
        socket = await self.connect(**options)
        await say(socket, *parts)
        return socket

    def lines(self) -> int:
        """How many WebSocket lines there are."""
        lines = self.simulator.state()["connections"]
        assert isinstance(lines, list)
        return len(lines)

    async def waiting(self, streams: int) -> None:
        """Wait until so many streams wait for their snapshot."""
        await until(lambda: sum(len(line.pending) for line in self.simulator._hub.lines.values()) == streams)

    async def active(self, streams: int) -> None:
        """Wait until so many streams are active."""
        await until(lambda: self.simulator.state()["subscriptions"] == streams)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in itertools.takewhile(lambda _: not condition(), itertools.count()):
            await asyncio.sleep(0.005)


async def say(socket: aiohttp.ClientWebSocketResponse, *parts: dict[str, object]) -> None:
    """Send a request of these parts, with a ticket before them."""
    await socket.send_str(json.dumps([{"ticket": "t"}, *parts]))


async def hear(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """The JSON of the next frame, which must be binary."""
    message = await socket.receive(PATIENCE_SECONDS)
    assert message.type is aiohttp.WSMsgType.BINARY, message
    return json.loads(message.data)


async def hears_nothing(socket: aiohttp.ClientWebSocketResponse, seconds: float = 0.15) -> bool:
    """Whether nothing comes for a while (a receive that is cut short would lose a frame: use it last)."""
    try:
        await socket.receive(seconds)
    except TimeoutError:
        return True
    return False


@asynccontextmanager
async def bench(feed: Feed | None = None, clock: Clock | None = None, **options: Any) -> AsyncIterator[Bench]:
    """A simulator over ``feed``, live unless ``replay`` says otherwise, and a client session."""
    settings: dict[str, Any] = {"replay": False, **FAST, **options}
    config = UpbitSimulatorConfig(**settings)
    simulator = UpbitSimulator(config, feed or PushFeed(), clock or ScaledClock())
    addresses = await simulator.start()
    async with aiohttp.ClientSession() as http:
        running = Bench(simulator, addresses, http)
        try:
            yield running
        finally:
            await simulator.stop()
            for socket in running.sockets:
                await socket.close()
