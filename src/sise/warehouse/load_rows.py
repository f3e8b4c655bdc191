"""Rows that were checked and are ready for a database, and those that cannot be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl
from msgspec import Struct
from sqlalchemy import Column, Table

from sise.model.errors import BadInput
from sise.warehouse.load_values import Form, encoded
from sise.warehouse.tables.columns import rules


class Rejected(NamedTuple):
    """A row that is not in the table: its position in what was given, and why."""

    row: int
    reason: str


class Ready(Struct):
    """Checked rows of one table, as columns of equal length in the form of one database."""

    table: Table
    names: tuple[str, ...]
    columns: Sequence[Sequence[Any] | pl.Series]
    """Series, where the rows came as a frame."""
    rows: list[int]
    """The position of each row in what was given."""

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, end: int) -> Ready:
        """The rows ``[start, end)``."""
        columns = [column[start:end] for column in self.columns]
        return Ready(self.table, self.names, columns, self.rows[start:end])

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.table.primary_key)

    @property
    def others(self) -> tuple[str, ...]:
        """The given columns that are not in the key."""
        return tuple(name for name in self.names if name not in self.key)


def checked_names(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """``names`` as columns of ``table`` that may be loaded.

    Raises
    ------
    BadInput
        A column is unknown, given twice or missing, or the table's key is a serial number.
    """
    if rules(table).on_repeat == "refuse":
        raise BadInput("table", table.name, "its key is a serial number; insert such rows one by one")
    if unknown := [name for name in names if name not in table.c]:
        raise BadInput("columns", unknown[0], f"{table.name} has {', '.join(table.c.keys())}")
    if len(set(names)) < len(names):
        raise BadInput("columns", list(names), "name each column once")
    missing = [c.name for c in table.c if not c.nullable and c.server_default is None and c.name not in names]
    if missing:
        raise BadInput("columns", missing[0], f"{table.name} cannot do without it; give it a value")
    return tuple(names)


def ready(table: Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]], form: Form) -> Checked:
    """The rows that can be stored, and those that cannot.

    Where a table's rows replace, the last one of a key stands for those before it.
    """
    odd = {
        at: f"{len(row)} values for {len(names)} columns"
        for at, row in enumerate(rows)
        if len(row) != len(names)
    }
    even = [at for at in range(len(rows)) if at not in odd] if odd else list(range(len(rows)))
    given = rows if not odd else [rows[at] for at in even]
    columns = list(zip(*given, strict=True)) or [()] * len(names)
    return _ready(table, names, columns, even, odd, form)


def ready_columns(table: Table, given: Mapping[str, Sequence[Any]], form: Form) -> Checked:
    """The same of columns."""
    names = checked_names(table, tuple(given))
    counts = {len(column) for column in given.values()}
    if len(counts) > 1:
        raise BadInput("columns", sorted(counts), "they should be of equal length")
    return _ready(table, names, list(given.values()), list(range(counts.pop() if counts else 0)), {}, form)


class Checked(NamedTuple):
    """What came of checking: how many rows, those to store, and the faults by position."""

    given: int
    ready: Ready
    faults: dict[int, str]


def _ready(
    table: Table,
    names: tuple[str, ...],
    given: Sequence[Sequence[Any]],
    rows: list[int],
    odd: dict[int, str],
    form: Form,
) -> Checked:
    columns: list[list[Any]] = []
    faults: dict[int, str] = {}
    for name, values in zip(names, given, strict=True):
        column: Column[Any] = table.c[name]
        written, wrong = encoded(column, values, form)
        columns.append(written)
        faults = wrong | faults
    found = Ready(table, names, columns, rows)
    if rules(table).on_repeat == "replace":
        found = _chosen(found, _last_of_each_key(found, faults))
    elif faults:
        found = _chosen(found, [at for at in range(len(rows)) if at not in faults])
    return Checked(len(rows) + len(odd), found, odd | {rows[at]: reason for at, reason in faults.items()})


def _last_of_each_key(found: Ready, faults: dict[int, str]) -> list[int]:
    key = [found.columns[found.names.index(name)] for name in found.key]
    last = {values: at for at, values in enumerate(zip(*key, strict=True)) if at not in faults}
    return sorted(last.values())


def _chosen(found: Ready, which: list[int]) -> Ready:
    if len(which) == len(found):
        return found
    columns = [[column[at] for at in which] for column in found.columns]
    return Ready(found.table, found.names, columns, [found.rows[at] for at in which])
