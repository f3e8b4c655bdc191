"""Sweeps of the universe as bars: what the provider's own day said at both ends of a stretch.

A bar of ten minutes lies between two sweeps (``event_time`` is the sweep's moment on the grid), one of an
hour between the sweep at its start and the one at its end (or at the close, in the hour of the close). It
opens at the price of the first and closes at that of the last; volume and value are the differences of the
provider's cumulative ones, so they are whole though nobody listened in between.

High and low are exact where the day's own high or low moved within the stretch. Otherwise they are those of
the prices seen, and the bar is ``degraded``: the range may have been wider. Where a sweep at an end is
missing, or the volume's day ended in between, the bar is ``unknown``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from sise.journal.files import Line
from sise.model.calendar import Calendar
from sise.model.errors import BadInput
from sise.model.hours import SWEEP_EVERY_SECONDS
from sise.model.records import CandleRecord, SwingRecord, record_decoder
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.warehouse.bars import Span
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.tickarrays import FLAGS
from sise.warehouse.etl.ticks import Reject, rejected
from sise.warehouse.rows import VOLUME_DECIMALS

SIZES: Final = {"swing_bars_10m": SWEEP_EVERY_SECONDS, "swing_bars_1h": 3_600}
SOURCE: Final = "sweep"
REPEATED: Final = "duplicate: the symbol was asked for in the same sweep before"
_STEP_NS: Final = SWEEP_EVERY_SECONDS * NS_PER_SECOND


class Seen(Struct, gc=False):
    """A symbol in one sweep. Times are UTC ns."""

    event_ns: int
    receive_ns: int
    last: float | None
    open: float | None
    high: float | None
    low: float | None
    volume: float | None
    value: float | None
    prev_close: float | None
    flag: int
    mitigation: int
    session: str
    schema: str
    ref: str


class Sweeps:
    """All that a day's sweeps said: one :class:`Seen` per symbol and sweep."""

    def __init__(self, day: MarketDay) -> None:
        self.day = day
        self._days = day.calendar()
        self.seen: dict[tuple[str, str], dict[int, Seen]] = {}
        """By symbol and venue, then by the sweep's moment."""
        self.moments: set[int] = set()
        self.taken = 0
        self.others = 0
        """Candles of the provider."""
        self.dirty = False

    def fold(self, lines: Iterable[Line]) -> list[Reject]:
        """Take lines of the swing track; those that cannot be used, with their reason."""
        found: list[Reject] = []
        for line in lines:
            try:
                record = record_decoder.decode(line.body)
                if isinstance(record, CandleRecord):
                    self.others += 1
                    continue
                if not isinstance(record, SwingRecord):
                    found.append(rejected(line, "a record of another track"))
                    continue
                seen = _seen(record, line.ref)
            except (msgspec.MsgspecError, BadInput, UnicodeDecodeError) as error:
                found.append(rejected(line, f"not understood: {error}"))
                continue
            if (record.provider, record.market) != (self.day.provider, self.day.market):
                found.append(rejected(line, f"of {record.provider!r} {record.market!r}"))
                continue
            sweeps = self.seen.setdefault((record.symbol, record.venue), {})
            if seen.event_ns in sweeps:
                found.append(Reject(line.ref, REPEATED))
                continue
            sweeps[seen.event_ns] = seen
            self.moments.add(seen.event_ns)
            self.taken += 1
            self.dirty = True
        return found

    def rows(self, size: int, calendar: Calendar) -> Iterator[tuple[Any, ...]]:
        """Rows (columns of :mod:`sise.warehouse.etl.barrows`) of bars that start in the day.

        ``calendar`` says when the day opens and closes: an hour of half past nine begins at the open.
        """
        edges = self._edges(calendar)
        for (symbol, venue), sweeps in sorted(self.seen.items(), key=lambda item: item[0]):
            head = (self.day.provider, self.day.market, venue, symbol)
            for start in self._starts(sweeps, size):
                begin, end = _between_sweeps(start, size * NS_PER_SECOND, edges)
                yield (*head, start, *self._bar(sweeps, begin, end))

    def _edges(self, calendar: Calendar) -> Span | None:
        """Open and close; None: the market does not shut, or does not open."""
        regular = None if self.day.never_shuts() else calendar.regular(self.day.day)
        return None if regular is None else (regular.open_ns, regular.close_ns)

    def _starts(self, sweeps: dict[int, Seen], size: int) -> list[int]:
        """The bars between the symbol's first and last sweep."""
        size_ns = size * NS_PER_SECOND
        first = max(min(sweeps), self.day.start_ns) // size_ns * size_ns
        last = min(max(sweeps), self.day.end_ns)
        return list(range(first, last, size_ns))

    def _bar(self, sweeps: dict[int, Seen], start: int, end: int) -> tuple[Any, ...]:
        within = [sweeps[at] for at in range(start, end + 1, _STEP_NS) if at in sweeps]
        if end not in range(start, end + 1, _STEP_NS) and end in sweeps:
            within.append(sweeps[end])
        first, last = sweeps.get(start), sweeps.get(end)
        prices = [seen.last for seen in within if seen.last is not None]
        volume, value = self._between(first, last, start, end)
        closing = within[-1] if within else None
        whole = first is not None and last is not None
        high, low, exact = _range(prices, first, last)
        state = "unknown" if volume is None or not whole else "traded" if volume > 0 else "empty"
        flag = max((seen.flag for seen in within), default=0)
        if state == "empty":
            opened = closed = high = low = None
        else:
            opened = first.last if first is not None else None
            closed = last.last if last is not None else None
            flag = max(flag, 0 if exact else 1)
        return (
            *(opened, high, low, closed, volume, value, 0 if state == "empty" else None),
            *(1.0 if state != "unknown" else 0.0, state, SOURCE),
            *((closing.event_ns, closing.receive_ns, closing.session) if closing else (None, None, "")),
            *(closing.schema if closing else "1.0", max((seen.mitigation for seen in within), default=0)),
            *(FLAGS[flag], closing.ref if closing else None),
        )

    def _between(
        self, first: Seen | None, last: Seen | None, start: int, end: int
    ) -> tuple[float | None, float | None]:
        """Volume and value between two sweeps of one volume day."""
        if first is None or last is None or first.volume is None or last.volume is None:
            return None, None
        day_of = self._days.day_of
        if last.volume < first.volume or day_of(start) != day_of(end):
            return None, None
        value = None
        if first.value is not None and last.value is not None and last.value >= first.value:
            value = round(last.value - first.value, VOLUME_DECIMALS)
        return round(last.volume - first.volume, VOLUME_DECIMALS), value


def _between_sweeps(start: int, size_ns: int, edges: Span | None) -> Span:
    """Where a bar's first and last sweep are: its own ends, or the open and the close that lie in it."""
    end = start + size_ns
    if edges is None:
        return start, end
    opens, closes = edges
    return opens if start < opens < end else start, closes if start < closes < end else end


def _range(
    prices: list[float], first: Seen | None, last: Seen | None
) -> tuple[float | None, float | None, bool]:
    """High, low, and whether both are known to be those of the whole stretch."""
    if not prices:
        return None, None, False
    high, low = max(prices), min(prices)
    if first is None or last is None:
        return high, low, False
    new_high = _moved(first.high, last.high, up=True)
    new_low = _moved(first.low, last.low, up=False)
    if new_high is not None:
        high = max(high, new_high)
    if new_low is not None:
        low = min(low, new_low)
    return high, low, new_high is not None and new_low is not None


def _moved(before: float | None, after: float | None, *, up: bool) -> float | None:
    """The day's new extreme, where it was made between two sweeps."""
    if before is None or after is None:
        return None
    return after if (after > before if up else after < before) else None


def _seen(record: SwingRecord, ref: str) -> Seen:
    return Seen(
        event_ns=parse_iso(record.event_time),
        receive_ns=parse_iso(record.receive_time),
        last=record.last_price,
        open=record.open,
        high=record.high,
        low=record.low,
        volume=record.volume,
        value=record.value,
        prev_close=record.prev_close,
        flag=FLAGS.index(record.quality_flag),
        mitigation=record.mitigation_level,
        session=record.session_id,
        schema=record.schema_version,
        ref=ref,
    )
