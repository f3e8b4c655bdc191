"""The same rows are the same in every database: value for value, hash for hash, fault for fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from sise.warehouse import migrate
from sise.warehouse.engine import writing
from sise.warehouse.hashing import hash_rows
from sise.warehouse.load import Loaded, load
from sise.warehouse.schema import findings, scalp_1m_bars, scalp_ticks
from sise.warehouse.tables.types import exact, number_fault
from tests.warehouse.databases import FRESH, opened
from tests.warehouse.rows import BAR, NOON, TICK, Rows, bar, tick, ticks

FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FINDING = (
    *("rule", "provider", "market", "venue", "symbol", "start_time", "source"),
    *("value", "limit_value", "detail", "found_at"),
)


@pytest.fixture(scope="module")
def engines(database_url: Callable[[str], str]) -> Iterator[list[Engine]]:
    """One database of each kind, with tables."""
    with ExitStack() as stack:
        found = [stack.enter_context(opened(database_url(kind))) for kind in FRESH]
        for engine in found:
            migrate.upgrade(engine, NOON)
        yield found


def _empty(engine: Engine) -> None:
    with writing(engine) as connection:
        for table in (scalp_ticks, scalp_1m_bars, findings):
            connection.execute(table.delete())


def _read(engine: Engine, table: Any) -> tuple[set[Any], str]:
    with engine.connect() as connection:
        return set(connection.execute(select(table))), hash_rows(connection, table).sha256


@FEW
@given(rows=ticks(), again=st.integers(0, 30))
def test_random_ticks_come_back_as_they_were(engines: list[Engine], rows: Rows, again: int) -> None:
    keys = [row[:6] for row in rows]
    first = dict(zip(reversed(keys), reversed(rows), strict=True))
    expected = {
        tuple(exact(value) if at in (7, 8) and value is not None else value for at, value in enumerate(row))
        for row in first.values()
    }
    seen: list[tuple[Loaded, Loaded, str]] = []
    for engine in engines:
        _empty(engine)
        loaded = load(engine, scalp_ticks, TICK, rows)
        repeated = load(engine, scalp_ticks, TICK, rows[again:])
        found, digest = _read(engine, scalp_ticks)
        assert {tuple(getattr(row, name) for name in TICK) for row in found} == expected
        seen.append((loaded, repeated, digest))
    assert seen[0] == seen[1] == seen[2]
    assert (seen[0][0].changed, seen[0][0].rejected, seen[0][1].changed) == (len(expected), [], 0)


@FEW
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False), max_size=20),
    detail=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
def test_doubles_and_long_texts_come_back_as_they_were(
    engines: list[Engine], values: list[float], detail: str
) -> None:
    kept = [value for value in values if value == 0 or abs(value) >= 1e-300]
    rows = [
        ("r", "p", "m", "v", "s", NOON + at * 1000, "t", value, None, detail, NOON)
        for at, value in enumerate(kept)
    ]
    digests = set()
    for engine in engines:
        _empty(engine)
        assert load(engine, findings, FINDING, rows).rejected == []
        found, digest = _read(engine, findings)
        assert {(row.start_time, row.value, row.detail) for row in found} == {
            (r[5], r[7], detail) for r in rows
        }
        digests.add(digest)
    assert len(digests) == 1


@FEW
@given(
    value=st.one_of(
        st.floats(),
        st.decimals(allow_nan=True),
        st.decimals(-(10**19), 10**19, places=5),
        st.integers(),
        st.text(max_size=3),
        st.booleans(),
    )
)
def test_a_number_is_stored_exactly_or_refused_alike(engines: list[Engine], value: Any) -> None:
    outcomes = []
    for engine in engines:
        _empty(engine)
        loaded = load(engine, scalp_ticks, TICK, [tick(1, last_price=value), tick(2, last_price=1)])
        found, digest = _read(engine, scalp_ticks)
        prices = {row.id: row.last_price for row in found}
        assert prices["2"] == 1
        if number_fault(value) is None:
            assert prices["1"] == exact(value)
            assert str(prices["1"]) == str(exact(value))
        else:
            assert set(prices) == {"2"}
        outcomes.append((loaded, digest))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_keys_that_look_alike_are_different_keys(engines: list[Engine]) -> None:
    composed, apart = "\u00e1", "a\u0301"
    alike = ("a", "A", "a ", " a", composed, apart, "\uff41", "ß", "ss", "가", "\u1100\u1161", "")
    for engine in engines:
        _empty(engine)
        assert load(engine, scalp_ticks, TICK, [tick(1, symbol=symbol) for symbol in alike]).changed == len(
            alike
        )


def test_replacing_rows_counts_alike(engines: list[Engine]) -> None:
    steps = (
        [bar(minute) for minute in range(10)],
        [bar(minute, close=minute) for minute in range(5, 15)],
        [bar(minute, close=Decimal(minute)) for minute in range(15)],
        [bar(3, close=None), bar(3, close=3.5), bar(4, volume=None)],
    )
    for engine in engines:
        _empty(engine)
        done = [load(engine, scalp_1m_bars, BAR, rows) for rows in steps]
        assert [(loaded.changed, loaded.same) for loaded in done] == [(10, 0), (10, 0), (5, 10), (2, 1)]
    assert len({_read(engine, scalp_1m_bars)[1] for engine in engines}) == 1
