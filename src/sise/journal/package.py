"""The package of a day: which files it is, to the byte, and what may be said of two packages of one day.

A package is no archive but a list: every file of the journal whose path names the day, with size, SHA-256
and lines. The list itself is one line with a checksum; its SHA-256 (:func:`package_hash`) names the
package, and equal content gives equal bytes, so that server, backup and receipt speak of the same thing.

Whoever pulls imports this module too: it needs no POSIX, and believes nothing of what a server sends.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.line import CorruptLine, check_line, close_line
from sise.journal.partition import JOURNAL_FOLDERS, MANIFEST, SEALED_SUFFIX, SUFFIX, TORN_FOLDER
from sise.model.errors import BadInput, SiseError

FORMAT: Final = 1
PACKED_FOLDERS: Final = (*JOURNAL_FOLDERS, "universe")
FILES_MAX: Final = 100_000
PACKAGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of the list, not of the files."""
PATH_CHARACTERS_MAX: Final = 240
"""With its folder a path stays below what Windows opens without special measures."""

_DAY: Final = re.compile(r"[0-9]{8}")
_DAY_IN_NAME: Final = re.compile(r"([0-9]{8})(?:[._]|$)")
_COMPONENT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class BadPackage(SiseError):
    """A list that cannot be believed: cut, changed, or naming what no journal holds."""


class PackedFile(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One file as it must be. ``raw_…`` speak of a sealed file's plain content."""

    path: str
    bytes: int
    sha256: str
    lines: int
    written_at: str = ""
    """When its last byte was written (UTC); empty for a manifest, which is a part of a file."""
    raw_bytes: int = 0
    raw_sha256: str = ""


class WireRange(Struct, frozen=True):
    """Numbers of the first and the last frame of a provider."""

    first: int
    last: int


class Package(Struct, kw_only=True, frozen=True):
    """All files of a day (the market's own), in the order of their paths."""

    format: int
    day: str
    finished: bool
    """False while a collector may still add to the day."""
    open: list[str]
    """Partitions left out because they may still grow, each with the reason."""
    wire: dict[str, WireRange]
    """By provider."""
    files: list[PackedFile]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def by_path(self) -> dict[str, PackedFile]:
        return {file.path: file for file in self.files}


_decode = msgspec.json.Decoder(Package, strict=True)


def parse_day(text: str, field: str = "day") -> str:
    """``text`` as ``YYYYMMDD``; ``2026-11-20`` is understood too.

    Raises
    ------
    BadInput
        It is no day of the calendar.
    """
    plain = text.replace("-", "")
    if not is_day(plain):
        raise BadInput(field, text, "write a day as 20261120 or 2026-11-20")
    return plain


def is_day(text: str) -> bool:
    """Whether ``text`` is a day of the calendar, as ``YYYYMMDD``."""
    if not _DAY.fullmatch(text):
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def day_of(path: str) -> str:
    """The day that a file belongs to by its path (relative to the data folder), or ``""``."""
    if path.startswith(TORN_FOLDER + "/"):
        whole = path[len(TORN_FOLDER) + 1 :].rpartition(".")[0]
        return day_of(whole.replace("__", "/")) if not whole.startswith(TORN_FOLDER) else ""
    for part in path.split("/")[:-3:-1]:
        match = _DAY_IN_NAME.match(part)
        if match and is_day(match[1]):
            return match[1]
    return ""


def encode_package(package: Package) -> bytes:
    """The package's own line; equal packages give equal bytes."""
    return close_line(msgspec.json.encode(package))


def package_hash(line: bytes) -> str:
    """The name of a package: SHA-256 of its line."""
    return hashlib.sha256(line).hexdigest()


def decode_package(line: bytes) -> Package:
    """A package from its line.

    Raises
    ------
    BadPackage
        The line is damaged, or it names a path, size or hash that no journal can have.
    """
    try:
        if not line.endswith(b"\n"):
            raise CorruptLine("incomplete line")
        check_line(line[:-1])
        package = _decode.decode(line)
    except (CorruptLine, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadPackage(f"the manifest is damaged: {error}") from None
    _check(package)
    return package


def _check(package: Package) -> None:
    if package.format != FORMAT:
        raise BadPackage(f"the manifest has format {package.format}; this sise knows {FORMAT}")
    if not is_day(package.day):
        raise BadPackage(f"the manifest is of no day: {package.day[:20]!r}")
    if len(package.files) > FILES_MAX:
        raise BadPackage(f"the manifest lists more than {FILES_MAX:,} files")
    seen: set[str] = set()
    for file in package.files:
        if not is_safe(file.path) or file.path.casefold() in seen:
            raise BadPackage(f"the manifest names a path that no journal has: {file.path[:80]!r}")
        seen.add(file.path.casefold())
        if file.bytes < 0 or not _SHA256.fullmatch(file.sha256):
            raise BadPackage(f"the manifest gives no size and hash for {file.path}")


def is_hash(text: str) -> bool:
    """Whether ``text`` is a SHA-256 as hex."""
    return _SHA256.fullmatch(text) is not None


def is_safe(path: str) -> bool:
    """Whether ``path`` stays inside a data folder on every system: plain names below a known folder."""
    parts = path.split("/")
    return (
        len(path) <= PATH_CHARACTERS_MAX
        and len(parts) > 1
        and parts[0] in PACKED_FOLDERS
        and all(_COMPONENT.fullmatch(part) and not _DEVICE.fullmatch(part) for part in parts)
    )


def shrunk(old: Package, new: Package) -> list[tuple[str, str]]:
    """Where ``new`` lacks what ``old`` had: path and sentence. A journal only grows; a package too."""
    there = new.by_path()
    findings = [(file.path, _loss(file, there)) for file in old.files]
    return [(path, what) for path, what in findings if what]


def _loss(old: PackedFile, there: dict[str, PackedFile]) -> str:
    plain = old.path.removesuffix(".zst") if old.path.endswith(SEALED_SUFFIX) else old.path
    new = there.get(old.path) or there.get(plain) or there.get(plain + ".zst")
    if new is None:
        return "is no longer listed"
    if new.sha256 == old.sha256:
        return ""
    if old.raw_sha256 and new.raw_sha256:
        return "" if old.raw_sha256 == new.raw_sha256 else "was sealed, and has other content now"
    if not plain.endswith(SUFFIX):
        return "" if new.written_at > old.written_at else "is an older version"
    had, has = old.raw_bytes or old.bytes, new.raw_bytes or new.bytes
    longer = has > had or (has == had and bool(old.raw_sha256) != bool(new.raw_sha256))
    return "" if longer else f"has {has:,} bytes of content; {had:,} are held"


def manifest_path(path: str) -> str:
    """Where the manifest of a sealed file lies."""
    return f"{path.rpartition('/')[0]}/{MANIFEST}"
