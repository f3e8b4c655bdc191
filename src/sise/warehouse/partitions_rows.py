"""Months of a table without partitions: found by hopping, deleted a little at a time.

A deletion holds SQLite's one writer, so that of a large table is cut into a symbol and a day at
most, each a transaction. Cut short, it goes on the next time: a month is there as long as a row is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, select

from sise.model.time import NS_PER_SECOND
from sise.warehouse.engine import writing
from sise.warehouse.partitions_month import Month, month_of
from sise.warehouse.tables.columns import rules

DAY_NS: Final = 86_400 * NS_PER_SECOND


def months_of_rows(connection: Connection, table: Table) -> list[Month]:
    """The months that the table has rows of, in order."""
    time = table.c[str(rules(table).time)]
    months: list[Month] = []
    first = connection.scalar(select(func.min(time)))
    while first is not None:
        months.append(month_of(first))
        first = connection.scalar(select(func.min(time)).where(time >= months[-1].end_ns))
    return months


def delete_month(engine: Engine, table: Table, month: Month) -> None:
    """Delete the rows of a month, in transactions of a symbol and a day at most."""
    time = table.c[str(rules(table).time)]
    with engine.connect() as connection:
        groups = list(_groups(connection, table))
    for group in groups:
        for start in range(month.start_ns, month.end_ns, DAY_NS):
            with writing(engine) as connection:
                day = (time >= start) & (time < min(start + DAY_NS, month.end_ns))
                connection.execute(delete(table).where(*group, day))


def _groups(connection: Connection, table: Table) -> Iterator[list[ColumnElement[bool]]]:
    """Conditions that split a large table along its key; the small ones are one piece."""
    if not rules(table).partitioned:
        yield []
        return
    names: list[Any] = [table.c[name] for name in ("provider", "market", "venue", "symbol")]
    for values in connection.execute(select(*names).distinct()):
        yield [name == value for name, value in zip(names, values, strict=True)]
