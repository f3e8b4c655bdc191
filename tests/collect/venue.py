"""A venue in memory: sockets that do what a test says, and a journal that keeps lines in lists."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from sise.collect.diary import Diary
from sise.collect.gaps import Gaps
from sise.collect.ledger import Ledger
from sise.collect.link import Link
from sise.collect.observe import Observer
from sise.collect.slots import SessionMeta, Slot
from sise.model.errors import Unreachable
from sise.providers.upbit.line import UpbitLine
from sise.providers.upbit.provider import Upbit
from tests.collect.virtual import VirtualClock


class Lines:
    """Keeps what a journal would write; refuses when told to."""

    def __init__(self) -> None:
        self.streams: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.full = False

    def append(self, stream: str, body: bytes, at_ns: int, *, always: bool = False) -> bool:
        if self.full and not always:
            return False
        self.streams[stream].append(json.loads(body))
        return True

    def append_run(self, stream: str, head: bytes, tails: Iterable[bytes], at_ns: int) -> None:
        self.streams[stream] += [json.loads(b"%b%b}" % (head, tail)) for tail in tails]

    def events(self, event_type: str) -> list[dict[str, Any]]:
        return [event for event in self.streams["events"] if event["event_type"] == event_type]


def trade(symbol: str, number: int, *, ms: int, price: float = 100.0, size: float = 1.0) -> bytes:
    return (
        f'{{"ty":"trade","cd":"{symbol}","tms":{ms},"td":"2026-11-20","ttm":"00:00:00","ttms":{ms},'
        f'"tp":{price},"tv":{size},"ab":"BID","pcp":100.0,"c":"RISE","cp":0.5,"sid":{number},"st":"REALTIME"}}'
    ).encode()


def book(symbol: str, *, ms: int, bid: float = 100.0, ask: float = 101.0) -> bytes:
    return (
        f'{{"ty":"orderbook","cd":"{symbol}","tms":{ms},"tas":1.5,"tbs":2.5,'
        f'"obu":[{{"ap":{ask},"bp":{bid},"as":1.5,"bs":2.5}}],"st":"REALTIME","lv":0}}'
    ).encode()


class FakeSocket:
    def __init__(self, venue: Venue, on_frame: Callable[[bytes, int], None]) -> None:
        self._venue = venue
        self.on_frame = on_frame
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sent: list[str] = []
        self.pings = 0

    def send(self, text: str) -> None:
        self.sent.append(text)
        if self._venue.answers:
            asyncio.get_running_loop().call_soon(self.deliver)

    def deliver(self) -> None:
        """One book for every symbol, now."""
        now = self._venue.clock.now_ns()
        for symbol in self._venue.symbols:
            self.on_frame(book(symbol, ms=now // 1_000_000), now)

    def ping(self) -> None:
        self.pings += 1

    def lose(self, reason: str = "connection lost") -> None:
        if not self.closed.done():
            self.closed.set_result(reason)

    async def close(self) -> None:
        self.lose("closed by us")


class Venue:
    """What the other side does: ``up`` (connections are taken), ``answers`` (subscriptions give data),
    ``talks`` (data every second by itself)."""

    def __init__(self, *symbols: str) -> None:
        self.symbols = symbols or ("KRW-BTC",)
        self.clock = VirtualClock()
        self.up = self.answers = self.talks = True
        self.sockets: list[FakeSocket] = []
        self.attempts_at: list[int] = []
        self.lines = Lines()
        meta = SessionMeta("upbit", "crypto", "upbit", "sess_test")
        self.diary = Diary(self.lines, meta, self.clock)
        self.gaps = Gaps(self.diary, "scalp")
        self.ledger = Ledger()
        upbit = Upbit()
        self.observer = Observer(
            upbit, self.lines, {s: Slot(s) for s in self.symbols}, meta, self.ledger, first_frame=1
        )
        line = UpbitLine(upbit.subscription, "test")
        line.want(self.symbols)
        self.link = Link(
            self.connect,
            line,
            self.observer,
            self.gaps,
            self.diary,
            self.clock,
            Random(1),
        )

    async def connect(self, on_frame: Callable[[bytes, int], None]) -> FakeSocket:
        self.attempts_at.append(self.clock.now_ns())
        if not self.up:
            raise Unreachable("nobody is there")
        self.sockets.append(FakeSocket(self, on_frame))
        return self.sockets[-1]

    async def talk(self) -> None:
        """Data every second on the newest socket, while ``talks``."""
        while True:
            await self.clock.sleep(1)
            if self.talks and self.sockets and not self.sockets[-1].closed.done():
                self.sockets[-1].deliver()

    async def keep_house(self) -> None:
        while True:
            await self.clock.sleep(0.5)
            self.link.check_outage()

    async def play(self, *script: tuple[float, Callable[[], None]], end: float) -> None:
        """Run the line for ``end`` seconds; each of ``script`` happens at its second."""
        tasks = [asyncio.create_task(work()) for work in (self.link.run, self.talk, self.keep_house)]
        passed = 0.0
        for at, act in script:
            await self.clock.run(at - passed)
            passed = at
            act()
        await self.clock.run(end - passed)
        failed = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert failed == []

    def set(self, **what: bool) -> Callable[[], None]:
        return lambda: self.__dict__.update(what)

    def lose(self) -> None:
        self.sockets[-1].lose()
