"""A disk that a rehearsal can break: full for a while, deaf to syncs, or gone with its process."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Final

FREE_BYTES: Final = 100 * 1024**3
"""Always as much, whatever the machine has: a journal must not tell on which machine it was rehearsed."""


class RehearsalDisk:
    """Files of the real disk, without syncs, which only a power cut would miss.

    ``full``: no byte more is taken. Once it is ``gone``, nothing reaches a file any more: what the process
    of that moment still held in memory is lost, as at a kill.
    """

    def __init__(self) -> None:
        self.full = False
        self.gone = asyncio.Event()
        self._open: set[int] = set()
        self._writes_left: int | None = None
        self._torn = 0.0

    def die(self, after_writes: int, torn: float) -> None:
        """The process that holds this disk is killed in its write after so many more; of that one the
        part ``torn`` (0..1) is still written."""
        self._writes_left, self._torn = after_writes, torn

    def leave(self) -> None:
        """Let go of every file, as the end of a process does."""
        self.gone.set()
        for fd in self._open:
            os.close(fd)
        self._open.clear()

    def open(self, path: Path) -> int:
        self._check()
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._open.add(fd)
        return fd

    def size(self, fd: int) -> int:
        self._check()
        return os.fstat(fd).st_size

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        self._check()
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._writes_left is not None:
            self._writes_left -= 1
            if self._writes_left < 0:
                os.pwrite(fd, data[: int(len(data) * self._torn)], offset)
                self.leave()
                self._check()
        return os.pwrite(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._check()
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self, fd: int) -> None:
        if fd in self._open:
            self._open.remove(fd)
            os.close(fd)

    def free_bytes(self, path: Path) -> int:
        self._check()
        return 0 if self.full else FREE_BYTES

    def _check(self) -> None:
        if self.gone.is_set():
            raise OSError(errno.EIO, "the process is gone")
