"""A day's units one after the other; while one is stored, the next is read.

A database's server works in another process, and reading is mostly work of libraries that let other threads
go on: so a thread that is one unit ahead saves the time that reading takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from msgspec import Struct

from sise.journal.blocks import Block, count_of, first_lines
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.reading import DayReader
from sise.warehouse.etl.unitread import UnitRead, read_unit


class Unit(Struct):
    """Lines of a day's scalp track, and what they say."""

    blocks: list[Block]
    read: UnitRead
    old: bool
    """Whether an earlier run has loaded them."""


class UnitsAhead:
    """The units of a reader, of at most ``rows`` lines; a unit is the same until it is :meth:`done`."""

    def __init__(self, reader: DayReader, day: MarketDay, cursors: Mapping[str, int], rows: int) -> None:
        """``cursors``: how many lines of each partition an earlier run has loaded."""
        self._reader, self._day, self._cursors, self._rows = reader, day, cursors, rows
        self._blocks: list[Block] = []
        self._unit: Unit | None = None
        self._ahead: Future[Unit | None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="etl-ahead")

    def take(self) -> Unit | None:
        """The next unit; ``None`` where the journal has no more lines for now. Raises what reading raises."""
        if self._unit is None:
            ahead, self._ahead = self._ahead, None
            self._unit = ahead.result() if ahead is not None else self._read()
            if self._unit is not None and count_of(self._unit.blocks) == self._rows:
                self._ahead = self._thread.submit(self._read)
        return self._unit

    def done(self) -> None:
        """The unit that was taken is stored."""
        self._unit = None

    def close(self) -> None:
        """Wait for what is being read, and let it go."""
        self._thread.shutdown()

    def _read(self) -> Unit | None:
        wanted = self._rows - count_of(self._blocks)
        if wanted > 0:
            self._blocks += self._reader.scalp(wanted)
        if not self._blocks:
            return None
        old = self._old_lines()
        blocks, self._blocks = first_lines(self._blocks, min(old or self._rows, self._rows))
        return Unit(blocks, read_unit(blocks, self._day), old > 0)

    def _old_lines(self) -> int:
        """How many of the first lines are before their partition's cursor."""
        count = 0
        for block in self._blocks:
            old = min(max(self._cursors.get(block.path, 0) - block.first + 1, 0), len(block))
            count += old
            if old < len(block):
                break
        return count
