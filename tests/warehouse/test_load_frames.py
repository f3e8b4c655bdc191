"""Rows that come as a frame are checked and written as the same rows value by value, without a database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.model.errors import BadInput
from sise.warehouse.load_frames import ready_frame
from sise.warehouse.load_rows import Checked, ready_columns
from sise.warehouse.load_text import lines_of, tuples_of
from sise.warehouse.load_values import Form
from sise.warehouse.schema import scalp_1m_bars, scalp_ticks
from sise.warehouse.tables.types import LAST_NS, Number
from tests.warehouse.rows import NOON, TICK, moments, texts, tick

NUMBERS: Final = [name for name in TICK if isinstance(scalp_ticks.c[name].type, Number)]
TYPES: Final = {
    **dict.fromkeys(TICK, pl.String),
    **dict.fromkeys(("event_time", "receive_time", "mitigation_level"), pl.Int64),
    **dict.fromkeys(NUMBERS, pl.Float64),
}
_FLOATS = st.one_of(
    st.floats(-1e15, 1e15, allow_subnormal=False),
    st.floats(0, 1e6).map(lambda value: round(value, 8)),
    st.sampled_from(
        [0.0, -0.0, 1e-8, 1.5e-18, 1e-18, 1e15, 1e17, float("inf"), float("nan"), 0.00012345678901234567]
    ),
)
_ROW = st.builds(
    lambda symbol, notes, at, price, size, level: tick(
        1, symbol=symbol, side=notes, event_time=at, last_price=price, volume=size, mitigation_level=level
    ),
    *(texts(34), st.none() | texts(10), moments(), st.none() | _FLOATS, st.none() | _FLOATS),
    st.integers(0, 3) | st.sampled_from([2**31, -(2**31)]),
)
FORMS: Final[tuple[Form, ...]] = ("lines", "values", "sqlite")


def frame_of(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: TYPES[name] for name in TICK}, orient="row")


def plain(checked: Checked, form: Form) -> list[tuple[Any, ...]]:
    """The rows as they go to the database, numbers as what they mean."""
    rows: list[tuple[Any, ...]] = tuples_of(checked.ready)
    if form == "lines":
        rows = [tuple(line.split("\t")) for line in lines_of(checked.ready).decode().split("\n")[:-1]]
    return [tuple(map(_number, checked.ready.names, row)) for row in rows]


def _number(name: str, value: Any) -> Any:
    if name not in NUMBERS or value in (None, r"\N"):
        return value
    return Decimal(value) if isinstance(value, str) else Decimal(repr(value)).normalize()


@settings(deadline=None, max_examples=150)
@given(st.lists(_ROW, max_size=8), st.sampled_from(FORMS))
def test_a_frame_is_its_rows(rows: list[tuple[Any, ...]], form: Form) -> None:
    frame = frame_of(rows)
    by_columns = ready_frame(scalp_ticks, frame, form)
    by_value = ready_columns(scalp_ticks, {name: frame[name].to_list() for name in TICK}, form)
    assert (by_columns.given, by_columns.faults) == (by_value.given, by_value.faults)
    assert by_columns.ready.rows == by_value.ready.rows
    assert plain(by_columns, form) == plain(by_value, form)


def test_ordinary_rows_stay_columns() -> None:
    odd = [tick(2, side=None, symbol="a\tb\\", last_price=1.2e-7, volume=1e-8), tick(3, receive_time=None)]
    checked = ready_frame(scalp_ticks, frame_of([tick(1), *odd]), "lines")
    assert all(isinstance(column, pl.Series) for column in checked.ready.columns)
    assert b"a\\tb\\\\" in lines_of(checked.ready)
    assert b"\t0.00000012\t0.00000001\t\\N\t" in lines_of(checked.ready)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event_time", NOON + 1),
        ("event_time", -1_000),
        ("event_time", LAST_NS),
        ("event_time", None),
        ("last_price", float("inf")),
        ("last_price", float("nan")),
        ("last_price", 1.5e-18),
        ("last_price", 1e18),
        ("symbol", "x" * 33),
        ("symbol", "\0"),
        ("mitigation_level", 2**31),
        ("mitigation_level", -(2**31) - 1),
    ],
)
def test_a_value_that_is_refused_is_named(name: str, value: Any, form: Form) -> None:
    checked = ready_frame(scalp_ticks, frame_of([tick(1), tick(2, **{name: value}), tick(3)]), form)
    assert checked.ready.rows == [0, 2]
    assert {at: fault[: len(name)] for at, fault in checked.faults.items()} == {1: name}


def test_rows_that_replace_are_the_last_of_each_key() -> None:
    names = ("provider", "market", "venue", "symbol", "bar_time", "state", "source", "schema_version")
    row = ("kis", "kr_stocks", "KRX", "005930", NOON, "empty", "journal", "1.0")
    frame = pl.DataFrame([row, row], schema=list(names), orient="row").with_columns(
        session_id=pl.lit("s"), mitigation_level=pl.lit(0), quality_flag=pl.lit("normal")
    )
    assert ready_frame(scalp_1m_bars, frame, "lines").ready.rows == [1]


def test_a_column_that_is_not_the_tables() -> None:
    with pytest.raises(BadInput, match="gossip"):
        ready_frame(scalp_ticks, frame_of([tick(1)]).with_columns(gossip=pl.lit(1)), "lines")
