"""One number for many rows: equal where the rows are equal, whatever database they lie in.

Each row becomes one line: its columns in the model's order, as JSON of text, whole numbers and ``null``
(numbers as plain decimal text, times as µs since 1970 UTC, days as ISO 8601, doubles as Python prints
them), in the order of the key, texts by their UTF-8 bytes. The hash is the SHA-256 of the lines.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Connection, Double, String, Table, collate, select

from sise.model.time import NS_PER_US
from sise.warehouse.tables.types import Number, UtcTime

BATCH_ROWS: Final = 2000


class RowsHash(Struct, frozen=True):
    """How many rows, and their hash."""

    rows: int
    sha256: str


def hash_rows(connection: Connection, table: Table, where: ColumnElement[bool] | None = None) -> RowsHash:
    """The hash of a table's rows, or of those that ``where`` chooses. Reads a stream; memory stays flat."""
    query = select(table).order_by(*(_by_bytes(connection, column) for column in table.primary_key))
    if where is not None:
        query = query.where(where)
    canonical = [_canonical(column) for column in table.c]
    encode = msgspec.json.Encoder().encode
    digest, count = sha256(), 0
    query = query.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)
    with connection.execute(query) as found:
        for rows in found.partitions(BATCH_ROWS):
            for row in rows:
                values = [make(value) for make, value in zip(canonical, row, strict=True)]
                digest.update(encode(values) + b"\n")
            count += len(rows)
    return RowsHash(count, digest.hexdigest())


def _by_bytes(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    """PostgreSQL sorts texts by its locale unless told otherwise; the others have been told by the schema."""
    if connection.dialect.name == "postgresql" and isinstance(column.type, String):
        return collate(column, "C")
    return column


def _canonical(column: Column[Any]) -> Callable[[Any], object]:
    match column.type:
        case UtcTime():
            return lambda value: None if value is None else value // NS_PER_US
        case Number():
            return lambda value: None if value is None else _plain(value)
        case Double():
            return lambda value: None if value is None else repr(value + 0.0)
        case _:
            return lambda value: value


def _plain(value: Decimal) -> str:
    return format(value, "f")
