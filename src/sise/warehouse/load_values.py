"""Rows on their way into a database: every value checked here, alike for all of them, and written down.

A value that one database would refuse, round, cut or change is refused for all, with a sentence. So
the same rows are stored everywhere, and a fault is found before the database is asked.

Values are looked at a column at a time: one test of a whole column, and only where that does not pass, one
of each value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import BigInteger, Column, Date, Double, Integer, String, Text

from sise.model.time import NS_PER_SECOND, NS_PER_US, iso
from sise.warehouse.tables.types import LAST_NS, Number, UtcTime, exact, for_sqlite, number_fault, time_fault

Form = Literal["lines", "values", "sqlite"]
"""Escaped fields of a line (COPY, LOAD DATA); texts for a server's INSERT; SQLite's own values."""

NULL_FIELD: Final = r"\N"
LONG_TEXT_CHARACTERS: Final = 4_000_000
"""A text without a limit of its own: what MariaDB's MEDIUMTEXT holds in four bytes a character."""
SURE_NUMBER_CHARACTERS: Final = 20
"""A float whose text is no longer, and has no exponent, has at most 18 decimals."""
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_SPECIAL: Final = "\\\t\n\r"
_ODD: Final = "en"
"""Letters of an exponent, ``inf`` and ``nan``."""


class Kind(NamedTuple):
    """How the values of a column are checked and written."""

    sound: Callable[[list[Any]], bool]
    """Whether values (none of them ``None``) are surely all right; False: look at each."""
    fault: Callable[[Any], str | None]
    """Why one value cannot be stored."""
    write: Callable[[list[Any], Form], list[Any]]
    """Values that are all right, as the form wants them."""


def encoded(column: Column[Any], values: Sequence[Any], form: Form) -> tuple[list[Any], dict[int, str]]:
    """The values as ``form`` wants them, and the faults by position (there the value is ``None``)."""
    kind = kind_of(column)
    present = [value for value in values if value is not None]
    faults: dict[int, str] = {}
    if not kind.sound(present):
        faults = {
            at: f"{column.name}: {fault}"
            for at, value in enumerate(values)
            if value is not None and (fault := kind.fault(value))
        }
        present = [value for at, value in enumerate(values) if value is not None and at not in faults]
    written = kind.write(present, form)
    if len(written) == len(values):
        return written, faults
    if not column.nullable:
        faults |= {at: f"{column.name} is missing" for at, value in enumerate(values) if value is None}
    null = NULL_FIELD if form == "lines" else None
    rest = iter(written)
    filled = [null if value is None or at in faults else next(rest) for at, value in enumerate(values)]
    return filled, faults


def kind_of(column: Column[Any]) -> Kind:
    """The kind of a column's type. A type without one is a fault of the schema."""
    match column.type:
        case UtcTime():
            return _TIME
        case Number():
            return _NUMBER
        case String() | Text():
            return _text(column.type.length or LONG_TEXT_CHARACTERS)
        case BigInteger():
            return _whole(63)
        case Integer():
            return _whole(31)
        case Double():
            return _DOUBLE
        case Date():
            return _DATE
        case other:
            raise NotImplementedError(f"column {column}: no way to load {other!r}")


def _sound_times(values: list[Any]) -> bool:
    return (
        set(map(type, values)) <= {int}
        and 0 <= min(values, default=0) <= max(values, default=0) < LAST_NS
        and not any(value % NS_PER_US for value in values)
    )


def _write_times(values: list[Any], form: Form) -> list[Any]:
    if form == "sqlite":
        return [value // NS_PER_US for value in values]
    seconds = {second: iso(second * NS_PER_SECOND)[:19] for second in {ns // NS_PER_SECOND for ns in values}}
    return [f"{seconds[ns // NS_PER_SECOND]}.{ns % NS_PER_SECOND // NS_PER_US:06d}" for ns in values]


def _sound_numbers(values: list[Any]) -> bool:
    if not set(map(type, values)) <= {float, int}:
        return False
    texts = list(map(repr, values))
    joined = "".join(texts)
    if max(map(len, texts), default=0) > SURE_NUMBER_CHARACTERS or any(mark in joined for mark in _ODD):
        odd = [value for value, text in zip(values, texts, strict=True) if not _is_plain(text)]
        if any(map(number_fault, odd)):
            return False
        values = [value for value, text in zip(values, texts, strict=True) if _is_plain(text)]
    return max(map(abs, values), default=0) < 1e15


def _is_plain(text: str) -> bool:
    return len(text) <= SURE_NUMBER_CHARACTERS and not ("e" in text or "n" in text)


def _write_numbers(values: list[Any], form: Form) -> list[Any]:
    usual = set(map(type, values)) <= {float, int}
    if form == "sqlite":
        return [value if usual and value % 1 else for_sqlite(value) for value in values]
    if not usual:
        return [format(exact(value), "f") for value in values]
    texts = list(map(repr, values))
    if "e" not in "".join(texts):
        return texts
    return [
        format(exact(value), "f") if "e" in text else text for value, text in zip(values, texts, strict=True)
    ]


def _text_fault(limit: int, value: Any) -> str | None:
    if type(value) is not str:
        return f"a text is a str, and not {type(value).__name__}"
    if len(value) > limit:
        return f"a text of {len(value)} characters is longer than {limit}"
    if "\0" in value:
        return "a text with the character NUL"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "a text with half a surrogate pair"
    return None


@lru_cache(maxsize=64)
def _text(limit: int) -> Kind:
    def sound(values: list[Any]) -> bool:
        if not set(map(type, values)) <= {str}:
            return False
        distinct = set(values)  # most columns of texts say the same again and again
        return max(map(len, distinct), default=0) <= limit and _text_fault(1 << 62, "".join(distinct)) is None

    def write(values: list[Any], form: Form) -> list[Any]:
        joined = "".join(set(values)) if form == "lines" else ""
        if not any(mark in joined for mark in _SPECIAL):
            return values
        return [value.translate(_ESCAPES) for value in values]

    return Kind(sound, lambda value: _text_fault(limit, value), write)


@lru_cache(maxsize=2)
def _whole(bits: int) -> Kind:
    bound = 1 << bits

    def sound(values: list[Any]) -> bool:
        return set(map(type, values)) <= {int} and (
            not values or (-bound <= min(values) and max(values) < bound)
        )

    def fault(value: Any) -> str | None:
        if type(value) is not int:
            return f"a count is an int, and not {type(value).__name__}"
        return None if -bound <= value < bound else f"the count does not fit into {bits + 1} bits"

    return Kind(sound, fault, lambda values, form: values if form != "lines" else list(map(str, values)))


def _double_fault(value: Any) -> str | None:
    if type(value) not in (int, float):
        return f"a ratio is a float, and not {type(value).__name__}"
    if not math.isfinite(value):
        return f"{value} is no finite number"
    return None if value == 0 or abs(value) >= 1e-300 else f"{value} is too near to zero"


def _write_doubles(values: list[Any], form: Form) -> list[Any]:
    floats = [float(value) + 0.0 for value in values]  # -0.0 is 0.0 in some databases
    return list(map(repr, floats)) if form == "lines" else floats


def _date_fault(value: Any) -> str | None:
    if type(value) is not date:
        return f"a day is a date, and not {type(value).__name__}"
    return None if 1000 <= value.year < 2200 else f"{value} is not between the years 1000 and 2200"


_TIME: Final = Kind(_sound_times, time_fault, _write_times)
_NUMBER: Final = Kind(_sound_numbers, number_fault, _write_numbers)
_DOUBLE: Final = Kind(lambda values: not any(map(_double_fault, values)), _double_fault, _write_doubles)
_DATE: Final = Kind(
    lambda values: not any(map(_date_fault, values)),
    _date_fault,
    lambda values, form: [value.isoformat() for value in values],
)
