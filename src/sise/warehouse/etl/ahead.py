"""A day's units one after the other; while one is stored, the next ones are read and looked at.

A database's server works in another process, and reading and looking at lines are mostly work that lets other
threads go on: so two threads, each a unit ahead of the next, save most of the time that they take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from typing import Final

from msgspec import Struct

from sise.journal.blocks import Block, count_of, first_lines
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.reading import DayReader
from sise.warehouse.etl.tickarrays import text_pool
from sise.warehouse.etl.unitread import UnitRead, read_unit

UNITS_AHEAD: Final = 2


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
        self._texts = text_pool()
        self._blocks: list[Block] = []
        self._more = False
        """Whether there was more to read than a unit takes."""
        self._unit: Unit | None = None
        self._ahead: deque[Future[Unit | None]] = deque()
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="etl-reading")
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="etl-looking")

    def take(self) -> Unit | None:
        """The next unit; ``None`` where the journal has no more lines for now. Raises what reading raises."""
        if self._unit is None:
            while self._ahead and self._unit is None:  # nothing then may be something now
                self._unit = self._ahead.popleft().result()
            if self._unit is None:
                self._unit = self._begin().result()
            while self._more and len(self._ahead) < UNITS_AHEAD:
                self._ahead.append(self._begin())
        return self._unit

    def done(self) -> None:
        """The unit that was taken is stored."""
        self._unit = None

    def close(self) -> None:
        """Wait for what is being read, and let it go."""
        self._reading.shutdown()
        self._looking.shutdown()

    def _begin(self) -> Future[Unit | None]:
        return self._looking.submit(self._look, self._reading.submit(self._read))

    def _read(self) -> tuple[list[Block], bool]:
        """The next unit's lines, and whether they are old."""
        wanted = self._rows - count_of(self._blocks)
        if wanted > 0:
            self._blocks += self._reader.scalp(wanted)
        self._more = count_of(self._blocks) >= self._rows
        old = min(self._old_lines(), self._rows)
        blocks, self._blocks = first_lines(self._blocks, old or self._whole_blocks())
        return blocks, old > 0

    def _look(self, lines: Future[tuple[list[Block], bool]]) -> Unit | None:
        blocks, old = lines.result()
        return Unit(blocks, read_unit(blocks, self._day, self._texts), old) if blocks else None

    def _whole_blocks(self) -> int:
        """The lines of as many whole blocks as a unit takes; of a larger one a part."""
        lines = accumulate(map(len, self._blocks))
        return max((count for count in lines if count <= self._rows), default=self._rows)

    def _old_lines(self) -> int:
        """How many of the first lines are before their partition's cursor."""
        count = 0
        for block in self._blocks:
            old = min(max(self._cursors.get(block.path, 0) - block.first + 1, 0), len(block))
            count += old
            if old < len(block):
                break
        return count
