"""A plain journal folder as a store: records are decoded when asked for, bars made by the one bar code.

Days of the journal are read one after the other; memory holds the records of one symbol and day. A record is
looked for in the files of its day and of the days beside it: later than that it is not found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from sise.journal.files import PartitionFile, partitions, read_lines
from sise.model.time import MARKET_ZONES, in_zone, to_ns
from sise.warehouse.candles_actions import no_actions
from sise.warehouse.query.asked import Series, Span, Who
from sise.warehouse.query.journal_bars import Told, bars_of_day
from sise.warehouse.query.journal_events import Events
from sise.warehouse.query.journal_rows import named, quote_rows, row_frame, tick_rows, told_of

_RECORDS: Final = {"ticks": tick_rows, "quotes": quote_rows}
_MADE_OF: Final = {"ticks": ("trade",), "quotes": ("sample",), "bars_1m": ("trade", "sample")}
"""Of each kind the records that it is made of."""
SOURCE: Final = "journal"
"""Of the bars that are made here."""
_ONE_DAY: Final = timedelta(days=1)


class Journal:
    """The journal below ``root``, a data folder."""

    name = "journal"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._events = Events(root)
        self._known: dict[str, set[tuple[str, Series]]] = {}

    def find(self, kinds: Collection[str], who: Who) -> set[Series]:
        wanted = {name for kind in kinds for name in _MADE_OF.get(kind, ())}
        return {
            series
            for folder in (self._folders() if wanted else ())
            if who.provider in (None, folder.parts[-2]) and who.market in (None, folder.parts[-1])
            for name, series in self._held(folder)
            if name in wanted and who.means(series)
        }

    def extent(self, kind: str, series: Series, source: str | None) -> Span | None:
        if kind not in _MADE_OF or source not in (None, SOURCE):
            return None
        days = self._days(series)
        if not days:
            return None
        return Span(_midnight_ns(days[0] - _ONE_DAY, series), _midnight_ns(days[-1] + _ONE_DAY, series))

    def rows(self, kind: str, series: Series, span: Span, source: str | None) -> Iterator[pl.DataFrame]:
        if kind == "bars_1m" and source in (None, SOURCE):
            yield from self._bars(series, span)
        elif kind in _RECORDS:
            yield row_frame(kind, _RECORDS[kind](self._told(series, span), span))

    def adjusted_sources(self, kinds: Collection[str], series: Series) -> set[str]:
        return set()

    def gaps(self, who: Who, span: Span) -> pl.DataFrame:
        return self._events.gaps(who, span)

    def actions(self, series: Series) -> pl.DataFrame:
        return no_actions()

    def _bars(self, series: Series, span: Span) -> Iterator[pl.DataFrame]:
        heard = self._events.heard(series)
        for day in self._days(series):
            whole = Span(_midnight_ns(day, series), _midnight_ns(day + _ONE_DAY, series))
            wanted = span.within(whole)
            if wanted is not None:
                yield bars_of_day(series, self._told(series, whole), heard, whole, wanted)

    def _told(self, series: Series, span: Span) -> Iterator[Told]:
        """Each record of the series in the days of the span and those beside, in the order of the lines."""
        mark = b'"symbol":"%s"' % series.symbol.encode()
        for file in self._files(series, span):
            for line in read_lines(self._root, file):
                if mark in line.body and (told := told_of(series, line)) is not None:
                    yield told

    def _files(self, series: Series, span: Span) -> list[PartitionFile]:
        zone = MARKET_ZONES[series.market]
        first, last = (in_zone(ns, zone).date() for ns in (span.start_ns, span.end_ns - 1))
        days = [day for day in self._days(series) if first - _ONE_DAY <= day <= last + _ONE_DAY]
        folder = f"scalp/{series.provider}/{series.market}"
        return [file for day in days for file in partitions(self._root, [f"{folder}/{day:%Y%m%d}"])]

    def _days(self, series: Series) -> list[date]:
        folder = self._root / "scalp" / series.provider / series.market
        return sorted(
            datetime.strptime(path.name, "%Y%m%d").date()  # noqa: DTZ007  a day's name
            for path in folder.glob("[0-9]*")
            if len(path.name) == 8 and path.name.isdigit()
        )

    def _folders(self) -> list[Path]:
        return sorted(path for path in self._root.glob("scalp/*/*") if path.name in MARKET_ZONES)

    def _held(self, folder: Path) -> set[tuple[str, Series]]:
        """Which kinds of record lie in the folder, of whom; read once."""
        name = folder.relative_to(self._root).as_posix()
        if name not in self._known:
            self._known[name] = {
                found
                for file in partitions(self._root, [name])
                for found in {named(line.body) for line in read_lines(self._root, file)}
                # a line in the folder of another is a reject
                if found is not None and (found[1].provider, found[1].market) == folder.parts[-2:]
            }
        return self._known[name]


def _midnight_ns(day: date, series: Series) -> int:
    return to_ns(datetime.combine(day, time(), MARKET_ZONES[series.market]))
