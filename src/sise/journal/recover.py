"""What a start does first: a torn last line is moved to quarantine, and the last number is found.

A process that was killed, or a power cut, can leave the last line of an open partition incomplete.
Such bytes are evidence too: they are copied to ``quarantine/torn`` and only then cut off. A damaged
line that good lines follow is no torn tail; it is left as it is, for ``sise journal verify`` to name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.disk import sync_folder
from sise.journal.files import PartitionFile, open_partition, partitions, raw_lines
from sise.journal.line import CorruptLine, check_line

TAIL_BYTES: Final = 64 * 1024
TORN_FOLDER: Final = "quarantine/torn"


class TornTail(Struct):
    """Bytes cut from the end of ``path`` at ``offset``, now in the file ``moved_to``."""

    path: str
    offset: int
    bytes: int
    moved_to: str


def mend_tails(root: Path, prefixes: list[str], stamp: str) -> list[TornTail]:
    """Move the torn tail of each open partition under ``prefixes`` to quarantine.

    ``stamp`` makes the quarantined file's name unique (a UTC time). No collector may be writing.
    """
    found = []
    for file in partitions(root, prefixes):
        if not file.sealed:
            tail = _mend(root, file.path, stamp)
            if tail is not None:
                found.append(tail)
    return found


def _mend(root: Path, path: str, stamp: str) -> TornTail | None:
    with (root / path).open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        good = good_end(file.fileno(), size)
        if good == size:
            return None
        file.seek(good)
        torn = file.read()
        moved_to = f"{TORN_FOLDER}/{path.replace('/', '__')}.{stamp}"
        _keep(root / moved_to, torn)
        file.truncate(good)
        os.fsync(file.fileno())
    return TornTail(path, good, len(torn), moved_to)


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def good_end(fd: int, size: int) -> int:
    """Where the last good line of the file ends (0 where there is none)."""
    end = size
    window = TAIL_BYTES
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
        if start == 0:
            return 0
        if cut == 0 or cut == len(data):
            window *= 2
        else:
            end = start + cut
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
    with open_partition(root, file) as source:
        for line in raw_lines(source):
            last = line
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
