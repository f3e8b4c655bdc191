"""One-minute bars of a day, straight from the journal, by the one bar code (:mod:`sise.warehouse.bars`).

The rules are those by which the trading database is filled; tests hold both equal, and neither imports the
other: asking reaches no ETL. A symbol was listened to between two of its own lines that are no silence apart,
while it had a slot, outside of holes, and not while the track rested after its hours. Volume
and value are sums over the trades; where a hole lies in the bar and the provider's cumulative volume is known
at both edges, the volume is their difference, if that is more, and the value is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from sise.model.records import AnyRecord, SampleRecord, TradeRecord
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.warehouse.bars import Bar, Listening, judged
from sise.warehouse.bars import Span as Stretch
from sise.warehouse.candles import MINUTE_SECONDS, SCHEMA
from sise.warehouse.query.asked import Series, Span
from sise.warehouse.query.frames import made
from sise.warehouse.query.journal_events import Heard
from sise.warehouse.rows import VOLUME_DECIMALS, RowStore

SILENCE_NS: Final = 15 * NS_PER_SECOND
"""A line of each slot comes at least every two seconds."""
MINUTES_KEPT: Final = 1_600
"""More than the longest day has."""
_US: Final = 1_000_000

Told = tuple[str, AnyRecord, int]
"""``path:line``, the record, and its event time (UTC ns)."""


def bars_of_day(series: Series, told: Iterable[Told], heard: Heard, day: Span, wanted: Span) -> pl.DataFrame:
    """The bars of ``wanted``, of the lines of its ``day`` and those beside.

    From the first minute of which anything is known to the last; what nobody listened to is ``unknown``.
    """
    fold, proofs = _Fold(), []
    for ref, record, at_ns in told:
        if isinstance(record, TradeRecord | SampleRecord):
            proofs.append(_proof(record, at_ns))
        if day.start_ns <= at_ns < day.end_ns:
            fold.take(ref, record, at_ns)
    listening = Listening(_listened(series.symbol, heard, proofs), heard.deaf)
    bounds = _bounds(fold.rows, listening, day)
    if bounds is None:
        return pl.DataFrame(schema=SCHEMA)
    rows = {row.time: row for row in fold.rows.rows(MINUTE_SECONDS, *bounds)}
    bars = judged(MINUTE_SECONDS, rows, listening, *bounds)
    within = [bar for bar in bars if wanted.start_ns <= bar.time * NS_PER_SECOND < wanted.end_ns]
    return _frame(series, within, [fold.volume(bar) for bar in within])


class _Fold:
    """The minutes of one symbol: trades, their value, and the provider's cumulative volume."""

    def __init__(self) -> None:
        self.rows = RowStore(MINUTE_SECONDS, MINUTES_KEPT)
        self._seen: set[tuple[int, str]] = set()
        self._value: dict[int, float] = {}
        self._edge: dict[int, float] = {}
        self._last: dict[int, tuple[int, float]] = {}

    def take(self, ref: str, record: AnyRecord, at_ns: int) -> None:
        second = at_ns // NS_PER_SECOND
        minute = second - second % MINUTE_SECONDS
        if isinstance(record, SampleRecord) and record.volume is not None:
            if at_ns == minute * NS_PER_SECOND:
                self._edge[minute] = record.volume
            if at_ns >= self._last.get(minute, (0, 0.0))[0]:
                self._last[minute] = at_ns, record.volume
        elif isinstance(record, TradeRecord) and (at_ns, record.trade_id or ref) not in self._seen:
            self._seen.add((at_ns, record.trade_id or ref))
            self.rows.add(at_ns, record.frame, record.price, record.size)
            self._value[minute] = self._value.get(minute, 0.0) + record.price * record.size

    def volume(self, bar: Bar) -> tuple[float | None, float | None]:
        """Volume and value of a bar."""
        # a sum of products of doubles can be trusted for fifteen digits
        value = None if bar.volume is None else float(f"{self._value.get(bar.time, 0.0):.15g}")
        if bar.state != "unknown":
            return bar.volume, value
        start, end = self._cumulative(bar.time), self._cumulative(bar.time + MINUTE_SECONDS)
        if start is None or end is None or end - start <= (bar.volume or 0.0):
            return bar.volume, value
        return round(end - start, VOLUME_DECIMALS), None

    def _cumulative(self, second: int) -> float | None:
        """The provider's cumulative volume at the first moment of a minute; None: not known."""
        if second in self._edge:
            return self._edge[second]
        last = self._last.get(second - MINUTE_SECONDS)
        return None if last is None or second * NS_PER_SECOND - last[0] > SILENCE_NS else last[1]


def _proof(record: TradeRecord | SampleRecord, at_ns: int) -> int:
    """The moment at which a line proves that we listened; a trade's own time is the provider's."""
    received_ns = parse_iso(record.receive_time)
    return max(received_ns, at_ns) if isinstance(record, SampleRecord) else received_ns


def _listened(symbol: str, heard: Heard, proofs: list[int]) -> list[Stretch]:
    """When the symbol was heard, as far as its own lines prove it."""
    stretches: list[Stretch] = []
    for at in sorted(proofs):
        if stretches and at - stretches[-1][1] <= SILENCE_NS:
            stretches[-1] = stretches[-1][0], at
        else:
            stretches.append((at, at))
    windows = heard.windows(symbol)
    if windows is None:
        return stretches
    both = ((max(a, c), min(b, d)) for a, b in stretches for c, d in windows)
    return [(start, end) for start, end in both if start < end]


def _bounds(rows: RowStore, listening: Listening, day: Span) -> tuple[int, int] | None:
    """The first and last minute (epoch seconds) of which anything is known."""
    moments = [*rows.time[:1], *rows.time[-1:]]
    heard = [span for span in listening.heard if span[1] > day.start_ns and span[0] < day.end_ns]
    if heard:
        moments.append(max(min(heard)[0], day.start_ns) // NS_PER_SECOND)
        moments.append((min(max(end for _, end in heard), day.end_ns) - 1) // NS_PER_SECOND)
    if not moments:
        return None
    first, last = min(moments), max(moments)
    return first - first % MINUTE_SECONDS, last - last % MINUTE_SECONDS


def _frame(series: Series, bars: list[Bar], volumes: list[tuple[float | None, float | None]]) -> pl.DataFrame:
    count = len(bars)
    columns: dict[str, list[object]] = {
        **{name: [getattr(series, name)] * count for name in ("provider", "market", "venue", "symbol")},
        **{name: [getattr(bar, name) for bar in bars] for name in ("open", "high", "low", "close")},
        "start": [bar.time * _US for bar in bars],
        "volume": [volume for volume, _ in volumes],
        "value": [value for _, value in volumes],
        "trades": [bar.trades for bar in bars],
        "state": [bar.state for bar in bars],
        "coverage_ratio": [bar.coverage for bar in bars],
        "source": ["journal"] * count,
    }
    return made(SCHEMA, columns)
