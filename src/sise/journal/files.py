"""Finding partitions and reading their lines, sealed or not, with the place of every line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import zstandard
from msgspec import Struct

from sise.journal.line import CorruptLine, check_line
from sise.journal.partition import JOURNAL_FOLDERS, MANIFEST, SEALED_SUFFIX, SUFFIX

READ_BYTES: Final = 1024 * 1024


class Line(Struct):
    """A line whose checksum is right. ``ref`` is its place, ``path:line``, lines counted from 1."""

    ref: str
    body: bytes


class PartitionFile(Struct, frozen=True, order=True):
    """A partition on disk: its path relative to the data folder (without ``.zst``), sealed or not."""

    path: str
    sealed: bool

    def on_disk(self, root: Path) -> Path:
        return root / (self.path + ".zst" if self.sealed else self.path)


def partitions(root: Path, prefixes: tuple[str, ...] | list[str] = JOURNAL_FOLDERS) -> list[PartitionFile]:
    """All partitions under ``prefixes``, in the order of their paths, which is that of time.

    Where a partition lies there both plain and sealed (the seal was cut short), the plain one counts.
    """
    found: dict[str, bool] = {}
    for prefix in prefixes:
        for path in (root / prefix).rglob("*.jsonl*"):
            name = path.relative_to(root).as_posix()
            if path.name == MANIFEST or "/torn/" in name:
                continue
            if name.endswith(SEALED_SUFFIX):
                found.setdefault(name.removesuffix(".zst"), True)
            elif name.endswith(SUFFIX):
                found[name] = False
    return [PartitionFile(path, found[path]) for path in sorted(found)]


def open_partition(root: Path, file: PartitionFile) -> IO[bytes]:
    """The partition's plain bytes."""
    if not file.sealed:
        return file.on_disk(root).open("rb")
    raw = file.on_disk(root).open("rb")
    return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw, closefd=True), READ_BYTES)


def raw_lines(source: IO[bytes]) -> Iterator[bytes]:
    """Lines without their newline; a last one that has none is left out."""
    for line in source:
        if line.endswith(b"\n"):
            yield line[:-1]


def read_lines(root: Path, file: PartitionFile) -> Iterator[Line]:
    """The good lines of a partition. Damaged lines are passed over: finding them is verify's work."""
    with open_partition(root, file) as source:
        for number, body in enumerate(raw_lines(source), 1):
            try:
                check_line(body)
            except CorruptLine:
                continue
            yield Line(f"{file.path}:{number}", body)
