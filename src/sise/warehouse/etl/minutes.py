"""The fold of a day's ticks: state per symbol and minute, and nothing per tick.

A unit's ticks are put together by symbol and minute first (:mod:`sise.warehouse.etl.grouping`). A trade
belongs to the minute of its ``event_time``, however late it comes. Of a minute's records the fold keeps the
worst quality flag and mitigation level, the place of the closing trade, and the provider's cumulative volume
at the edges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import polars as pl
from msgspec import Struct

from sise.model.records import TradeRecord
from sise.model.time import NS_PER_SECOND
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.grouping import FLAGS as FLAGS
from sise.warehouse.etl.grouping import (
    MINUTE_NS,
    MINUTE_SECONDS,
    Last,
    Samples,
    faults_of,
    last_samples_of,
    proofs_of,
    samples_of,
    trades_of,
)
from sise.warehouse.etl.hearing import SILENCE_NS, Proofs
from sise.warehouse.etl.minuterows import MinuteRows, MinuteTrades
from sise.warehouse.etl.tickframe import frame_of, sample_of
from sise.warehouse.etl.ticks import Tick

MINUTES_KEPT: Final = 1_600
"""More than the longest day has (25 hours)."""


class Note(Struct):
    """What a minute's records say beside prices and sizes; times are UTC ns."""

    flag: int = 0
    mitigation: int = 0
    value: float = 0.0
    """Of the trades: the sum of price times size."""
    session: str = ""
    last_ns: int = -1
    """The closing trade's event time; -1: no trade."""
    last_frame: int = -1
    receive_ns: int = 0
    ref: str = ""
    sample_session: str = ""
    sampled_ns: int = -1
    """The last sample that had a cumulative volume, and that volume."""
    volume: float = 0.0
    edge_volume: float | None = None
    """The cumulative volume of the sample at the minute's first moment itself."""


class Minutes:
    """One symbol at one venue."""

    __slots__ = ("dirty", "last", "notes", "rows", "stored_to")

    def __init__(self) -> None:
        self.rows = MinuteRows(MINUTE_SECONDS, MINUTES_KEPT)
        self.notes: dict[int, Note] = {}
        self.dirty: int | None = None
        """The earliest minute (epoch seconds) that changed since it was last asked."""
        self.last = self.stored_to = 0
        """The last bar that was made, and the last that was stored."""

    def soil(self, second: int) -> None:
        """Something came that changes the bars from here on."""
        if self.dirty is None or second < self.dirty:
            self.dirty = second

    def touch(self, minute: int) -> Note:
        self.soil(minute)
        note = self.notes.get(minute)
        if note is None:
            note = self.notes[minute] = Note()
        return note

    def on_trades(self, trades: MinuteTrades, last: Last) -> None:
        """Take the trades of one minute, of which ``last`` closes it."""
        note = self.touch(trades.time)
        self.rows.merge(trades)
        value = note.value
        for price, size in zip(trades.prices, trades.sizes, strict=True):
            value += price * size
        note.value = value
        closed_ns, frame, _ = trades.closed
        if (closed_ns, frame) >= (note.last_ns, note.last_frame):
            note.last_ns, note.last_frame = closed_ns, frame
            note.session, note.receive_ns, note.ref = last.session, last.receive_ns, last.ref

    def on_samples(self, minute: int, said: Samples) -> None:
        """Take what the samples of one minute say."""
        note = self.touch(minute)
        note.sample_session = said.session
        if said.edge_volume is not None:
            note.edge_volume = said.edge_volume
        if said.sampled_ns is not None and said.volume is not None and said.sampled_ns >= note.sampled_ns:
            note.sampled_ns, note.volume = said.sampled_ns, said.volume

    def worsen(self, minute: int, flag: int, mitigation: int) -> None:
        note = self.touch(minute)
        note.flag, note.mitigation = max(note.flag, flag), max(note.mitigation, mitigation)

    def cumulative_at(self, second: int) -> float | None:
        """The provider's cumulative volume at the first moment of a minute; None: not known."""
        here = self.notes.get(second)
        if here is not None and here.edge_volume is not None:
            return here.edge_volume
        before = self.notes.get(second - MINUTE_SECONDS)
        if before is None or second * NS_PER_SECOND - before.sampled_ns > SILENCE_NS:
            return None
        return before.volume


class DayFold:
    """All symbols of one market's day."""

    def __init__(self, day: MarketDay) -> None:
        self.day = day
        self._start_ns, self._end_ns = day.start_ns, day.end_ns
        self.proofs: dict[str, Proofs] = defaultdict(Proofs)
        self.minutes: dict[tuple[str, str], Minutes] = defaultdict(Minutes)
        """By symbol and venue."""
        self.last_samples: dict[tuple[str, str, int], Tick] = {}
        """By symbol, venue and volume day (its ordinal): the day's last sample with a price."""
        self._calendar = day.calendar()
        self._volume_day = (0, 0, 0)

    def fold(self, ticks: pl.DataFrame) -> None:
        """Take ticks of the day's own journal (columns of ``tickframe.SCHEMA``), in its order."""
        for (symbol, venue), spans, dirty in proofs_of(ticks):
            for first, last in spans:
                self.proofs[symbol].add(first, last)
            self.minutes[symbol, venue].soil(dirty)
        own = ticks.filter(pl.col("event_time").is_between(self._start_ns, self._end_ns, closed="left"))
        self._fold_trades(own)
        for series, minute, said in samples_of(own):
            self.minutes[series].on_samples(minute, said)
        for row in last_samples_of(own):
            key = row["symbol"], row["venue"], self._volume_ordinal(row["event_time"])
            self.last_samples[key] = sample_of(row, self.day)

    def _fold_trades(self, own: pl.DataFrame) -> None:
        for series, trades, last in trades_of(own):
            self.minutes[series].on_trades(trades, last)
        for series, minute, flag, mitigation in faults_of(own):
            self.minutes[series].worsen(minute, flag, mitigation)

    def fold_strays(self, ticks: Sequence[Tick]) -> None:
        """Take trades that another day's journal has: they count, and prove nothing of this day."""
        own = [t for t in ticks if isinstance(t.record, TradeRecord) and self.day.holds(t.event_ns)]
        self._fold_trades(frame_of(own))

    def prove(self, symbol: str, at_ns: int) -> None:
        """Take a proof from the days beside, for what lies over midnight."""
        self.proofs[symbol].add(at_ns, at_ns)

    def touch_all(self, at_ns: int) -> None:
        """Something was learned (a slot, a hole) that changes every bar from this moment on."""
        second = max(at_ns, self._start_ns) // MINUTE_NS * MINUTE_SECONDS
        for series in self.minutes.values():
            series.soil(second)

    def _volume_ordinal(self, at_ns: int) -> int:
        first, last, ordinal = self._volume_day
        if not first <= at_ns < last:
            day = self._calendar.day_of(at_ns)
            ordinal = day.toordinal()
            hour = at_ns - at_ns % (3_600 * NS_PER_SECOND)
            self._volume_day = (hour, hour + 3_600 * NS_PER_SECOND, ordinal)
        return ordinal
