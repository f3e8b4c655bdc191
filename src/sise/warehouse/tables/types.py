"""The column types that mean the same in every database: a moment and an exact number.

======== ============================ ==================== ==========================
type     PostgreSQL                   MariaDB              SQLite
======== ============================ ==================== ==========================
UtcTime  TIMESTAMP WITH TIME ZONE     DATETIME(6), in UTC  BIGINT, µs since 1970 UTC
Number   NUMERIC                      DECIMAL(36, 18)      NUMERIC: int or float
======== ============================ ==================== ==========================

In Python a moment is an ``int``, UTC nanoseconds (:mod:`sise.model.time`), and a number is a
``Decimal`` without trailing zeros. SQLite's integers sort and compare as times do; a text would not
for times of different length.

A :class:`Number` is whole and below 10^18, or prints the same as the nearest double (so at most 17
significant digits, and any number of 15) with at most 18 decimals. Every database gives such a
number back exactly. Others are refused, not rounded.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final

from sqlalchemy import BigInteger, DateTime, Dialect, Numeric
from sqlalchemy.dialects.mysql import DATETIME, DECIMAL
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, NS_PER_US, to_ns

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_NS: Final = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_SECOND
"""Times lie in ``[0, LAST_NS)``: within what every database and 64 bits hold."""
NUMBER_LIMIT: Final = 10**18
NUMBER_DECIMALS: Final = 18
FLOAT_WHOLE_LIMIT: Final = 2**53
"""Below it a double holds every whole number."""
_WIDE: Final = Context(prec=60)


def time_fault(ns: object) -> str | None:
    """Why ``ns`` cannot be stored as a moment; ``None`` where it can."""
    if not isinstance(ns, int) or isinstance(ns, bool):
        return f"a time is an int, UTC nanoseconds, and not {type(ns).__name__}"
    if not 0 <= ns < LAST_NS:
        return "the time is not between the years 1970 and 2200"
    if ns % NS_PER_US:
        return f"the time {ns} ns is no whole number of microseconds"
    return None


def number_fault(value: object) -> str | None:
    """Why ``value`` (int, float or Decimal) cannot be stored exactly; ``None`` where it can."""
    if not isinstance(value, (int, float, Decimal)) or isinstance(value, bool):
        return f"a number is an int, float or Decimal, and not {type(value).__name__}"
    if not _is_finite(value):
        return f"{value} is no finite number"
    if not -NUMBER_LIMIT < value < NUMBER_LIMIT:
        return "the number is not below 10^18"
    number = exact(value)
    if isinstance(value, Decimal) and number != value:
        return "the number has more than 60 digits"
    if number == number.to_integral_value():
        return None
    if Decimal(repr(float(number))) != number:
        return f"{number} has more digits than the nearest double prints"
    exponent = number.normalize(_WIDE).as_tuple().exponent
    if isinstance(exponent, int) and -exponent > NUMBER_DECIMALS:
        return f"{number} has more than {NUMBER_DECIMALS} decimals"
    return None


def _is_finite(value: float | Decimal) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) or math.isfinite(value)


def exact(value: Any) -> Decimal:
    """An int, float (by what it prints) or Decimal as a plain Decimal without trailing zeros."""
    number = Decimal(repr(value)) if type(value) is float else Decimal(value)
    number = number.normalize(_WIDE)
    return number.quantize(Decimal(1), context=_WIDE) if number.as_tuple().exponent > 0 else number + 0  # type: ignore[operator] # finite


def for_sqlite(value: Any) -> int | float:
    """A number that :func:`number_fault` has nothing against, as SQLite stores it."""
    whole = int(value)
    if whole != value:
        return float(value)
    # the int of a large float has digits that the float does not print
    return int(exact(value)) if type(value) is float and abs(whole) >= FLOAT_WHOLE_LIMIT else whole


class UtcTime(TypeDecorator[int]):
    """A moment, to the microsecond; ``int`` UTC nanoseconds in Python.

    Raises
    ------
    BadInput
        When bound: the value is no such int, or finer than a microsecond.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DATETIME(fsp=6))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if fault := time_fault(value):
            raise BadInput("time", value, fault)
        if dialect.name == "sqlite":
            return value // NS_PER_US
        moment = EPOCH + timedelta(microseconds=value // NS_PER_US)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if isinstance(value, int):
            return value * NS_PER_US
        return to_ns(value if value.tzinfo else value.replace(tzinfo=UTC))


class _SqliteNumeric(UserDefinedType[Any]):
    """NUMERIC as SQLite has it: SQLAlchemy's own would pass through text and warn."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "NUMERIC"


class Number(TypeDecorator[Decimal]):
    """An exact number: a price, a size, money. ``Decimal`` when read.

    Raises
    ------
    BadInput
        When bound: the value is no number that every database gives back (see the module).
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric())
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_SqliteNumeric())
        return dialect.type_descriptor(DECIMAL(36, NUMBER_DECIMALS))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        if fault := number_fault(value):
            raise BadInput("number", value, fault)
        return for_sqlite(value) if dialect.name == "sqlite" else exact(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else exact(value)
