"""The proof of ``scalp_ticks``: by symbol and minute, every column of every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, and_, select

from sise.model.time import iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.minutefold import MINUTE_NS
from sise.warehouse.etl.minutes import DayFold
from sise.warehouse.etl.plainsum import PlainSums
from sise.warehouse.etl.proof import TableProof, hash_of, lines_of, of_day, plain, rejects_of, units_of
from sise.warehouse.etl.tickarrays import ticks_of
from sise.warehouse.etl.ticks import COLUMNS, DUPLICATE, Tick, key_of, read_ticks, row_of
from sise.warehouse.etl.units import STRAY_RULE
from sise.warehouse.schema import findings, scalp_ticks

_MASK: Final = (1 << 64) - 1


class TickProof:
    """Reads a day's scalp track anew; ``fold`` and ``sums`` are given the ticks that count."""

    def __init__(self, engine: Engine, root: Path, day: MarketDay, fold: DayFold, sums: PlainSums) -> None:
        self._engine, self._root, self._day = engine, root, day
        self._fold, self._sums = fold, sums

    def prove(self) -> TableProof:
        """Ticks by symbol and minute; the fold for the bars is filled on the way."""
        refused = rejects_of(self._engine, self._day, str(scalp_ticks.name))
        expected: dict[tuple[str, int], list[int]] = {}
        seen: set[int] = set()
        proof = TableProof(0, 0, dict(Counter(refused.values())), "")
        for lines in units_of(lines_of(self._root, self._day, "scalp")):
            read = read_ticks(lines, self._day)
            proof.journal += len(read.ticks) + len(read.rejects)
            for each in read.rejects:
                if each.ref not in refused:
                    proof.differs(f"{each.ref} is no row ({each.reason}), and no reject says so")
            counted = [tick for tick in read.ticks if self._counts(tick, seen, refused, proof)]
            self._fold.fold(ticks_of(counted))
            self._sums.add(counted)
            _add(expected, (row_of(tick) for tick in counted))
        stored: dict[tuple[str, int], list[int]] = {}
        _add(stored, self._stored_ticks())
        proof.rows = sum(count for count, _ in stored.values())
        if proof.rows and not proof.journal:
            proof.differs("its lines are not in the journal any more: sise backup restore brings them back")
        for key in sorted(expected.keys() | stored.keys()):
            if expected.get(key) != stored.get(key):
                proof.differs(_unequal(key, expected.get(key), stored.get(key)))
        if proof.journal != proof.rows + sum(proof.rejects.values()):
            proof.differs(f"{proof.journal} lines are not {proof.rows} rows and {len(refused)} rejects")
        proof.hash = hash_of(self._engine, scalp_ticks, self._day)
        return proof

    def _counts(self, tick: Tick, seen: set[int], refused: dict[str, str], proof: TableProof) -> bool:
        key = hash(key_of(tick))
        repeated = key in seen
        seen.add(key)
        reason = refused.get(tick.ref)
        if repeated and reason is None:
            proof.differs(f"{tick.ref} repeats a trade, and no reject says so")
        # a duplicate of another day's line, or a row that the database refused
        elif reason is not None and not repeated and reason == DUPLICATE and not self._is_stored(tick):
            proof.differs(f"{tick.ref} is rejected as a duplicate, and no other line's row is there")
        return reason is None and not repeated

    def _is_stored(self, tick: Tick) -> bool:
        venue, symbol, event_ns, own = key_of(tick)
        table = scalp_ticks.c
        query = select(table.raw_ref).where(
            *(table.provider == self._day.provider, table.market == self._day.market),
            *(table.venue == venue, table.symbol == symbol, table.event_time == event_ns, table.id == own),
        )
        with self._engine.connect() as connection:
            return connection.scalar(query) is not None

    def _stored_ticks(self) -> Iterator[tuple[Any, ...]]:
        """The rows that lines of this day's journal made, whatever day they belong to."""
        table, own = scalp_ticks.c, self._day.folder("scalp") + "/"
        columns = [table[name] for name in COLUMNS]
        told = findings.c
        minutes = select(told.venue, told.symbol, told.start_time).where(
            told.rule == STRAY_RULE,
            told.provider == self._day.provider,
            told.market == self._day.market,
            told.source == self._day.folder("scalp"),
        )
        with self._engine.connect() as connection:
            wanted = [of_day(scalp_ticks, self._day)]
            wanted += [
                and_(
                    *(table.provider == self._day.provider, table.market == self._day.market),
                    *(table.venue == row.venue, table.symbol == row.symbol),
                    table.event_time >= row.start_time,
                    table.event_time < row.start_time + MINUTE_NS,
                )
                for row in connection.execute(minutes).all()
            ]
            for where in wanted:
                query = select(*columns).where(where).execution_options(yield_per=2_000)
                for found in connection.execute(query):
                    if found.raw_ref.startswith(own):
                        yield tuple(found)


def _add(sums: dict[tuple[str, int], list[int]], rows: Iterable[tuple[Any, ...]]) -> None:
    """Count rows by symbol and minute, with a sum of their hashes that does not depend on the order."""
    symbol_at, time_at = COLUMNS.index("symbol"), COLUMNS.index("event_time")
    for row in rows:
        found = sums.setdefault((row[symbol_at], row[time_at] // MINUTE_NS * MINUTE_NS), [0, 0])
        found[0] += 1
        found[1] = found[1] + hash(tuple(map(plain, row))) & _MASK


def _unequal(key: tuple[str, int], wanted: list[int] | None, there: list[int] | None) -> str:
    lines, rows = (wanted or [0])[0], (there or [0])[0]
    what = f"{lines} lines count, {rows} rows are there" if lines != rows else "the rows say something else"
    return f"{key[0]} {iso(key[1])}: {what}"
