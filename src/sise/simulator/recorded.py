"""Recorded files, read line by line: plain, ``.gz`` or ``.zst`` by their ending."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import zstandard

from sise.model.errors import BadInput

LINES_MAX: Final = 2_000_000
LINE_BYTES_MAX: Final = 16 * 1024 * 1024


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Every line that is not blank, with its number from 1 on, without its line end.

    Raises
    ------
    BadInput
        The file cannot be read or unpacked, or is larger than the limits of this module.
    """
    try:
        with _opened(path) as lines:
            for number, line in enumerate(iter(lambda: lines.readline(LINE_BYTES_MAX + 1), b""), 1):
                if number > LINES_MAX or len(line) > LINE_BYTES_MAX:
                    raise refused(
                        path, number, f"at most {LINES_MAX} lines of {LINE_BYTES_MAX} bytes are replayed"
                    )
                if line.strip():
                    yield number, line.rstrip(b"\r\n")
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise BadInput(
            "replay file", str(path), f"name a readable capture or candle file ({error})"
        ) from error


def refused(path: Path, number: int, remedy: str) -> BadInput:
    """The error for a line that cannot be replayed."""
    return BadInput("replay file", f"{path.name}:{number}", remedy)


def _opened(path: Path) -> BinaryIO | io.BufferedReader:
    if path.suffix == ".gz":
        return io.BufferedReader(gzip.open(path, "rb"))
    if path.suffix == ".zst":
        stream = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True)
        return io.BufferedReader(stream)
    return path.open("rb")
