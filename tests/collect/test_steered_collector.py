"""The collector steered: from the sweep of the universe to a slot on the line; and sampling under load."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Self

from sise.collect.collector import CollectConfig, Collector
from sise.collect.mitigate import HOLD_SECONDS, Metrics
from sise.journal.disk import OsDisk
from sise.journal.stat import stat
from sise.model.events import Instrument, Quote, Snapshot
from sise.model.time import NS_PER_SECOND, SystemClock, parse_iso
from sise.providers.contract import Answer, OnAnswer
from sise.providers.upbit.provider import Upbit
from tests.collect.floor import read
from tests.collect.venue import book, trade
from tests.collect.virtual import START_NS, VirtualClock

SURGE_AT_SECONDS = 3_550.0
UNIVERSE = ("KRW-A", "KRW-B", "KRW-C", "KRW-X")


class Questions:
    """A REST client in memory: KRW-X trades twenty times as much as before from a moment on."""

    quotes_per_request = 2
    rankings = ()

    def __init__(self, clock: VirtualClock, on_answer: OnAnswer) -> None:
        self._clock, self._on_answer = clock, on_answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def top_markets(self, count: int, quote: str = "KRW") -> list[Instrument]:
        return [Instrument(symbol) for symbol in UNIVERSE[:count]]

    async def listings(self) -> list[Instrument]:
        return [Instrument(symbol, name_ko=f"이름 {symbol}", value_24h=5e9) for symbol in UNIVERSE]

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        await self._clock.sleep(1)
        self._on_answer(Answer("/quotes", 200, b"{}", self._clock.now_ns()))
        return [Quote(symbol=symbol, snapshot=self._state(symbol)) for symbol in symbols]

    def _state(self, symbol: str) -> Snapshot:
        now = self._clock.now_ns()
        seconds = (now - START_NS) / NS_PER_SECOND
        extra = max(0.0, seconds - SURGE_AT_SECONDS) * 1e4 if symbol == "KRW-X" else 0.0
        return Snapshot(symbol, now, 1_000.0, volume=(seconds + extra) * 200)


class Small(Upbit):
    """Upbit with two places."""

    slots_max = 2

    def rest(self, clock: Any, on_answer: OnAnswer) -> Any:
        return Questions(clock, on_answer)


class Wire:
    """A socket that carries what it was last asked for."""

    def __init__(self, clock: VirtualClock, on_frame: Callable[[bytes, int], None]) -> None:
        self._clock, self._on_frame = clock, on_frame
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.codes: list[str] = []
        self.asked: list[list[str]] = []
        self._count = 0
        self._task = asyncio.create_task(self._pour())

    def send(self, text: str) -> None:
        self.codes = next(part["codes"] for part in json.loads(text) if "codes" in part)
        self.asked.append(self.codes)

    async def _pour(self) -> None:
        while True:
            now = self._clock.now_ns()
            for code in self.codes:
                self._count += 1
                self._on_frame(book(code, ms=now // 1_000_000), now)
                self._on_frame(trade(code, self._count, ms=now // 1_000_000), now)
            await self._clock.sleep(2)

    def ping(self) -> None: ...

    async def close(self) -> None:
        self._task.cancel()


async def collect(
    data: Path, seconds: float, *, load: Metrics, machine: VirtualClock | None = None, **how: Any
) -> tuple[Collector, list[Wire]]:
    """Record for ``seconds`` of the virtual clock (``machine``: the machine's clock too is virtual)."""
    clock = machine or VirtualClock()
    wires: list[Wire] = []

    async def connect(on_frame: Callable[[bytes, int], None]) -> Wire:
        wires.append(Wire(clock, on_frame))
        return wires[-1]

    collector = Collector(
        CollectConfig(data_dir=data, **how),
        Small(),
        connect,
        disk=OsDisk(),
        clock=clock,
        machine=machine or SystemClock(),
        rng=Random(1),
        measure=lambda: load,
    )
    stop = asyncio.Event()
    run = asyncio.create_task(collector.run(stop))
    await clock.run(seconds)
    stop.set()
    while not run.done():
        await clock.run(0.1)
        await asyncio.sleep(0.001)
    await run
    return collector, wires


def events(data: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read(data, "system/events") if event["event_type"] == kind]


async def test_a_surge_seen_by_a_sweep_gets_its_slot_within_a_steering_period(tmp_path: Path) -> None:
    collector, (wire,) = await collect(tmp_path, 3_630, load=Metrics(), markets=2)
    changes = events(tmp_path, "slot_change")
    assert [(each["detail"]["action"], each["detail"]["symbol"]) for each in changes] == [
        ("unregister", "KRW-B"),
        ("register", "KRW-X"),
    ]
    sweeps = events(tmp_path, "swing_sweep")
    waited = parse_iso(changes[1]["timestamp"]) - parse_iso(sweeps[-1]["detail"]["ended"])
    assert 0 < waited <= 11 * NS_PER_SECOND
    assert wire.asked == [["KRW-A", "KRW-B"], ["KRW-A"], ["KRW-A", "KRW-X"]]
    slots = collector.status()["slots"]
    assert slots["limit"] == 2
    assert [(each["symbol"], each["name_ko"]) for each in slots["held"]] == [
        ("KRW-A", ""),
        ("KRW-X", "이름 KRW-X"),
    ]
    assert slots["held"][1]["trigger"] == "volume_surge"
    assert {record["symbol"] for record in read(tmp_path, "scalp")} == {"KRW-A", "KRW-B", "KRW-X"}
    assert stat(tmp_path).balanced


async def test_the_only_slot_can_change_hands(tmp_path: Path) -> None:
    """In between nothing is wanted, for which Upbit has no text."""
    collector, (wire,) = await collect(tmp_path, 3_630, load=Metrics(), markets=1)
    assert wire.asked == [["KRW-A"], ["KRW-X"]]
    assert [each["symbol"] for each in collector.status()["slots"]["held"]] == ["KRW-X"]
    assert events(tmp_path, "gap_marker") == []
    assert stat(tmp_path).balanced


async def test_symbols_that_were_given_are_never_steered(tmp_path: Path) -> None:
    collector, (wire,) = await collect(tmp_path, 60, load=Metrics(), symbols=("KRW-B",))
    assert wire.asked == [["KRW-B"]]
    assert collector.status()["slots"]["limit"] == 1


async def test_under_load_samples_are_fewer_and_say_so(tmp_path: Path) -> None:
    load = Metrics(cpu_percent=95.0, memory_percent=10.0)
    end = HOLD_SECONDS + 60
    collector, _ = await collect(tmp_path, end, load=load, machine=VirtualClock(), markets=2, swing=False)
    (change,) = events(tmp_path, "mitigation")
    assert (change["detail"]["level_before"], change["detail"]["level_after"]) == (0, 2)
    assert change["detail"]["measure"] == "cpu_percent"
    changed = parse_iso(change["timestamp"])
    told = collector.status()["mitigation"]
    assert (told["level"], told["hz"], told["since"]) == (2, 0.5, change["timestamp"])
    assert told["reason"] == "cpu_percent is 95.0"
    records = [r for r in read(tmp_path, "scalp") if r["symbol"] == "KRW-A" and r["kind"] == "sample"]
    before = [parse_iso(r["event_time"]) for r in records if r["mitigation_level"] == 0]
    after = [parse_iso(r["event_time"]) for r in records if r["mitigation_level"] == 2]
    assert before[-1] <= changed <= after[0]
    assert {b - a for a, b in pairwise(before[10:])} == {NS_PER_SECOND // 2}
    assert {b - a for a, b in pairwise(after[1:-1])} == {2 * NS_PER_SECOND}
    trades = [r for r in read(tmp_path, "scalp") if r["kind"] == "trade"]
    assert len(trades) >= end, "no trade is thinned out"
    assert {r["quality_flag"] for r in records if r["mitigation_level"]} == {"degraded"}
    assert stat(tmp_path).balanced
