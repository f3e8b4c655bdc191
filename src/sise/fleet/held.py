"""A backup as it lies on the machine that keeps it, and how it is changed without ever lying.

    <folder>/<YYYYMMDD>/MANIFEST.json     the package's list, byte for byte as the server gave it
    <folder>/<YYYYMMDD>/SUCCESS.marker    written last: the list's hash, when, how many files and bytes
    <folder>/<YYYYMMDD>/data/…            the files, by their paths in the journal
    <folder>/HISTORY.jsonl                a line for each package that was ever verified here
    <folder>/.lock                        held by the one puller that is at work

While a file is on its way it is ``<name>.<hash>.part`` beside its place. The marker is removed before the
first file of another package takes its place, so that a day with a marker is always whole. Everything here
works on Windows too; the lock is SQLite's, because that is one lock for all systems which no killed process
leaves behind.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.fleet.part import LocalDisk
from sise.journal.line import CorruptLine, check_line, close_line
from sise.journal.package import BadPackage, Package, PackedFile, decode_package, is_day, package_hash
from sise.model.errors import SiseError
from sise.model.time import parse_iso

MANIFEST_NAME: Final = "MANIFEST.json"
MARKER_NAME: Final = "SUCCESS.marker"
DATA_NAME: Final = "data"
HISTORY_NAME: Final = "HISTORY.jsonl"
LOCK_NAME: Final = ".lock"
PART_SUFFIX: Final = ".part"
READ_BYTES: Final = 1024 * 1024


class Marker(Struct, kw_only=True):
    """What was verified: a package (by its hash), when (UTC), and how much it is."""

    day: str
    package: str
    verified_at: str
    files: int
    bytes: int


class Busy(SiseError):
    """Another puller is at work in the same folder."""


class HeldDay:
    """One day of a backup."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.day = folder.name
        self.data = folder / DATA_NAME

    def manifest_line(self) -> bytes | None:
        return _read(self.folder / MANIFEST_NAME)

    def package(self) -> Package | None:
        """The list that lies here; None where there is none that can be believed."""
        line = self.manifest_line()
        if line is None:
            return None
        try:
            return decode_package(line)
        except BadPackage:
            return None

    def marker(self) -> Marker | None:
        """The marker, or None where there is none that can be believed."""
        try:
            return self.read_marker()
        except CorruptLine:
            return None

    def read_marker(self) -> Marker | None:
        """The marker, or None where there is none.

        Raises
        ------
        CorruptLine
            It is damaged.
        """
        line = _read(self.folder / MARKER_NAME)
        return None if line is None else _decode_marker(line)

    def whole(self) -> Package | None:
        """The package that was verified here, by its marker; None where there is none."""
        line, marker = self.manifest_line(), self.marker()
        if line is None or marker is None or package_hash(line) != marker.package:
            return None
        return self.package()

    def place(self, file: PackedFile) -> Path:
        return self.data / file.path

    def part(self, file: PackedFile) -> Path:
        """Where ``file`` lies until the whole package is here. Another content has another name."""
        place = self.place(file)
        return place.with_name(f"{place.name}.{file.sha256[:16]}{PART_SUFFIX}")

    def unmark(self) -> None:
        """From here on the day is not whole."""
        (self.folder / MARKER_NAME).unlink(missing_ok=True)
        sync_folder(self.folder)

    def settle(self, line: bytes, package: Package, arrived: list[PackedFile]) -> None:
        """Put what arrived in its place, and the list with it. What the old list had and the new one has
        not (a plain partition that is sealed now) goes."""
        old = self.package()
        self.unmark()
        for file in arrived:
            part, place = self.part(file), self.place(file)
            _keep_time(part, file)
            part.replace(place)
            sync_folder(place.parent)
        write_durably(self.folder / MANIFEST_NAME, line)
        named = set(package.by_path())
        for file in old.files if old else ():
            if file.path not in named:
                self.place(file).unlink(missing_ok=True)
        for part in self.data.rglob("*" + PART_SUFFIX):
            part.unlink(missing_ok=True)

    def mark(self, marker: Marker) -> None:
        """Say that the day is whole: in the folder's history first, then by the day's own marker."""
        line = close_line(msgspec.json.encode(marker))
        history = self.folder.parent / HISTORY_NAME
        if marker.package not in {each.package for each in read_history(self.folder.parent)[0]}:
            _append(history, line)
        write_durably(self.folder / MARKER_NAME, line)


def held_days(folder: Path) -> list[HeldDay]:
    """The days of a backup, oldest first."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and is_day(path.name))
    return [HeldDay(folder / name) for name in names]


def read_history(folder: Path) -> tuple[list[Marker], list[str]]:
    """The packages ever verified in ``folder``, oldest first, and a sentence for each damaged line."""
    markers, faults = [], []
    lines = (_read(folder / HISTORY_NAME) or b"").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            markers.append(_decode_marker(line))
        except CorruptLine as error:
            faults.append(f"line {number}: {error}")
    return markers, faults


def _decode_marker(line: bytes) -> Marker:
    if not line.endswith(b"\n"):
        raise CorruptLine("incomplete line")
    check_line(line[:-1])
    try:
        return msgspec.json.decode(line, type=Marker)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptLine(str(error)) from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock.

    Raises
    ------
    Busy
        Another puller holds it.
    LocalDisk
        The disk refuses.
    """
    with closing(sqlite3.connect(folder / LOCK_NAME, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("PRAGMA journal_mode=MEMORY")  # the lock is all we want: no byte is written
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise Busy(f"{folder}: another puller is at work there") from None
            raise LocalDisk(f"the disk here refuses: {error} ({folder / LOCK_NAME})") from None
        yield


def file_hash(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            digest.update(data)
            size += len(data)
    return digest.hexdigest(), size


def is_right(path: Path, file: PackedFile) -> bool:
    """Whether the bytes at ``path`` are those of ``file``."""
    try:
        return path.stat().st_size == file.bytes and file_hash(path)[0] == file.sha256
    except FileNotFoundError:
        return False


def write_durably(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step; after a crash it is the old or the new one."""
    temporary = path.with_name(path.name + PART_SUFFIX)
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _append(path: Path, line: bytes) -> None:
    """Add a line; in the place of one that a crash cut."""
    with path.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in ``folder`` durable, where the system has such a call (Windows has none)."""
    if hasattr(os, "O_DIRECTORY"):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _keep_time(path: Path, file: PackedFile) -> None:
    if file.written_at:
        written = parse_iso(file.written_at)
        with suppress(OSError):  # the time is told again by a restore; a file system without it is no fault
            os.utime(path, ns=(written, written))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
