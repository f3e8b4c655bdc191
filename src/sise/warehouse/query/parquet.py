"""The Parquet history as a store: only the files, row groups and columns that a question needs are read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import polars as pl

from sise.model.time import NS_PER_SECOND, NS_PER_US, parse_iso
from sise.warehouse.candles import SCHEMA, SIZES
from sise.warehouse.candles_actions import ACTIONS
from sise.warehouse.history import History
from sise.warehouse.history_choice import rank
from sise.warehouse.history_entry import Entry, StoredFile
from sise.warehouse.history_ticks import latest, rows_of
from sise.warehouse.query import frames
from sise.warehouse.query.asked import Series, Span, Who
from sise.warehouse.tables.types import EPOCH

_TICKS = {"ticks": frames.TICKS, "quotes": frames.QUOTES}


class Parquet:
    """A history. Its list of imports is read once: ask a new one for what was added since."""

    name = "history"

    def __init__(self, history: History) -> None:
        self._history = history
        self._listed: dict[str, list[Entry]] = {}
        self._venues: dict[tuple[str, str], set[Series]] = {}

    def find(self, kinds: Collection[str], who: Who) -> set[Series]:
        entries = [entry for kind in kinds for entry in self._entries(kind) if _may_hold(entry, who)]
        found = (series for entry in entries for series in self._series(entry, who.symbol))
        return {series for series in found if who.means(series)}

    def extent(self, kind: str, series: Series, source: str | None) -> Span | None:
        files = [file for entry in self._holding(kind, series, source) for file in entry.files]
        if not files:
            return None
        # a tick lies within its second: the manifest's moments are whole ones
        length = SIZES.get(kind.removeprefix("bars_"), 1) * NS_PER_SECOND
        return Span(
            min(parse_iso(file.first) for file in files),
            max(parse_iso(file.last) for file in files) + length,
        )

    def rows(self, kind: str, series: Series, span: Span, source: str | None) -> Iterator[pl.DataFrame]:
        if kind in frames.TIME:
            for entry in self._holding(kind, series, None):
                if any(_touches(file, span) for file in entry.files):
                    where = _of(series) & _within(span, frames.TIME[kind])
                    held = rows_of(self._history, entry, where)
                    yield from (part.select(*_TICKS[kind]) for part in held if part.height)
            return
        for entry in self._holding(kind, series, source):
            for file in entry.files:
                if _touches(file, span):
                    found = (
                        self._history.scan(file.file)
                        .filter(_of(series), _within(span))
                        .select(*SCHEMA)
                        .collect()
                    )
                    yield _as_daily(found) if kind == "bars_1d" else found

    def adjusted_sources(self, kinds: Collection[str], series: Series) -> set[str]:
        held = [entry for kind in kinds for entry in self._entries(kind) if _may_hold(entry, _who(series))]
        return {entry.source for entry in held if entry.prices == "adjusted"}

    def gaps(self, who: Who, span: Span) -> pl.DataFrame:
        return pl.DataFrame(schema=frames.GAPS)

    def actions(self, series: Series) -> pl.DataFrame:
        facts = self._history.actions(market=series.market).filter(pl.col("symbol") == series.symbol)
        own = facts.filter(pl.col("provider") == series.provider)
        return (own if own.height else facts).select(*ACTIONS)

    def _entries(self, kind: str) -> list[Entry]:
        if kind not in self._listed:
            held = self._history.entries(kind)
            # of bars each source speaks for itself; of ticks a day's last entry speaks for the day
            ranked = latest(held).values() if kind in frames.TIME else sorted(held, key=rank, reverse=True)
            self._listed[kind] = list(ranked)
        return self._listed[kind]

    def _holding(self, kind: str, series: Series, source: str | None) -> list[Entry]:
        """The imports to read, the one that goes first first; adjusted ones only where they are named."""
        return [
            entry
            for entry in self._entries(kind)
            if _may_hold(entry, _who(series))
            and (entry.prices == "raw" if source is None else entry.source == source)
        ]

    def _series(self, entry: Entry, symbol: str | None) -> set[Series]:
        """Which of its symbols lie at which venue: only the files know."""
        key = (entry.id, symbol or "")
        if key not in self._venues:
            names = list(frames.INSTRUMENT)
            scans = [self._history.scan(file.file).select(names) for file in entry.files]
            every = pl.concat(scans)
            some = every if symbol is None else every.filter(pl.col("symbol") == symbol)
            self._venues[key] = {Series(*row) for row in some.unique().collect().rows()}
        return self._venues[key]


def _who(series: Series) -> Who:
    return Who(series.symbol, series.provider, series.market)


def _may_hold(entry: Entry, who: Who) -> bool:
    return (
        who.provider in (None, entry.provider)
        and who.market in (None, entry.market)
        and (who.symbol is None or who.symbol in entry.symbols)
    )


def _touches(file: StoredFile, span: Span) -> bool:
    # the manifest's moments are whole seconds
    return parse_iso(file.first) < span.end_ns and parse_iso(file.last) + NS_PER_SECOND > span.start_ns


def _of(series: Series) -> pl.Expr:
    return (pl.col("symbol") == series.symbol) & (pl.col("venue") == series.venue)


def _within(span: Span, time: str = "start") -> pl.Expr:
    start, end = (_moment(ns) for ns in (span.start_ns, span.end_ns))
    return (pl.col(time) >= start) & (pl.col(time) < end)


def _moment(ns: int) -> datetime:
    """The first whole microsecond at or after ``ns``."""
    return (EPOCH + timedelta(microseconds=-(-ns // NS_PER_US))).astimezone(UTC)


def _as_daily(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.with_columns(pl.lit(None, pl.Float64).alias("prev_close")).select(*frames.DAILY)
