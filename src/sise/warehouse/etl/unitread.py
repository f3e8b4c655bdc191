"""A unit's lines as ticks: the ordinary ones all at once, every other one by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from msgspec import Struct

from sise.journal.blocks import Block, count_of
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.ordinary import read_ordinary
from sise.warehouse.etl.textpool import TextPool
from sise.warehouse.etl.tickarrays import TickArrays, Ticks, joined, ticks_of
from sise.warehouse.etl.ticks import Reject, read_ticks


class UnitRead(Struct):
    """What came of lines: ``lines = ticks + rejects + others``."""

    ticks: Ticks
    rejects: list[Reject]
    others: int


def read_unit(blocks: Sequence[Block], day: MarketDay, texts: TextPool) -> UnitRead:
    """The ticks among lines of a day's scalp track, in their order; ``texts`` gets their texts."""
    count = count_of(blocks)
    rows, taken = TickArrays.empty(count), np.empty(count, np.bool_)
    begin = 0
    for number, block in enumerate(blocks):
        read_ordinary(block, number, day, rows, begin, taken, texts)
        begin += len(block)
    found = Ticks(rows, texts, [block.text for block in blocks])
    if taken.all():
        return UnitRead(found, [], 0)
    read = _one_by_one(blocks, np.flatnonzero(~taken).tolist(), day, texts)
    return UnitRead(joined([found.where(taken), read.ticks]), read.rejects, read.others)


def _one_by_one(blocks: Sequence[Block], which: Sequence[int], day: MarketDay, texts: TextPool) -> UnitRead:
    lines = list(chain.from_iterable(block.lines() for block in blocks))
    read = read_ticks([lines[at] for at in which], day)
    at_of = {lines[at].ref: at for at in which}
    ticks = ticks_of(read.ticks, [at_of[tick.ref] for tick in read.ticks], texts)
    return UnitRead(ticks, read.rejects, read.others)
