"""The members of many lines, one after the other: each loop reads the same member of every line.

``at`` is the place in the text where each line has been read to; -1 where the line turned out to be of
another form. ``ends`` is the place behind each line's last member: what stands there (a checksum and a
newline) is longer than a word, so that a word may be read at every place of a member; and digits and texts
end there at the latest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sise.journal.line import CRC_TAIL_BYTES
from sise.warehouse.compiled import compiled
from sise.warehouse.etl.linevalues import (
    QUOTE,
    after_text,
    read_counts,
    read_numbers,
    read_times,
    same,
)
from sise.warehouse.etl.textpool import UNKNOWN, Pool, number_of
from sise.warehouse.etl.tickarrays import (
    FIRST_FLAG,
    FLAGS,
    FRAMES,
    LINE,
    MITIGATION,
    NOTES,
    OUR_SCHEMA,
    PATH,
    RANK,
    SCHEMA,
    SESSION,
    SIDE,
    VENUE,
    TickArrays,
)

TIME, TEXT, FLAG, TRADE_ID, COUNT, NUMBER, MAYBE, END = range(8)
"""What a member's value is: a time of ours, a text, a quality flag, a text that is different in every line, a
count, a number, a number or null; and the end of the line."""


class Form(NamedTuple):
    """What the lines of one kind are made of: a literal and a value, in turns, and a literal."""

    literals: Any
    """One behind the other, eight bytes to a word."""
    masks: Any
    """Which bytes of a word count."""
    parts: Any
    """Of each literal its first word, the one behind its last, and its bytes; what the value after it is, and
    the column that it goes to."""


class Forms(NamedTuple):
    """A kind's lines: how they begin, the times, what most lines have in common, and the rest."""

    head: Form
    times: Form
    shared: Form
    rest: Form


class Place(NamedTuple):
    """Where lines stand."""

    at: int
    """The first one's position in the unit."""
    path: int
    """The number of their partition's path."""
    line: int
    """The first one's number there."""
    body: int
    """Which of the unit's bodies they are."""


@compiled
def read_lines(
    text: Any, words: Any, newlines: Any, place: Place, kinds: Any, rows: TickArrays, taken: Any, pool: Pool
) -> None:
    """Read the lines of a text that are of one of the ``kinds`` (``Forms`` of each) into their ``rows``.

    ``newlines`` are the places of all; ``taken`` (a mask) gets which lines are of the form. One call for all:
    each that lets other threads go on waits for Python's lock when it ends.
    """
    ends = newlines - CRC_TAIL_BYTES
    at, flags = np.empty(len(ends), np.int64), np.zeros(len(ends), np.int32)
    _begin(rows, place)
    taken[:] = False
    left = len(ends)
    for kind in range(len(kinds)):
        if left == 0:
            break
        for line in range(len(at)):
            at[line] = -1 if taken[line] else newlines[line - 1] + 1 if line else 0
        _read_kind(text, words, at, ends, kinds[kind], rows, pool, flags, kind)
        for line in range(len(at)):
            rank = flags[line] - FIRST_FLAG
            if at[line] == ends[line] and 0 <= rank < len(FLAGS):
                taken[line], rows.counts[line, RANK] = True, rank
                left -= 1


@compiled
def _begin(rows: TickArrays, place: Place) -> None:
    """What is known of lines before any member is read."""
    for line in range(len(rows.kind)):
        rows.at[line] = place.at + line
        rows.counts[line, LINE], rows.counts[line, FRAMES] = place.line + line, 0
        rows.texts[line, SCHEMA], rows.texts[line, PATH] = OUR_SCHEMA, place.path
        rows.texts[line, SIDE] = rows.texts[line, NOTES] = UNKNOWN
        rows.trade_id[line, 0], rows.trade_id[line, 1], rows.trade_id[line, 2] = place.body, 0, 0
        for column in range(rows.numbers.shape[1]):
            rows.numbers[line, column] = np.nan


@compiled
def _read_kind(
    text: Any,
    words: Any,
    at: Any,
    ends: Any,
    forms: Forms,
    rows: TickArrays,
    pool: Pool,
    flags: Any,
    kind: int,
) -> None:
    """Read lines of a kind; ``flags`` gets the numbers of their quality flags' texts."""
    _read_parts(text, words, at, ends, forms.head, rows, pool, flags)
    model = len(at)
    for line in range(len(at) - 1, -1, -1):
        if at[line] >= 0:
            rows.kind[line], model = kind, line
    _read_parts(text, words, at, ends, forms.times, rows, pool, flags)
    if model < len(at) and at[model] >= 0:
        begin, one = at[model], slice(model, model + 1)
        mine = _rows_of(rows, one)
        _read_parts(text, words, at[one], ends[one], forms.shared, mine, pool, flags[one])
        others = _pass_repeated(words, at, ends, model, begin, rows, flags)
        _read_parts(text, words, others, ends, forms.shared, rows, pool, flags)
        for line in range(len(at)):
            at[line] = max(at[line], others[line])
    _read_parts(text, words, at, ends, forms.rest, rows, pool, flags)


@compiled
def _rows_of(rows: TickArrays, lines: slice) -> TickArrays:
    return TickArrays(
        rows.at[lines],
        rows.kind[lines],
        rows.times[lines],
        rows.texts[lines],
        rows.counts[lines],
        rows.numbers[lines],
        rows.trade_id[lines],
    )


@compiled
def _read_parts(
    text: Any, words: Any, at: Any, ends: Any, form: Form, rows: TickArrays, pool: Pool, flags: Any
) -> None:
    for number in range(len(form.parts)):
        first, last, length, value, column = form.parts[number]
        _pass_literal(words, at, ends, form.literals[first:last], form.masks[first:last], length)
        if value == TIME:
            read_times(text, words, at, ends, rows.times[:, column])
        elif value == TEXT:
            _read_texts(text, words, at, ends, rows.texts[:, column], pool)
        elif value == FLAG:
            _read_texts(text, words, at, ends, flags, pool)
        elif value == TRADE_ID:
            _pass_texts(text, at, rows.trade_id)
        elif value == COUNT:
            read_counts(text, at, rows.counts[:, column])
        elif value in (NUMBER, MAYBE):
            read_numbers(text, words, at, rows.numbers[:, column], value == MAYBE)


@compiled
def _pass_repeated(
    words: Any, at: Any, ends: Any, model: int, begin: int, rows: TickArrays, flags: Any
) -> Any:
    """Pass, in other lines, what stands in the ``model`` from ``begin`` to where that has been read.

    Lines that repeat it say the same. The answer are the places of the others, still to be read; else -1.
    """
    length = at[model] - begin
    rest = np.full(len(at), -1, np.int64)
    for line in range(model + 1, len(at)):
        here = at[line]
        if here < 0:
            continue
        if length < 0 or here + length > ends[line] or not same(words, here, begin, length):
            rest[line], at[line] = here, -1
            continue
        at[line] = here + length
        for column in (SESSION, VENUE):
            rows.texts[line, column] = rows.texts[model, column]
        rows.counts[line, MITIGATION] = rows.counts[model, MITIGATION]
        flags[line] = flags[model]
    return rest


@compiled
def _pass_literal(words: Any, at: Any, ends: Any, literal: Any, masks: Any, length: int) -> None:
    """Pass a literal: its words, and which of their bytes count."""
    for line in range(len(at)):
        here = at[line]
        if here < 0:
            continue
        unlike = np.uint64(0)
        if here + length <= ends[line]:
            for number in range(len(literal)):
                unlike |= (words[here + 8 * number] ^ literal[number]) & masks[number]
        else:
            unlike = np.uint64(1)
        at[line] = here + length if unlike == 0 else -1


@compiled
def _read_texts(text: Any, words: Any, at: Any, ends: Any, numbers: Any, pool: Pool) -> None:
    """Read plain texts; ``numbers`` gets theirs of the ``pool``."""
    number, last, length = UNKNOWN, 0, 0
    for line in range(len(at)):
        here = at[line]
        if here < 0:
            continue
        end = here + length
        if number and end < ends[line] and text[end] == QUOTE and same(words, here, last, length):
            numbers[line], at[line] = number, end  # often the same as in the line before
            continue
        end = after_text(text, here)
        if end < 0:
            at[line] = -1
            continue
        last, length = here, end - here
        number = number_of(words, here, length, pool)
        numbers[line], at[line] = number, (end if number else -1)


@compiled
def _pass_texts(text: Any, at: Any, where: Any) -> None:
    """Pass plain texts that are different in every line; ``where`` gets place and length, after its first."""
    for line in range(len(at)):
        here = at[line]
        if here >= 0:
            at[line] = after_text(text, here)
            where[line, 1], where[line, 2] = here, at[line] - here
