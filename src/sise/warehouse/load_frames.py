"""Rows that come as a data frame: checked and written down by columns, where all of them are surely right.

What this way cannot prove at once, goes the way of :mod:`sise.warehouse.load_values`, value by value; both
give the same rows.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl
from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from sise.model.time import NS_PER_SECOND, NS_PER_US, iso
from sise.warehouse.load_rows import Checked, Ready, checked_names, ready_columns
from sise.warehouse.load_values import LONG_TEXT_CHARACTERS, SURE_NUMBER_CHARACTERS, Form
from sise.warehouse.tables.columns import rules
from sise.warehouse.tables.types import LAST_NS, Number, UtcTime, exact, number_fault

SURE_NUMBER_BELOW: Final = 1e15
_SPECIAL: Final = (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r"))


def ready_frame(table: Table, frame: pl.DataFrame, form: Form) -> Checked:
    """Rows of a frame whose columns are named as the table's; times are UTC ns. See :func:`ready_columns`."""
    names = checked_names(table, frame.columns)
    columns: list[pl.Series] = []
    if form != "values" and rules(table).on_repeat == "keep":
        for name in names:
            written = _written(table.c[name], frame[name], form)
            if written is None:
                break
            columns.append(written)
    if len(columns) < len(names):
        return ready_columns(table, {name: frame[name].to_list() for name in names}, form)
    return Checked(len(frame), Ready(table, names, columns, list(range(len(frame)))), {})


def _written(column: Column[Any], values: pl.Series, form: Form) -> pl.Series | None:
    """The values as ``form`` wants them; ``None``: look at each."""
    if not column.nullable and values.null_count():
        return None
    if values.null_count() == len(values):
        return values.cast(pl.String)
    match column.type, values.dtype:
        case UtcTime(), pl.Int64:
            return _times(values, form)
        case Number(), pl.Float64:
            return _numbers(values, form)
        case ((String() | Text()), pl.String):
            return _texts(values, column.type.length or LONG_TEXT_CHARACTERS, form)
        case BigInteger(), pl.Int64:
            return values
        case Integer(), pl.Int64:
            return values if values.is_between(-(1 << 31), (1 << 31) - 1).all() else None
        case _:
            return None


def _times(values: pl.Series, form: Form) -> pl.Series | None:
    if not (values.is_between(0, LAST_NS - 1) & (values % NS_PER_US == 0)).all():
        return None
    if form == "sqlite":
        return values // NS_PER_US
    seconds = values // NS_PER_SECOND
    told = seconds.unique().drop_nulls()
    texts = [iso(second * NS_PER_SECOND)[:20] for second in told]
    fraction = (values % NS_PER_SECOND // NS_PER_US + 10**6).cast(pl.String).str.slice(1)
    return seconds.replace_strict(told, texts, return_dtype=pl.String) + fraction


def _numbers(values: pl.Series, form: Form) -> pl.Series | None:
    values = values + 0.0  # -0.0 is 0
    texts = values.cast(pl.String)
    odd = (texts.str.len_bytes() > SURE_NUMBER_CHARACTERS) | texts.str.contains("[a-zA-Z]")
    if any(map(number_fault, values.filter(odd))) or not (values.abs() < SURE_NUMBER_BELOW).all():
        return None
    if form == "sqlite":  # whose numeric columns keep a whole number as one
        return values
    if not odd.any():
        return texts
    plain = [format(exact(value), "f") for value in values.filter(odd)]
    return texts.scatter(odd.fill_null(False).arg_true(), plain)


def _texts(values: pl.Series, limit: int, form: Form) -> pl.Series | None:
    longest = values.str.len_chars().max()
    if not isinstance(longest, int) or longest > limit or values.str.contains("\0", literal=True).any():
        return None
    if form == "lines" and values.str.contains(r"[\\\t\n\r]").any():
        for mark, written in _SPECIAL:
            values = values.str.replace_all(mark, written, literal=True)
    return values
