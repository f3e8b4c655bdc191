"""Sealing: a finished partition is compressed, hashed, listed in its folder's manifest, and never
written again.

Order, so that a crash at any point leaves either the plain file or the whole proof: the compressed
file under a temporary name, synced and read back; renamed; the manifest's line, synced; the plain
file removed. A seal that was cut short is done again. A sealed file is never replaced by other data.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from pathlib import Path
from typing import IO, Final

import msgspec
import zstandard
from msgspec import Struct

from sise.journal.disk import sync_folder
from sise.journal.files import READ_BYTES, Unreadable, partitions, unsealed
from sise.journal.line import close_line
from sise.journal.partition import MANIFEST, track_of
from sise.journal.recover import good_end
from sise.model.time import NS_PER_SECOND, iso

log = logging.getLogger(__name__)

ZSTD_LEVEL: Final = 3
QUIET_SECONDS: Final = 90
"""A partition is finished when it is not the newest of its track, nobody holds it, and nothing was
written to it for so long."""


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

    A partition is left open while a collector holds it, while it is the newest of its track, while
    something was written to it in the last ``QUIET_SECONDS``, and while its last line is torn (the
    next start of the collector mends that).
    """
    files = partitions(root, prefixes)
    newest = {track_of(file.path): file.path for file in files}
    done = []
    for file in files:
        if not file.sealed and file.path != newest[track_of(file.path)]:
            try:
                sealed = _seal_quiet(file.on_disk(root), now_ns)
            except FileNotFoundError:
                continue  # another sealer was faster
            if sealed is not None:
                done.append(sealed)
    return done


def _seal_quiet(path: Path, now_ns: int) -> Sealed | None:
    quiet_seconds = now_ns / NS_PER_SECOND - path.stat().st_mtime
    return seal(path, now_ns) if quiet_seconds >= QUIET_SECONDS else None


def seal(path: Path, now_ns: int) -> Sealed | None:
    """Seal one plain partition; None where it must be left alone (held, torn, or other data is sealed)."""
    with path.open("rb") as source:
        try:
            fcntl.flock(source.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        size = os.fstat(source.fileno()).st_size
        if not _is_at(source, path) or good_end(source.fileno(), size) != size:
            return None
        target = path.with_name(path.name + ".zst")
        raw_hash, lines = raw_sha256(source)
        if target.exists() and sealed_raw_sha256(target) != raw_hash:
            log.error("%s: other data is sealed under this name; both files are left as they are", path)
            return None
        _compress(source, target, raw_hash)
        sealed = Sealed(
            file=target.name,
            lines=lines,
            bytes=target.stat().st_size,
            sha256=file_sha256(target),
            raw_sha256=raw_hash,
            raw_bytes=size,
            sealed_at=iso(now_ns),
        )
        _list(path.parent, sealed)
        path.unlink()
        sync_folder(path.parent)
    return sealed


def _is_at(source: IO[bytes], path: Path) -> bool:
    """Whether ``path`` still names the open file: another sealer may have removed it meanwhile."""
    return path.exists() and os.path.samestat(os.fstat(source.fileno()), path.stat())


def raw_sha256(source: IO[bytes]) -> tuple[str, int]:
    """SHA-256 of a partition's plain bytes, and how many lines they are."""
    digest, lines = hashlib.sha256(), 0
    while data := source.read(READ_BYTES):
        digest.update(data)
        lines += data.count(b"\n")
    return digest.hexdigest(), lines


def _compress(source: IO[bytes], target: Path, raw_hash: str) -> None:
    temporary = target.with_name(target.name + ".tmp")
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
    with temporary.open("wb") as out:
        source.seek(0)
        compressor.copy_stream(source, out, read_size=READ_BYTES)
        out.flush()
        os.fsync(out.fileno())
    if sealed_raw_sha256(temporary) != raw_hash:
        raise OSError(f"{target.name}: what was compressed does not read back the same")
    written = os.fstat(source.fileno())
    os.utime(temporary, ns=(written.st_atime_ns, written.st_mtime_ns))
    temporary.rename(target)
    sync_folder(target.parent)


def sealed_raw_sha256(path: Path) -> str | None:
    """SHA-256 of what a sealed file holds; None where it does not decompress."""
    try:
        with unsealed(path) as source:
            return raw_sha256(source)[0]
    except Unreadable:
        return None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as it lies there."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _list(folder: Path, sealed: Sealed) -> None:
    """Add the manifest's line (the last line for a file counts) in the place of one that a crash cut."""
    with os.fdopen(os.open(folder / MANIFEST, os.O_RDWR | os.O_CREAT, 0o644), "rb+") as manifest:
        fcntl.flock(manifest.fileno(), fcntl.LOCK_EX)
        manifest.seek(manifest.read().rfind(b"\n") + 1)
        manifest.write(close_line(msgspec.json.encode(sealed)))
        manifest.truncate()
        manifest.flush()
        os.fsync(manifest.fileno())
    sync_folder(folder)
