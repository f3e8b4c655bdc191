"""Following the journal: the same code for what is past and for what is being written.

A :class:`Follower` reads the partitions of its prefixes in order, each from where it stopped, and
goes on to the next one when that exists. It may start from a cursor, so that nothing is read twice.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from msgspec import Struct

from sise.journal.blocks import Block, count_of
from sise.journal.files import (
    READ_BYTES,
    Line,
    PartitionFile,
    Unreadable,
    open_partition,
    partition_stat,
    partitions,
    present,
)
from sise.journal.line import LINE_BYTES_MAX, CorruptLine, check_line, count_sound
from sise.model.time import NS_PER_SECOND

log = logging.getLogger(__name__)


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
    count_sound
        Another way to say what :func:`~sise.journal.line.count_sound` does.
    """

    def __init__(
        self,
        root: Path,
        prefixes: Sequence[str],
        *,
        since_ns: int | None = None,
        start: Mapping[str, Cursor] | None = None,
        count_sound: Callable[[bytes], int | None] = count_sound,
    ) -> None:
        begin = start or {}
        self._tracks = [_Track(root, prefix, since_ns, begin.get(prefix), count_sound) for prefix in prefixes]

    def poll(self, max_lines: int = 10_000) -> list[Line]:
        """The next lines, at most about ``max_lines``; empty when all has been read.

        Raises the ``OSError`` of a folder or file that cannot be read; nothing is passed over then.
        """
        return [line for block in self.poll_blocks(max_lines) for line in block.lines()]

    def poll_blocks(self, max_lines: int = 10_000) -> list[Block]:
        """The same lines, as they were read: many together."""
        blocks: list[Block] = []
        try:
            for track in self._tracks:
                track.read(blocks, max_lines)
        except OSError:
            if not blocks:
                raise
        return blocks

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
    """An open partition, which may be growing."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.window = bytearray()

    def fill(self, offset: int, size: int) -> int:
        """Read bytes from ``offset`` on into the window; fewer than ``size`` only where there are no more."""
        size = min(size, max(0, os.fstat(self._fd).st_size - offset))
        if len(self.window) < size:
            self.window = bytearray(size)
        return os.preadv(self._fd, [memoryview(self.window)[:size]], offset)

    def close(self) -> None:
        os.close(self._fd)


class _SealedSource:
    """A sealed partition, decompressed as a stream: ``offset`` never goes back."""

    def __init__(self, root: Path, file: PartitionFile) -> None:
        self._stream = open_partition(root, file)
        self.window = bytearray()
        self._from = 0

    def fill(self, offset: int, size: int) -> int:
        while True:
            passed = min(offset - self._from, len(self.window))
            del self.window[:passed]
            self._from += passed
            missing = size - len(self.window) if self._from == offset else READ_BYTES
            if missing <= 0 or not self._more(missing):
                return min(size, len(self.window)) if self._from == offset else 0

    def _more(self, size: int) -> bool:
        try:
            data = self._stream.read(size)
        except Unreadable as error:
            log.error("%s; its lines from there on are passed over", error)
            self._stream.close()
            self._stream = BytesIO()
            return False
        self.window += data
        return bool(data)

    def close(self) -> None:
        self._stream.close()


class _Track:
    """One prefix: the partition being read, and how far.

    The cursor stands behind the last *good* line. Bad lines that no good line follows may be a torn
    tail, which a restart cuts off: they are looked at again until good lines follow, or another
    partition does.
    """

    def __init__(
        self,
        root: Path,
        prefix: str,
        since_ns: int | None,
        start: Cursor | None,
        count_sound: Callable[[bytes], int | None],
    ) -> None:
        self._root = root
        self._count_sound = count_sound
        self.prefix = prefix
        self._since_ns = since_ns
        self.cursor = start
        self._source: _PlainSource | _SealedSource | None = None
        self.damaged = 0

    def read(self, blocks: list[Block], max_lines: int) -> None:
        while count_of(blocks) < max_lines:
            if self._read_some(blocks):
                continue
            following = self._following()
            if not following:
                return
            if not self._read_some(blocks):  # what came between the empty read and this look
                self._open(following[0])

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _read_some(self, blocks: list[Block]) -> bool:
        """Take whole lines up to the last good one; False where there is none."""
        if self._source is None or self.cursor is None:
            return False
        size = READ_BYTES
        while True:
            count = self._source.fill(self.cursor.offset, size)
            end = self._source.window.rfind(b"\n", 0, count) + 1
            if end and self._take(blocks, self._copy(end)):
                return True
            if count < size:
                return False
            if size > LINE_BYTES_MAX:
                self._pass_over(self._copy(end or count))
                return True
            size *= 2

    def _copy(self, count: int) -> bytes:
        """The first bytes of the window."""
        assert self._source is not None
        return bytes(memoryview(self._source.window)[:count])

    def _take(self, blocks: list[Block], whole: bytes) -> bool:
        assert self.cursor is not None
        path, number = self.cursor.path, self.cursor.line
        count = self._count_sound(whole)
        if count is not None:
            blocks.append(Block(path, number + 1, count, whole))
            self.cursor = Cursor(path, number + count, self.cursor.offset + len(whole))
            return True
        bad = held_lines = held_bytes = 0
        runs: list[tuple[int, list[bytes]]] = []
        for body in whole[:-1].split(b"\n"):
            number += 1
            try:
                check_line(body)
            except CorruptLine:
                bad += 1
                held_lines += 1
                held_bytes += len(body) + 1
                continue
            if not runs or held_lines:
                runs.append((number, []))
            runs[-1][1].append(body)
            held_lines = held_bytes = 0
        if held_bytes == len(whole):
            return False
        blocks += [Block.of(path, first, bodies) for first, bodies in runs]
        self.damaged += bad - held_lines
        offset = self.cursor.offset + len(whole) - held_bytes
        self.cursor = Cursor(path, number - held_lines, offset)
        return True

    def _pass_over(self, data: bytes) -> None:
        """Lines that are damaged for good."""
        assert self.cursor is not None
        at, count = self.cursor, data.count(b"\n")
        self.damaged += count
        self.cursor = Cursor(at.path, at.line + count, at.offset + len(data))

    def _following(self) -> list[PartitionFile]:
        if self.cursor is not None:
            current = self.cursor.path
            files = partitions(self._root, [self.prefix], since=current)
            return [file for file in files if self._source is None or file.path > current]
        files = partitions(self._root, [self.prefix])
        if self._since_ns is None:
            return files
        oldest = self._since_ns / NS_PER_SECOND
        return [file for file in files if partition_stat(self._root, file).st_mtime >= oldest]

    def _open(self, file: PartitionFile) -> None:
        file = present(self._root, file)
        source = _SealedSource(self._root, file) if file.sealed else _PlainSource(file.on_disk(self._root))
        if self._source is not None and self.cursor is not None:
            self._pass_over(self._copy(self._source.fill(self.cursor.offset, LINE_BYTES_MAX)))
        self.close()
        self._source = source
        if self.cursor is None or self.cursor.path != file.path:
            self.cursor = Cursor(file.path)
