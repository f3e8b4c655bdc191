"""A stage: a whole collector on a virtual clock, and a market in memory that does what a test says.

The market trades one unit a second of every symbol that the line carries, and counts its volume of the day
also while nobody listens. The machine's clock is the market's, but flushes only every few seconds, so that a
day passes in seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, Self

from sise.collect.collector import CollectConfig, Collector
from sise.collect.manual import Action
from sise.collect.mitigate import Metrics
from sise.journal.disk import OsDisk
from sise.model.errors import Unreachable
from sise.model.events import Instrument, Quote, Ranked, Snapshot
from sise.model.time import NS_PER_MS, NS_PER_SECOND, parse_iso
from sise.providers.contract import Answer, OnAnswer, Ranking
from sise.providers.upbit.provider import Upbit
from tests.collect.floor import read
from tests.collect.venue import book, trade
from tests.collect.virtual import START_NS, VirtualClock

MACHINE_SECONDS = 2.0
TRADE_EVERY_SECONDS = 2
DAY_NS = 86_400 * NS_PER_SECOND


class SlowMachine:
    """The market's clock for everything that a machine does often: it sleeps at least ``seconds``."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.seconds = MACHINE_SECONDS
        self.now_ns, self.monotonic_ns = clock.now_ns, clock.monotonic_ns

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(max(seconds, self.seconds))


def ticker(symbol: str, *, ms: int, volume: float) -> bytes:
    return (
        f'{{"ty":"ticker","cd":"{symbol}","tp":100.0,"pcp":100.0,"atv":{volume},"tms":{ms},"st":"REALTIME"}}'
    ).encode()


class Questions:
    """The market's answers by REST."""

    quotes_per_request = 100

    def __init__(self, stage: Stage, on_answer: OnAnswer) -> None:
        self._stage, self._on_answer = stage, on_answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        return ("surge", "value") if self._stage.ranking is not None else ()

    async def busiest(self, count: int, by: Ranking) -> list[Ranked]:
        await self._answer("/rank")
        assert self._stage.ranking is not None
        self._stage.ranked_by.append(by)
        return self._stage.ranking(self._stage.clock.now_ns())[:count]

    async def top_markets(self, count: int, quote: str = "KRW") -> list[Instrument]:
        await self._answer("/top")
        return [Instrument(symbol) for symbol in self._stage.busiest[:count]]

    async def trading_day(self, day: date) -> bool | None:
        if self._stage.opens is None:
            return None
        self._stage.days_asked.append(self._stage.clock.now_ns())
        await self._answer("/chk-holiday")
        return self._stage.opens

    async def listings(self) -> list[Instrument]:
        await self._answer("/listings")
        return [
            Instrument(symbol, value_24h=5e9, prev_close=5e3, kind="stock") for symbol in self._stage.listed
        ]

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        await self._answer("/quotes")
        now = self._stage.clock.now_ns()
        return [
            Quote(symbol=symbol, snapshot=Snapshot(symbol, now, 1e3, volume=self._stage.volume(now)))
            for symbol in symbols
        ]

    async def _answer(self, url: str) -> None:
        await self._stage.clock.sleep(0.1)
        if not self._stage.answers:
            raise Unreachable("nobody answers")
        self._on_answer(Answer(url, 200, b"{}", self._stage.clock.now_ns()))


class Market(Upbit):
    """Speaks Upbit's frames on a line; ``korean``: trades in the hours of KRX."""

    def __init__(self, stage: Stage, korean: bool) -> None:
        super().__init__()
        self._stage = stage
        if korean:
            self.name, self.market, self.venue = "korea", "kr_stocks", "krx"

    def rest(self, clock: Any, on_answer: OnAnswer) -> Any:
        return Questions(self._stage, on_answer)


class Wire:
    """A socket that carries what it was last asked for."""

    def __init__(self, stage: Stage, on_frame: Callable[[bytes, int], None]) -> None:
        self._stage, self._on_frame = stage, on_frame
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.codes: list[str] = []
        self._task = asyncio.create_task(self._pour())

    def send(self, text: str) -> None:
        self.codes = next(part["codes"] for part in json.loads(text) if "codes" in part)

    async def _pour(self) -> None:
        while True:
            now = self._stage.clock.now_ns()
            if not self.closed.done():
                for code in self.codes:
                    self._tell(code, now)
            await self._stage.clock.sleep(TRADE_EVERY_SECONDS)

    def _tell(self, code: str, now: int) -> None:
        number, ms = now // NS_PER_MS, now // NS_PER_MS
        self._on_frame(book(code, ms=ms), now)
        self._on_frame(trade(code, number, ms=ms, size=float(TRADE_EVERY_SECONDS)), now)
        self._on_frame(ticker(code, ms=ms, volume=self._stage.volume(now)), now)

    def ping(self) -> None: ...

    def lose(self) -> None:
        if not self.closed.done():
            self.closed.set_result("connection lost")

    async def close(self) -> None:
        self.lose()
        self._task.cancel()


class Stage:
    """One collector after another on the same folder and clock."""

    def __init__(
        self,
        root: Path,
        *,
        start: str | None = None,
        korean: bool = False,
        parts: dict[str, Any] | None = None,
    ) -> None:
        self.root, self.korean, self.parts = root, korean, parts or {}
        self.clock = VirtualClock()
        self.clock.ns = START_NS if start is None else parse_iso(start)
        self.machine = SlowMachine(self.clock)
        self.up = self.answers = True
        self.opens: bool | None = None
        """What the provider says of each day."""
        self.days_asked: list[int] = []
        self.busiest: tuple[str, ...] = ("KRW-A", "KRW-B", "KRW-C")
        self.listed: tuple[str, ...] = self.busiest
        self.ranking: Callable[[int], list[Ranked]] | None = None
        self.ranked_by: list[str] = []
        self.load = Metrics(cpu_percent=10.0, disk_used_percent=10.0)
        self.wires: list[Wire] = []
        self._stop = asyncio.Event()
        self._run: asyncio.Task[Any] | None = None

    def volume(self, at_ns: int) -> float:
        """Of the day so far: one a second, from midnight UTC (which is 09:00 in Seoul), in whole trades."""
        return float(at_ns % DAY_NS // NS_PER_SECOND // TRADE_EVERY_SECONDS * TRADE_EVERY_SECONDS)

    async def connect(self, on_frame: Callable[[bytes, int], None]) -> Wire:
        if not self.up:
            raise Unreachable("nobody is there")
        self.wires.append(Wire(self, on_frame))
        return self.wires[-1]

    def open(self, **config: Any) -> Collector:
        """A collector that begins now."""
        self.collector = Collector(
            CollectConfig(data_dir=self.root, **{"markets": 2, "sample_hz": 0.5, "swing": False} | config),
            Market(self, self.korean),
            self.connect,
            disk=OsDisk(),
            clock=self.clock,
            machine=self.machine,
            rng=Random(1),
            measure=lambda: self.load,
            **self.parts,
        )
        self._stop = asyncio.Event()
        self._run = asyncio.create_task(self.collector.run(self._stop))
        return self.collector

    async def run(self, seconds: float) -> None:
        await self.clock.run(seconds)
        if self._run is not None and self._run.done():
            self._run.result()

    async def run_to(self, moment: str) -> None:
        await self.run((parse_iso(moment) - self.clock.ns) / NS_PER_SECOND)

    async def fail(self, seconds: float) -> None:
        """The line is lost, and nobody answers for so long."""
        self.up = False
        self.wires[-1].lose()
        await self.run(seconds)
        self.up = True

    async def say(self, action: Action, symbol: str, *, by: str = "desk", why: str = "") -> dict[str, Any]:
        """The operator's word, and a second for the provider to be asked about the symbol."""
        word = asyncio.create_task(self.collector.override(action, symbol, by=by, why=why))
        await self.clock.run(1)
        assert word.done()
        return word.result()

    async def close(self) -> None:
        """End cleanly."""
        assert self._run is not None
        self._stop.set()
        while not self._run.done():
            await self.clock.run(0.1)
            await asyncio.sleep(0.001)
        await self._run

    def events(self, kind: str) -> list[dict[str, Any]]:
        self.collector.writer.flush()
        return [event for event in read(self.root, "system/events") if event["event_type"] == kind]

    def conditions(self, day: date | None = None) -> list[str]:
        """What made days (or ``day``) anomalous, in order."""
        details = [event["detail"] for event in self.events("anomalous_day")]
        return [one["condition"] for one in details if day is None or one["day"] == day.isoformat()]
