"""Proof: every line, every sealed file and every manifest is checked, and each fault is named.

What is found: a changed bit anywhere, a missing or repeated wire line (their numbers run without a
hole), an incomplete last line, a sealed file that is missing, not listed, shorter, or older than its
manifest says.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import zstandard
from msgspec import Struct

from sise.journal.files import PartitionFile, open_partition, partitions
from sise.journal.line import CorruptLine, check_line
from sise.journal.partition import JOURNAL_FOLDERS, MANIFEST, SEALED_SUFFIX, SUFFIX
from sise.journal.seal import Sealed, file_sha256

FINDINGS_MAX: Final = 10_000


class Finding(Struct):
    """One fault: the file (relative to the data folder), the line (0: the whole file), and what it is."""

    file: str
    line: int
    what: str


class Report(Struct):
    """What was looked at and what was found."""

    ok: bool
    files: int
    lines: int
    findings: list[Finding]


class _WireNumber(Struct):
    n: int


_wire_number = msgspec.json.Decoder(_WireNumber)
_any_json = msgspec.json.Decoder(msgspec.Raw)


def verify(root: Path, *, on_file: Callable[[str], None] = lambda path: None) -> Report:
    """Check the whole journal under ``root``. ``on_file`` is told each file before it is read."""
    findings: list[Finding] = []
    files = lines = 0
    manifests = _read_manifests(root, findings)
    files += len(manifests.folders)
    lines += manifests.lines
    numbers: dict[str, int] = {}
    found = partitions(root)
    for file in found:
        on_file(file.path)
        files += 1
        lines += _check_partition(root, file, manifests, numbers, findings)
        if len(findings) >= FINDINGS_MAX:
            break
    findings += _missing(root, manifests, found)
    findings += _strangers(root, found)
    return Report(ok=not findings, files=files, lines=lines, findings=findings[:FINDINGS_MAX])


class _Manifests(Struct):
    sealed: dict[str, Sealed]
    """Path of the sealed file (with ``.zst``) to what its manifest promises."""
    folders: list[str]
    lines: int


def _read_manifests(root: Path, findings: list[Finding]) -> _Manifests:
    manifests = _Manifests({}, [], 0)
    for top in JOURNAL_FOLDERS:
        for path in sorted((root / top).rglob(MANIFEST)):
            name = path.relative_to(root).as_posix()
            folder = name.rpartition("/")[0]
            manifests.folders.append(folder)
            for number, line in _numbered(path.read_bytes(), name, findings):
                manifests.lines += 1
                try:
                    check_line(line)
                    sealed = msgspec.json.decode(line, type=Sealed)
                except (CorruptLine, msgspec.MsgspecError, UnicodeDecodeError) as error:
                    findings.append(Finding(name, number, str(error)))
                    continue
                manifests.sealed[f"{folder}/{sealed.file}"] = sealed
    return manifests


def _numbered(data: bytes, name: str, findings: list[Finding]) -> Iterator[tuple[int, bytes]]:
    lines = data.split(b"\n")
    if lines[-1]:
        findings.append(Finding(name, len(lines), "incomplete last line"))
    return enumerate(lines[:-1], 1)


def _check_partition(
    root: Path, file: PartitionFile, manifests: _Manifests, numbers: dict[str, int], findings: list[Finding]
) -> int:
    name = file.path + ".zst" if file.sealed else file.path
    if file.sealed:
        sealed = manifests.sealed.get(name)
        if sealed is None:
            findings.append(Finding(name, 0, "sealed, but no manifest lists it"))
        elif file_sha256(root / name) != sealed.sha256:
            findings.append(Finding(name, 0, "SHA-256 differs from the manifest"))
    count = 0
    try:
        with open_partition(root, file) as source:
            for number, raw in enumerate(source, 1):
                if not raw.endswith(b"\n") and is_held(root / name):
                    break  # being written at this moment
                count = number
                _check_line(raw, name, number, numbers, findings)
    except (zstandard.ZstdError, EOFError, OSError) as error:
        findings.append(Finding(name, count + 1, f"cannot be read: {error}"))
        return count
    if file.sealed and name in manifests.sealed and manifests.sealed[name].lines != count:
        findings.append(Finding(name, 0, f"{count} lines, the manifest says {manifests.sealed[name].lines}"))
    return count


def _check_line(raw: bytes, name: str, number: int, numbers: dict[str, int], findings: list[Finding]) -> None:
    try:
        if not raw.endswith(b"\n"):
            raise CorruptLine("incomplete last line")
        check_line(raw[:-1])
        if not name.startswith("wire/"):
            _any_json.decode(raw)
            return
        n = _wire_number.decode(raw).n
    except (CorruptLine, msgspec.MsgspecError, UnicodeDecodeError) as error:
        findings.append(Finding(name, number, str(error)))
        if name.startswith("wire/"):
            provider = name.split("/")[1]
            if provider in numbers:
                numbers[provider] += 1
        return
    provider = name.split("/")[1]
    expected = numbers.get(provider, n - 1) + 1
    if n != expected:
        findings.append(Finding(name, number, f"frame {n} where {expected} was due"))
    numbers[provider] = n


def is_held(path: Path) -> bool:
    """Whether a collector has the partition open."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _missing(root: Path, manifests: _Manifests, found: list[PartitionFile]) -> list[Finding]:
    there = {file.path + ".zst" for file in found if file.sealed}
    return [
        Finding(name, 0, "listed in the manifest, but not there")
        for name in sorted(manifests.sealed)
        if name not in there and not (root / name).exists()
    ]


def _strangers(root: Path, found: list[PartitionFile]) -> list[Finding]:
    known = {file.path for file in found}
    strangers = []
    for top in JOURNAL_FOLDERS:
        for path in sorted((root / top).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_dir() or path.name == MANIFEST or "/torn/" in name:
                continue
            if name.endswith((SUFFIX, SEALED_SUFFIX)) and name.removesuffix(".zst") in known:
                continue
            if not name.endswith(".zst.tmp"):
                strangers.append(Finding(name, 0, "not a part of the journal"))
    return strangers
