"""Rows that are ready, as what a database's bulk load reads: lines of text, or tuples."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import polars as pl

from sise.warehouse.load_rows import Ready
from sise.warehouse.load_values import NULL_FIELD


def lines_of(rows: Ready) -> bytes:
    """A line for each row, its fields (form ``lines``) with tabs between."""
    frame = _frame(rows)
    if frame is None:
        return "".join(f"{line}\n" for line in map("\t".join, zip(*rows.columns, strict=True))).encode()
    found = BytesIO()
    frame.write_csv(found, include_header=False, separator="\t", null_value=NULL_FIELD, quote_style="never")
    return found.getvalue()


def tuples_of(rows: Ready) -> list[tuple[Any, ...]]:
    """A tuple for each row."""
    frame = _frame(rows)
    return list(zip(*rows.columns, strict=True)) if frame is None else frame.rows()


def _frame(rows: Ready) -> pl.DataFrame | None:
    """Rows that came as a frame, whose columns are series."""
    columns = [column for column in rows.columns if isinstance(column, pl.Series)]
    if len(columns) < len(rows.columns):
        return None
    return pl.DataFrame([column.alias(name) for name, column in zip(rows.names, columns, strict=True)])
