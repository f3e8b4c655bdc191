"""Which series a table holds, by walking the first columns of its key: some look-ups, never a scan."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, Table, func, select

from sise.warehouse.query.asked import Series, Who

_NAMES = ("provider", "market", "venue", "symbol")


def walked(connection: Connection, table: Table, who: Who) -> Iterator[Series]:
    """The series of ``table`` that are meant, in the key's order."""
    for values in _walk(connection, table, _NAMES, who, []):
        yield Series(*values)


def _walk(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    who: Who,
    where: list[ColumnElement[bool]],
) -> Iterator[tuple[str, ...]]:
    if not names:
        yield ()
        return
    column = table.c[names[0]]
    for value in _values(connection, table, names[0], getattr(who, names[0]), where):
        for rest in _walk(connection, table, names[1:], who, [*where, column == value]):
            yield (value, *rest)


def _values(
    connection: Connection, table: Table, name: str, wanted: str | None, where: list[ColumnElement[bool]]
) -> Iterator[str]:
    """The values of a column of the key where those before it are fixed: always the least after the last."""
    column = table.c[name]
    bound = [] if wanted is None else [column == wanted]
    while (value := connection.scalar(select(func.min(column)).where(*where, *bound))) is not None:
        yield value
        if wanted is not None:
            return
        bound = [column > value]
