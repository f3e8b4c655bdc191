"""The members of many lines, one after the other: each loop reads the same member of every line.

``at`` is the place in the text where each line has been read to; -1 where the line turned out to be of
another form. ``ends`` is the place behind each line's last member: what stands there (a checksum and a
newline) is longer than a word, so that a word may be read at every place of a member; and digits and texts
end there at the latest.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from sise.warehouse.compiled import compiled
from sise.warehouse.etl.linevalues import (
    QUOTE,
    after_text,
    mixed,
    read_counts,
    read_numbers,
    read_times,
    same,
)
from sise.warehouse.etl.tickarrays import MITIGATION, TickArrays

TIME, TEXT, FLAG, TRADE_ID, COUNT, NUMBER, MAYBE, END = range(8)
"""What a member's value is: a time of ours, a text, a quality flag, a text that is different in every line, a
count, a number, a number or null; and the end of the line."""
_MORE_TEXTS: Final = 8
"""Than lines: where there are still more, the lines that say them are looked at one by one."""


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


class Said(NamedTuple):
    """The different texts of some lines."""

    places: Any
    """Where each begins, and its length; from the position 1 on."""
    count: Any
    """How many positions are taken."""
    buckets: Any
    """Positions by hash; 0: none."""
    flags: Any
    """Of each line the position of its quality flag."""

    @classmethod
    def nothing(cls, lines: int) -> Said:
        texts = lines + _MORE_TEXTS
        buckets = np.zeros(4 << texts.bit_length(), np.int32)
        return cls(np.empty((texts, 2), np.int64), np.ones(1, np.int64), buckets, np.zeros(lines, np.int32))


def words_of(text: bytes) -> Any:
    """At each place of a text the eight bytes from there on; the last seven places have none."""
    return np.ndarray((len(text) - 7,), np.dtype("<u8"), text, strides=(1,))


@compiled
def read_kind(
    text: Any,
    words: Any,
    at: Any,
    ends: Any,
    forms: Forms,
    rows: TickArrays,
    said: Said,
    kind: int,
    before: int,
) -> None:
    """Read lines of a kind into ``rows``, and their texts into ``said``, behind so many ``before``.

    One call for all: each that lets other threads go on waits for them when it ends.
    """
    _read_parts(text, words, at, ends, forms.head, rows, said, before)
    model = len(at)
    for line in range(len(at) - 1, -1, -1):
        if at[line] >= 0:
            rows.kind[line], model = kind, line
    _read_parts(text, words, at, ends, forms.times, rows, said, before)
    if model < len(at) and at[model] >= 0:
        begin, one = at[model], slice(model, model + 1)
        mine, said_here = _rows_of(rows, one), Said(said.places, said.count, said.buckets, said.flags[one])
        _read_parts(text, words, at[one], ends[one], forms.shared, mine, said_here, before)
        others = _pass_repeated(words, at, ends, model, begin, rows, said.flags)
        _read_parts(text, words, others, ends, forms.shared, rows, said, before)
        for line in range(len(at)):
            at[line] = max(at[line], others[line])
    _read_parts(text, words, at, ends, forms.rest, rows, said, before)


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
    text: Any, words: Any, at: Any, ends: Any, form: Form, rows: TickArrays, said: Said, before: int
) -> None:
    for number in range(len(form.parts)):
        first, last, length, value, column = form.parts[number]
        _pass_literal(words, at, ends, form.literals[first:last], form.masks[first:last], length)
        if value == TIME:
            read_times(text, words, at, ends, rows.times[:, column])
        elif value == TEXT:
            _read_texts(text, words, at, ends, rows.texts[:, column], said, before)
        elif value == FLAG:
            _read_texts(text, words, at, ends, said.flags, said, 0)
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
        for column in range(rows.texts.shape[1]):
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
def _read_texts(text: Any, words: Any, at: Any, ends: Any, codes: Any, said: Said, before: int) -> None:
    """Read plain texts; ``codes`` gets their positions, behind so many ``before``."""
    places, buckets, known = said.places, said.buckets, said.count[0]
    code, last, length = 0, 0, 0
    for line in range(len(at)):
        here = at[line]
        if here < 0:
            continue
        end = here + length
        if code and end < ends[line] and text[end] == QUOTE and same(words, here, last, length):
            codes[line], at[line] = before + code, end  # often the same as in the line before
            continue
        end = after_text(text, here)
        if end < 0:
            at[line] = -1
            continue
        length = end - here
        bucket = mixed(text, here, end) & (len(buckets) - 1)
        code = buckets[bucket]
        while code and not (places[code, 1] == length and same(words, here, places[code, 0], length)):
            bucket = (bucket + 1) & (len(buckets) - 1)
            code = buckets[bucket]
        if not code and known < len(places):
            places[known, 0], places[known, 1] = here, length
            code = buckets[bucket] = known
            known += 1
        codes[line], at[line], last = before + code, (end if code else -1), here
    said.count[0] = known


@compiled
def _pass_texts(text: Any, at: Any, where: Any) -> None:
    """Pass plain texts that are different in every line; ``where`` gets place and length, after its first."""
    for line in range(len(at)):
        here = at[line]
        if here >= 0:
            at[line] = after_text(text, here)
            where[line, 1], where[line, 2] = here, at[line] - here
