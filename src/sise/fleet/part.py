"""A file on its way: what has come of it so far, and the errors of the disk here told from the server's."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final, Self

from sise.journal.package import PackedFile
from sise.model.errors import SiseError

_FULL: Final = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


class LocalDisk(SiseError):
    """The disk here refuses."""


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What the disk raises in here becomes :class:`LocalDisk`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            sentence = f"the disk here is full ({error.strerror}: {path}); free space and pull again"
        else:
            sentence = f"the disk here refuses: {error.strerror or error} ({path})"
        raise LocalDisk(sentence) from None


class Writing:
    """A part that grows. Its errors are the disk's here, and never the server's."""

    def __init__(self, part: Path, start: int) -> None:
        self._path = part
        self._file = _open(part, start)
        self.end = start

    def __enter__(self) -> Self:
        return self

    def add(self, data: bytes) -> None:
        """Write ``data`` at the end."""
        with disk_errors(self._path):
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        self.end += len(data)

    def __exit__(self, *_: object) -> None:
        with disk_errors(self._path), self._file:
            os.fsync(self._file.fileno())


def make_empty(part: Path) -> None:
    """A part of a file that has no bytes."""
    _open(part, 0).close()


def _open(part: Path, start: int) -> FileIO:
    with disk_errors(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("r+b" if part.exists() else "wb", buffering=0)
        file.seek(start)
        file.truncate()
        return file


def is_complete(part: Path, file: PackedFile) -> bool:
    """Whether all bytes of ``file`` have come (not whether they are the right ones)."""
    return part.exists() and part_size(part, file) == file.bytes


def part_size(part: Path, file: PackedFile) -> int:
    """How much of ``file`` is there; a part that is too long is begun again."""
    try:
        size = part.stat().st_size
    except FileNotFoundError:
        return 0
    return size if size <= file.bytes else 0
