"""The fold of a day's ticks: state per symbol and minute, and nothing per tick.

A trade belongs to the minute of its ``event_time``, however late it comes. Of a minute's records the fold
keeps the worst quality flag and mitigation level, the place of the closing trade, and the provider's
cumulative volume at the edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from sise.model.records import SampleRecord, TradeRecord
from sise.model.time import NS_PER_SECOND
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.hearing import SILENCE_NS, Proofs
from sise.warehouse.etl.ticks import Tick
from sise.warehouse.rows import RowStore

MINUTE_SECONDS: Final = 60
MINUTE_NS: Final = MINUTE_SECONDS * NS_PER_SECOND
MINUTES_KEPT: Final = 1_600
"""More than the longest day has (25 hours)."""
FLAGS: Final = ("normal", "degraded", "gap")
"""From the best to the worst."""
_RANK: Final = {flag: rank for rank, flag in enumerate(FLAGS)}


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
        self.rows = RowStore(MINUTE_SECONDS, MINUTES_KEPT)
        self.notes: dict[int, Note] = {}
        self.dirty: int | None = None
        """The earliest minute (epoch seconds) that changed since it was last asked."""
        self.last = self.stored_to = 0
        """The last bar that was made, and the last that was stored."""

    def touch(self, minute: int) -> Note:
        if self.dirty is None or minute < self.dirty:
            self.dirty = minute
        note = self.notes.get(minute)
        if note is None:
            note = self.notes[minute] = Note()
        return note

    def on_trade(self, record: TradeRecord, event_ns: int, receive_ns: int, ref: str) -> None:
        minute = event_ns // MINUTE_NS * MINUTE_SECONDS
        note = self.notes.get(minute)
        if note is None or self.dirty is None or minute < self.dirty:
            note = self.touch(minute)
        frame, price, size = record.frame, record.price, record.size
        self.rows.add(event_ns, frame, price, size)
        note.value += price * size
        last_ns = note.last_ns
        if event_ns > last_ns or (event_ns == last_ns and frame >= note.last_frame):
            note.last_ns, note.last_frame = event_ns, frame
            note.session, note.receive_ns, note.ref = record.session_id, receive_ns, ref
        if record.mitigation_level or record.quality_flag != "normal":
            _worsen(note, record)

    def on_sample(self, record: SampleRecord, event_ns: int) -> None:
        minute = event_ns // MINUTE_NS * MINUTE_SECONDS
        note = self.touch(minute)
        note.sample_session = record.session_id
        if record.volume is not None:
            if event_ns == minute * NS_PER_SECOND:
                note.edge_volume = record.volume
            if event_ns >= note.sampled_ns:
                note.sampled_ns, note.volume = event_ns, record.volume
        _worsen(note, record)

    def cumulative_at(self, second: int) -> float | None:
        """The provider's cumulative volume at the first moment of a minute; None: not known."""
        here = self.notes.get(second)
        if here is not None and here.edge_volume is not None:
            return here.edge_volume
        before = self.notes.get(second - MINUTE_SECONDS)
        if before is None or second * NS_PER_SECOND - before.sampled_ns > SILENCE_NS:
            return None
        return before.volume


def _worsen(note: Note, record: TradeRecord | SampleRecord) -> None:
    if record.mitigation_level > note.mitigation:
        note.mitigation = record.mitigation_level
    if record.quality_flag != "normal":
        note.flag = max(note.flag, _RANK[record.quality_flag])


class DayFold:
    """All symbols of one market's day."""

    def __init__(self, day: MarketDay) -> None:
        self.day = day
        self._start_ns, self._end_ns = day.start_ns, day.end_ns
        self.proofs: dict[str, Proofs] = {}
        self.minutes: dict[tuple[str, str], Minutes] = {}
        """By symbol and venue."""
        self.last_samples: dict[tuple[str, str, int], Tick] = {}
        """By symbol, venue and volume day (its ordinal): the day's last sample with a price."""
        self._calendar = day.calendar()
        self._volume_day = (0, 0, 0)

    def fold(self, ticks: Iterable[Tick]) -> None:
        """Take ticks of the day's own journal, in its order."""
        proofs, minutes = self.proofs, self.minutes
        known: dict[tuple[str, str], tuple[Proofs, Minutes]] = {}
        start_ns, end_ns = self._start_ns, self._end_ns
        for tick in ticks:
            record, event_ns, receive_ns, ref = tick
            key = (record.symbol, record.venue)
            both = known.get(key)
            if both is None:
                both = known[key] = (
                    proofs.setdefault(record.symbol, Proofs()),
                    minutes.setdefault(key, Minutes()),
                )
            proof, series = both
            sample = type(record) is SampleRecord
            proof_ns = event_ns if sample and event_ns > receive_ns else receive_ns
            proof.add(proof_ns)
            if series.dirty is None or proof_ns < series.dirty * NS_PER_SECOND:
                series.dirty = proof_ns // MINUTE_NS * MINUTE_SECONDS
            if not start_ns <= event_ns < end_ns:
                continue
            if isinstance(record, SampleRecord):
                series.on_sample(record, event_ns)
                if record.last_price is not None:
                    self.last_samples[(*key, self._volume_ordinal(event_ns))] = tick
            else:
                series.on_trade(record, event_ns, receive_ns, ref)

    def fold_stray(self, tick: Tick) -> None:
        """Take a trade that another day's journal has: it counts, and proves nothing of this day."""
        record = tick.record
        if isinstance(record, TradeRecord) and self.day.holds(tick.event_ns):
            series = self.minutes.setdefault((record.symbol, record.venue), Minutes())
            series.on_trade(record, tick.event_ns, tick.receive_ns, tick.ref)

    def prove(self, symbol: str, at_ns: int) -> None:
        """Take a proof from the days beside, for what lies over midnight."""
        self.proofs.setdefault(symbol, Proofs()).add(at_ns)

    def touch_all(self, at_ns: int) -> None:
        """Something was learned (a slot, a hole) that changes every bar from this moment on."""
        second = max(at_ns, self._start_ns) // MINUTE_NS * MINUTE_SECONDS
        for series in self.minutes.values():
            if series.dirty is None or second < series.dirty:
                series.dirty = second

    def _volume_ordinal(self, at_ns: int) -> int:
        first, last, ordinal = self._volume_day
        if not first <= at_ns < last:
            day = self._calendar.day_of(at_ns)
            ordinal = day.toordinal()
            hour = at_ns - at_ns % (3_600 * NS_PER_SECOND)
            self._volume_day = (hour, hour + 3_600 * NS_PER_SECOND, ordinal)
        return ordinal
