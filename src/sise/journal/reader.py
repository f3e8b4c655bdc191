"""Following the journal: the same code for what is past and for what is being written.

A :class:`Follower` reads the partitions of its prefixes in order, each from where it stopped, and
goes on to the next one when that exists. It may start from a cursor, so that nothing is read twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from sise.journal.files import Line, PartitionFile, open_partition, partitions
from sise.journal.line import CorruptLine, check_line
from sise.model.time import NS_PER_SECOND

READ_BYTES: Final = 1024 * 1024
LOOK_EVERY_POLLS: Final = 10
"""How many empty polls pass before a follower looks for a new partition again."""


class Cursor(Struct, frozen=True):
    """A place in the journal: ``line`` lines (``offset`` bytes) of ``path`` have been read."""

    path: str
    line: int = 0
    offset: int = 0


class Follower:
    """Reads new complete lines under some prefixes; never blocks, never sees half a line.

    Parameters
    ----------
    prefixes
        Folders, for example ``["scalp/upbit", "system/events/upbit"]``.
    since_ns
        Leave out partitions that were last written before this moment (UTC ns).
    start
        A cursor per prefix, from :meth:`cursors`; takes precedence over ``since_ns``.
    """

    def __init__(
        self,
        root: Path,
        prefixes: Sequence[str],
        *,
        since_ns: int | None = None,
        start: Mapping[str, Cursor] | None = None,
    ) -> None:
        begin = start or {}
        self._tracks = [_Track(root, prefix, since_ns, begin.get(prefix)) for prefix in prefixes]

    def poll(self, max_lines: int = 10_000) -> list[Line]:
        """The next lines, at most about ``max_lines``; empty when all has been read."""
        lines: list[Line] = []
        for track in self._tracks:
            if len(lines) < max_lines:
                track.read(lines, max_lines)
        return lines

    def cursors(self) -> dict[str, Cursor]:
        """Where reading stands, per prefix that has any partition."""
        return {track.prefix: track.cursor for track in self._tracks if track.cursor is not None}

    def damaged(self) -> int:
        """How many lines were passed over because their checksum is wrong."""
        return sum(track.damaged for track in self._tracks)

    def close(self) -> None:
        for track in self._tracks:
            track.close()


class _PlainSource:
    """An open partition. Each look reads again from the last whole line, because the rest of a torn
    line may have been cut off and something else written there since."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def chunk(self, offset: int) -> bytes:
        """Whole lines from ``offset`` on; empty where there is none yet."""
        window = READ_BYTES
        while True:
            data = os.pread(self._fd, window, offset)
            end = data.rfind(b"\n") + 1
            if end or len(data) < window:
                return data[:end]
            window *= 2

    def close(self) -> None:
        os.close(self._fd)


class _SealedSource:
    """A sealed partition, which never changes: decompressed as a stream."""

    def __init__(self, root: Path, file: PartitionFile, offset: int) -> None:
        self._stream = open_partition(root, file)
        self._rest = b""
        while offset > 0:
            skipped = len(self._stream.read(min(offset, READ_BYTES)))
            if skipped == 0:
                return
            offset -= skipped

    def chunk(self, offset: int) -> bytes:
        while True:
            data = self._stream.read(READ_BYTES)
            self._rest += data
            end = self._rest.rfind(b"\n") + 1
            if end or not data:
                whole, self._rest = self._rest[:end], self._rest[end:]
                return whole

    def close(self) -> None:
        self._stream.close()


class _Track:
    """One prefix: the partition being read, and how far."""

    def __init__(self, root: Path, prefix: str, since_ns: int | None, start: Cursor | None) -> None:
        self._root = root
        self.prefix = prefix
        self._since_ns = since_ns
        self.cursor = start
        self._source: _PlainSource | _SealedSource | None = None
        self._looks = 0
        self.damaged = 0

    def read(self, lines: list[Line], max_lines: int) -> None:
        while len(lines) < max_lines:
            if self._source is not None and self._read_some(lines):
                self._looks = 0
            elif self._waits() or not self._open_following(lines):
                return

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _read_some(self, lines: list[Line]) -> bool:
        assert self._source is not None
        assert self.cursor is not None
        path, number, offset = self.cursor.path, self.cursor.line, self.cursor.offset
        data = self._source.chunk(offset)
        if not data:
            return False
        for line in data[:-1].split(b"\n"):
            number += 1
            try:
                check_line(line)
            except CorruptLine:
                self.damaged += 1
                continue
            lines.append(Line(f"{path}:{number}", line))
        self.cursor = Cursor(path, number, offset + len(data))
        return True

    def _open_following(self, lines: list[Line]) -> bool:
        """Go on with the first partition, or with the one after the current."""
        following = self._following()
        if not following:
            return False
        if self._source is not None and self._read_some(lines):
            return True  # the last lines came between the empty read and this look
        return self._open(following[0])

    def _following(self) -> list[PartitionFile]:
        files = partitions(self._root, [self.prefix])
        if self._source is not None:
            assert self.cursor is not None
            current = self.cursor.path
            return [file for file in files if file.path > current]
        if self.cursor is not None:
            wanted = self.cursor.path
            return [file for file in files if file.path >= wanted]
        if self._since_ns is not None:
            oldest = self._since_ns / NS_PER_SECOND
            return [file for file in files if file.on_disk(self._root).stat().st_mtime >= oldest]
        return files

    def _open(self, file: PartitionFile) -> bool:
        cursor = self.cursor
        if cursor is None or cursor.path != file.path:
            cursor = Cursor(file.path)
        try:
            source = (
                _SealedSource(self._root, file, cursor.offset)
                if file.sealed
                else _PlainSource(file.on_disk(self._root))
            )
        except FileNotFoundError:
            return False  # sealed at this moment: the next look finds it under its new name
        self.close()
        self._source, self.cursor = source, cursor
        return True

    def _waits(self) -> bool:
        """Look for files at once the first time, then only every few polls."""
        self._looks += 1
        return self._looks % LOOK_EVERY_POLLS != 1
