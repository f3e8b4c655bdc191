"""The disk as a part: the few calls that the journal makes, so that a test can hand in a bad one."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """What the journal asks of a disk. Every call may raise ``OSError``."""

    def open(self, path: Path) -> int:
        """Open for reading and writing, made where absent (its folders too), locked for us alone."""

    def size(self, fd: int) -> int: ...

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """Write at ``offset``; may write less than asked, and says how much."""

    def sync(self, fd: int) -> None:
        """Return only when all written bytes of the file are on stable storage."""

    def close(self, fd: int) -> None: ...

    def free_bytes(self, path: Path) -> int: ...


class OsDisk:
    """The operating system's own disk calls."""

    def open(self, path: Path) -> int:
        make_folder(path.parent)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sync_folder(path.parent)
        except BlockingIOError:
            os.close(fd)
            raise OSError(errno.EBUSY, "another process holds the file", str(path)) from None
        except OSError:
            os.close(fd)
            raise
        return fd

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        return os.pwrite(fd, data, offset)

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def free_bytes(self, path: Path) -> int:
        return shutil.disk_usage(path).free


def make_folder(folder: Path) -> None:
    """Make ``folder`` and all above it; each new name is durable (else a power cut takes a whole day)."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable (a new file is lost without it at a power cut)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
