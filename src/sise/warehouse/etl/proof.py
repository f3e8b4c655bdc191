"""What a proof of a table is, and what the proofs of all tables share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field
from sqlalchemy import ColumnElement, Engine, Table, and_, or_, select

from sise.journal.files import Line, partitions, read_lines
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.units import UNIT_ROWS
from sise.warehouse.hashing import hash_rows
from sise.warehouse.schema import rejects
from sise.warehouse.tables.columns import rules

_UNEQUAL_NAMED: Final = 3


class TableProof(Struct):
    """Of one table: what the journal has for it, what it has, and how both compare."""

    journal: int
    """Lines of the journal that belong into it; for bars, the rows that the journal makes."""
    rows: int
    rejects: dict[str, int]
    hash: str
    ok: bool = True
    differences: list[str] = field(default_factory=list)
    """The first ones, with symbol and minute."""

    def differs(self, what: str) -> None:
        self.ok = False
        if len(self.differences) < _UNEQUAL_NAMED:
            self.differences.append(what)


def of_day(table: Table, day: MarketDay) -> ColumnElement[bool]:
    """The rows of a table that belong to a market's day, by their own time."""
    mine = and_(table.c.provider == day.provider, table.c.market == day.market)
    time = rules(table).time
    if time is None:
        return and_(mine, table.c.trade_date == day.day)
    return and_(mine, table.c[time] >= day.start_ns, table.c[time] < day.end_ns)


def hash_of(engine: Engine, table: Table, day: MarketDay) -> str:
    """The hash of a day's rows."""
    with engine.connect() as connection:
        return hash_rows(connection, table, of_day(table, day)).sha256


def rejects_of(engine: Engine, day: MarketDay, table: str) -> dict[str, str]:
    """The rejected lines of a day's journal, with their reasons."""
    prefixes = (day.folder("scalp") + "/", day.folder("swing") + "/", day.events)
    query = select(rejects.c.raw_ref, rejects.c.reason).where(
        rejects.c.table_name == table,
        rejects.c.day == day.day,
        or_(*(rejects.c.raw_ref.like(f"{prefix}%") for prefix in prefixes)),
    )
    with engine.connect() as connection:
        return {row.raw_ref: row.reason for row in connection.execute(query)}


def lines_of(root: Path, day: MarketDay, track: str) -> Iterator[Line]:
    """The good lines of a day's track, read anew."""
    for file in partitions(root, [day.folder(track)]):
        yield from read_lines(root, file)


def units_of(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """The same, so many at a time that memory stays flat."""
    while part := list(islice(lines, UNIT_ROWS)):
        yield part


def plain(value: Any) -> Any:
    """Numbers of every kind as the double that prints them, which the loader has proven to be exact."""
    return float(value) if value is not None and hasattr(value, "__float__") else value
