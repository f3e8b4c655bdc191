"""The checksums of thousands of lines at once, from one checksum of them all.

The CRC-32 of a text follows from those of its parts by a product (``crc32_combine`` of zlib). So the sums
that the lines state say what the sum of all of them must be, and that is taken in one go, by a library that
needs a tenth of the time for a long text. A change within one line is found as surely as by its own sum: what
it does to the sum of all is that times a factor that has an inverse. Changes in several lines of one read
pass with a chance of 2**-32.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from isal.isal_zlib import crc32

from sise.journal import line
from sise.journal.line import CRC_KEY, CRC_TAIL_BYTES
from sise.warehouse.compiled import compiled

HEAD_BYTES_MAX: Final = 4_096
"""Longer lines are looked at one by one."""
_POLYNOMIAL: Final = 0xEDB88320
_ONE: Final = 1 << 31
"""The bits of a sum are the coefficients of a polynomial, the highest one's being that of x**0."""
_X_8: Final = _ONE >> 8
_DIGITS: Final = b"0123456789abcdef"
_CRC_DIGITS: Final = 8
_KEY_BYTES: Final = len(CRC_KEY)
_NEWLINE: Final = ord("\n")
_BRACE: Final = ord("{")
_BYTES_AT_ONCE: Final = 64
_SHORT_LINE_BYTES: Final = 16
"""Where lines are shorter on the average, another way finds them."""


def _tail(place: int, digit: int) -> bytes:
    """The end of a line whose checksum is zero but for one digit."""
    digits = bytearray(_DIGITS[:1] * _CRC_DIGITS)
    digits[place] = _DIGITS[digit]
    return CRC_KEY + bytes(digits) + b'"}\n'


_TAIL: Final = np.frombuffer(_tail(0, 0), np.uint8)
_TAIL_SUM: Final = crc32(_tail(0, 0))
_DIGIT_SUMS: Final = np.array(
    [[crc32(_tail(place, digit)) ^ _TAIL_SUM for digit in range(16)] for place in range(_CRC_DIGITS)]
)
"""What each digit adds to the sum of the end of a line."""
_DIGIT_OF: Final = np.array([_DIGITS.find(byte) for byte in range(256)])


class LineSums:
    """Counts sound lines; for one thread at a time, as it keeps factors."""

    def __init__(self) -> None:
        self._factors = np.zeros((HEAD_BYTES_MAX, 4, 256), np.uint32)
        """Of each number of bytes, where it is known: what each byte of a sum becomes behind so many more."""
        self._known = np.zeros(HEAD_BYTES_MAX, np.bool_)

    def count(self, text: bytes) -> int | None:
        """What :func:`sise.journal.line.count_sound` says, sooner."""
        ends = np.empty(len(text) // CRC_TAIL_BYTES + 1, np.int64)  # a sound line is longer
        count, wanted = _stated(np.frombuffer(text, np.uint8), ends, self._factors, self._known)
        if wanted < 0:
            return line.count_sound(text)
        return count if wanted == crc32(text) else None


def line_ends(text: bytes) -> Any:
    """Where the newlines are."""
    found = np.frombuffer(text, np.uint8)
    ends = np.empty(len(text) // _SHORT_LINE_BYTES + _BYTES_AT_ONCE, np.int64)
    count = _find_newlines(found, ends)
    return ends[:count].copy() if count >= 0 else np.flatnonzero(found == _NEWLINE)


@compiled
def _find_newlines(text: Any, ends: Any) -> int:
    """Write their places; how many, or -1 where there is no room."""
    count = 0
    for begin in range(0, len(text), _BYTES_AT_ONCE):
        part = text[begin : begin + _BYTES_AT_ONCE]
        hits = 0
        for at in range(len(part)):  # many at once, by the processor's wide registers
            hits += part[at] == _NEWLINE
        if hits == 0:
            continue
        if count + hits > len(ends):
            return -1
        for at in range(len(part)):
            if part[at] == _NEWLINE:
                ends[count] = begin + at
                count += 1
    return count


@compiled
def _stated(text: Any, ends: Any, factors: Any, known: Any) -> tuple[int, int]:
    """How many lines there are, and what :func:`_stated_sum` says of them."""
    count = _find_newlines(text, ends)
    return count, _stated_sum(text, ends[: max(count, 0)], factors, known) if count >= 0 else -1


@compiled
def _stated_sum(text: Any, ends: Any, factors: Any, known: Any) -> int:
    """The sum of all lines, newlines included, if each one's is what it states; -1: not known."""
    total, begin = 0, 0
    for number in range(len(ends)):
        tail = ends[number] - CRC_TAIL_BYTES
        if tail <= begin or tail - begin >= HEAD_BYTES_MAX or text[begin] != _BRACE:
            return -1
        unlike = 0
        for place in range(_KEY_BYTES):
            unlike |= text[tail + place] ^ _TAIL[place]
        for place in range(_KEY_BYTES + _CRC_DIGITS, len(_TAIL)):
            unlike |= text[tail + place] ^ _TAIL[place]
        stated, of_tail = 0, _TAIL_SUM
        for place in range(_CRC_DIGITS):
            digit = _DIGIT_OF[text[tail + _KEY_BYTES + place]]
            unlike |= digit & ~15
            stated = stated << 4 | digit
            of_tail ^= _DIGIT_SUMS[place, digit & 15]
        if unlike:
            return -1
        total = _behind(total, tail - begin, factors, known) ^ stated
        total = _behind(total, len(_TAIL), factors, known) ^ of_tail
        begin = ends[number] + 1
    return total


@compiled
def _behind(total: int, count: int, factors: Any, known: Any) -> Any:
    """What a sum becomes when so many zero bytes follow."""
    if not known[count]:
        _make_factors(factors[count], count)
        known[count] = True
    return (
        factors[count, 0, total & 255]
        ^ factors[count, 1, (total >> 8) & 255]
        ^ factors[count, 2, (total >> 16) & 255]
        ^ factors[count, 3, total >> 24]
    )


@compiled
def _make_factors(found: Any, count: int) -> None:
    power, square = _ONE, _X_8
    while count:
        if count & 1:
            power = _product(power, square)
        square = _product(square, square)
        count >>= 1
    for place in range(4):
        for bit in range(8):
            first = 1 << bit
            of_bit = _product(power, first << (8 * place))
            for byte in range(first):
                found[place, first + byte] = found[place, byte] ^ of_bit


@compiled
def _product(one: int, other: int) -> int:
    """Of two polynomials, modulo that of CRC-32."""
    found = 0
    while one:
        if one & _ONE:
            found ^= other
        one = (one << 1) & 0xFFFFFFFF
        other = (other >> 1) ^ (_POLYNOMIAL if other & 1 else 0)
    return found
