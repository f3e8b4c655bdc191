"""Lines in the form that our journal is written in, as ticks: thousands at once, none decoded by itself.

A line is taken here only where its text is proven to be the one form: every member of the record in the order
in which records are written, without blanks, and its value as JSON writes a text without escapes, a time of
ours, or a number that a double holds exactly as its digits over a power of ten. So what the text says is what
a decoder would say. Every other line is left to :mod:`sise.warehouse.etl.ticks`, which looks at each by
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from sise.journal.blocks import Block
from sise.model.records import SCHEMA_VERSION
from sise.warehouse.etl import tickarrays as ta
from sise.warehouse.etl.checksums import line_ends
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.linescan import (
    COUNT,
    END,
    FLAG,
    MAYBE,
    NUMBER,
    TEXT,
    TIME,
    TRADE_ID,
    Form,
    Forms,
    Place,
    read_lines,
)
from sise.warehouse.etl.textpool import TextPool, words_of
from sise.warehouse.etl.tickarrays import KINDS, SAMPLE, TRADE, TickArrays

_Member = tuple[str, int, int]
"""Its name, what its value is, and the column that it goes to."""

_HEAD: Final[tuple[_Member, ...]] = (
    *(("event_time", TIME, ta.EVENT), ("receive_time", TIME, ta.RECEIVE), ("session_id", TEXT, ta.SESSION)),
    *(("mitigation_level", COUNT, ta.MITIGATION), ("quality_flag", FLAG, 0)),
    *(("venue", TEXT, ta.VENUE), ("symbol", TEXT, ta.SYMBOL), ("frame", COUNT, ta.FRAME)),
)
_TRADE: Final[tuple[_Member, ...]] = (
    *(*_HEAD, ("price", NUMBER, ta.LAST_PRICE), ("size", NUMBER, ta.VOLUME), ("side", TEXT, ta.SIDE)),
    ("trade_id", TRADE_ID, 0),
)
_SAMPLE: Final[tuple[_Member, ...]] = (
    *(*_HEAD, ("bid_price", MAYBE, ta.BID_PRICE), ("ask_price", MAYBE, ta.ASK_PRICE)),
    *(("bid_size", MAYBE, ta.BID_SIZE), ("ask_size", MAYBE, ta.ASK_SIZE)),
    *(("last_price", MAYBE, ta.LAST_PRICE), ("volume", MAYBE, ta.DAY_VOLUME)),
    *(("prev_close", MAYBE, ta.PREV_CLOSE), ("frames", COUNT, ta.FRAMES)),
)
"""In the order in which they are written; a record with notes has one more, and is left to the other way."""
_SHARED_FROM: Final = len(ta.TIMES)
_SHARED_END: Final = [name for name, _, _ in _HEAD].index("symbol")
_QUOTED: Final = frozenset((TIME, TEXT, FLAG, TRADE_ID))
_WORD_BYTES: Final = 8
_MORE_TEXTS: Final = 8
"""Than lines: where there are still more, the lines that say them are looked at one by one."""


def read_ordinary(
    block: Block, number: int, day: MarketDay, rows: TickArrays, at: int, taken: Any, texts: TextPool
) -> None:
    """Read the lines of a unit's block that are in the ordinary form; ``taken`` (a mask) gets which they are.

    ``rows`` and ``taken`` are the unit's, and have a place for each line, the block's from ``at`` on;
    ``number`` is the block's position among the unit's. ``texts`` gets the texts of the lines.
    """
    newlines = line_ends(block.text)  # again, as that brings the text into this processor's caches
    texts.make_room(len(newlines) + _MORE_TEXTS)
    place = Place(at, texts.number_of(block.path), block.first, number)
    read_lines(
        *(np.frombuffer(block.text, np.uint8), words_of(block.text), newlines, place, _kinds(day)),
        *(rows.where(slice(at, at + len(block))), taken[at : at + len(block)], texts.pool),
    )
    texts.learn()


@lru_cache(maxsize=16)
def _kinds(day: MarketDay) -> tuple[Forms, ...]:
    return _forms(TRADE, day), _forms(SAMPLE, day)


def _forms(kind: int, day: MarketDay) -> Forms:
    before = f',"schema_version":"{SCHEMA_VERSION}"'
    pieces: list[tuple[str, int, int]] = []
    for name, value, column in _TRADE if kind == TRADE else _SAMPLE:
        if name == "venue":  # a folder is of one provider's market
            before += f',"provider":"{day.provider}","market":"{day.market}"'
        quote = '"' if value in _QUOTED else ""
        pieces.append((f'{before},"{name}":{quote}', value, column))
        before = quote
    pieces.append((before, END, 0))
    return Forms(
        _form([(f'{{"kind":"{KINDS[kind]}"', END, 0)]),
        _form(pieces[:_SHARED_FROM]),
        _form(pieces[_SHARED_FROM:_SHARED_END]),
        _form(pieces[_SHARED_END:]),
    )


def _form(pieces: Sequence[tuple[str, int, int]]) -> Form:
    literals, masks, parts, first = [], [], [], 0
    for text, value, column in pieces:
        words, mask, length = _literal(text)
        literals.append(words)
        masks.append(mask)
        parts.append((first, first + len(words), length, value, column))
        first += len(words)
    return Form(np.concatenate(literals), np.concatenate(masks), np.array(parts, np.int64))


def _literal(text: str) -> tuple[Any, Any, int]:
    """Its words, the bytes of them that count, and its length."""
    body = text.encode()
    size = -(-len(body) // _WORD_BYTES) * _WORD_BYTES
    masks = (b"\xff" * len(body)).ljust(size, b"\0")
    return np.frombuffer(body.ljust(size, b"\0"), "<u8"), np.frombuffer(masks, "<u8"), len(body)
