"""Following the journal: the same code for what is past and for what is being written.

A :class:`Follower` reads the partitions of its prefixes in order, each from where it stopped, and
goes on to the next one when that exists. It may start from a cursor, so that nothing is read twice.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
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
from sise.journal.line import LINE_BYTES_MAX, CorruptLine, are_sound, check_line
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

    def read(self, offset: int, size: int) -> bytes:
        """The bytes from ``offset`` on; fewer than ``size`` only where there are no more."""
        return os.pread(self._fd, size, offset)

    def close(self) -> None:
        os.close(self._fd)


class _SealedSource:
    """A sealed partition, decompressed as a stream: ``offset`` never goes back."""

    def __init__(self, root: Path, file: PartitionFile) -> None:
        self._stream = open_partition(root, file)
        self._ahead = b""
        self._from = 0

    def read(self, offset: int, size: int) -> bytes:
        while self._from + len(self._ahead) < offset + size:
            if self._from < offset:
                passed = min(offset - self._from, len(self._ahead))
                self._ahead, self._from = self._ahead[passed:], self._from + passed
            data = self._more()
            if not data:
                break
            self._ahead += data
        begin = offset - self._from
        return self._ahead[begin : begin + size]

    def _more(self) -> bytes:
        try:
            return self._stream.read(READ_BYTES)
        except Unreadable as error:
            log.error("%s; its lines from there on are passed over", error)
            self._stream.close()
            self._stream = BytesIO()
            return b""

    def close(self) -> None:
        self._stream.close()


class _Track:
    """One prefix: the partition being read, and how far.

    The cursor stands behind the last *good* line. Bad lines that no good line follows may be a torn
    tail, which a restart cuts off: they are looked at again until good lines follow, or another
    partition does.
    """

    def __init__(self, root: Path, prefix: str, since_ns: int | None, start: Cursor | None) -> None:
        self._root = root
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
        window = READ_BYTES
        while True:
            data = self._source.read(self.cursor.offset, window)
            whole = data[: data.rfind(b"\n") + 1]
            if whole and self._take(blocks, whole):
                return True
            if len(data) < window:
                return False
            if window > LINE_BYTES_MAX:
                self._pass_over(whole or data)
                return True
            window *= 2

    def _take(self, blocks: list[Block], whole: bytes) -> bool:
        assert self.cursor is not None
        path, number = self.cursor.path, self.cursor.line
        bodies = whole[:-1].split(b"\n")
        if are_sound(bodies):
            blocks.append(Block(path, number + 1, bodies))
            self.cursor = Cursor(path, number + len(bodies), self.cursor.offset + len(whole))
            return True
        bad = held_lines = held_bytes = 0
        for body in bodies:
            number += 1
            try:
                check_line(body)
            except CorruptLine:
                bad += 1
                held_lines += 1
                held_bytes += len(body) + 1
                continue
            held_lines = held_bytes = 0
            if blocks and blocks[-1].path == path and blocks[-1].last == number - 1:
                blocks[-1].bodies.append(body)
            else:
                blocks.append(Block(path, number, [body]))
        if held_bytes == len(whole):
            return False
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
            self._pass_over(self._source.read(self.cursor.offset, LINE_BYTES_MAX))
        self.close()
        self._source = source
        if self.cursor is None or self.cursor.path != file.path:
            self.cursor = Cursor(file.path)
