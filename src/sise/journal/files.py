"""Finding partitions and reading their lines, sealed or not, with the place of every line."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import zstandard
from msgspec import Struct

from sise.journal.line import LINE_BYTES_MAX, CorruptLine, check_line
from sise.journal.partition import JOURNAL_FOLDERS, MANIFEST, SEALED_SUFFIX, SUFFIX, TORN_FOLDER

log = logging.getLogger(__name__)

READ_BYTES: Final = 1024 * 1024


class Line(Struct):
    """A line whose checksum is right. ``ref`` is its place, ``path:line``, lines counted from 1."""

    ref: str
    body: bytes


class Unreadable(OSError):
    """A sealed partition that does not decompress: a bit of it has changed, or its end is missing."""


class PartitionFile(Struct, frozen=True, order=True):
    """A partition on disk: its path relative to the data folder (without ``.zst``), sealed or not."""

    path: str
    sealed: bool

    @property
    def name(self) -> str:
        """Its path with ``.zst`` where it is sealed."""
        return self.path + ".zst" if self.sealed else self.path

    def on_disk(self, root: Path) -> Path:
        return root / self.name


def partitions(
    root: Path, prefixes: tuple[str, ...] | list[str] = JOURNAL_FOLDERS, *, since: str = ""
) -> list[PartitionFile]:
    """All partitions under ``prefixes``, in the order of their paths, which is that of time.

    ``since`` leaves out all whose path is before it, without looking into their folders. Where a
    partition lies there both plain and sealed (the seal was cut short), the plain one counts.
    """
    found: dict[str, bool] = {}
    for prefix in prefixes:
        _find(root, prefix, since, found)
    return [PartitionFile(path, found[path]) for path in sorted(found) if path >= since]


def _find(root: Path, folder: str, since: str, found: dict[str, bool]) -> None:
    try:
        entries = list(os.scandir(root / folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if entry.is_dir():
            inside = path + "/"
            if path != TORN_FOLDER and inside >= since[: len(inside)]:
                _find(root, path, since, found)
        elif path.endswith(SEALED_SUFFIX):
            found.setdefault(path.removesuffix(".zst"), True)
        elif path.endswith(SUFFIX) and entry.name != MANIFEST:
            found[path] = False


def present(root: Path, file: PartitionFile) -> PartitionFile:
    """``file`` as it lies there now: a plain partition may have been sealed since it was found."""
    if not file.sealed and not file.on_disk(root).exists():
        return PartitionFile(file.path, sealed=True)
    return file


def partition_stat(root: Path, file: PartitionFile) -> os.stat_result:
    """Size and times of a partition's file. A sealed one keeps the time of its last line's writing."""
    try:
        return file.on_disk(root).stat()
    except FileNotFoundError:
        return present(root, file).on_disk(root).stat()


class _Unsealed(io.RawIOBase):
    """A sealed file's plain bytes as a raw stream."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: Any = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            count: int = self._stream.readinto(buffer)
        except zstandard.ZstdError as error:
            raise Unreadable(f"{self._path.name} cannot be decompressed: {error}") from None
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_partition(root: Path, file: PartitionFile) -> IO[bytes]:
    """The partition's plain bytes, wherever they lie now."""
    if not file.sealed:
        try:
            return file.on_disk(root).open("rb")
        except FileNotFoundError:
            file = present(root, file)
    return unsealed(file.on_disk(root))


def unsealed(path: Path) -> IO[bytes]:
    """The plain bytes of a sealed file. Reading raises :class:`Unreadable` where it is damaged."""
    return io.BufferedReader(_Unsealed(path), READ_BYTES)


def raw_lines(source: IO[bytes]) -> Iterator[bytes]:
    """Lines with their newline (the last one may have none), none longer than ``LINE_BYTES_MAX``."""
    return iter(partial(source.readline, LINE_BYTES_MAX), b"")


def read_lines(root: Path, file: PartitionFile) -> Iterator[Line]:
    """The good lines of a partition. Damage is passed over: finding it is verify's work."""
    with open_partition(root, file) as source:
        try:
            for number, raw in enumerate(raw_lines(source), 1):
                try:
                    check_line(raw.removesuffix(b"\n"))
                except CorruptLine:
                    continue
                if raw.endswith(b"\n"):
                    yield Line(f"{file.path}:{number}", raw[:-1])
        except Unreadable as error:
            log.error("%s; its lines from there on are passed over", error)
