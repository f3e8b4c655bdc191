"""Candle files: CSV rows into bars whose trades can be given back exactly.

The header names ``open high low close volume``; the time is the column ``timestamp``, or else the
first. Numbers are read as decimals, never through floats. The length of an interval is the smallest
distance between rows; a row without volume is an interval without trades, and is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from sise.model.errors import BadInput
from sise.model.time import to_ns
from sise.simulator.candles import MINUTE_NS, UNIT_NS, Bar
from sise.simulator.path import fills_of, prices_visited
from sise.simulator.recorded import numbered_lines, refused
from sise.simulator.ticks import SCALE

_NUMBERS: Final = ("open", "high", "low", "close", "volume")


class CandleFile(Struct):
    """The bars in the order of time; ``value`` and ``last_trade_ns`` are those of their trades."""

    bars: list[Bar]
    length_ns: int


def read_candles(path: Path, zone: str | None) -> CandleFile:
    """All candles of a CSV file.

    Parameters
    ----------
    zone
        The IANA name of the time zone of times that name no offset; ``None``: every time names one.

    Raises
    ------
    BadInput
        A column is missing, a row cannot be a candle or is out of order, or a time needs a zone.
    """
    rows = list(_rows(path, _zone(zone)))
    if not rows:
        raise BadInput("replay file", str(path), "give a file with at least one traded candle")
    length_ns = min((after.start_ns - before.start_ns for before, after in pairwise(rows)), default=MINUTE_NS)
    if length_ns not in UNIT_NS.values() or length_ns < MINUTE_NS:
        raise BadInput("replay file", str(path), f"give candles of {' '.join(UNIT_NS)}, at least 1m")
    unit = next(unit for unit, ns in UNIT_NS.items() if ns == length_ns)
    for bar in rows:
        if bar.start_ns % length_ns:
            raise BadInput("replay file", str(path), f"start every candle on a multiple of {unit} in UTC")
        fills = fills_of(bar, length_ns)
        bar.value = sum(fill.price * fill.size for fill in fills)
        bar.last_trade_ns = fills[-1].trade_ns
    return CandleFile(rows, length_ns)


def _rows(path: Path, zone: ZoneInfo | None) -> Iterator[Bar]:
    lines = numbered_lines(path)
    number, header = next(lines, (1, b""))
    names = _cells(path, number, header)
    if missing := [name for name in _NUMBERS if name not in names]:
        raise refused(path, number, f"add the columns {' '.join(missing)} to the header")
    time_at = names.index("timestamp") if "timestamp" in names else 0
    places = [names.index(name) for name in _NUMBERS]
    last_ns: int | None = None
    for number, line in lines:
        cells = _cells(path, number, line)
        try:
            start_ns = _moment(cells[time_at], zone)
            opened, high, low, close, volume = (_exact(cells[place]) for place in places)
        except (ValueError, IndexError, InvalidOperation) as error:
            raise refused(path, number, f"write time and decimals with at most 8 places ({error})") from error
        bar = Bar(start_ns, opened, high, low, close, volume, 0, start_ns)
        if last_ns is not None and start_ns <= last_ns:
            raise refused(path, number, "order the rows by time, each once")
        last_ns = start_ns
        if volume:
            _check(path, number, bar)
            yield bar


def _check(path: Path, number: int, bar: Bar) -> None:
    if not 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise refused(path, number, "give 0 < low <= open, close <= high")
    if bar.volume < len(prices_visited(bar)):
        raise refused(path, number, "give a volume that can be split over open, high, low and close")


def _cells(path: Path, number: int, line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8-sig")]))
    except (UnicodeDecodeError, csv.Error) as error:
        raise refused(path, number, f"write CSV in UTF-8 ({error})") from error


def _exact(text: str) -> int:
    units = Decimal(text) * SCALE
    if units != int(units) or units < 0:
        raise ValueError(f"{text} is negative or has more than 8 places")
    return int(units)


def _moment(text: str, zone: ZoneInfo | None) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if zone is None:
            raise BadInput("zone", None, f"name the time zone of {text!r}, for example UTC or Asia/Seoul")
        moment = moment.replace(tzinfo=zone)
    return to_ns(moment)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadInput("zone", name, "name an IANA time zone, for example UTC or Asia/Seoul") from None
