"""Rows for every table, drawn by a seed from what the columns' types, lengths, words and references allow."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    Engine,
    Integer,
    String,
    Table,
    Text,
    insert,
)

from sise.model.time import NS_PER_US, parse_iso
from sise.warehouse.engine import writing
from sise.warehouse.partitions import make
from sise.warehouse.partitions_month import month_of
from sise.warehouse.schema import Number, UtcTime, metadata

FIRST_NS: Final = parse_iso("2026-09-15T00:00:00Z")
SPAN_US: Final = 90 * 86_400 * 1_000_000
ROWS: Final = 20
LETTERS: Final = "aZ가각 \\'\"%\t🦉0"
_WORDS = re.compile(r"(\w+) IN \((.*)\)")


def fill(engine: Engine, seed: int) -> None:
    """Put ``ROWS`` rows into every table, those that others refer to first."""
    rng = random.Random(seed)
    known: dict[str, list[Any]] = {}
    for table in metadata.sorted_tables:
        rows = list(_rows(rng, table, known))
        times = [row[column.name] for row in rows for column in table.c if isinstance(column.type, UtcTime)]
        make(engine, table, {month_of(at) for at in times if at is not None})
        with writing(engine) as connection:
            connection.execute(insert(table), rows)
        for column in table.primary_key:
            known[f"{table.name}.{column.name}"] = [row[column.name] for row in rows]


def _rows(rng: random.Random, table: Table, known: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    words = dict(_words(table))
    keys: set[tuple[Any, ...]] = set()
    while len(keys) < ROWS:
        row = {column.name: _value(rng, column, words, known) for column in table.c}
        key = tuple(row[column.name] for column in table.primary_key)
        if key not in keys:
            keys.add(key)
            yield row


def _words(table: Table) -> Iterator[tuple[str, list[str]]]:
    for check in table.constraints:
        if isinstance(check, CheckConstraint) and (found := _WORDS.fullmatch(str(check.sqltext))):
            yield found[1], re.findall(r"'([^']*)'", found[2])


def _value(
    rng: random.Random, column: Column[Any], words: dict[str, list[str]], known: dict[str, list[Any]]
) -> Any:
    if column.nullable and rng.random() < 0.2:
        return None
    for reference in column.foreign_keys:
        return rng.choice(known[reference.target_fullname])
    if column.name in words:
        return rng.choice(words[column.name])
    match column.type:
        case UtcTime():
            return FIRST_NS + rng.randrange(SPAN_US) * NS_PER_US
        case Number():
            return Decimal(rng.randrange(-(10**14), 10**14)).scaleb(-rng.randrange(9))
        case Date():
            return date(2026, 9, 15) + timedelta(rng.randrange(90))
        case Double():
            return rng.uniform(-1e9, 1e9)
        case BigInteger():
            return rng.randrange(1, 2**62)
        case Integer():
            return rng.randrange(2**31 - 1)
        case Text():
            return _text(rng, 5_000)
        case String(length=length):
            return _text(rng, length or 1)
        case other:
            raise TypeError(f"{column}: no values are known for {other!r}")


def _text(rng: random.Random, longest: int) -> str:
    return "".join(rng.choices(LETTERS, k=rng.randint(1, longest)))
