"""What a start does first: a torn tail is moved to quarantine, and the last number is found.

A process that was killed can leave the last line of an open partition incomplete; a power cut can also
leave holes of zeros among the last lines, where pages were not written yet. From there on such bytes
are evidence too: they are copied to ``quarantine/torn`` and only then cut off. Any other damaged line
that good lines follow is no torn tail; it is left as it is, for ``sise journal verify`` to name.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from sise.journal.disk import make_folder, sync_folder
from sise.journal.files import READ_BYTES, PartitionFile, partitions, read_lines
from sise.journal.line import LINE_BYTES_MAX, CorruptLine, check_line
from sise.journal.partition import TORN_FOLDER
from sise.model.errors import BadInput

TAIL_BYTES: Final = 64 * 1024
UNSYNCED_BYTES_MAX: Final = 8 * 1024 * 1024
"""So much of a partition's end may not have been synced when the power was cut (a second at 8 MB/s)."""

_HOLE: Final = re.compile(rb"\n\0|\0\0")
"""JSON holds no zero byte, and no line begins with a byte that one flipped bit makes zero."""


class TornTail(Struct):
    """Bytes cut from the end of ``path`` at ``offset``, now in the file ``moved_to``."""

    path: str
    offset: int
    bytes: int
    moved_to: str


def mend_tails(root: Path, prefixes: list[str], stamp: str) -> list[TornTail]:
    """Move the torn tail of each open partition under ``prefixes`` to quarantine.

    ``stamp`` makes the quarantined file's name unique (a UTC time). No collector may be writing.

    Raises
    ------
    BadInput
        The data folder cannot be written, so that a torn tail cannot be kept.
    """
    found = []
    for file in partitions(root, prefixes):
        if not file.sealed:
            try:
                tail = _mend(root, file.path, stamp)
            except FileNotFoundError:
                continue  # sealed since it was listed
            except OSError as error:
                remedy = f"a torn line of {file.path} cannot be kept ({error.strerror}); make room there"
                raise BadInput("data_dir (SISE_DATA_DIR)", str(root), remedy) from None
            if tail is not None:
                found.append(tail)
    return found


def _mend(root: Path, path: str, stamp: str) -> TornTail | None:
    with (root / path).open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        good = good_end(file.fileno(), _first_hole(file.fileno(), size))
        if good == size:
            return None
        return _cut(root, path, file, good, stamp)


def _cut(root: Path, path: str, file: IO[bytes], good: int, stamp: str) -> TornTail:
    """Move what follows offset ``good`` to quarantine."""
    moved_to = f"{TORN_FOLDER}/{path.replace('/', '__')}.{stamp}"
    size = file.seek(0, os.SEEK_END)
    file.seek(good)
    _keep(root / moved_to, file)
    file.truncate(good)
    os.fsync(file.fileno())
    return TornTail(path, good, size - good, moved_to)


class _Founded(Struct):
    frame: int = 0


_founded = msgspec.json.Decoder(_Founded)


def cut_unfounded(root: Path, prefixes: list[str], last_frame: int, stamp: str) -> list[TornTail]:
    """Move records whose frame the wire log does not have to quarantine, with all that follows them.

    The wire is written first, so only a power cut can leave such records: the disk kept a younger
    page of theirs and not the wire's. Their frame's number will be given to another frame.
    """
    found = []
    for prefix in prefixes:
        plain = [file for file in partitions(root, [prefix]) if not file.sealed]
        if plain:
            with (root / plain[-1].path).open("rb+") as file:
                good = _first_unfounded(file, last_frame)
                if good is not None:
                    found.append(_cut(root, plain[-1].path, file, good, stamp))
    return found


def _first_unfounded(file: IO[bytes], last_frame: int) -> int | None:
    """Where the first line with a frame beyond ``last_frame`` begins, among the last ones."""
    size = file.seek(0, os.SEEK_END)
    begin = max(0, size - UNSYNCED_BYTES_MAX)
    data = os.pread(file.fileno(), size - begin, begin)
    at = data.find(b"\n") + 1 if begin else 0
    while at < len(data):
        end = data.find(b"\n", at) + 1
        if end == 0:
            return None
        if _is_good(data[at : end - 1]) and _founded.decode(data[at:end]).frame > last_frame:
            return begin + at
        at = end
    return None


def _first_hole(fd: int, size: int) -> int:
    """Where the first zeros stand among the bytes that a power cut may have left out, or ``size``."""
    at = max(0, size - UNSYNCED_BYTES_MAX)
    while at < size:
        data = os.pread(fd, READ_BYTES, at)
        hole = _HOLE.search(data)
        if hole is not None:
            return at + data.index(b"\0", hole.start())
        at += max(1, len(data) - 1)  # a hole may begin with the last byte
    return size


def _keep(path: Path, torn: IO[bytes]) -> None:
    make_folder(path.parent)
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(torn, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def good_end(fd: int, size: int) -> int:
    """Where the last good line of the file ends (0 where there is none)."""
    end, window = size, TAIL_BYTES
    while end > 0:
        start = max(0, end - window)
        data = os.pread(fd, end - start, start)
        cut = data.rfind(b"\n") + 1
        while cut > 0:
            begin = data.rfind(b"\n", 0, cut - 1) + 1
            if begin == 0 and start > 0:
                break
            if _is_good(data[begin : cut - 1]):
                return start + cut
            cut = begin
        if start > 0 and cut == len(data) and window < LINE_BYTES_MAX:
            window *= 2  # the line that ends here begins before the window
        else:
            end = start + (cut if cut < len(data) else 0)
    return 0


def _is_good(line: bytes) -> bool:
    try:
        check_line(line)
    except CorruptLine:
        return False
    return True


class _Numbered(Struct):
    n: int
    t: str


def last_wire(root: Path, provider: str) -> tuple[int, str | None]:
    """Number and receive time of the last frame of ``provider``; ``(0, None)`` before the first."""
    for file in reversed(partitions(root, [f"wire/{provider}"])):
        last = _last_line(root, file)
        if last:
            numbered = msgspec.json.decode(last, type=_Numbered)
            return numbered.n, numbered.t
    return 0, None


def _last_line(root: Path, file: PartitionFile) -> bytes:
    if not file.sealed:
        with file.on_disk(root).open("rb") as source:
            end = good_end(source.fileno(), source.seek(0, os.SEEK_END))
            return _line_before(source.fileno(), end)
    last = b""
    for line in read_lines(root, file):
        last = line.body
    return last


def _line_before(fd: int, end: int) -> bytes:
    window = TAIL_BYTES
    while end > 0:
        start = max(0, end - window)
        data = os.pread(fd, end - 1 - start, start)
        begin = data.rfind(b"\n") + 1
        if begin or start == 0:
            return data[begin:]
        window *= 2
    return b""
