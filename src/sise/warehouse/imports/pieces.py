"""The rows of a file of candles as they are written there, piece by piece: memory holds one piece.

CSV cells stay text until they are judged, so that leading zeros, commas and blanks are seen as they are.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import IO, Final

import polars as pl

from sise.warehouse.imports.files import CandleFile, check_cells, opened, unreadable

PIECE_BYTES: Final = 1 << 23
"""Of CSV, unpacked."""
PIECE_ROWS: Final = 100_000
"""Of Parquet."""
LINE: Final = "line"
"""The number of the row in the file, counted from 1 without the header."""


def headers_of(file: CandleFile) -> list[str]:
    """The names of the file's columns.

    Raises
    ------
    BadInput
        It cannot be read as what its name says, or unpacks to too much.
    """
    try:
        if file.form == "csv":
            with opened(file.path) as source:
                return _csv(_header(source, file), file).columns
        lazy = pl.scan_parquet(file.path)
        columns = lazy.collect_schema().names()
        rows: int = lazy.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise unreadable(file.path, error) from error
    check_cells(file.path, rows * len(columns))
    return columns


def pieces(file: CandleFile, used: Mapping[str, str]) -> Iterator[pl.DataFrame]:
    """The rows in their order, with their number (:data:`LINE`); ``used``: our columns, and their headers.

    Raises
    ------
    BadInput
        A piece cannot be read.
    """
    number = 1
    wanted = [pl.col(header).alias(name) for name, header in used.items()]
    try:
        for piece in _csv_pieces(file) if file.form == "csv" else _parquet_pieces(file):
            yield piece.select(wanted).with_row_index(LINE, offset=number)
            number += piece.height
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise unreadable(file.path, error) from error


def whole_days(file: CandleFile, header: str) -> bool | None:
    """Whether every time of the column is a midnight without zone: a day. None: they are written as text."""
    if file.form == "csv":
        return None
    lazy = pl.scan_parquet(file.path)
    kind = lazy.collect_schema()[header]
    if not isinstance(kind, pl.Datetime) or kind.time_zone:
        return None
    found = lazy.select((pl.col(header).dt.time() == pl.time(0)).all()).collect(engine="streaming")
    return bool(found.item())


def _parquet_pieces(file: CandleFile) -> Iterator[pl.DataFrame]:
    lazy = pl.scan_parquet(file.path)
    rows: int = lazy.select(pl.len()).collect().item()
    for start in range(0, rows, PIECE_ROWS):
        yield lazy.slice(start, PIECE_ROWS).collect()


def _csv_pieces(file: CandleFile) -> Iterator[pl.DataFrame]:
    with opened(file.path) as source:
        header = _header(source, file)
        for text in _texts(source):
            yield _csv(header + text, file)


def _header(source: IO[bytes], file: CandleFile) -> bytes:
    """The first line that is not blank, with its end."""
    line = source.readline()
    while line and not line.decode(file.encoding).strip("\r\n\ufeff \t"):
        line = source.readline()
    return line.rstrip(b"\r\n") + b"\n"


def _texts(source: IO[bytes]) -> Iterator[bytes]:
    """Whole rows: a piece ends at a line's end that lies in no quotes."""
    rest = b""
    while block := source.read(PIECE_BYTES):
        rest += block
        end = rest.rfind(b"\n") + 1
        if end and not rest.count(b'"', 0, end) % 2:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _csv(text: bytes, file: CandleFile) -> pl.DataFrame:
    """The rows of ``text``, whose first line is the header: every cell is text, a blank line is a row."""
    if file.encoding != "utf-8":
        text = text.decode(file.encoding).encode()
    return pl.read_csv(io.BytesIO(text), separator=file.separator, infer_schema=False)
