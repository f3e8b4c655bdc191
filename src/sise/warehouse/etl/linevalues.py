"""The values in many lines for :mod:`sise.warehouse.etl.linescan`: times, numbers, where a text ends."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sise.model.time import NS_PER_SECOND, NS_PER_US
from sise.warehouse.compiled import compiled
from sise.warehouse.tables.types import LAST_NS

QUOTE, _BACKSLASH, _ZERO, _NINE = ord('"'), ord("\\"), ord("0"), ord("9")
_POINT, _PLUS, _MINUS, _SMALL_E, _LARGE_E = (ord(each) for each in ".+-eE")
_BLANK, _ASCII_END = 0x20, 0x80
_NULL: Final = np.frombuffer(b"null", "<u4")[0]
_FIRST_BYTES: Final = np.array([(1 << 8 * count) - 1 for count in range(8)], np.uint64)
"""Masks of a word's first bytes, by their number."""

_TIME_FORM: Final = np.frombuffer(b"0000-00-00T00:00:00.000000Z", np.uint8)
_TIME_BYTES: Final = len(_TIME_FORM)
_MINUTE_BYTES: Final = len("2026-11-20T09:00:")
_MONTH_DAYS: Final = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_LAST_YEAR: Final = 2200
_LEAP_DAYS_BEFORE_1970: Final = 477

_MANY: Final = 1 << 59
"""Larger whole numbers are not told apart."""
_MANTISSA_END: Final = 1 << 53
_EXPONENT_DIGITS: Final = 3
_POWER_MAX: Final = 22
"""Integers below 2**53 and powers of ten up to 10**22 are doubles, so that one division or product of both is
rounded once, and right (Clinger, "How to read floating point numbers accurately", 1990)."""
_POWERS: Final = np.array([10.0**power for power in range(_POWER_MAX + 1)])


@compiled
def read_times(text: Any, words: Any, at: Any, ends: Any, times: Any) -> None:
    """Read times of ours, as UTC ns."""
    minute, minute_ns = -1, 0
    for line in range(len(at)):
        here = at[line]
        if here < 0:
            continue
        at[line] = -1
        if here + _TIME_BYTES > ends[line] or not _is_time(text, here, _MINUTE_BYTES, _TIME_BYTES):
            continue
        if minute < 0 or not same(words, here, minute, _MINUTE_BYTES):  # often the same as before
            minute, minute_ns = here, _minute(text, here)
        micros = 10_000 * _two(text, here + 20) + 100 * _two(text, here + 22) + _two(text, here + 24)
        second = _two(text, here + 17)
        times[line] = minute_ns + second * NS_PER_SECOND + micros * NS_PER_US
        if second < 60 and times[line] < LAST_NS:
            at[line] = here + _TIME_BYTES


@compiled
def read_counts(text: Any, at: Any, counts: Any) -> None:
    """Read whole numbers that are not negative."""
    for line in range(len(at)):
        begin = at[line]
        if begin < 0:
            continue
        here, counts[line] = _digits(text, begin, 0)
        fits = here > begin and (here == begin + 1 or text[begin] != _ZERO) and counts[line] < _MANY
        at[line] = here if fits else -1


@compiled
def read_numbers(text: Any, words: Any, at: Any, numbers: Any, null: bool) -> None:
    """Read numbers that are not negative; ``null`` (which is NaN) where that may stand there too."""
    for line in range(len(at)):
        here = at[line]
        if here < 0:
            continue
        if null and np.uint32(words[here]) == _NULL:
            at[line] = here + 4
        else:
            at[line], numbers[line] = _number(text, here)


@compiled
def same(words: Any, one: int, other: int, length: int) -> Any:
    """Whether so many bytes are the same at both places."""
    unlike = np.uint64(0)
    done = 0
    while done + 8 <= length:
        unlike |= words[one + done] ^ words[other + done]
        done += 8
    if done < length:
        unlike |= (words[one + done] ^ words[other + done]) & _FIRST_BYTES[length - done]
    return unlike == 0


@compiled
def after_text(text: Any, at: int) -> int:
    """The place of the quote that ends a plain text; -1: it is none."""
    while _BLANK <= text[at] < _ASCII_END and text[at] != QUOTE and text[at] != _BACKSLASH:
        at += 1
    return at if text[at] == QUOTE else -1


@compiled
def _is_digit(byte: int) -> bool:
    return _ZERO <= byte <= _NINE


@compiled
def _two(text: Any, at: int) -> Any:
    """Two digits."""
    return 10 * (np.int64(text[at]) - _ZERO) + np.int64(text[at + 1]) - _ZERO


@compiled
def _is_time(text: Any, at: int, begin: int, end: int) -> bool:
    """Whether these bytes of a time have its form."""
    found = True
    for place in range(begin, end):
        wanted, byte = _TIME_FORM[place], text[at + place]
        found &= _is_digit(byte) if wanted == _ZERO else byte == wanted
    return found


@compiled
def _minute(text: Any, at: int) -> Any:
    """The UTC ns of a minute from 1970 on; ``LAST_NS`` where the text is none."""
    year = 100 * _two(text, at) + _two(text, at + 2)
    month, day = _two(text, at + 5), _two(text, at + 8)
    hour, minute = _two(text, at + 11), _two(text, at + 14)
    if not (1 <= month <= 12 and hour < 24 and minute < 60 and 1970 <= year <= _LAST_YEAR):
        return LAST_NS
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not (
        _is_time(text, at, 0, _MINUTE_BYTES) and 1 <= day <= _MONTH_DAYS[month - 1] + (leap and month == 2)
    ):
        return LAST_NS
    before = year - 1
    days = 365 * (year - 1970) + before // 4 - before // 100 + before // 400 - _LEAP_DAYS_BEFORE_1970
    days += _MONTH_DAYS[: month - 1].sum() + (leap and month > 2) + day - 1
    return (86_400 * days + 3_600 * hour + 60 * minute) * NS_PER_SECOND


@compiled
def _digits(text: Any, at: int, found: int) -> tuple[int, int]:
    """The place after digits, and what they make of a number before them, at most ``_MANY``."""
    while _is_digit(text[at]):
        found = 10 * found + text[at] - _ZERO if found < _MANY else _MANY
        at += 1
    return at, found


@compiled
def _number(text: Any, begin: int) -> tuple[int, float]:
    """The place after a number that is not negative (-1: it is none), and the number."""
    at, mantissa = _digits(text, begin, 0)
    right = at > begin and (at == begin + 1 or text[begin] != _ZERO)
    power = 0
    if text[at] == _POINT:
        after = at + 1
        at, mantissa = _digits(text, after, mantissa)
        power = after - at
        right = right and power < 0
    right = right and mantissa < _MANTISSA_END
    if text[at] == _SMALL_E or text[at] == _LARGE_E:
        at, exponent = _exponent(text, at + 1)
        right = right and at >= 0
        power += exponent
    if not right or abs(power) > _POWER_MAX:
        return -1, np.nan
    return at, mantissa / _POWERS[-power] if power < 0 else mantissa * _POWERS[power]


@compiled
def _exponent(text: Any, at: int) -> tuple[int, int]:
    """The place after an exponent (-1: it is none), and the exponent."""
    minus = text[at] == _MINUS
    if minus or text[at] == _PLUS:
        at += 1
    end, found = _digits(text, at, 0)
    return (end if at < end <= at + _EXPONENT_DIGITS else -1), (-found if minus else found)
