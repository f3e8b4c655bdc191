"""The fold of ticks into minutes, a tick at a time in the order of the journal, as compiled loops."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sise.model.time import NS_PER_SECOND
from sise.warehouse.compiled import compiled
from sise.warehouse.etl.hearing import SILENCE_NS
from sise.warehouse.etl.tickarrays import (
    DAY_VOLUME,
    EVENT,
    FRAME,
    LAST_PRICE,
    LINE,
    MITIGATION,
    PATH,
    RANK,
    RECEIVE,
    SAMPLE,
    SESSION,
    VOLUME,
    TickArrays,
)

MINUTE_SECONDS: Final = 60
MINUTE_NS: Final = MINUTE_SECONDS * NS_PER_SECOND
CLEAN: Final = 1 << 62
"""The earliest minute that changed, where none did."""
NO_TEXT: Final = 0
"""The position of the empty text among a day's texts."""

MOVES: Final = 8
"""For each span: more than the few lines of the days beside take, which are known before the day's own."""

MINUTE: Final = np.dtype(
    [
        ("minute", "i8"),
        ("trades", "i8"),
        *((name, "f8") for name in ("open", "high", "low", "close", "volume", "rest", "value")),
        *((name, "i8") for name in ("opened_ns", "open_frame", "closed_ns", "close_frame", "receive_ns")),
        *((name, "i8") for name in ("line", "flag", "mitigation", "sampled_ns")),
        *((name, "f8") for name in ("cumulative", "edge")),
        *((name, "i4") for name in ("session", "path", "sample_session")),
    ]
)
"""One symbol's minute at one venue; it starts at ``minute`` (epoch seconds).

Of its trades: how many, the prices, the sum of their sizes (exactly ``volume + rest``) and of price times
size (``value``), the event time (UTC ns) and frame of the first and last by time and frame, and of the last
also the session, the time of receipt and the place (``path``, ``line``). Of all its records: the worst flag's
rank and mitigation level. Of its samples: the session of the last one; the latest that had the provider's
cumulative volume (``sampled_ns``, -1: none) and that volume; ``edge``, the cumulative volume at its first
moment itself (NaN: not known). Texts are positions among the day's texts.
"""


@compiled
def number_pairs(symbols: Any, venues: Any, buckets: Any, found: Any, count: int, numbers: Any) -> int:
    """Number the different pairs of texts; how many there are then.

    The first ``count`` pairs of ``found`` are known, by ``buckets`` (numbers by hash, a power of two of them;
    -1: none); it gets the new ones. ``numbers`` gets each row's.
    """
    for row in range(len(symbols)):
        symbol, venue = symbols[row], venues[row]
        bucket = (symbol * 31 + venue) & (len(buckets) - 1)
        number = buckets[bucket]
        while number >= 0 and (found[number, 0] != symbol or found[number, 1] != venue):
            bucket = (bucket + 1) & (len(buckets) - 1)
            number = buckets[bucket]
        if number < 0:
            found[count, 0], found[count, 1] = symbol, venue
            number = buckets[bucket] = count
            count += 1
        numbers[row] = number
    return count


@compiled
def take(
    rows: TickArrays,
    series: Any,
    symbols: Any,
    texts: Any,
    start_ns: int,
    end_ns: int,
    proves: bool,
    spans: Any,
    span_count: int,
    open_spans: Any,
    minutes: Any,
    count: int,
    places: Any,
    dirty: Any,
) -> tuple[int, int]:
    """Let ticks prove their moments, if they do, and fold them; how many minutes and spans there are then."""
    if proves:
        span_count = _prove(rows, series, symbols, spans, span_count, open_spans, dirty)
    return _fold(rows, series, texts, start_ns, end_ns, minutes, count, places, dirty), span_count


@compiled
def _prove(
    rows: TickArrays, series: Any, symbols: Any, spans: Any, count: int, open_spans: Any, dirty: Any
) -> int:
    """Let every tick prove its moment; how many spans there are then.

    ``series`` is each tick's, ``symbols`` each series' symbol. A span is a row of a symbol, and the first and
    last moment (UTC ns) of lines of its own without a silence between; ``open_spans`` are the places of each
    symbol's newest (-1: none). ``dirty`` is each series' earliest minute (epoch seconds) that changed.
    """
    for row in range(len(series)):
        one = series[row]
        at = rows.times[row, RECEIVE]
        if rows.kind[row] == SAMPLE:  # it speaks for its moment on the grid, which may be after it was made
            at = max(at, rows.times[row, EVENT])
        dirty[one] = min(dirty[one], at // MINUTE_NS * MINUTE_SECONDS)
        symbol = symbols[one]
        newest = open_spans[symbol]
        if newest >= 0 and spans[newest, 1] <= at <= spans[newest, 2] + SILENCE_NS:
            spans[newest, 2] = max(spans[newest, 2], at)
            continue
        spans[count, 0], spans[count, 1], spans[count, 2] = symbol, at, at
        open_spans[symbol] = count
        count += 1
    return count


@compiled
def sort_spans(spans: Any, symbols: int, found: Any) -> bool:
    """Write spans into ``found`` by symbol and first moment; False: they are too far from the order of time.

    Of each symbol they are nearly in that order, so that this takes a tenth of the time of a general sort.
    """
    begins = np.zeros(symbols + 1, np.int64)
    for at in range(len(spans)):
        begins[spans[at, 0] + 1] += 1
    begins = np.cumsum(begins)
    ends = begins.copy()
    moves = MOVES * len(spans)
    for at in range(len(spans)):
        symbol, first, last = spans[at]
        place = ends[symbol]
        ends[symbol] += 1
        while place > begins[symbol] and found[place - 1, 1] > first:
            found[place] = found[place - 1]
            place -= 1
            moves -= 1
        if moves < 0:
            return False
        found[place, 0], found[place, 1], found[place, 2] = symbol, first, last
    return True


@compiled
def join_spans(spans: Any, open_spans: Any) -> int:
    """Make one of a symbol's spans that are no silence apart; they are in order. How many remain."""
    count = 0
    for at in range(len(spans)):
        symbol, first, last = spans[at]
        if count and spans[count - 1, 0] == symbol and first <= spans[count - 1, 2] + SILENCE_NS:
            spans[count - 1, 2] = max(spans[count - 1, 2], last)
            continue
        spans[count, 0], spans[count, 1], spans[count, 2] = symbol, first, last
        open_spans[symbol] = count
        count += 1
    return count


@compiled
def _fold(
    rows: TickArrays,
    series: Any,
    texts: Any,
    start_ns: int,
    end_ns: int,
    minutes: Any,
    count: int,
    places: Any,
    dirty: Any,
) -> int:
    """Take the ticks of ``[start_ns, end_ns)``; how many minutes there are then.

    ``texts`` are the day's positions of the unit's texts; ``places`` is, of each series and minute of the
    day, its place in ``minutes`` (-1: none).
    """
    for row in range(len(series)):
        event_ns = rows.times[row, EVENT]
        if event_ns < start_ns or event_ns >= end_ns:
            continue
        one, minute = series[row], event_ns // MINUTE_NS
        slot = minute - start_ns // MINUTE_NS
        place = places[one, slot]
        if place < 0:
            place = places[one, slot] = count
            _begin(minutes[count], minute * MINUTE_SECONDS)
            count += 1
        dirty[one] = min(dirty[one], minute * MINUTE_SECONDS)
        here = minutes[place]
        here.flag = max(here.flag, rows.counts[row, RANK])
        here.mitigation = max(here.mitigation, rows.counts[row, MITIGATION])
        session = texts[rows.texts[row, SESSION]]
        if rows.kind[row] == SAMPLE:
            _sample(here, event_ns, rows.numbers[row, DAY_VOLUME], session)
            continue
        frame = rows.counts[row, FRAME]
        _trade(here, event_ns, frame, rows.numbers[row, LAST_PRICE], rows.numbers[row, VOLUME])
        if event_ns == here.closed_ns and frame == here.close_frame:  # it closes the minute so far
            here.session, here.receive_ns = session, rows.times[row, RECEIVE]
            here.path, here.line = texts[rows.texts[row, PATH]], rows.counts[row, LINE]
    return count


@compiled
def _begin(here: Any, second: int) -> None:
    here.minute = second
    here.trades = here.flag = here.mitigation = 0
    here.volume = here.rest = here.value = here.cumulative = 0.0
    here.edge = np.nan
    here.closed_ns = here.close_frame = here.sampled_ns = -1
    here.session = here.path = here.sample_session = NO_TEXT


@compiled
def _trade(here: Any, event_ns: int, frame: int, price: float, size: float) -> None:
    """As :meth:`sise.warehouse.rows.RowStore.add`."""
    here.value += price * size
    here.trades += 1
    if here.trades == 1:
        here.open = here.high = here.low = here.close = price
        here.volume = size
        here.opened_ns = here.closed_ns = event_ns
        here.open_frame = here.close_frame = frame
        return
    if price > here.high:
        here.high = price
    elif price < here.low:
        here.low = price
    if event_ns > here.closed_ns or (event_ns == here.closed_ns and frame >= here.close_frame):
        here.close, here.closed_ns, here.close_frame = price, event_ns, frame
    elif event_ns < here.opened_ns or (event_ns == here.opened_ns and frame < here.open_frame):
        here.open, here.opened_ns, here.open_frame = price, event_ns, frame
    before = here.volume  # exactly what rounding takes from the sum (Knuth)
    total = before + size
    part = total - before
    here.volume = total
    here.rest += (before - (total - part)) + (size - part)


@compiled
def _sample(here: Any, event_ns: int, volume: float, session: int) -> None:
    here.sample_session = session
    if np.isnan(volume):
        return
    if event_ns == here.minute * NS_PER_SECOND:
        here.edge = volume
    if event_ns >= here.sampled_ns:
        here.sampled_ns, here.cumulative = event_ns, volume
