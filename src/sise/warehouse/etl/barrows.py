"""Rows of the bar tables, from the fold of a day and what was listened to.

Volume: where all of a bar's time was listened to, every trade of it was heard, and the volume is their sum by
``event_time``. Where a hole lies in it and the provider's cumulative volume is known at both edges, the
volume is their difference, if that is more: the provider counted what we did not hear. The traded ``value``
is then not known, and the bar stays ``unknown``. (The cumulative volume is never taken for a whole bar: it
comes out of step with the trades, and would put the edges' trades into the wrong minute.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sise.model.records import SCHEMA_VERSION
from sise.model.time import NS_PER_SECOND
from sise.warehouse.bars import Bar, Listening, Span, judged
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.grouping import FLAGS, MINUTE_NS, MINUTE_SECONDS
from sise.warehouse.etl.hearing import Hearing
from sise.warehouse.etl.minutes import DayFold, Minutes, Note
from sise.warehouse.rows import VOLUME_DECIMALS

COLUMNS: Final = (
    *("provider", "market", "venue", "symbol", "bar_time", "open", "high", "low", "close", "volume", "value"),
    *("trades", "coverage_ratio", "state", "source", "event_time", "receive_time", "session_id"),
    *("schema_version", "mitigation_level", "quality_flag", "raw_ref"),
)
SOURCE: Final = "journal"
GAP: Final = FLAGS.index("gap")
SIZES: Final = {"scalp_1m_bars": 60, "scalp_5m_bars": 300}
_NO_NOTE: Final = Note()


def bar_rows(fold: DayFold, hearing: Hearing, size: int, *, changed_only: bool = False) -> Iterator[Any]:
    """Rows (see :data:`COLUMNS`) of all symbols, each from its first minute known to its last.

    ``changed_only``: from the first bar on that anything came to since :func:`mark_clean`.
    """
    holes = hearing.holes()
    of_day = fold.day.start_ns, fold.day.end_ns
    for (symbol, venue), series in sorted(fold.minutes.items(), key=lambda item: item[0]):
        if changed_only and series.dirty is None:
            continue
        listening = hearing.listening(symbol, fold.proofs[symbol]) if symbol in fold.proofs else _NEVER
        bounds = _bounds(of_day, series, listening, size)
        if bounds is None:
            continue
        first, last = bounds
        if changed_only and series.dirty is not None:
            changed = min(series.dirty, series.stored_to)
            first = max(first, changed // size * size - size)  # a proof reaches into the bar before
        series.last = max(series.last, last)
        yield from _rows(fold.day, venue, symbol, series, listening, holes, size, first, last)


def mark_clean(fold: DayFold) -> None:
    """All that is known has been stored."""
    for series in fold.minutes.values():
        series.dirty, series.stored_to = None, series.last


_NEVER: Final = Listening([], [])


def _bounds(day: Span, series: Minutes, listening: Listening, size: int) -> tuple[int, int] | None:
    """The first and last bar of which anything is known, within the day."""
    moments = [*series.rows.time[:1], *series.rows.time[-1:]]
    heard = [span for span in listening.heard if span[1] > day[0] and span[0] < day[1]]
    if heard:
        moments.append(max(min(heard)[0], day[0]) // NS_PER_SECOND)
        moments.append((min(max(end for _, end in heard), day[1]) - 1) // NS_PER_SECOND)
    if not moments:
        return None
    return min(moments) // size * size, max(moments) // size * size


def _rows(
    day: MarketDay,
    venue: str,
    symbol: str,
    series: Minutes,
    listening: Listening,
    holes: Sequence[Span],
    size: int,
    first: int,
    last: int,
) -> Iterator[tuple[Any, ...]]:
    traded = {row.time: row for row in series.rows.rows(size, first, last)}
    head = (day.provider, day.market, venue, symbol)
    session = _session_before(series, first)
    for bar in judged(size, traded, listening, first, last):
        note = _note(series, bar.time, size)
        session = note.session or note.sample_session or session
        flag = GAP if _touches(holes, bar.time, size) else note.flag
        yield (
            *head,
            bar.time * NS_PER_SECOND,
            *(bar.open, bar.high, bar.low, bar.close),
            *_volume(bar, series, note, size),
            *(bar.trades, bar.coverage, bar.state, SOURCE),
            *((note.last_ns, note.receive_ns) if note.ref else (None, None)),
            *(session, SCHEMA_VERSION, note.mitigation, FLAGS[flag], note.ref or None),
        )


def _volume(bar: Bar, series: Minutes, note: Note, size: int) -> tuple[float | None, float | None]:
    """Volume and value."""
    if bar.state != "unknown":
        return bar.volume, _value(note)
    start, end = series.cumulative_at(bar.time), series.cumulative_at(bar.time + size)
    heard = bar.volume or 0.0
    if start is None or end is None or end < start or not end - start > heard:
        return bar.volume, None if bar.volume is None else _value(note)
    return round(end - start, VOLUME_DECIMALS), None


def _value(note: Note) -> float:
    """To the fifteen digits that a sum of products of doubles can be trusted for."""
    return float(f"{note.value:.15g}")


def _note(series: Minutes, time: int, size: int) -> Note:
    """The notes of a bar's minutes, as one."""
    notes = [series.notes[at] for at in range(time, time + size, MINUTE_SECONDS) if at in series.notes]
    if len(notes) < 2:
        return notes[0] if notes else _NO_NOTE
    closing = max(notes, key=lambda note: (note.last_ns, note.last_frame))
    return Note(
        flag=max(note.flag for note in notes),
        mitigation=max(note.mitigation for note in notes),
        value=sum(note.value for note in notes),
        session=closing.session,
        last_ns=closing.last_ns,
        receive_ns=closing.receive_ns,
        ref=closing.ref,
        sample_session=notes[-1].sample_session,
    )


def _session_before(series: Minutes, first: int) -> str:
    """Whose word the first bars are, where nothing of their own says it."""
    known = [at for at in series.notes if at < first]
    note = series.notes[max(known)] if known else _NO_NOTE
    return note.session or note.sample_session


def _touches(holes: Sequence[Span], time: int, size: int) -> bool:
    start, end = time * NS_PER_SECOND, time * NS_PER_SECOND + size // MINUTE_SECONDS * MINUTE_NS
    return any(a < end and b > start for a, b in holes)
