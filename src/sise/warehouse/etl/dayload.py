"""One day of one market on its way into the database.

Ticks and gaps go in unit by unit, each with its cursor in one transaction. Bars are a fold of the whole day
from its first line: a run that goes on where one was killed reads the lines before the cursor again, for the
fold only, and stores the same bars. Nothing else is remembered between runs, so there is nothing to
come apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Engine, Table, select

from sise.journal.blocks import count_of
from sise.journal.files import Line
from sise.model.calendar import Calendar
from sise.model.hours import SpecialDay
from sise.warehouse.etl import barrows, eod, holes
from sise.warehouse.etl.ahead import Unit, UnitsAhead
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.hearing import event_of, fold_safely, hearing_before
from sise.warehouse.etl.minutes import DayFold
from sise.warehouse.etl.reading import DayReader, prove_over_midnight, sweeps_at_midnight
from sise.warehouse.etl.strays import stray_ticks
from sise.warehouse.etl.sweeps import SIZES as SWEEP_SIZES
from sise.warehouse.etl.sweeps import Sweeps
from sise.warehouse.etl.ticks import Reject
from sise.warehouse.etl.units import UNIT_ROWS, Done, cursor_batch, ends_of, load_unit, reject_batch
from sise.warehouse.load import Batch, load, load_together
from sise.warehouse.schema import (
    eod_prices,
    etl_cursor,
    metadata,
    rejects,
    scalp_gaps,
    scalp_ticks,
)

SWING_LINES: Final = 20_000
SWING: Final = "swing_bars_10m"
"""Rejected lines of the swing track are kept under this table."""
CHANGES_BARS: Final = frozenset(
    ("gap_marker", "disconnected", "connected", "hours_over", "slots", "session_start")
)
"""Events after which bars that are stored may have to be said anew."""


class Counts(Struct):
    """What a run has done."""

    lines_read: int = 0
    rows_changed: int = 0
    rows_same: int = 0
    rows_rejected: int = 0
    damaged: int = 0


class DayLoad:
    """Loads a day; call :meth:`step` until nothing is left, then :meth:`store_bars`.

    Every method may raise ``Unreachable``; called again, it goes on with what was not stored.
    """

    def __init__(
        self, engine: Engine, root: Path, day: MarketDay, exceptions: Sequence[SpecialDay] = ()
    ) -> None:
        """``exceptions``: this installation's own trading days and hours."""
        self.day, self._engine = day, engine
        self._root, self._exceptions = root, exceptions
        self.counts = Counts()
        self.stray_days: set[MarketDay] = set()
        """Other days whose bars must be made again, because of what stands in this one's journal."""
        self.stale = False
        """A trade that was folded as another day's turned out to be this one's: fold the day anew."""
        self._reader = DayReader(root, day)
        cursors, self._rejected = _loaded(engine, day)
        self._units = UnitsAhead(self._reader, day, cursors, UNIT_ROWS)
        self._pending: list[tuple[list[Batch], int, int]] = []
        """Batches of what was folded and is not stored: with their lines and rejects."""
        self.fold = DayFold(day)
        self.sweeps = Sweeps(day)
        self.hearing = hearing_before(root, day)
        self.fold.fold_strays(stray_ticks(engine, day))
        self.next_day_seen = prove_over_midnight(root, day, self.fold)
        sweeps_at_midnight(root, day, self.sweeps)
        self._fresh = True

    def step(self, now_ns: int) -> bool:
        """Read and store the next unit of each track; False where the journal has no more."""
        # events are written before the records that they concern: read after them, they are never behind
        unit = self._units.take()
        events, sweeps = self._reader.events(), self._reader.swing(SWING_LINES)
        self.counts.damaged = self._reader.damaged()
        worked = bool(unit or events or sweeps or self._pending)
        self._take_events(events, now_ns)
        self._take_sweeps(sweeps, now_ns)
        self._flush()
        if unit is not None:
            self._take_ticks(unit, now_ns)
        return worked

    def _take_ticks(self, unit: Unit, now_ns: int) -> None:
        done = self._of_old(unit) if unit.old else load_unit(self._engine, self.day, unit, now_ns)
        self.fold.fold(done.ticks)
        self.stale = self.stale or done.displaced
        self._count(count_of(unit.blocks), done.changed, done.same, done.rejected)
        self.stray_days |= {self.day.at(minute) for minute in done.strays}
        self._units.done()

    def _of_old(self, unit: Unit) -> Done:
        """Lines that an earlier run has loaded: what it rejected does not count."""
        ticks = unit.read.ticks
        if self._rejected:
            ticks = ticks.where((~ticks.places().is_in(self._rejected)).to_numpy())
        return Done(ticks)

    def _take_events(self, lines: list[Line], now_ns: int) -> None:
        """Slots and holes; the day's own gap markers are rows."""
        rows: list[tuple[Any, ...]] = []
        found: list[Reject] = []
        own = [line for line in lines if line.ref.startswith(self.day.events)]
        for line in lines:
            event = event_of(line, self.day)
            if event is None:
                continue
            fold_safely(self.hearing, event, line)
            if event.event_type in CHANGES_BARS:
                self.fold.touch_all(self.day.start_ns)
            self.sweeps.dirty = self.sweeps.dirty or event.event_type == "trading_day"
            if event.event_type != "gap_marker" or not line.ref.startswith(self.day.events):
                continue
            row = holes.gap_row(event, line, self.day)
            if isinstance(row, Reject):
                found.append(row)
            else:
                rows.append(row)
                if row[holes.START_AT] < self.day.start_ns:
                    self.stray_days.add(self.day.at(row[holes.START_AT]))
        if own:
            batches = [
                Batch(scalp_gaps, holes.COLUMNS, rows),
                reject_batch(self.day, found, scalp_gaps.name),
                cursor_batch(self.day, "events", ends_of(own), now_ns),
            ]
            self._pending.append((batches, len(own), len(found)))

    def _take_sweeps(self, lines: list[Line], now_ns: int) -> None:
        if lines:
            found = self.sweeps.fold(lines)
            batches = [
                reject_batch(self.day, found, SWING),
                cursor_batch(self.day, "swing", ends_of(lines), now_ns),
            ]
            self._pending.append((batches, len(lines), len(found)))

    def _flush(self) -> None:
        """Store what was folded already; what fails stays for the next call."""
        while self._pending:
            batches, lines, rejected = self._pending[0]
            loaded = load_together(self._engine, batches)[0]
            del self._pending[0]
            self._count(lines, loaded.changed, loaded.same, rejected)

    def store_bars(self) -> None:
        """Store every bar that changed since the last time, and what the provider said of its day."""
        changed_only = not self._fresh
        calendar = self.day.calendar(self._exceptions, self.hearing.told)
        for name, size in barrows.SIZES.items():
            bars = barrows.bar_rows(self.fold, self.hearing, size, changed_only=changed_only)
            self._store(metadata.tables[name], barrows.COLUMNS, bars.iter_rows())
        if self.sweeps.dirty or self._fresh:
            for name, size in SWEEP_SIZES.items():
                self._store(metadata.tables[name], barrows.COLUMNS, self.sweeps.rows(size, calendar))
        self._store_eod(calendar)
        self.fold.mark_clean()
        self.sweeps.dirty = False
        self._fresh = False

    def _store_eod(self, calendar: Calendar) -> None:
        rows = eod.eod_rows(self.day, self.sweeps, self.fold, calendar)
        with self._engine.connect() as connection:
            rows = eod.newer_only(connection, self.day, rows)
        self._store(eod_prices, eod.COLUMNS, rows)

    def _store(self, table: Table, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
        for part in _parts(iter(rows)):
            loaded = load(self._engine, table, columns, part)
            self._count(0, loaded.changed, loaded.same, len(loaded.rejected))
            if loaded.rejected:
                at = columns.index("raw_ref")
                told = [
                    Reject(part[each.row][at] or f"{self.day.events}:0", each.reason)
                    for each in loaded.rejected
                ]
                load_together(self._engine, [reject_batch(self.day, told, table.name)])

    def _count(self, lines: int, changed: int, same: int, rejected: int) -> None:
        counts = self.counts
        counts.lines_read += lines
        counts.rows_changed += changed
        counts.rows_same += same
        counts.rows_rejected += rejected

    def close(self) -> None:
        self._units.close()
        self._reader.close()


def _parts(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while part := list(islice(rows, UNIT_ROWS)):
        yield part


def _loaded(engine: Engine, day: MarketDay) -> tuple[dict[str, int], frozenset[str]]:
    """How far the scalp partitions are loaded, and the lines among them that are no rows."""
    cursors = select(etl_cursor.c.path, etl_cursor.c.line).where(
        etl_cursor.c.provider == day.provider,
        etl_cursor.c.market == day.market,
        etl_cursor.c.track == "scalp",
        etl_cursor.c.day == day.day,
    )
    refused = select(rejects.c.raw_ref).where(
        rejects.c.table_name == scalp_ticks.name,
        rejects.c.day == day.day,
        rejects.c.raw_ref.like(f"{day.folder('scalp')}/%"),
    )
    with engine.connect() as connection:
        found = {row.path: row.line for row in connection.execute(cursors)}
        return found, frozenset(connection.scalars(refused))
