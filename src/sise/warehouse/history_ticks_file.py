"""A Parquet file of ticks, each column in the encoding that makes it smallest.

pyarrow writes it: polars reads these encodings, and writes only the plain one. Where pyarrow is not
installed (``sise[parquet]``), the same columns are written by polars, and take more bytes.
"""

from __future__ import annotations

import io
from typing import Any, Final

import polars as pl

ZSTD_LEVEL: Final = 9
SOUGHT: Final = ("symbol", "event_time")
"""The only columns with statistics: readers look for these, and others would cost bytes."""

_DICTIONARY: Final = "DICTIONARY"
_PLAIN: Final = "PLAIN"
_WHOLE: Final = (_DICTIONARY, _PLAIN, "DELTA_BINARY_PACKED")
_TEXT: Final = (_DICTIONARY, _PLAIN, "DELTA_BYTE_ARRAY")
_DOUBLE: Final = (_DICTIONARY, _PLAIN, "BYTE_STREAM_SPLIT")


def encoded(rows: pl.DataFrame) -> bytes:
    """The file with these rows, in their order."""
    try:
        return _by_pyarrow(rows)
    except ImportError:
        buffer = io.BytesIO()
        rows.write_parquet(buffer, compression="zstd", compression_level=ZSTD_LEVEL)
        return buffer.getvalue()


def decoded(content: bytes) -> pl.DataFrame:
    """The rows of a file."""
    return pl.read_parquet(io.BytesIO(content), hive_partitioning=False)


def _by_pyarrow(rows: pl.DataFrame) -> bytes:
    import pyarrow  # type: ignore[import-untyped] # it has no types

    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    # an Arrow schema in the file would say what the Parquet schema says already
    small = [
        field.with_type(pyarrow.string()) if pyarrow.types.is_large_string(field.type) else field
        for field in table.schema
    ]
    table = table.cast(pyarrow.schema(small))
    return _written(table, {name: _smallest(table.select([name])) for name in table.column_names})


def _smallest(column: Any) -> str:
    """The encoding in which a table of one column takes the fewest bytes."""
    (name,) = column.column_names
    return min(_fitting(column.schema.field(name).type), key=lambda each: len(_written(column, {name: each})))


def _fitting(kind: Any) -> tuple[str, ...]:
    from pyarrow import types

    if types.is_floating(kind):
        return _DOUBLE
    if types.is_decimal(kind):
        return (_DICTIONARY, _PLAIN)  # polars reads no other
    return _TEXT if types.is_string(kind) else _WHOLE


def _written(table: Any, encodings: dict[str, str]) -> bytes:
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(
        table,
        buffer,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=[name for name, encoding in encodings.items() if encoding == _DICTIONARY],
        column_encoding={name: each for name, each in encodings.items() if each != _DICTIONARY} or None,
        write_statistics=[name for name in table.column_names if name in SOUGHT],
        store_schema=False,
    )
    return buffer.getvalue()
