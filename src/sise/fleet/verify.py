"""Proof of a backup: every file against its list, the list against the marker, the days against the history.

What is named: ``missing``, ``extra``, ``truncated``, ``older`` (whole in itself, and an earlier version) and
``corrupted`` files; a list or marker that is missing, damaged or not the other's; a whole day that was put
back by an older one. A file is right when its SHA-256 is; everything else here is about calling the wrong
by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec
import zstandard
from msgspec import Struct

from sise.fleet.held import (
    HISTORY_NAME,
    LOCK_NAME,
    MANIFEST_NAME,
    MARKER_NAME,
    PART_SUFFIX,
    HeldDay,
    file_hash,
    held_days,
    read_history,
)
from sise.journal.files import raw_lines, unsealed
from sise.journal.line import CorruptLine, check_line
from sise.journal.package import BadPackage, Package, PackedFile, decode_package, is_day, package_hash
from sise.journal.partition import SEALED_SUFFIX, SUFFIX
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, Clock, parse_iso

FINDINGS_MAX: Final = 10_000
SECONDS_DIGITS: Final = 3
COMPRESSED_BYTES: Final = 64 * 1024

Kind = Literal["corrupted", "missing", "extra", "truncated", "older", "unfinished", "unlisted"]


class Finding(Struct):
    """One fault: the file (relative to the folder that was looked at), its kind, and a sentence."""

    file: str
    kind: Kind
    what: str


class Report(Struct):
    """What was looked at, in how many seconds, and what was found."""

    ok: bool
    files: int
    bytes: int
    seconds: float
    findings: list[Finding]


def verify(path: Path, clock: Clock, *, on_file: Callable[[str], None] = lambda name: None) -> Report:
    """Check a backup: a folder of days, or one day of it. ``on_file`` is told each file before it is read.

    Raises
    ------
    BadInput
        There is no backup at ``path``.
    """
    began = clock.monotonic_ns()
    proof = _Proof(path, on_file)
    days = days_at(path)
    for day in days:
        proof.check_day(day)
    proof.check_history(path if days[0].folder != path else path.parent, days)
    if days[0].folder != path:
        proof.check_strangers(path)
    findings = proof.findings[:FINDINGS_MAX]
    seconds = round((clock.monotonic_ns() - began) / NS_PER_SECOND, SECONDS_DIGITS)
    return Report(ok=not findings, files=proof.files, bytes=proof.bytes, seconds=seconds, findings=findings)


def days_at(path: Path) -> list[HeldDay]:
    """The days of the backup at ``path``: its own, where it is a day's folder.

    Raises
    ------
    BadInput
        There is no backup at ``path``.
    """
    if not path.is_dir():
        raise BadInput("PATH", str(path), "there is no such folder; name a backup, or one day of it")
    if is_day(path.name) or (path / MANIFEST_NAME).exists():
        return [HeldDay(path)]
    days = held_days(path)
    if not days:
        raise BadInput("PATH", str(path), "no backup lies there; name the folder given to pull as --to")
    return days


class _Proof:
    """One pass over a backup."""

    def __init__(self, root: Path, on_file: Callable[[str], None]) -> None:
        self._root = root
        self._on_file = on_file
        self.findings: list[Finding] = []
        self.files = 0
        self.bytes = 0

    def _add(self, path: Path, kind: Kind, what: str) -> None:
        name = path.relative_to(self._root if path.is_relative_to(self._root) else self._root.parent)
        self.findings.append(Finding(name.as_posix(), kind, what))

    def check_day(self, day: HeldDay) -> None:
        package = self._list_of(day)
        self._check_marker(day, package)
        if package is None:
            return
        if package.day != day.day:
            self._add(day.folder / MANIFEST_NAME, "corrupted", f"it lists {package.day}, not {day.day}")
        for file in package.files:
            self._check_file(day, file)
        named = {day.place(file) for file in package.files}
        named |= {day.folder / MANIFEST_NAME, day.folder / MARKER_NAME}
        for path in sorted(day.folder.rglob("*")):
            if not path.is_dir() and path not in named:
                part = path.name.endswith(PART_SUFFIX)
                what = "a transfer that was cut; the next pull goes on with it" if part else "not in the list"
                self._add(path, "extra", what)

    def _list_of(self, day: HeldDay) -> Package | None:
        line = day.manifest_line()
        if line is None:
            self._add(day.folder / MANIFEST_NAME, "missing", "without it no file can be judged")
            return None
        try:
            return decode_package(line)
        except BadPackage as error:
            self._add(day.folder / MANIFEST_NAME, "corrupted", str(error))
            return None

    def _check_marker(self, day: HeldDay, package: Package | None) -> None:
        path = day.folder / MARKER_NAME
        try:
            marker = day.read_marker()
        except CorruptLine as error:
            self._add(path, "corrupted", str(error))
            return
        if marker is None:
            waiting = (
                f"; not finished when it was pulled: {package.open[0]}" if package and package.open else ""
            )
            self._add(path, "missing", f"the day was never verified as a whole{waiting}")
        elif package is not None and package_hash(day.manifest_line() or b"") != marker.package:
            what = f"{MANIFEST_NAME} is not the one that was verified at {marker.verified_at}"
            self._add(day.folder / MANIFEST_NAME, "older", what)

    def _check_file(self, day: HeldDay, file: PackedFile) -> None:
        path = day.place(file)
        self._on_file(file.path)
        try:
            digest, size = file_hash(path)
        except FileNotFoundError:
            self._add(path, "missing", f"{file.bytes:,} bytes are promised")
            return
        except OSError as error:
            self._add(path, "corrupted", f"cannot be read: {error.strerror}")
            return
        self.files += 1
        self.bytes += size
        if digest != file.sha256:
            kind, what = judge(path, file, size)
            self._add(path, kind, what)

    def check_history(self, folder: Path, days: list[HeldDay]) -> None:
        """A day that is whole, but is not the package that was verified last, was put back."""
        markers, faults = read_history(folder)
        for fault in faults:
            self._add(folder / HISTORY_NAME, "corrupted", fault)
        last = {marker.day: marker for marker in markers}
        held = {day.day for day in days}
        for day in days:
            marker, newest = day.marker(), last.get(day.day)
            if marker is None or faults:
                continue
            if newest is None:
                self._add(folder / HISTORY_NAME, "missing", f"it does not know {day.day}, which has a marker")
            elif marker.package != newest.package:
                what = f"is of {marker.verified_at}; {newest.verified_at} was verified here since"
                self._add(day.folder, "older", what)
        if folder == self._root:
            for name in sorted(set(last) - held):
                self._add(folder / name, "missing", f"verified at {last[name].verified_at}, and gone")

    def check_strangers(self, folder: Path) -> None:
        ours = {HISTORY_NAME, LOCK_NAME}
        for path in sorted(folder.iterdir()):
            if path.name not in ours and not (path.is_dir() and is_day(path.name)):
                self._add(path, "extra", "no part of a backup")


def judge(path: Path, file: PackedFile, size: int) -> tuple[Kind, str]:
    """What is wrong with a file whose SHA-256 is not the promised one."""
    lines = _whole_lines(path, file.path)
    sizes = f"{size:,} of {file.bytes:,} bytes"
    written = path.stat().st_mtime_ns
    earlier = bool(file.written_at) and written < parse_iso(file.written_at)
    if lines is not None and (lines < file.lines or earlier):
        return "older", f"whole, but an earlier version: {lines:,} of {file.lines:,} lines, {sizes}"
    if size < file.bytes:
        return "truncated", sizes
    return "corrupted", f"SHA-256 differs ({sizes}){_where(path, file.path)}"


def _whole_lines(path: Path, name: str) -> int | None:
    """How many lines a file has that is whole by its own checksums; None where it is not whole."""
    try:
        if name.endswith((SUFFIX, SEALED_SUFFIX)):
            if name.endswith(SEALED_SUFFIX) and not _is_complete(path):
                return None
            return sum(1 for raw in _raw(path, name) if _checked(raw))
        msgspec.json.decode(path.read_bytes())
    except (OSError, CorruptLine, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return path.read_bytes().count(b"\n")


def _is_complete(path: Path) -> bool:
    """Whether a compressed file has its end: a reader takes a cut one for a shorter one."""
    unpacking = zstandard.ZstdDecompressor().decompressobj()
    try:
        with path.open("rb") as file:
            while not unpacking.eof and (data := file.read(COMPRESSED_BYTES)):
                unpacking.decompress(data)
    except zstandard.ZstdError:
        return False
    return bool(unpacking.eof)


def _where(path: Path, name: str) -> str:
    """The first damaged line of a file that has lines."""
    if not name.endswith((SUFFIX, SEALED_SUFFIX)):
        return ""
    right = 0
    try:
        for raw in _raw(path, name):
            right += _checked(raw)
    except (CorruptLine, OSError) as error:
        return f"; line {right + 1}: {error}"
    return "; every line is right in itself"


def _raw(path: Path, name: str) -> Iterator[bytes]:
    with unsealed(path) if name.endswith(SEALED_SUFFIX) else path.open("rb") as source:
        yield from raw_lines(source)


def _checked(raw: bytes) -> bool:
    """True; a damaged line raises :class:`CorruptLine`."""
    if not raw.endswith(b"\n"):
        raise CorruptLine("incomplete line")
    check_line(raw[:-1])
    return True
