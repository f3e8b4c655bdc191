"""The one writer of a provider's journal: buffers, group commit, and healing after a disk's error.

A line goes through three steps. :meth:`JournalWriter.append` takes it into memory;
:meth:`JournalWriter.flush` hands all lines to the operating system, the wire's first (after that a
killed process costs nothing); :meth:`JournalWriter.commit`, called by :class:`GroupCommit` from a
thread of its own, makes them durable (after that a power cut costs nothing).

An error of the disk never ends the writer: lines stay in memory up to ``PENDING_BYTES_MAX`` and are
written when the disk works again; ``append`` answers False for what no longer fits.

Paths are in the order of writing, always: where a clock was set back, lines go on in the newest
partition until the clock has caught up, and a sealed one is never opened again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from sise.journal.appendfile import AppendFile
from sise.journal.disk import Disk
from sise.journal.files import partitions
from sise.journal.line import add_line, add_run
from sise.journal.partition import Partition, Stream
from sise.model.time import NS_PER_MS, Clock

log = logging.getLogger(__name__)

FLUSH_BYTES: Final = 128 * 1024
"""A stream with this much in its buffer is written at once."""
FLUSH_INTERVAL_MS: Final = 15
COMMIT_INTERVAL_MS: Final = 30
"""Flush and commit together keep the promise of at most 100 ms between receipt and stable storage."""
PENDING_BYTES_MAX: Final = 64 * 1024 * 1024
RETRY_INTERVAL_MS: Final = 250


class Fault(Struct, frozen=True):
    """What the disk refuses, since when (UTC ns)."""

    what: str
    since_ns: int


_NOTHING: Final = Partition("", 0)


class _Open:
    """A partition that lines go to: their buffer and, from the first write on, the file."""

    __slots__ = ("buffer", "file", "partition", "stream")

    def __init__(self, stream: str, partition: Partition) -> None:
        self.stream = stream
        self.partition = partition
        self.buffer = bytearray()
        self.file: AppendFile | None = None

    @property
    def kept_bytes(self) -> int:
        return len(self.buffer) + (self.file.kept_bytes if self.file else 0)


class JournalWriter:
    """Appends lines to streams. All methods but :meth:`commit` belong to one thread.

    Parameters
    ----------
    root
        The data folder.
    streams
        In the order in which they are written: the wire first.
    on_fault
        Called once when the disk begins to refuse, and once (with None) when it works again.
    """

    def __init__(
        self,
        root: Path,
        streams: Sequence[Stream],
        *,
        disk: Disk,
        clock: Clock,
        on_fault: Callable[[Fault | None], None] = lambda fault: None,
        pending_bytes_max: int = PENDING_BYTES_MAX,
    ) -> None:
        self._root = root
        self._disk = disk
        self._clock = clock
        self._on_fault = on_fault
        self._pending_max = pending_bytes_max
        self._streams = {stream.name: stream for stream in streams}
        self._open = {stream.name: _Open(stream.name, _NOTHING) for stream in streams}
        self._retired: list[_Open] = []
        self._newest = {stream.name: _newest_path(root, stream) for stream in streams}
        self._pending = 0
        self._retry_at = 0
        self._sync_error: OSError | None = None
        self.fault: Fault | None = None
        self.written_bytes = 0
        self.rotations = 0
        self.commit_began_ns = 0
        """The last commit that succeeded began and ended at these monotonic times."""
        self.committed_at_ns = 0

    def append(self, stream: str, body: bytes, at_ns: int, *, always: bool = False) -> bool:
        """Take a line (a JSON object without newline) received at ``at_ns``.

        Returns False where it cannot be kept, because the disk refuses and memory is at its limit.
        ``always`` takes it all the same: for what follows from a line that was taken (a frame's
        record), and for the few lines that say what is happening.
        """
        if self._pending > self._pending_max and not self.flush() and not always:
            return False
        to = self._open[stream]
        if at_ns >= to.partition.until_ns:
            to = self._rotate(stream, at_ns)
        buffer = to.buffer
        self._pending += add_line(buffer, body)
        if len(buffer) >= FLUSH_BYTES:
            self.flush()
        return True

    def append_run(self, stream: str, head: bytes, tails: Iterable[bytes], at_ns: int) -> None:
        """Take lines that follow from one that was taken at ``at_ns``, as ``append`` does ``always``.

        Each is ``head``, a tail and a closing brace.
        """
        to = self._open[stream]
        if at_ns >= to.partition.until_ns:
            to = self._rotate(stream, at_ns)
        self._pending += add_run(to.buffer, head, tails)
        if len(to.buffer) >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> bool:
        """Hand every line to the operating system; True where all of it was taken."""
        if self.fault is not None and self._clock.monotonic_ns() < self._retry_at:
            return False
        try:
            if self._sync_error is not None:
                error, self._sync_error = self._sync_error, None
                raise error
            for partition in self._partitions():
                self._write(partition)
        except OSError as error:
            self._faulty(error)
            return False
        self._pending = 0
        if self.fault is not None:
            return self._heal()
        if sum(partition.kept_bytes for partition in self._partitions()) > self._pending_max:
            self.commit()
        self._close_retired()
        return True

    def commit(self) -> None:
        """Make everything written durable. Safe from another thread; an error is kept for the writer."""
        began = self._clock.monotonic_ns()
        whole = True
        for partition in self._partitions():
            if partition.file is not None:
                try:
                    whole = partition.file.sync() and whole
                except OSError as error:
                    self._sync_error = error
                    whole = False
        if whole and self.fault is None:
            self.commit_began_ns = began
            self.committed_at_ns = self._clock.monotonic_ns()

    def durable(self, stream: str) -> int:
        """Up to which offset the open partition of ``stream`` is on stable storage."""
        file = self._open[stream].file
        return file.durable if file else 0

    def close(self) -> bool:
        """Write, sync and close all; True where nothing is left in memory.

        Else it may be called again, and :meth:`unwritten_lines` says what would be lost without.
        """
        self._retry_at = 0
        done = self.flush()
        if done:
            done = self.flush()  # healing may have written an event
            self.commit()
            done = done and self._sync_error is None
        for partition in self._partitions():
            if partition.file is not None:
                partition.file.abandon()
        if done:
            self._retired.clear()
            self._open = {name: _Open(name, _NOTHING) for name in self._open}
        return done

    def position(self, stream: str, now_ns: int) -> tuple[str, int]:
        """Path and offset behind the last written line of ``stream``.

        Before the first line it is the place where a line received at ``now_ns`` would stand.
        """
        to = self._open[stream]
        if to.file is not None:
            return to.partition.path, to.file.written
        path = to.partition.path if to.buffer else self._partition_at(stream, now_ns).path
        on_disk = self._root / path
        return path, on_disk.stat().st_size if on_disk.exists() else 0

    def unwritten_lines(self, stream: str) -> int:
        """How many lines of ``stream`` only our memory holds (not 0 while the disk refuses)."""
        return sum(
            to.buffer.count(b"\n") + (to.file.pending_lines() if to.file else 0)
            for to in self._partitions()
            if to.stream == stream
        )

    @property
    def pending_bytes(self) -> int:
        """Bytes that only our memory holds; during a fault, all that are not known to be durable."""
        return self._pending

    def _partitions(self) -> list[_Open]:
        """All that is open, in writing order: stream by stream, each one's older partitions first."""
        current = list(self._open.values())  # before the retired: a rotation moves from here to there
        retired = list(self._retired)
        if not retired:
            return current
        ordered: list[_Open] = []
        for to in current:
            ordered += [old for old in retired if old.stream == to.stream and old is not to]
            ordered.append(to)
        return ordered

    def _write(self, to: _Open) -> None:
        if to.file is None:
            if not to.buffer:
                return
            to.file = AppendFile(self._root / to.partition.path, self._disk)
        if to.buffer:
            data = bytes(to.buffer)
            to.buffer.clear()
            to.file.add(data)
            self.written_bytes += len(data)
        to.file.write()

    def _rotate(self, stream: str, at_ns: int) -> _Open:
        """Begin the partition of ``at_ns``; the old one is closed once it is durable."""
        old = self._open[stream]
        partition = self._partition_at(stream, at_ns)
        if partition.path == old.partition.path:
            old.partition = partition
            return old
        if old.buffer or old.file is not None:
            self._retired.append(old)
            self.rotations += 1
        self._newest[stream] = partition.path
        self._open[stream] = to = _Open(stream, partition)
        return to

    def _partition_at(self, stream: str, at_ns: int) -> Partition:
        due = self._streams[stream].partition(at_ns)
        newest = self._newest[stream]
        return due if due.path >= newest else Partition(newest, due.until_ns)

    def _close_retired(self) -> None:
        for partition in list(self._retired):
            if partition.file is not None and partition.kept_bytes == 0:
                partition.file.abandon()
                self._retired.remove(partition)

    def _faulty(self, error: OSError) -> None:
        self._retry_at = self._clock.monotonic_ns() + RETRY_INTERVAL_MS * NS_PER_MS
        self._pending = sum(partition.kept_bytes for partition in self._partitions())
        if self.fault is None:
            self.fault = Fault(self._what(error), self._clock.now_ns())
            log.error(
                "the journal in %s cannot be written: %s; kept in memory, tried again",
                self._root,
                self.fault.what,
            )
            self._on_fault(self.fault)

    def _what(self, error: OSError) -> str:
        """The error and its file within the data folder: where that lies is no part of the record."""
        what = error.strerror or str(error)
        if not error.filename:
            return what
        name = Path(os.fsdecode(error.filename))
        return f"{what} ({name.relative_to(self._root)})" if name.is_relative_to(self._root) else what

    def _heal(self) -> bool:
        """After an error: believe the disk again only when a sync of everything has succeeded."""
        self.commit()
        if self._sync_error is not None:
            error, self._sync_error = self._sync_error, None
            self._faulty(error)
            return False
        log.warning("the journal is written again (was: %s)", self.fault.what if self.fault else "")
        self.fault = None
        self._on_fault(None)
        return True


def _newest_path(root: Path, stream: Stream) -> str:
    """The newest plain partition of ``stream`` (the newest of all is never sealed), or ``""``."""
    plain = [file.path for file in partitions(root, [stream.track]) if not file.sealed]
    return plain[-1] if plain else ""


class Commits(Protocol):
    """What makes lines durable from time to time, between its start and its stop."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class GroupCommit:
    """The thread that makes lines durable, every ``COMMIT_INTERVAL_MS``."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer = writer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-commit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(COMMIT_INTERVAL_MS / 1000):
            self._writer.commit()
