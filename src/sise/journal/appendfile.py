"""One open partition: bytes go to known offsets and are kept until the disk has them for sure.

States of a byte: *pending* (in memory only), *written* (in the system's page cache: survives the
end of our process), *durable* (synced: survives a power cut). Bytes that are not durable are kept,
so that after any error a new handle can be opened and they are written again at their place:
never truncated first, so a reader never sees the file shrink.
"""

from __future__ import annotations

import errno
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path

from sise.journal.disk import Disk


class AppendFile:
    """An append-only file. ``add``, ``write`` and ``abandon`` belong to one thread, ``sync`` to any.

    ``write`` and ``sync`` raise the disk's ``OSError``; the next ``write`` then starts again from the
    last durable byte with a new handle.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._disk = disk
        self._fd: int | None = disk.open(path)
        self._distrusted = False
        """Set by a failed call: this handle may have lost bytes, and is not used again."""
        self._lock = threading.Lock()
        size = self._size_or_close(self._fd)
        self.end = size
        """Where the next added byte will stand."""
        self.written = size
        self.durable = size
        self._handed = size
        """Up to here the system has the bytes, whatever became of the handle; a failed sync unsays it."""
        self._kept: deque[bytes] = deque()
        self._kept_from = size

    def _size_or_close(self, fd: int) -> int:
        try:
            return self._disk.size(fd)
        except OSError:
            self._drop_handle()  # else its lock would keep out our own next try
            raise

    @property
    def pending_bytes(self) -> int:
        """Bytes in memory only."""
        return self.end - self.written

    @property
    def kept_bytes(self) -> int:
        """Bytes that are not durable yet."""
        return self.end - self.durable

    def pending_lines(self) -> int:
        """Lines in memory only (a partly written one counts)."""
        lines, position = 0, self._kept_from
        for chunk in self._kept:
            lines += chunk[max(0, self._handed - position) :].count(b"\n")
            position += len(chunk)
        return lines

    def add(self, data: bytes) -> None:
        """Take ``data``; nothing is on disk yet."""
        self._kept.append(data)
        self.end += len(data)

    def write(self) -> None:
        """Hand every pending byte to the operating system."""
        if self._distrusted:
            self._drop_handle()
        if self._fd is None:
            self._fd = self._disk.open(self.path)
            self.written = self.durable
        self._forget_durable()
        try:
            for chunk in self._unwritten():
                self._write_all(chunk)
        except OSError:
            self._distrusted = True
            raise

    def _unwritten(self) -> list[bytes]:
        """What follows the last written byte; looked for from the end, as a burst keeps much before it."""
        chunks: list[bytes] = []
        position = self.end
        for chunk in reversed(self._kept):
            if position <= self.written:
                break
            position -= len(chunk)
            chunks.append(chunk[max(0, self.written - position) :])
        chunks.reverse()
        return chunks

    def _write_all(self, data: bytes) -> None:
        assert self._fd is not None
        while data:
            count = self._disk.pwrite(self._fd, data, self.written)
            if count <= 0:
                raise OSError(errno.EIO, "the disk took no byte", str(self.path))
            self.written += count
            self._handed = max(self._handed, self.written)
            data = data[count:]

    def sync(self) -> bool:
        """Make every written byte durable; False where that waits for the next ``write``."""
        with self._lock:
            target = self.written
            if self._distrusted:
                return False
            if self.durable == target:
                return True
            if self._fd is None:
                return False
            try:
                self._disk.sync(self._fd)
            except OSError:
                self._distrusted = True
                self._handed = self.durable
                raise
            self.durable = target
            return True

    def abandon(self) -> None:
        """Close the handle as it is."""
        self._drop_handle()

    def _forget_durable(self) -> None:
        while self._kept and self._kept_from + len(self._kept[0]) <= self.durable:
            self._kept_from += len(self._kept.popleft())

    def _drop_handle(self) -> None:
        with self._lock:
            fd, self._fd, self._distrusted = self._fd, None, False
            if fd is not None:
                with suppress(OSError):  # its bytes are durable, or kept and written again
                    self._disk.close(fd)
