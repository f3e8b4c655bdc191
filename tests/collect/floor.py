"""A trading floor: a session with real files, its steering, and an exchange that confirms when it may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sise.collect.session import Session
from sise.collect.slotplan import SlotLimits
from sise.collect.steering import Steering
from sise.collect.streams import streams_of
from sise.journal.disk import Disk, OsDisk
from sise.journal.writer import JournalWriter
from sise.model.events import Instrument, Quote, Snapshot
from sise.model.time import NS_PER_SECOND
from sise.providers.upbit.provider import Upbit
from tests.collect.venue import book, trade
from tests.collect.virtual import VirtualClock

TICK_SECONDS = 0.5
SWEEP_SECONDS = 600
LIMITS = {"least_hold_seconds": 120.0, "score_margin": 0.1, "score_min": 0.5, "memory_seconds": 900.0}
"""Where a test does not say otherwise."""


def read(root: Path, folder: str) -> list[dict[str, Any]]:
    """What stands in the files under ``folder``."""
    paths = sorted((root / folder).rglob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


class Exchange:
    """Carries at most ``limit`` symbols; ``obeys`` False: an end that is asked for is not confirmed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.wanted: tuple[str, ...] = ()
        self.held: list[str] = []
        self.refused: dict[str, str] = {}
        self.unknown: set[str] = set()
        self.obeys = True

    @property
    def carried(self) -> tuple[str, ...]:
        return tuple(self.held)

    def watch(self, symbols: Any) -> None:
        self.wanted = tuple(symbols)
        asked = set(self.wanted) | set(self.held)
        assert len(asked) <= self.limit, f"{len(asked)} registered or asked for, of {self.limit}"

    def turn(self) -> None:
        """What lies between two samples: ends are confirmed, then registrations."""
        if self.obeys:
            self.held = [symbol for symbol in self.held if symbol in self.wanted]
        self.refused = {symbol: "unknown" for symbol in self.wanted if symbol in self.unknown}
        new = [symbol for symbol in self.wanted if symbol not in self.held and symbol not in self.unknown]
        self.held += new[: self.limit - len(self.held)]


class Floor:
    """``tick`` is half a second: frames of every carried symbol, a sample, and a step of the steering."""

    def __init__(self, root: Path, *busiest: str, slots: int, disk: Disk | None = None, **how: Any) -> None:
        self.root, self.clock = root, VirtualClock()
        self.writer = self.write_to(disk or OsDisk())
        self.session = Session(root, Upbit(), self.writer, self.clock)
        self.exchange = Exchange(slots)
        self.steering = Steering(
            self.session,
            self.exchange,
            self.writer,
            limits=SlotLimits(slots, **(LIMITS | how.pop("limits", {}))),
            **how,
        )
        self.volumes: dict[str, float] = {}
        self.trades = 0
        self.asked: set[str] = set()
        """Trades that came while their symbol had a slot: each must be recorded."""
        self.session.begin()
        self.steering.begin([Instrument(symbol) for symbol in busiest], self.clock.ns)

    def write_to(self, disk: Disk) -> JournalWriter:
        return JournalWriter(
            self.root,
            streams_of("upbit", "crypto"),
            disk=disk,
            clock=self.clock,
        )

    def hear(self, symbol: str, number: int | None = None) -> None:
        """A book and a trade of ``symbol``; ``number``: a trade that was told before."""
        self.trades += number is None
        if symbol in self.session.slots:
            self.asked.add(str(number or self.trades))
        ms, now = self.clock.ns // 1_000_000, self.clock.ns
        self.session.observer.on_frame(book(symbol, ms=ms), now)
        self.session.observer.on_frame(trade(symbol, number or self.trades, ms=ms), now)

    def tick(self, seconds: float = TICK_SECONDS) -> None:
        for _ in range(round(seconds / TICK_SECONDS)):
            self.clock.ns += round(TICK_SECONDS * NS_PER_SECOND)
            for symbol in self.exchange.held:
                self.hear(symbol)
            self.exchange.turn()
            self.session.observer.sample(self.clock.ns, self.clock.ns)
            self.session.checkpoint_if_due(self.clock.ns)
            self.steering.step(self.clock.ns)

    def sweep(self, symbol: str, volume: float, price: float = 1_000.0, at_ns: int | None = None) -> None:
        """``symbol`` is swept; since the sweep before it traded ``volume``."""
        at = self.clock.ns if at_ns is None else at_ns
        self.volumes[symbol] = self.volumes.get(symbol, 0.0) + volume
        snapshot = Snapshot(symbol, at, price, volume=self.volumes[symbol])
        self.steering.on_quote(Quote(symbol=symbol, snapshot=snapshot, halted=False), at)

    def surge(self, symbol: str, times: float) -> None:
        """``symbol`` was as usual for most of an hour, and now trades ``times`` as much."""
        for back in range(5, 0, -1):
            self.sweep(symbol, 100_000.0, at_ns=self.clock.ns - back * SWEEP_SECONDS * NS_PER_SECOND)
        self.sweep(symbol, 100_000.0 * times)

    def lines(self, folder: str) -> list[dict[str, Any]]:
        """What stands in the files under ``folder``."""
        self.writer.flush()
        return read(self.root, folder)

    def changes(self) -> list[tuple[str, str]]:
        events = [e for e in self.lines("system/events") if e["event_type"] == "slot_change"]
        return [(event["detail"]["action"], event["detail"]["symbol"]) for event in events]

    def end(self) -> None:
        self.session.end(self.clock.ns)
        self.writer.close()
