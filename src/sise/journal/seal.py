"""Sealing: a finished partition is compressed, hashed, listed in its folder's manifest, and never
written again.

Order, so that a crash at any point leaves either the plain file or the whole proof: the compressed
file under a temporary name, synced; renamed; the manifest's line, synced; the plain file removed.
A seal that was cut short is done again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec
import zstandard
from msgspec import Struct

from sise.journal.disk import sync_folder
from sise.journal.files import READ_BYTES, partitions
from sise.journal.line import close_line
from sise.journal.partition import MANIFEST
from sise.journal.recover import good_end
from sise.model.time import NS_PER_SECOND, iso

ZSTD_LEVEL: Final = 3
QUIET_SECONDS: Final = 90
"""A partition is finished when nobody holds it and nothing was written to it for so long, or when it
is not the newest of its folder's track."""


class Sealed(Struct, kw_only=True):
    """A manifest's line: what a sealed file must be, to the byte."""

    file: str
    lines: int
    bytes: int
    sha256: str
    """Of the file as it lies there (compressed)."""
    raw_sha256: str
    raw_bytes: int
    sealed_at: str


def seal_finished(root: Path, prefixes: list[str], now_ns: int) -> list[Sealed]:
    """Seal every partition under ``prefixes`` that will not be written again.

    A partition is left open while a collector holds it, while it is the newest of its folder, or
    while something was written to it in the last ``QUIET_SECONDS``.
    """
    newest = {}
    files = [file for file in partitions(root, prefixes) if not file.sealed]
    for file in partitions(root, prefixes):
        newest[_track(file.path)] = file.path
    done = []
    for file in files:
        path = file.on_disk(root)
        quiet = now_ns / NS_PER_SECOND - path.stat().st_mtime >= QUIET_SECONDS
        if file.path != newest[_track(file.path)] and quiet:
            sealed = seal(path, now_ns)
            if sealed is not None:
                done.append(sealed)
    return done


def _track(path: str) -> str:
    """The series a partition belongs to: its folder without the day."""
    folder = path.rsplit("/", 1)[0]
    parent, _, day = folder.rpartition("/")
    return parent if day.isdigit() and len(day) == 8 else folder


def seal(path: Path, now_ns: int) -> Sealed | None:
    """Seal one plain partition; None where a collector holds it."""
    with path.open("rb") as source:
        try:
            fcntl.flock(source.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        target = path.with_name(path.name + ".zst")
        temporary = path.with_name(path.name + ".zst.tmp")
        raw_hash, raw_bytes, lines = hashlib.sha256(), 0, 0
        compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
        with temporary.open("wb") as out:
            with compressor.stream_writer(out, closefd=False) as writer:
                while data := source.read(READ_BYTES):
                    raw_hash.update(data)
                    raw_bytes += len(data)
                    lines += data.count(b"\n")
                    writer.write(data)
            out.flush()
            os.fsync(out.fileno())
        temporary.rename(target)
        sync_folder(path.parent)
        sealed = Sealed(
            file=target.name,
            lines=lines,
            bytes=target.stat().st_size,
            sha256=file_sha256(target),
            raw_sha256=raw_hash.hexdigest(),
            raw_bytes=raw_bytes,
            sealed_at=iso(now_ns),
        )
        _list(path.parent, sealed)
        path.unlink()
        sync_folder(path.parent)
    return sealed


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _list(folder: Path, sealed: Sealed) -> None:
    """Add the manifest's line (the last line for a file counts), after any line that a crash cut."""
    with os.fdopen(os.open(folder / MANIFEST, os.O_RDWR | os.O_CREAT, 0o644), "rb+") as manifest:
        end = good_end(manifest.fileno(), manifest.seek(0, os.SEEK_END))
        manifest.seek(end)
        manifest.write(close_line(msgspec.json.encode(sealed)))
        manifest.truncate()
        manifest.flush()
        os.fsync(manifest.fileno())
