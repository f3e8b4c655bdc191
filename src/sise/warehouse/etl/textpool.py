"""The texts of a day's lines, each kept once and named by its number: an intern pool.

Compiled loops look a text up by its bytes, and add it where it is new, without Python's lock; Python decodes
each once. A number once given stays the text's own, so that what was found for it holds for later units too.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from sise.warehouse.compiled import compiled

UNKNOWN: Final = 0
"""The number of ``None``."""
_WORD_BYTES: Final = 8
_TEXTS: Final = 1 << 8
"""Room at the beginning; it grows by doubling."""
_TEXT_WORDS: Final = 4
"""Room for each text; many longer ones need the pool to grow sooner."""
_BUCKETS: Final = 4
"""For each text."""
_MIX: Final = 0x9E3779B97F4A7C15
_MIX_BITS: Final = 32
_FIRST_BYTES: Final = np.array([(1 << 8 * count) - 1 for count in range(_WORD_BYTES)], np.uint64)
"""Masks of a word's first bytes, by their number."""


class Pool(NamedTuple):
    """What compiled loops have of the pool."""

    words: Any
    """The texts' bytes (uint64), each text from a new word on, the rest of its last one zero."""
    places: Any
    """Of each number (a row) its first word and its length in bytes."""
    buckets: Any
    """Numbers by hash, a power of two of them; 0: none."""
    used: Any
    """How many numbers, and how many words."""


class TextPool:
    """Texts by number. One thread adds at a time; any may read what it was given."""

    def __init__(self, *first: str) -> None:
        """``first`` get the numbers from 1 on."""
        self.pool = _empty(_TEXTS, _TEXTS * _TEXT_WORDS)
        self._texts: list[str | None] = [None]
        self._numbers: dict[str | None, int] = {None: UNKNOWN}
        for text in first:
            self.number_of(text)

    def __len__(self) -> int:
        return len(self._texts)

    def all(self) -> list[str | None]:
        """All so far, by number."""
        return self._texts.copy()

    def number_of(self, text: str | None) -> int:
        """The number of a text, which is added where it is new."""
        if text not in self._numbers:
            body = text.encode() if text else b""
            self.make_room(1, len(body) // _WORD_BYTES + 1)
            number_of(words_of(body + bytes(_WORD_BYTES)), 0, len(body), self.pool)
            self.learn()
        return self._numbers[text]

    def make_room(self, texts: int, words: int = 0) -> None:
        """For so many more texts at least."""
        pool = self.pool
        texts += int(pool.used[0])
        words = max(words, texts * _TEXT_WORDS // 2) + int(pool.used[1])
        if texts > len(pool.places) or words > len(pool.words):
            self.pool = _empty(2 * texts, 2 * words)
            _add_all(words_of(pool.words.tobytes() + bytes(_WORD_BYTES)), pool, self.pool)

    def learn(self) -> None:
        """Decode what compiled loops have added."""
        pool, known = self.pool, len(self._texts)
        if pool.used[0] > known:
            for word, length in pool.places[known : pool.used[0]].tolist():
                body = pool.words[word : word + length // _WORD_BYTES + 1].tobytes()
                self._texts.append(body[:length].decode())
                self._numbers[self._texts[-1]] = len(self._texts) - 1


def words_of(text: bytes) -> Any:
    """At each place of a text the eight bytes from there on; the last seven places have none."""
    return np.ndarray((len(text) - _WORD_BYTES + 1,), np.dtype("<u8"), text, strides=(1,))


def _empty(texts: int, words: int) -> Pool:
    buckets = np.zeros(_BUCKETS << texts.bit_length(), np.int32)
    places = np.zeros((texts, 2), np.int64)
    return Pool(np.zeros(words, np.uint64), places, buckets, np.array([1, 0], np.int64))


@compiled
def number_of(words: Any, at: int, length: int, pool: Pool) -> Any:
    """The number of the text at a place, which is added where it is new; ``UNKNOWN``: there is no room."""
    bucket = _hash(words, at, length) & (len(pool.buckets) - 1)
    number = pool.buckets[bucket]
    while number and not _is(words, at, length, pool, number):
        bucket = (bucket + 1) & (len(pool.buckets) - 1)
        number = pool.buckets[bucket]
    if number:
        return number
    number, first, size = pool.used[0], pool.used[1], length // _WORD_BYTES + 1
    if number >= len(pool.places) or first + size > len(pool.words):
        return UNKNOWN
    for word in range(size - 1):
        pool.words[first + word] = words[at + _WORD_BYTES * word]
    rest = length % _WORD_BYTES
    pool.words[first + size - 1] = words[at + length - rest] & _FIRST_BYTES[rest]
    pool.places[number, 0], pool.places[number, 1] = first, length
    pool.buckets[bucket] = number
    pool.used[0], pool.used[1] = number + 1, first + size
    return number


@compiled
def _add_all(words: Any, old: Pool, new: Pool) -> None:
    for number in range(1, old.used[0]):
        number_of(words, _WORD_BYTES * old.places[number, 0], old.places[number, 1], new)


@compiled
def _is(words: Any, at: int, length: int, pool: Pool, number: int) -> Any:
    first = pool.places[number, 0]
    if pool.places[number, 1] != length:
        return False
    unlike, last = np.uint64(0), length // _WORD_BYTES
    for word in range(last):
        unlike |= words[at + _WORD_BYTES * word] ^ pool.words[first + word]
    rest = length % _WORD_BYTES
    if rest:
        unlike |= (words[at + length - rest] & _FIRST_BYTES[rest]) ^ pool.words[first + last]
    return unlike == 0


@compiled
def _hash(words: Any, at: int, length: int) -> Any:
    found, rest = np.uint64(length), length % _WORD_BYTES
    for place in range(at, at + length - rest, _WORD_BYTES):
        found = _mixed(found ^ words[place])
    return np.int64(_mixed(_mixed(found ^ (words[at + length - rest] & _FIRST_BYTES[rest]))) >> np.uint64(1))


@compiled
def _mixed(number: Any) -> Any:
    """A product's high bits hang on all bits of the number; its low ones are asked for."""
    product = number * np.uint64(_MIX)
    return product ^ (product >> np.uint64(_MIX_BITS))
