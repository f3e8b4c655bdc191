"""The fold of a day's ticks: state per symbol and minute, and nothing per tick.

A trade belongs to the minute of its ``event_time``, however late it comes. Of a minute's records the fold
keeps the worst quality flag and mitigation level, the place of the closing trade, and the provider's
cumulative volume at the edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from sise.model.records import TradeRecord
from sise.model.time import NS_PER_SECOND
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.minutefold import (
    CLEAN,
    MINUTE,
    MINUTE_NS,
    MINUTE_SECONDS,
    join_spans,
    number_pairs,
    sort_spans,
    take,
)
from sise.warehouse.etl.textpool import TextPool
from sise.warehouse.etl.tickarrays import (
    EVENT,
    LAST_PRICE,
    SAMPLE,
    SYMBOL,
    VENUE,
    Ticks,
    samples_of,
    text_pool,
    ticks_of,
)
from sise.warehouse.etl.ticks import Tick

HOUR_NS: Final = 3_600 * NS_PER_SECOND

SeriesKey = tuple[str, str]
"""Symbol and venue."""


class Series(Struct):
    """One symbol at one venue."""

    number: int
    symbol: int
    """Its number."""
    last: int = 0
    """The last bar that was made (epoch seconds)."""
    stored_to: int = 0
    """The last bar that was stored."""


class _Known:
    """What a day's fold knows of the texts of a pool, so that it looks at each once and not in every unit."""

    def __init__(self, pool: TextPool) -> None:
        self.pool = pool
        self.texts = np.zeros(0, np.int32)
        """Of each text of the pool its position among the day's."""
        self.pairs = np.zeros((0, 2), np.int32)
        """Of symbols and venues, by their numbers in the pool; the first ones are used."""
        self.series = np.zeros(0, np.int32)
        """Of each pair that is used."""
        self.buckets = np.full(1, -1, np.int32)
        """Pairs by hash; -1: none."""

    def make_room(self, pairs: int) -> None:
        """For so many new pairs."""
        used, pairs = len(self.series), pairs + len(self.series)
        if pairs > len(self.pairs):
            old, self.pairs = self.pairs, np.zeros((2 * pairs, 2), np.int32)
            self.buckets = np.full(1 << (4 * pairs).bit_length(), -1, np.int32)
            number_pairs(old[:used, 0], old[:used, 1], self.buckets, self.pairs, 0, np.empty(used, np.int32))

    def add(self, series: list[int], texts: list[int]) -> None:
        """What is known of the next pairs and texts."""
        self.series = np.concatenate([self.series, np.array(series, np.int32)])
        self.texts = np.concatenate([self.texts, np.array(texts, np.int32)])


class DayFold:
    """All symbols of one market's day."""

    def __init__(self, day: MarketDay) -> None:
        self.day = day
        self._start_ns, self._end_ns = day.start_ns, day.end_ns
        self.series: dict[SeriesKey, Series] = {}
        self.last_samples: dict[tuple[str, str, int], Tick] = {}
        """By symbol, venue and volume day (its ordinal): the day's last sample with a price."""
        self.texts: dict[str, int] = {"": 0}
        """Those that minutes point to, with their position."""
        self.minutes = np.zeros(0, MINUTE)
        """In no order; the first :attr:`count` are used."""
        self.count = 0
        self.places = np.full((0, (self._end_ns - self._start_ns) // MINUTE_NS), -1, np.int32)
        """Of each series and minute of the day its place in :attr:`minutes`; -1: nothing is known of it."""
        self.dirty = np.full(0, CLEAN, np.int64)
        """Of each series the earliest minute (epoch seconds) that changed since it was last asked."""
        self._known = _Known(text_pool())
        self._symbols: dict[str, int] = {}
        self._symbol_of = np.zeros(0, np.int32)
        """Of each series."""
        self._spans = np.zeros((0, 3), np.int64)
        self._span_count = 0
        self._open_spans = np.full(0, -1, np.int32)
        self._calendar = day.calendar()
        self._volume_day = (0, 0, 0)

    def fold(self, ticks: Ticks) -> None:
        """Take ticks of the day's own journal, in its order."""
        if len(ticks):
            series = self._series_of(ticks)
            self._take(ticks, series, proves=True)
            self._keep_last_samples(ticks, series)

    def fold_strays(self, ticks: Sequence[Tick]) -> None:
        """Take trades that another day's journal has: they count, and prove nothing of this day."""
        own = [t for t in ticks if isinstance(t.record, TradeRecord) and self.day.holds(t.event_ns)]
        if own:
            strays = ticks_of(own)
            self._take(strays, self._series_of(strays), proves=False)

    def _take(self, ticks: Ticks, series: Any, *, proves: bool) -> None:
        self._spans = _room(self._spans, self._span_count + len(ticks))
        self.minutes = _room(self.minutes, self.count + len(ticks))
        self.count, self._span_count = take(
            ticks.rows,
            series,
            self._symbol_of,
            self._known.texts,
            self._start_ns,
            self._end_ns,
            proves,
            self._spans,
            self._span_count,
            self._open_spans,
            self.minutes,
            self.count,
            self.places,
            self.dirty,
        )

    def _series_of(self, ticks: Ticks) -> Any:
        """The number of each tick's series; what is new among pairs and texts is made known."""
        pool, codes = ticks.texts, ticks.rows.texts
        if pool is not self._known.pool:
            self._known = _Known(pool)
        known = self._known
        known.make_room(len(ticks))
        numbers = np.empty(len(ticks), np.int32)
        count = number_pairs(
            codes[:, SYMBOL], codes[:, VENUE], known.buckets, known.pairs, len(known.series), numbers
        )
        if count > len(known.series) or len(pool) > len(known.texts):
            texts = [text or "" for text in pool.all()]
            pairs = known.pairs[len(known.series) : count].tolist()
            series = [self._number_of(texts[symbol], texts[venue]) for symbol, venue in pairs]
            places = [self.texts.setdefault(text, len(self.texts)) for text in texts[len(known.texts) :]]
            known.add(series, places)
        return known.series[numbers]

    def _number_of(self, symbol: str, venue: str) -> int:
        found = self.series.get((symbol, venue))
        if found is None:
            found = Series(len(self.series), self._number_of_symbol(symbol))
            self.series[symbol, venue] = found
            self.places = _room(self.places, len(self.series), -1)
            self.dirty = _room(self.dirty, len(self.series), CLEAN)
            self._symbol_of = _room(self._symbol_of, len(self.series))
            self._symbol_of[found.number] = found.symbol
        return found.number

    def _number_of_symbol(self, symbol: str) -> int:
        number = self._symbols.setdefault(symbol, len(self._symbols))
        self._open_spans = _room(self._open_spans, len(self._symbols), -1)
        return number

    def _keep_last_samples(self, ticks: Ticks, series: Any) -> None:
        """The last sample with a price of each series and hour, in the order of the journal."""
        rows = ticks.rows
        if not (rows.kind == SAMPLE).any():  # the rest takes half as long as the fold
            return
        event = rows.times[:, EVENT]
        own = (event >= self._start_ns) & (event < self._end_ns)
        told = np.flatnonzero(own & (rows.kind == SAMPLE) & ~np.isnan(rows.numbers[:, LAST_PRICE]))[::-1]
        if len(told):
            hours = (self._end_ns - self._start_ns) // HOUR_NS + 1
            keys = series[told] * np.int64(hours) + (event[told] - self._start_ns) // HOUR_NS
            last = told[np.unique(keys, return_index=True)[1]]
            for tick in samples_of(ticks, np.sort(last).tolist(), self.day):
                key = tick.record.symbol, tick.record.venue, self._volume_ordinal(tick.event_ns)
                self.last_samples[key] = tick

    def prove(self, symbol: str, at_ns: int) -> None:
        """Take a proof from the days beside, for what lies over midnight."""
        number = self._number_of_symbol(symbol)
        self._spans = _room(self._spans, self._span_count + 1)
        self._spans[self._span_count] = number, at_ns, at_ns
        self._span_count += 1

    def proofs(self) -> dict[str, Any]:
        """Of each symbol the spans (rows of two, UTC ns, in order) of its own lines without a silence."""
        used = self._spans[: self._span_count]
        ordered = np.empty_like(used)
        if not sort_spans(used, len(self._symbols), ordered):
            ordered = used[np.lexsort((used[:, 1], used[:, 0]))]
        self._span_count = join_spans(ordered, self._open_spans)
        self._spans = ordered[: self._span_count]
        bounds = np.searchsorted(self._spans[:, 0], np.arange(len(self._symbols) + 1)).tolist()
        found = {name: self._spans[bounds[at] : bounds[at + 1], 1:] for name, at in self._symbols.items()}
        return {symbol: spans for symbol, spans in found.items() if len(spans)}

    def touch_all(self, at_ns: int) -> None:
        """Something was learned (a slot, a hole) that changes every bar from this moment on."""
        second = max(at_ns, self._start_ns) // MINUTE_NS * MINUTE_SECONDS
        self.dirty[: len(self.series)] = np.minimum(self.dirty[: len(self.series)], second)

    def mark_clean(self) -> None:
        """All that is known has been stored."""
        self.dirty[:] = CLEAN
        for series in self.series.values():
            series.stored_to = series.last

    def _volume_ordinal(self, at_ns: int) -> int:
        first, last, ordinal = self._volume_day
        if not first <= at_ns < last:
            day = self._calendar.day_of(at_ns)
            ordinal = day.toordinal()
            hour = at_ns - at_ns % HOUR_NS
            self._volume_day = (hour, hour + HOUR_NS, ordinal)
        return ordinal


def _room(array: Any, rows: int, value: Any = 0) -> Any:
    """``array``, or one with at least so many rows that begins with it; the new ones are ``value``."""
    if rows <= len(array):
        return array
    size = (max(rows, 2 * len(array)), *array.shape[1:])
    larger = np.full(size, value, array.dtype) if value else np.zeros(size, array.dtype)  # the latter at once
    larger[: len(array)] = array
    return larger
