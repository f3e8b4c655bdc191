"""Files of candles and how they are written: CSV (plain, gzip, zstd; UTF-8 or CP949) and Parquet."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import IO, Final, cast

import zstandard
from msgspec import Struct

from sise.model.errors import BadInput

FILE_BYTES_MAX: Final = 1_000_000_000
"""Unpacked. Its columns, as numbers, have to fit into memory."""
CELL_BYTES: Final = 8
"""What a cell of Parquet unpacks to, at least."""
_PIECE_BYTES: Final = 1 << 20
SNIFF_BYTES: Final = 1 << 18
_SUFFIXES: Final = (
    ".csv",
    ".csv.gz",
    ".csv.zst",
    ".txt",
    ".txt.gz",
    ".txt.zst",
    ".tsv",
    ".tsv.gz",
    ".parquet",
)


class CandleFile(Struct, frozen=True):
    """A file and how it is written; ``sha256`` is of its bytes as they lie there."""

    path: Path
    sha256: str
    bytes: int
    form: str
    """``csv`` or ``parquet``."""
    encoding: str
    separator: str


def look_at(path: Path) -> CandleFile:
    """Find out how the file is written.

    Raises
    ------
    BadInput
        There is no such file, it is empty or too large, or it is none of the forms.
    """
    if not path.is_file():
        raise BadInput("file", str(path), "there is no such file")
    size = path.stat().st_size
    if not path.name.lower().endswith(_SUFFIXES):
        raise BadInput("file", str(path), f"give one whose name ends with {' '.join(_SUFFIXES)}")
    if not size:
        raise BadInput("file", str(path), "it has 0 bytes; export it again")
    if size > FILE_BYTES_MAX:
        raise _too_large(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if path.suffix == ".parquet":
        return CandleFile(path, sha256, size, "parquet", "", "")
    encoding, separator = _text_form(path)
    if path.suffix in (".gz", ".zst"):
        _check_unpacked(path)
    return CandleFile(path, sha256, size, "csv", encoding, separator)


def check_cells(path: Path, cells: int) -> None:
    """Raises :class:`BadInput` where so many cells of Parquet unpack to too much."""
    if cells * CELL_BYTES > FILE_BYTES_MAX:
        raise _too_large(path)


def unreadable(path: Path, error: Exception) -> BadInput:
    """The file is not what its name says: the reader's first line, and what to do."""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return BadInput("file", str(path), f"it cannot be read ({said[:200]}); mend or export it again")


def _text_form(path: Path) -> tuple[str, str]:
    try:
        with opened(path) as file:
            head = file.read(SNIFF_BYTES)
    except (OSError, EOFError, zstandard.ZstdError, zlib.error) as error:
        raise unreadable(path, error) from error
    encoding = next((name for name in ("utf-8", "cp949") if _decodes(head, name)), None)
    if encoding is None:
        raise BadInput("file", str(path), "its text is neither UTF-8 nor CP949 (EUC-KR); save it as UTF-8")
    header = head.partition(b"\n")[0].decode(encoding, errors="replace")
    return encoding, max(",;\t|", key=header.count)


def _check_unpacked(path: Path) -> None:
    """A packed file may be a thousand times as large as it looks; it is unpacked as far as the limit."""
    left = FILE_BYTES_MAX
    try:
        with opened(path) as file:
            while left >= 0 and (piece := file.read(_PIECE_BYTES)):
                left -= len(piece)
    except (OSError, EOFError, zstandard.ZstdError, zlib.error) as error:
        raise unreadable(path, error) from error
    if left < 0:
        raise _too_large(path)


def _too_large(path: Path) -> BadInput:
    return BadInput(
        "file",
        str(path),
        f"unpacked it has more than {FILE_BYTES_MAX:,} bytes; split it, for example by year, "
        "and import the parts",
    )


def _decodes(head: bytes, encoding: str) -> bool:
    # the last line may be cut inside a letter
    whole = head.rpartition(b"\n")[0] if len(head) == SNIFF_BYTES else head
    try:
        whole.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def opened(path: Path) -> IO[bytes]:
    """The plain bytes of a file, packed or not."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path))
    if path.suffix == ".zst":
        unpacker = zstandard.ZstdDecompressor()
        # frames one behind the other are one file, as with gzip
        stream = unpacker.stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
        return io.BufferedReader(cast("io.RawIOBase", stream))
    return path.open("rb")
