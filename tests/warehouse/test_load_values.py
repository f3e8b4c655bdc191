"""Which values can be stored, without a database."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from sise.model.errors import BadInput
from sise.warehouse.load_values import NULL_FIELD, encoded
from sise.warehouse.partitions_month import Month, month_named, month_of
from sise.warehouse.schema import eod_prices, findings, scalp_1m_bars, scalp_ticks
from sise.warehouse.tables.types import UtcTime, exact, for_sqlite, number_fault
from tests.warehouse.rows import NOON, moments, numbers

PRICE, TIME, NOTES = scalp_ticks.c.last_price, scalp_ticks.c.event_time, scalp_ticks.c.notes


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (float("nan"), "finite"),
        (Decimal("sNaN"), "finite"),
        (Decimal("-Infinity"), "finite"),
        (10**18, "10^18"),
        (10**4000, "10^18"),
        (Decimal("1E+999999"), "10^18"),
        (Decimal("1E-999999"), "digits"),
        (Decimal(f"1.{1:080d}"), "digits"),
        (Decimal("0.123456789012345678"), "digits"),
        (1.5e-18, "decimals"),
        (True, "bool"),
        ("1", "str"),
    ],
)
def test_numbers_that_are_refused(value: Any, word: str) -> None:
    assert word in (number_fault(value) or "")
    assert encoded(PRICE, [1.0, value], "lines") == (
        ["1.0", NULL_FIELD],
        {1: f"last_price: {number_fault(value)}"},
    )


@given(st.floats(min_value=-(10**14), max_value=10**14).map(lambda value: round(value, 8)))
def test_what_a_provider_prints_is_never_refused(value: float) -> None:
    assert number_fault(value) is None
    assert float(exact(value)) == value


@given(st.lists(numbers(), max_size=20))
def test_numbers_are_written_exactly(values: list[Any]) -> None:
    lines, faults = encoded(PRICE, values, "lines")
    assert not faults
    assert [Decimal(text) for text in lines] == [exact(value) for value in values]
    assert [exact(for_sqlite(value)) for value in values] == [exact(value) for value in values]


@given(st.lists(st.none() | moments(), max_size=20))
def test_times_are_written_to_the_microsecond(values: list[int | None]) -> None:
    lines, _ = encoded(scalp_ticks.c.receive_time, values, "lines")
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001 the form has no offset: the session's zone is UTC
    for text, value in zip(lines, values, strict=True):
        if value is None:
            assert text == NULL_FIELD
        else:
            passed = datetime.fromisoformat(text) - epoch
            assert (passed.days * 86_400 + passed.seconds) * 10**9 + passed.microseconds * 1000 == value


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (TIME, None),
        (TIME, -1000),
        (TIME, NOON + 1),
        (TIME, float(NOON)),
        (TIME, 10**30),
        (NOTES, b"bytes"),
        (NOTES, "\ud800"),
        (NOTES, "x" * 201),
        (scalp_1m_bars.c.trades, 2**31),
        (scalp_1m_bars.c.trades, 1.0),
        (scalp_1m_bars.c.coverage_ratio, float("inf")),
        (scalp_1m_bars.c.coverage_ratio, 5e-324),
        (eod_prices.c.trade_date, "2026-11-20"),
        (eod_prices.c.trade_date, datetime(2026, 11, 20)),  # noqa: DTZ001 a wrong value
        (eod_prices.c.trade_date, date(1, 1, 1)),
        (findings.c.detail, "\0"),
    ],
)
def test_values_that_are_refused_with_their_column(column: Any, value: Any) -> None:
    for form in ("lines", "values", "sqlite"):
        written, faults = encoded(column, [value], form)
        assert list(faults) == [0]
        assert column.name in faults[0]
        assert written in ([None], [NULL_FIELD])


def test_a_time_that_is_bound_by_hand_is_checked_too() -> None:
    with pytest.raises(BadInput, match="microseconds"):
        UtcTime().process_bind_param(NOON + 1, sqlite.dialect())


@given(moments())
def test_a_moment_lies_in_its_month(ns: int) -> None:
    month = month_of(ns)
    assert month.start_ns <= ns < month.end_ns == month.after.start_ns
    assert month_named(f"scalp_ticks_{month.name}") == month


def test_names_that_are_no_partitions() -> None:
    assert [month_named(name) for name in ("scalp_ticks", "p202613", "p2026", "x202611")] == [None] * 4
    assert Month(2026, 12).after == Month(2027, 1)
