"""Bad disks: one that refuses on command, and one that forgets at a power cut what was not synced."""

from __future__ import annotations

import errno
import fcntl
import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

PAGE_BYTES: Final = 4096


class FaultyDisk:
    """A real folder, whose calls fail as told. It watches that the writer keeps its promises.

    ``refuse`` maps a call (``open size pwrite sync close``) to the errno that it fails with;
    ``short`` lets each write take only so many bytes; ``room`` is how many more bytes fit at all.
    """

    def __init__(self) -> None:
        self.refuse: dict[str, int] = {}
        self.short: int | None = None
        self.room: int | None = None
        self.calls: Counter[str] = Counter()
        self.opened = 0
        self._paths: dict[int, Path] = {}
        self._poisoned: set[int] = set()

    @property
    def open_handles(self) -> int:
        return len(self._paths)

    def _call(self, name: str) -> None:
        self.calls[name] += 1
        if name in self.refuse:
            number = self.refuse[name]
            raise OSError(number, os.strerror(number))

    def open(self, path: Path) -> int:
        self._call("open")
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._paths[fd] = path
        self.opened += 1
        return fd

    def size(self, fd: int) -> int:
        self._call("size")
        return os.fstat(fd).st_size

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        assert fd in self._paths, "written through a handle that is closed"
        assert fd not in self._poisoned, "written through a handle whose sync has failed"
        self._call("pwrite")
        if self.short is not None:
            data = data[: self.short]
        end = os.fstat(fd).st_size
        if self.room is not None:
            data = data[: max(0, self.room + end - offset)]
            if not data:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= max(0, offset + len(data) - end)
        assert offset <= end, "a hole is left in the file"
        there = os.pread(fd, len(data), offset)
        assert data.startswith(there), "bytes that a reader may have seen are changed"
        return os.pwrite(fd, data, offset)

    def sync(self, fd: int) -> None:
        assert fd in self._paths, "synced through a handle that is closed"
        assert fd not in self._poisoned, "a handle is trusted again whose sync has failed"
        try:
            self._call("sync")
        except OSError:
            self._poisoned.add(fd)
            raise

    def close(self, fd: int) -> None:
        del self._paths[fd]
        self._poisoned.discard(fd)
        os.close(fd)
        self._call("close")

    def free_bytes(self, path: Path) -> int:
        return self.room if self.room is not None else 1 << 40


class ForgetfulDisk:
    """A folder in memory. :meth:`power_cut` writes what survives under ``root``."""

    def __init__(self) -> None:
        self._now: dict[Path, bytearray] = {}
        self._durable: dict[Path, bytes] = {}
        self._paths: dict[int, Path] = {}

    def open(self, path: Path) -> int:
        self._now.setdefault(path, bytearray())
        self._durable.setdefault(path, b"")
        fd = len(self._paths)
        self._paths[fd] = path
        return fd

    def size(self, fd: int) -> int:
        return len(self._now[self._paths[fd]])

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        content = self._now[self._paths[fd]]
        content[offset : offset + len(data)] = data
        return len(data)

    def sync(self, fd: int) -> None:
        path = self._paths[fd]
        self._durable[path] = bytes(self._now[path])

    def close(self, fd: int) -> None:
        pass

    def free_bytes(self, path: Path) -> int:
        return 1 << 40

    def power_cut(self, rng: Random) -> None:
        """Of what was not synced, any page may be there or not, and the file ends anywhere in it."""
        for path, content in self._now.items():
            durable = self._durable[path]
            survived = bytearray(content[: rng.randint(len(durable), len(content))])
            first = len(durable) // PAGE_BYTES
            for page in range(first, len(survived) // PAGE_BYTES + 1):
                if rng.random() < 0.5:
                    begin, end = max(len(durable), page * PAGE_BYTES), (page + 1) * PAGE_BYTES
                    survived[begin:end] = bytes(len(survived[begin:end]))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(survived)
