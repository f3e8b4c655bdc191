"""The one bar code: trades become bars of any size, and a bar says what is known about its time.

A bar has one of three states, decided from *when we listened*, not from whether trades came:

=========  =====================================================================================
traded     all of its time was listened to, and there were trades
empty      all of its time was listened to, and there were none: proven, not assumed
unknown    some of its time was not listened to; trades that were heard count, but prove nothing
=========  =====================================================================================

A trade belongs to the bar of its ``event_time``, however late it comes. Open and close are the
prices of the lowest and highest ``(event_time, frame)``, so the order of arrival does not matter.
A volume is the exact sum, rounded to the provider's own eight decimals, so that bars equal the
provider's candles to the digit.

Candles that the provider made serve only the time before listening began: they never overwrite
what was heard, and never fill a hole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct

from sise.model.records import CandleRecord, TradeRecord
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.warehouse.rows import Row, RowStore

SIZE_SECONDS: Final = {"1s": 1, "10s": 10, "1m": 60, "5m": 300, "15m": 900, "1h": 3600}
"""The sizes that are served, by name."""
CANDLE_SECONDS: Final = {**SIZE_SECONDS, "3m": 180, "10m": 600, "30m": 1800, "4h": 14_400}
KEEP_BARS: Final = {1: 900, 10: 720, 60: 1440}
"""Traded bars kept per stored size (seconds): coarser sizes are made of these when asked for."""
KEEP_CANDLES: Final = 1000
COVERAGE_STEPS: Final = 1_000_000

Span = tuple[int, int]
"""From and until (not included), UTC nanoseconds."""
State = Literal["traded", "empty", "unknown"]


class Bar(Struct, frozen=True, gc=False):
    """One bar; ``time`` is its start in epoch seconds UTC.

    What is not known is ``None``: prices where no trade was heard, volume and trades where that
    proves nothing, trades of a provider's candle. ``coverage`` is the share, 0 to 1, of its time so
    far that was listened to.
    """

    time: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    trades: int | None
    state: State
    coverage: float
    source: Literal["live", "provider"]


class Listening(Struct, frozen=True):
    """When a market was listened to, and the holes in that; both may overlap and lie in any order."""

    heard: list[Span]
    gaps: list[Span]

    @property
    def began_ns(self) -> int | None:
        return min((start for start, _ in self.heard), default=None)

    def known(self, start_ns: int, end_ns: int) -> list[Span]:
        """The parts of ``[start_ns, end_ns)`` that were listened to, in order and apart."""
        known: list[Span] = []
        gaps = _merged(self.gaps, start_ns, end_ns)
        for start, end in _merged(self.heard, start_ns, end_ns):
            at = start
            for gap_start, gap_end in gaps:
                if gap_end <= at or gap_start >= end:
                    continue
                if gap_start > at:
                    known.append((at, gap_start))
                at = gap_end
            if at < end:
                known.append((at, end))
        return known


def _merged(spans: Iterable[Span], start_ns: int, end_ns: int) -> list[Span]:
    """Spans clipped to ``[start_ns, end_ns)``, in order, overlapping ones made one."""
    merged: list[Span] = []
    for start, end in sorted((max(a, start_ns), min(b, end_ns)) for a, b in spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


class BarSeries:
    """The trades and candles of one symbol, ready to be asked for bars of any size.

    Memory is bounded by ``keep``: traded bars per stored size in seconds. A size that is asked for
    must be a whole multiple of a stored one.
    """

    __slots__ = ("_candles", "_candles_until_ns", "_stores")

    def __init__(self, keep: Mapping[int, int] = KEEP_BARS) -> None:
        self._stores = [RowStore(size, count) for size, count in sorted(keep.items(), reverse=True)]
        self._candles: dict[int, RowStore] = {}
        self._candles_until_ns = 0

    def add(self, trade: TradeRecord) -> int:
        """Fold a trade in, late or not; the moment it belongs to (UTC ns)."""
        event_ns = parse_iso(trade.event_time)
        for store in self._stores:
            store.add(event_ns, trade.frame, trade.price, trade.size)
        return event_ns

    def add_candle(self, candle: CandleRecord) -> None:
        """Keep a provider's candle. One asked for before its time was over is no fact, and is left out."""
        size = CANDLE_SECONDS.get(candle.size)
        received_ns = parse_iso(candle.receive_time)
        if size is None:
            return
        time = parse_iso(candle.bar_time) // NS_PER_SECOND
        if received_ns < (time + size) * NS_PER_SECOND:
            return
        self._candles_until_ns = max(self._candles_until_ns, received_ns)
        self._candles.setdefault(size, RowStore(size, KEEP_CANDLES)).put(time, candle)

    def traded(self, size_seconds: int) -> list[Row]:
        """Every kept interval with trades, oldest first, whatever was known of its time."""
        store = _coarsest_fit(self._stores, size_seconds)
        return list(store.rows(size_seconds, _up(store.floor, size_seconds), 1 << 62)) if store else []

    def bars(
        self,
        size_seconds: int,
        listening: Listening,
        *,
        until_ns: int,
        to_ns: int | None = None,
        limit: int = 500,
    ) -> list[Bar]:
        """At most ``limit`` bars that start before ``to_ns``, oldest first; the last may be forming.

        ``until_ns`` is how far our knowledge goes: a bar that it falls into is judged by its time so far.
        """
        end_ns = until_ns if to_ns is None else min(to_ns, until_ns)
        last = (end_ns - 1) // NS_PER_SECOND // size_seconds * size_seconds
        oldest = last - (limit - 1) * size_seconds
        began_ns = listening.began_ns
        if began_ns is None:
            return self._candle_bars(size_seconds, oldest, last, until_ns)
        began = began_ns // NS_PER_SECOND // size_seconds * size_seconds
        store = _coarsest_fit(self._stores, size_seconds)
        first = max(oldest, began, _up(store.floor, size_seconds) if store else last)
        before = self._candle_bars(size_seconds, oldest, min(last, began - size_seconds), began_ns)
        live = _Live(size_seconds, listening.known(first * NS_PER_SECOND, until_ns), until_ns)
        rows = {row.time: row for row in store.rows(size_seconds, first, last)} if store else {}
        bars = [live.bar(time, rows.get(time)) for time in range(first, last + 1, size_seconds)]
        return [*before, *bars] if first <= began else bars

    def _candle_bars(self, size: int, oldest: int, last: int, before_ns: int) -> list[Bar]:
        """Bars of the provider that end by ``before_ns``, from its first to its last whole one."""
        store = _coarsest_fit(self._candles.values(), size)
        if store is None:
            return []
        first = max(oldest, _up(store.time[0], size))
        whole = min(before_ns, self._candles_until_ns) // NS_PER_SECOND
        last = min(last, store.time[-1] // size * size, (whole - size) // size * size)
        rows = {row.time: row for row in store.rows(size, first, last)}
        return [_provided(time, rows.get(time)) for time in range(first, last + 1, size)]


def judged(
    size_seconds: int, rows: Mapping[int, Row], listening: Listening, first: int, last: int
) -> list[Bar]:
    """A bar of every interval that starts in ``[first, last]`` (epoch seconds), each by all of its time.

    ``rows`` are the trades, folded, by the start of their interval.
    """
    until_ns = (last + size_seconds) * NS_PER_SECOND
    live = _Live(size_seconds, listening.known(first * NS_PER_SECOND, until_ns), until_ns)
    return [live.bar(time, rows.get(time)) for time in range(first, last + 1, size_seconds)]


def _coarsest_fit(stores: Iterable[RowStore], size_seconds: int) -> RowStore | None:
    """The coarsest store that bars of ``size_seconds`` can be made of."""
    fitting = [store for store in stores if size_seconds % store.size == 0]
    return max(fitting, key=lambda store: store.size, default=None)


def _up(second: int, size_seconds: int) -> int:
    return -(-second // size_seconds) * size_seconds


def _provided(time: int, row: Row | None) -> Bar:
    if row is None:
        return Bar(time, None, None, None, None, None, None, "unknown", 0.0, "provider")
    return Bar(
        time, row.open, row.high, row.low, row.close, row.exact_volume, None, "traded", 0.0, "provider"
    )


class _Live:
    """Judges bars in time's order against what was listened to."""

    def __init__(self, size_seconds: int, known: list[Span], until_ns: int) -> None:
        self._size_ns = size_seconds * NS_PER_SECOND
        self._known = known
        self._until_ns = until_ns
        self._at = 0

    def bar(self, time: int, row: Row | None) -> Bar:
        start = time * NS_PER_SECOND
        end = min(start + self._size_ns, self._until_ns)
        heard = self._heard(start, end)
        whole = heard == end - start
        coverage = heard * COVERAGE_STEPS // (end - start) / COVERAGE_STEPS
        if row is None:
            if whole:
                return Bar(time, None, None, None, None, 0.0, 0, "empty", coverage, "live")
            return Bar(time, None, None, None, None, None, None, "unknown", coverage, "live")
        state: State = "traded" if whole else "unknown"
        prices = (row.open, row.high, row.low, row.close)
        return Bar(time, *prices, row.exact_volume, row.trades, state, coverage, "live")

    def _heard(self, start: int, end: int) -> int:
        known = self._known
        while self._at < len(known) and known[self._at][1] <= start:
            self._at += 1
        heard, at = 0, self._at
        while at < len(known) and known[at][0] < end:
            heard += min(known[at][1], end) - max(known[at][0], start)
            at += 1
        return heard
