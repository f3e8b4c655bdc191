"""How Upbit spells numbers, times and dates.

The spelling differs by place [wire/upbit.md 2, 7]: WebSocket DEFAULT writes a double as Java does
(``1.16539E8``) and sizes with eight decimals (``0.00077720``); WebSocket SIMPLE writes prices plain and
small sizes as Java does (``7.9276E-4``); REST writes prices with eight decimals, and whole numbers in
order books. Every spelling reads back as the same double.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final

from sise.model.time import NS_PER_MS, NS_PER_SECOND, iso

KST_OFFSET_NS: Final = 9 * 3_600 * NS_PER_SECOND
_JAVA_PLAIN_FROM: Final = 1e-3
_JAVA_PLAIN_BELOW: Final = 1e7


@lru_cache(maxsize=16_384)
def java_double(number: float) -> str:
    """As Java's ``Double.toString``: ``1.16539E8``, ``3160.0``, ``7.9276E-4``, ``0.0``."""
    if number == 0 or _JAVA_PLAIN_FROM <= abs(number) < _JAVA_PLAIN_BELOW:
        return repr(float(number))
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text = "".join(map(str, digits))
    assert isinstance(exponent, int)  # 'n', 'N', 'F' stand for NaN and infinity: no feed has them
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{len(text) - 1 + exponent}"


@lru_cache(maxsize=16_384)
def plain(number: float) -> str:
    """The shortest decimal without an exponent; a whole number has no point: ``116606000``, ``97.5``."""
    if number == int(number):
        return str(int(number))
    text = repr(number)
    return format(Decimal(text), "f") if "e" in text else text


def small_as_java(number: float) -> str:
    """A size in SIMPLE: Java's exponent below 0.001, else plain (``10.0``, ``25752275.55420627``)."""
    if abs(number) < _JAVA_PLAIN_FROM:
        return java_double(number)
    text = plain(number)
    return text if "." in text else f"{text}.0"


def eight(number: float) -> str:
    """Eight decimals, zeros kept: ``0.00077720``."""
    return f"{number:.8f}"


def ten(number: float) -> str:
    """A rate, ten decimals: ``0.0105060683``."""
    return f"{number:.10f}"


def quoted(text: str) -> str:
    """A JSON string of a text that needs no escape (codes, dates, names of states)."""
    return f'"{text}"'


def ms(ns: int) -> str:
    """Milliseconds since the epoch."""
    return str(ns // NS_PER_MS)


def second_text(ns: int) -> str:
    """UTC to the second, no zone: ``2026-03-11T14:40:59``."""
    return iso(ns)[:19]


def kst_second_text(ns: int) -> str:
    """Korea's time to the second, no zone."""
    return second_text(ns + KST_OFFSET_NS)


def day_text(ns: int) -> str:
    """UTC day: ``2026-03-11``."""
    return iso(ns)[:10]


def time_text(ns: int) -> str:
    """UTC time of day: ``14:40:59``."""
    return iso(ns)[11:19]


def members(pairs: list[tuple[str, str]]) -> str:
    """A JSON object of names and ready JSON values, in this order."""
    return "{" + ",".join([f'"{name}":{value}' for name, value in pairs]) + "}"
