"""Proof that a day is in the database: every line a row or a reject, every bar what the journal makes it.

The journal is read anew, by the plain reader and not by the one that loaded it. Ticks are held against the
database by symbol and minute; bars against a fold from nothing, and their prices, trades and volumes also
against a plain sum that shares no code with the fold.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Engine, Table, select

from sise.model.hours import SpecialDay
from sise.model.time import iso
from sise.warehouse.etl import barrows, eod, holes
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.hearing import Hearing, fold_events, hearing_before, read_events
from sise.warehouse.etl.minutes import DayFold
from sise.warehouse.etl.plainsum import PlainSums
from sise.warehouse.etl.proof import TableProof, hash_of, lines_of, of_day, plain, rejects_of, units_of
from sise.warehouse.etl.proof_ticks import TickProof
from sise.warehouse.etl.reading import prove_over_midnight, sweeps_at_midnight
from sise.warehouse.etl.strays import stray_ticks
from sise.warehouse.etl.sweeps import SIZES as SWEEP_SIZES
from sise.warehouse.etl.sweeps import Sweeps
from sise.warehouse.etl.tickarrays import ticks_of
from sise.warehouse.etl.ticks import read_ticks
from sise.warehouse.hashing import hash_rows
from sise.warehouse.schema import eod_prices, metadata, scalp_gaps

_MASK: Final = (1 << 64) - 1
_UNEQUAL_NAMED: Final = 3


class DayProof(Struct):
    """Of one day of one market."""

    day: str
    ok: bool
    tables: dict[str, TableProof]


def verify_day(engine: Engine, root: Path, day: MarketDay, exceptions: Sequence[SpecialDay] = ()) -> DayProof:
    """Hold the database against the journal. Nothing is written.

    ``exceptions``: this installation's own trading days and hours, those that it was loaded with.
    """
    again = _Again(engine, root, day, exceptions)
    tables = {"scalp_ticks": TickProof(engine, root, day, again.fold, again.sums).prove()}
    for name, size in barrows.SIZES.items():
        expected = barrows.bar_rows(again.fold, again.hearing, size).rows()
        tables[name] = again.bars(metadata.tables[name], expected)
    again.sums.compare(again.stored_bars("scalp_1m_bars"), tables["scalp_1m_bars"].differs)
    tables["scalp_gaps"] = again.gaps()
    for name, size in SWEEP_SIZES.items():
        tables[name] = again.bars(metadata.tables[name], list(again.sweeps.rows(size, again.calendar)))
    tables["eod_prices"] = again.eod()
    return DayProof(day.name, all(proof.ok for proof in tables.values()), tables)


class _Again:
    """The day's journal, folded from nothing."""

    def __init__(self, engine: Engine, root: Path, day: MarketDay, exceptions: Sequence[SpecialDay]) -> None:
        self._engine, self._root, self._day = engine, root, day
        self.fold = DayFold(day)
        self.sums = PlainSums(day)
        self.hearing: Hearing = hearing_before(root, day)
        self.sweeps = Sweeps(day)
        self.swing_rejects = self.sweeps.fold(lines_of(root, day, "swing"))
        for each in (day, day.beside(1)):
            fold_events(self.hearing, root, each)
        self.calendar = day.calendar(exceptions, self.hearing.told)
        strays = stray_ticks(engine, day)
        self.fold.fold_strays(strays)
        self.sums.add(strays)
        prove_over_midnight(root, day, self.fold)
        sweeps_at_midnight(root, day, self.sweeps)

    def bars(self, table: Table, expected: Sequence[tuple[Any, ...]]) -> TableProof:
        """Rows that the journal makes, against those that are there."""
        refused = rejects_of(self._engine, self._day, table.name) if table.name == "swing_bars_10m" else {}
        reasons = dict(Counter(refused.values()))
        proof = TableProof(len(expected), 0, reasons, hash_of(self._engine, table, self._day))
        if {each.ref for each in self.swing_rejects} != set(refused) and table.name == "swing_bars_10m":
            proof.differs("the rejects of the swing track are not those that its lines give")
        self._compare(proof, table, barrows.COLUMNS, expected, "bar_time")
        return proof

    def stored_bars(self, name: str) -> list[Any]:
        table = metadata.tables[name]
        with self._engine.connect() as connection:
            return list(connection.execute(select(table).where(of_day(table, self._day))).all())

    def gaps(self) -> TableProof:
        made = [
            holes.gap_row(event, line, self._day)
            for event, line in read_events(self._root, self._day)
            if event.event_type == "gap_marker"
        ]
        rows = [row for row in made if isinstance(row, tuple)]
        with self._engine.connect() as connection:
            mine = scalp_gaps.c.raw_ref.like(f"{self._day.events}:%")
            there = connection.execute(select(scalp_gaps).where(mine)).all()
            digest = hash_rows(connection, scalp_gaps, mine).sha256
        proof = TableProof(
            len(made),
            len(there),
            dict(Counter(rejects_of(self._engine, self._day, str(scalp_gaps.name)).values())),
            digest,
        )
        told = {row[holes.COLUMNS.index("id")] for row in rows}
        for missing in sorted(told ^ {row.id for row in there}):
            proof.differs(f"{missing} is not both a line and a row")
        return proof

    def eod(self) -> TableProof:
        rows = {eod.key_of(row): row for row in self._eod_words() if eod.key_of(row)[2] == self._day.day}
        digest = hash_of(self._engine, eod_prices, self._day)
        proof = TableProof(len(rows), 0, {}, digest)
        self._compare(proof, eod_prices, eod.COLUMNS, list(rows.values()), "trade_date")
        return proof

    def _eod_words(self) -> list[tuple[Any, ...]]:
        """Every word on the day, the one that stands last."""
        words = eod.eod_rows(self._day, self.sweeps, self.fold, self.calendar)
        after = self._day.beside(1)
        if self._day.never_shuts():
            sweeps, fold = Sweeps(after), DayFold(after)
            sweeps.fold(lines_of(self._root, after, "swing"))
            for lines in units_of(lines_of(self._root, after, "scalp")):
                fold.fold(ticks_of(read_ticks(lines, after).ticks))
            words += eod.eod_rows(after, sweeps, fold, self.calendar)
        return sorted(words, key=eod.rank_of)

    def _compare(
        self,
        proof: TableProof,
        table: Table,
        columns: tuple[str, ...],
        expected: Sequence[tuple[Any, ...]],
        time: str,
    ) -> None:
        key = [columns.index(name) for name in ("venue", "symbol", time)]
        wanted = {tuple(row[at] for at in key): row for row in expected}
        with self._engine.connect() as connection:
            query = select(*(table.c[name] for name in columns)).where(of_day(table, self._day))
            stored = {tuple(row[at] for at in key): tuple(row) for row in connection.execute(query)}
        proof.rows = len(stored)
        for each in sorted(wanted.keys() | stored.keys(), key=lambda one: (str(one[2]), one[1])):
            here, there = wanted.get(each), stored.get(each)
            if here is None or there is None:
                what = "is not in the database" if there is None else "is not what the journal makes"
                proof.differs(f"{_named(each)} {what}")
            elif unlike := [n for n, a, b in zip(columns, here, there, strict=True) if plain(a) != plain(b)]:
                proof.differs(f"{_named(each)} differs in {', '.join(unlike)}")


def _named(key: tuple[Any, ...]) -> str:
    return f"{key[1]} {iso(key[2]) if isinstance(key[2], int) else key[2]}"


def one_hash(hashes: Iterable[str]) -> str:
    """Several markets' hashes as one; of one it is its own."""
    found = list(hashes)
    return found[0] if len(found) == 1 else hashlib.sha256("\n".join(found).encode()).hexdigest()
