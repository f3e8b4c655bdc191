"""A unit's lines as ticks: the ordinary ones all at once, every other one by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import polars as pl
from msgspec import Struct

from sise.journal.blocks import Block
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.ordinary import ordinary
from sise.warehouse.etl.tickframe import frame_of
from sise.warehouse.etl.ticks import Reject, read_ticks

FEW_LINES: Final = 300
"""So few are read sooner one by one."""


class UnitRead(Struct):
    """What came of lines: ``lines = ticks + rejects + others``."""

    ticks: pl.DataFrame
    """See :data:`~sise.warehouse.etl.tickframe.SCHEMA`."""
    rejects: list[Reject]
    others: int


def read_unit(blocks: Sequence[Block], day: MarketDay) -> UnitRead:
    """The ticks among lines of a day's scalp track, in their order."""
    bodies = list(chain.from_iterable(block.bodies for block in blocks))
    if len(bodies) < FEW_LINES:
        return _one_by_one(blocks, range(len(bodies)), day)
    found = _with_places(ordinary(bodies, day), blocks)
    if len(found) == len(bodies):
        return UnitRead(found, [], 0)
    taken = set(found["at"])
    rest = _one_by_one(blocks, [at for at in range(len(bodies)) if at not in taken], day)
    return UnitRead(pl.concat([found, rest.ticks]).sort("at"), rest.rejects, rest.others)


def _with_places(found: pl.DataFrame, blocks: Sequence[Block]) -> pl.DataFrame:
    """With the path and line of each position."""
    path = pl.concat([pl.repeat(block.path, len(block), eager=True) for block in blocks])
    line = pl.concat(
        [pl.int_range(block.first, block.last + 1, dtype=pl.Int64, eager=True) for block in blocks]
    )
    return found.with_columns(path=path.gather(found["at"]), line=line.gather(found["at"]))


def _one_by_one(blocks: Sequence[Block], which: Sequence[int], day: MarketDay) -> UnitRead:
    lines = list(chain.from_iterable(block.lines() for block in blocks))
    read = read_ticks([lines[at] for at in which], day)
    at_of = {lines[at].ref: at for at in which}
    frame = frame_of(read.ticks, [at_of[tick.ref] for tick in read.ticks])
    return UnitRead(frame, read.rejects, read.others)
