"""Bars into a file for other tools: CSV (plain, gzip, zstd) or Parquet, there whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import polars as pl
import zstandard

from sise.model.errors import BadInput

SUFFIXES: Final = (".csv", ".csv.gz", ".csv.zst", ".parquet")
TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"


def check_name(path: Path) -> None:
    """Whether a file of that name can be written.

    Raises
    ------
    BadInput
        Its ending means no form, or its folder is not there.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise BadInput("--out", str(path), f"end the name with {' '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise BadInput("--out", str(path), "there is no such folder; make it first")


def export(rows: pl.DataFrame, path: Path) -> None:
    """Write ``rows`` in the form that the name says; times in CSV are ISO 8601 in UTC, unknown is blank.

    Raises
    ------
    BadInput
        The file cannot be written; what was there stays.
    """
    check_name(path)
    content = _parquet(rows) if path.suffix == ".parquet" else _csv(rows, path.suffix)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        remedy = f"it cannot be written ({error.strerror}); make room there, or name another place"
        raise BadInput("--out", str(path), remedy) from None
    finally:
        with suppress(OSError):
            part.unlink()


def _parquet(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _csv(rows: pl.DataFrame, suffix: str) -> bytes:
    text = rows.write_csv(datetime_format=TIME_FORMAT).encode()
    if suffix == ".gz":
        return gzip.compress(text, mtime=0)
    return zstandard.compress(text) if suffix == ".zst" else text
