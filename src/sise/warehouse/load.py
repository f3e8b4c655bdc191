"""Rows into the database, many at once, each at most once, none lost in silence.

    loaded = load(engine, scalp_ticks, ("provider", "market", …), rows)
    loaded.changed, loaded.same, loaded.rejected

A load is one transaction: all of it is in the database afterwards, or nothing. Loading the same rows
again changes nothing. What a row does whose key is there, is the table's rule (``on_repeat``): it
is left as it is, or replaced. Rows of a month without a partition get one first.

A row that cannot be stored costs only itself: it comes back with its reason, for ``rejects``. Two loads at
once wait for each other by table and day, where the database has locks for that; a deadlock with others
is tried again, a stated number of times.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl
from msgspec import Struct
from sqlalchemy import Connection, Engine, Table

from sise.model.errors import Unreachable
from sise.warehouse.load_frames import ready_frame
from sise.warehouse.load_paths import BulkPath, path_for
from sise.warehouse.load_rows import Checked, Ready, Rejected, checked_names, ready, ready_columns
from sise.warehouse.partitions import days_of, ensure

ATTEMPTS: Final = 6
FIRST_WAIT_SECONDS: Final = 0.05
"""Before the second attempt; each further wait is twice as long."""


class Batch(Struct, frozen=True):
    """Rows for one table: each row has the values of ``columns``, in their order.

    Times are UTC nanoseconds, numbers int, float or Decimal, days ``date``; ``None`` is not known.
    """

    table: Table
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Columns(Struct, frozen=True):
    """The same as columns: name and values, all of one length (what a data frame or Arrow batch gives)."""

    table: Table
    columns: Mapping[str, Sequence[Any]]


class Frame(Struct, frozen=True):
    """The same as a data frame: columns named as the table's, times as ``Int64``, numbers as ``Float64``."""

    table: Table
    frame: pl.DataFrame


class Loaded(Struct, frozen=True):
    """What came of a batch: ``given == changed + same + len(rejected)``, always."""

    given: int
    changed: int
    """Rows that were put in, or replaced one that differed."""
    same: int
    """Rows that were there already, or that a later one of the batch stands for."""
    rejected: list[Rejected]


After = Callable[[Connection, list[Loaded]], Sequence[Batch | Columns | Frame]]
"""In the transaction, once the batches are stored: what came of them leads to more, such as rejects."""


def load(
    engine: Engine,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    wait: Callable[[float], None] = time.sleep,
) -> Loaded:
    """Load rows into one table; :func:`load_together` with one batch."""
    return load_together(engine, [Batch(table, columns, rows)], wait=wait)[0]


def load_together(
    engine: Engine,
    batches: Sequence[Batch | Columns | Frame],
    *,
    after: After | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> list[Loaded]:
    """Load several batches in one transaction, for example rows, their rejects and the cursor.

    ``wait`` waits the given seconds between attempts. The batches that ``after`` gives are stored in the same
    transaction; it may be called once an attempt, and their tables have no partitions to be made.

    Raises
    ------
    BadInput
        A column is unknown or missing, a table cannot be loaded, the database cannot be written.
    Unreachable
        No answer, or others held the rows through all attempts; nothing of the batches is stored.
    """
    path = path_for(engine)
    checked = [_checked(batch, path) for batch in batches]
    days = {each.ready.table: set[str]() for each in checked}
    for each in checked:
        days[each.ready.table] |= days_of(each.ready)
    locks = sorted(f"{table.name} {day}" for table, found in days.items() for day in found or {""})

    def attempt() -> list[Loaded]:
        for table, of_table in days.items():
            ensure(engine, table, of_table)
        with path.transaction(engine, locks) as connection:
            loaded = [_stored(path, connection, each) for each in checked]
            more = after(connection, loaded) if after is not None else ()
            return loaded + [_stored(path, connection, _checked(batch, path)) for batch in more]

    return _attempts(path, attempt, wait)


def _checked(batch: Batch | Columns | Frame, path: BulkPath) -> Checked:
    if isinstance(batch, Frame):
        return ready_frame(batch.table, batch.frame, path.form)
    if isinstance(batch, Columns):
        return ready_columns(batch.table, batch.columns, path.form)
    return ready(batch.table, checked_names(batch.table, batch.columns), batch.rows, path.form)


def _attempts(
    path: BulkPath, attempt: Callable[[], list[Loaded]], wait: Callable[[float], None]
) -> list[Loaded]:
    for number in range(ATTEMPTS):
        try:
            return attempt()
        except Exception as error:
            if not path.transient(error):
                raise
        if number + 1 < ATTEMPTS:
            wait(FIRST_WAIT_SECONDS * 2**number)
    raise Unreachable(
        f"others held the rows through {ATTEMPTS} attempts; nothing was stored, run this again later"
    )


def _stored(path: BulkPath, connection: Connection, each: Checked) -> Loaded:
    changed, refused = _isolated(path, connection, each.ready)
    rejected = sorted([*(Rejected(*fault) for fault in each.faults.items()), *refused])
    return Loaded(each.given, changed, each.given - changed - len(rejected), rejected)


def _isolated(path: BulkPath, connection: Connection, rows: Ready) -> tuple[int, list[Rejected]]:
    """Write the rows; where the database refuses, halve until only the guilty are left out."""
    if not len(rows):
        return 0, []
    savepoint = connection.begin_nested()
    try:
        changed = path.write(connection, rows)
    except Exception as error:
        reason = path.refusal(error)
        if reason is None:  # the transaction ends, and its savepoints with it
            raise
        savepoint.rollback()
    else:
        savepoint.commit()
        return changed, []
    if len(rows) == 1:
        return 0, [Rejected(rows.rows[0], reason)]
    middle = len(rows) // 2
    first, second = (
        _isolated(path, connection, part) for part in (rows.part(0, middle), rows.part(middle, len(rows)))
    )
    return first[0] + second[0], [*first[1], *second[1]]
