"""Reading a day's three tracks from the journal, from its beginning, past and live through the same code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.blocks import Block
from sise.journal.files import Line, PartitionFile, partitions, read_lines
from sise.journal.reader import Cursor, Follower
from sise.model.errors import BadInput
from sise.model.time import parse_iso
from sise.warehouse.etl.checksums import LineSums
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.hearing import SILENCE_NS
from sise.warehouse.etl.minutes import DayFold
from sise.warehouse.etl.sweeps import Sweeps

EVENTS_AT_ONCE: Final = 1_000


class DayReader:
    """The lines of one day that have not been given yet, track by track."""

    def __init__(self, root: Path, day: MarketDay) -> None:
        self._scalp = Follower(root, [day.folder("scalp")], count_sound=LineSums().count)
        self._swing = Follower(root, [day.folder("swing")])
        # The events of the next day may end a hole of this one.
        self._events = Follower(
            root,
            [f"system/events/{day.provider}"],
            start={f"system/events/{day.provider}": Cursor(day.events)},
        )
        self._last_events = day.beside(1).events
        self._events_over = False

    def scalp(self, max_lines: int) -> list[Block]:
        return self._scalp.poll_blocks(max_lines)

    def swing(self, max_lines: int) -> list[Line]:
        return self._swing.poll(max_lines)

    def events(self) -> list[Line]:
        """Of the day and of the one after it."""
        if self._events_over:
            return []
        lines = self._events.poll(EVENTS_AT_ONCE)
        wanted = [line for line in lines if line.ref.rpartition(":")[0] <= self._last_events]
        self._events_over = len(wanted) < len(lines)
        return wanted

    def damaged(self) -> int:
        """Lines passed over because their checksum is wrong; ``sise journal verify`` names them."""
        return self._scalp.damaged() + self._swing.damaged()

    def close(self) -> None:
        for follower in (self._scalp, self._swing, self._events):
            follower.close()


class _Meta(Struct):
    symbol: str
    receive_time: str


_meta_decoder: Final = msgspec.json.Decoder(_Meta)


def prove_over_midnight(root: Path, day: MarketDay, fold: DayFold) -> bool:
    """Let the lines next to both ends of the day prove what lies between; True where the next day has begun.

    Only where trading goes on over midnight: elsewhere nobody listens then.
    """
    if not day.never_shuts():
        return True
    before = partitions(root, [day.beside(-1).folder("scalp")])
    for meta_ns, symbol in _metas(root, before[-1:]):
        if meta_ns >= day.start_ns - SILENCE_NS:
            fold.prove(symbol, meta_ns)
    after = partitions(root, [day.beside(1).folder("scalp")])
    for meta_ns, symbol in _metas(root, after):
        if meta_ns > day.end_ns + SILENCE_NS:
            break
        fold.prove(symbol, meta_ns)
    return bool(after)


def sweeps_at_midnight(root: Path, day: MarketDay, sweeps: Sweeps) -> None:
    """The first sweep of the next day is the end of this one's last bar."""
    if not day.never_shuts():
        return
    for file in partitions(root, [day.beside(1).folder("swing")])[:1]:
        ahead = Sweeps(day)
        ahead.fold(read_lines(root, file))
        for key, seen in ahead.seen.items():
            if day.end_ns in seen:
                sweeps.seen.setdefault(key, {}).setdefault(day.end_ns, seen[day.end_ns])


def _metas(root: Path, files: list[PartitionFile]) -> Iterator[tuple[int, str]]:
    for file in files:
        for line in read_lines(root, file):
            try:
                meta = _meta_decoder.decode(line.body)
                yield parse_iso(meta.receive_time), meta.symbol
            except (msgspec.MsgspecError, BadInput):
                continue  # a reject of its own day
