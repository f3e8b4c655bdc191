"""Bars of one series, as :func:`sise.warehouse.bars.judged` judges them, by a compiled loop."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sise.model.time import NS_PER_SECOND
from sise.warehouse.bars import COVERAGE_STEPS
from sise.warehouse.compiled import compiled
from sise.warehouse.etl.hearing import SILENCE_NS
from sise.warehouse.etl.minutefold import MINUTE_NS, MINUTE_SECONDS, NO_TEXT
from sise.warehouse.etl.tickarrays import FLAGS

TRADED, EMPTY, UNKNOWN = 0, 1, 2
STATES: Final = ("traded", "empty", "unknown")
GAP: Final = FLAGS.index("gap")
BAR: Final = np.dtype(
    [
        *((name, "i8") for name in ("series", "second", "trades", "state", "flag", "mitigation")),
        *((name, "f8") for name in ("open", "high", "low", "close", "volume", "rest", "value")),
        *((name, "f8") for name in ("coverage", "told")),
        *((name, "i8") for name in ("event_ns", "receive_ns", "line")),
        *((name, "i4") for name in ("path", "session")),
    ]
)
"""``told``: of a bar that is unknown the difference of the provider's cumulative volume; NaN: not known.
Prices and the closing trade's times and place mean nothing where there are no ``trades``."""


@compiled
def bounds(minutes: Any, places: Any, heard: Any, start_ns: int, end_ns: int, size: int) -> tuple[int, int]:
    """The first and last bar (epoch seconds) of a day of which anything is known; none: the last is before.

    ``heard`` are spans (UTC ns, in order and apart) of the series' own lines.
    """
    first, last = end_ns // NS_PER_SECOND, start_ns // NS_PER_SECOND - size
    for place in places:
        if place >= 0 and minutes[place].trades:
            first, last = min(first, minutes[place].minute), max(last, minutes[place].minute)
    for span in range(len(heard)):
        if heard[span, 1] > start_ns and heard[span, 0] < end_ns:
            first = min(first, max(heard[span, 0], start_ns) // NS_PER_SECOND)
            last = max(last, (min(heard[span, 1], end_ns) - 1) // NS_PER_SECOND)
    return first // size * size, last // size * size


@compiled
def judge(
    bars: Any,
    minutes: Any,
    places: Any,
    known: Any,
    holes: Any,
    number: int,
    day: int,
    size: int,
    first: int,
) -> None:
    """Fill ``bars`` with those that start at ``first`` and then ``size`` apart (epoch seconds).

    ``places`` is, of each minute from ``day`` on, its place in ``minutes``. ``known`` are the spans (UTC ns,
    in order and apart) that were listened to, ``holes`` those in which trades may have been missed.
    """
    session = _session_before(minutes, places, (first - day) // MINUTE_SECONDS)
    at = 0
    for count in range(len(bars)):
        second = first + count * size
        here = bars[count]
        here.series, here.second = number, second
        slot = (second - day) // MINUTE_SECONDS
        _join(here, minutes, places, slot, slot + size // MINUTE_SECONDS)
        if here.session == NO_TEXT:
            here.session = session
        session = here.session
        start, end = second * NS_PER_SECOND, (second + size) * NS_PER_SECOND
        while at < len(known) and known[at, 1] <= start:
            at += 1
        heard, each = 0, at
        while each < len(known) and known[each, 0] < end:
            heard += min(known[each, 1], end) - max(known[each, 0], start)
            each += 1
        here.coverage = heard * COVERAGE_STEPS // (end - start) / COVERAGE_STEPS
        here.told = np.nan
        if heard == end - start:
            here.state = TRADED if here.trades else EMPTY
        else:
            here.state = UNKNOWN
            here.told = _told(minutes, places, slot, slot + size // MINUTE_SECONDS, second, size)
        for hole in range(len(holes)):
            if holes[hole, 0] < start + size // MINUTE_SECONDS * MINUTE_NS and holes[hole, 1] > start:
                here.flag = GAP


@compiled
def _at(places: Any, slot: int) -> Any:
    return places[slot] if 0 <= slot < len(places) else -1


@compiled
def _session_before(minutes: Any, places: Any, slot: int) -> Any:
    """Whose word the first bars are, where nothing of their own says it."""
    found = NO_TEXT
    for before in range(slot - 1, -1, -1):
        place = _at(places, before)
        if place >= 0:
            found = _session(minutes[place])
            break
    return found


@compiled
def _session(minute: Any) -> Any:
    return minute.session if minute.session != NO_TEXT else minute.sample_session


@compiled
def _join(here: Any, minutes: Any, places: Any, first: int, end: int) -> None:
    """The minutes of ``[first, end)`` as one bar."""
    here.trades = here.flag = here.mitigation = 0
    here.volume = here.rest = here.value = 0.0
    here.event_ns = -1
    here.session = sample_session = NO_TEXT
    for slot in range(first, end):
        place = _at(places, slot)
        if place < 0:
            continue
        minute = minutes[place]
        here.flag, here.mitigation = max(here.flag, minute.flag), max(here.mitigation, minute.mitigation)
        sample_session = minute.sample_session
        if minute.trades == 0:
            continue
        if here.trades == 0:
            here.open, here.high, here.low = minute.open, minute.high, minute.low
            here.volume, here.rest, here.value = minute.volume, minute.rest, minute.value
        else:
            here.high, here.low = max(here.high, minute.high), min(here.low, minute.low)
            before = here.volume  # exactly what rounding takes from the sum (Knuth)
            here.volume = before + minute.volume
            part = here.volume - before
            rest = (before - (here.volume - part)) + (minute.volume - part)
            here.rest = here.rest + minute.rest + rest
            here.value += minute.value
        here.trades += minute.trades
        here.close = minute.close
        here.event_ns, here.receive_ns = minute.closed_ns, minute.receive_ns
        here.session, here.path, here.line = minute.session, minute.path, minute.line
    if here.session == NO_TEXT:
        here.session = sample_session


@compiled
def _told(minutes: Any, places: Any, first: int, end: int, second: int, size: int) -> Any:
    """The provider's cumulative volume at the end less that at the beginning; NaN: not known."""
    start, until = (
        _cumulative(minutes, places, first, second),
        _cumulative(minutes, places, end, second + size),
    )
    return until - start if until >= start else np.nan


@compiled
def _cumulative(minutes: Any, places: Any, slot: int, second: int) -> Any:
    """The provider's cumulative volume at the first moment of a minute; NaN: not known."""
    here, before = _at(places, slot), _at(places, slot - 1)
    if here >= 0 and not np.isnan(minutes[here].edge):
        return minutes[here].edge
    if (
        before < 0
        or minutes[before].sampled_ns < 0
        or second * NS_PER_SECOND - minutes[before].sampled_ns > SILENCE_NS
    ):
        return np.nan
    return minutes[before].cumulative
