"""Proof: every line, every sealed file and every manifest is checked, and each fault is named.

What is found: a changed bit anywhere, a missing or repeated wire line (their numbers run from 1 without
a hole), an incomplete last line, a sealed file that is missing, not listed, shorter, or older than its
manifest says, a partition that lies there twice with different content.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.files import PartitionFile, open_partition, partitions, present, raw_lines
from sise.journal.line import CorruptLine, check_line
from sise.journal.partition import JOURNAL_FOLDERS, MANIFEST, SEALED_SUFFIX, SUFFIX, TORN_FOLDER
from sise.journal.removals import absent_frames, covers
from sise.journal.seal import Sealed, file_sha256, raw_sha256, sealed_raw_sha256

FINDINGS_MAX: Final = 10_000
IN_THE_MAKING: Final = SEALED_SUFFIX + ".tmp"


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


def verify(root: Path, *, on_file: Callable[[str], None] = lambda path: None) -> Report:
    """Check the whole journal under ``root``. ``on_file`` is told each file before it is read.

    A collector and a sealer may be at work meanwhile: that is no finding.
    """
    return _Proof(root, on_file).run()


class _WireNumber(Struct):
    n: int


_wire_number = msgspec.json.Decoder(_WireNumber)
_any_json = msgspec.json.Decoder(msgspec.Raw)


class _Proof:
    """One pass over a journal."""

    def __init__(self, root: Path, on_file: Callable[[str], None]) -> None:
        self._root = root
        self._on_file = on_file
        self._findings: list[Finding] = []
        self._promised: dict[str, Sealed] = {}
        """Path of the sealed file (with ``.zst``) to what its manifest promises."""
        self._numbers: dict[str, int] = {}
        """The last wire number of each provider."""
        self._lines = 0
        self._absent = absent_frames(root)

    def run(self) -> Report:
        files = self._read_manifests()
        for file in partitions(self._root):
            if len(self._findings) >= FINDINGS_MAX:
                break
            self._on_file(file.path)
            files += 1
            self._check(file)
        self._find_missing()
        self._find_strangers()
        findings = self._findings[:FINDINGS_MAX]
        return Report(ok=not findings, files=files, lines=self._lines, findings=findings)

    def _add(self, file: str, line: int, what: str) -> None:
        self._findings.append(Finding(file, line, what))

    def _read_manifests(self) -> int:
        manifests = [path for top in JOURNAL_FOLDERS for path in sorted((self._root / top).rglob(MANIFEST))]
        for path in manifests:
            name = path.relative_to(self._root).as_posix()
            for number, raw in enumerate(_manifest_lines(path), 1):
                self._lines += 1
                try:
                    self._promise(name, _sealed(raw))
                except (CorruptLine, msgspec.MsgspecError, UnicodeDecodeError) as error:
                    self._add(name, number, str(error))
        return len(manifests)

    def _promise(self, manifest: str, sealed: Sealed) -> None:
        self._promised[f"{manifest.rpartition('/')[0]}/{sealed.file}"] = sealed

    def _promise_for(self, name: str) -> Sealed | None:
        """What is promised of a sealed file; it may have been sealed after the manifests were read."""
        manifest = f"{name.rpartition('/')[0]}/{MANIFEST}"
        if name not in self._promised and (self._root / manifest).exists():
            for raw in _manifest_lines(self._root / manifest):
                try:
                    self._promise(manifest, _sealed(raw))
                except (CorruptLine, msgspec.MsgspecError, UnicodeDecodeError):
                    continue  # named when the manifests were read
        return self._promised.get(name)

    def _check(self, file: PartitionFile) -> None:
        file = present(self._root, file)
        count = self._check_lines(file)
        self._lines += count
        sealed_name = file.path + ".zst"
        if file.sealed:
            self._check_promise(sealed_name, count)
        elif (self._root / sealed_name).exists():
            self._check_twice(file.path, sealed_name)

    def _check_promise(self, name: str, count: int) -> None:
        sealed = self._promise_for(name)
        if sealed is None:
            self._add(name, 0, "sealed, but no manifest lists it")
        elif file_sha256(self._root / name) != sealed.sha256:
            self._add(name, 0, "SHA-256 differs from the manifest")
        elif sealed.lines != count:
            self._add(name, 0, f"{count} lines, the manifest says {sealed.lines}")

    def _check_twice(self, name: str, sealed_name: str) -> None:
        """A seal that was cut short leaves both, and both say the same."""
        sealed = self._promise_for(sealed_name)
        if sealed is not None and file_sha256(self._root / sealed_name) != sealed.sha256:
            self._add(sealed_name, 0, "SHA-256 differs from the manifest")
            return
        with open_partition(self._root, PartitionFile(name, sealed=False)) as plain:
            digest, _ = raw_sha256(plain)
        if digest != sealed_raw_sha256(self._root / sealed_name):
            self._add(sealed_name, 0, "its plain file lies there too, with other content")

    def _check_lines(self, file: PartitionFile) -> int:
        count = 0
        provider = file.path.split("/")[1] if file.path.startswith("wire/") else None
        try:
            with open_partition(self._root, file) as source:
                for raw in raw_lines(source):
                    if not raw.endswith(b"\n") and is_held(self._root / file.name):
                        break  # being written at this moment
                    count += 1
                    what = self._check_wire(raw, provider) if provider else _check_line(raw)
                    if what:
                        self._add(file.name, count, what)
        except OSError as error:
            self._add(file.name, count + 1, f"cannot be read: {error}")
        return count

    def _check_wire(self, raw: bytes, provider: str) -> str:
        due = self._numbers.get(provider, 0) + 1
        self._numbers[provider] = due
        try:
            check_line(_whole(raw))
            n = _wire_number.decode(raw).n
        except (CorruptLine, msgspec.MsgspecError, UnicodeDecodeError) as error:
            return str(error)
        self._numbers[provider] = n
        removed = covers(self._absent.get(provider, []), due, n - 1)
        return "" if n == due or removed else f"frame {n} where {due} was due"

    def _find_missing(self) -> None:
        for name in sorted(self._promised):
            if not (self._root / name).exists():
                self._add(name, 0, "listed in the manifest, but not there")

    def _find_strangers(self) -> None:
        for top in JOURNAL_FOLDERS:
            for path in sorted((self._root / top).rglob("*")):
                name = path.relative_to(self._root).as_posix()
                ours = name.endswith((SUFFIX, SEALED_SUFFIX, IN_THE_MAKING)) or name.startswith(TORN_FOLDER)
                if not ours and not path.is_dir():
                    self._add(name, 0, "not a part of the journal")


def _manifest_lines(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_SH)  # not while a sealer adds to it
        return list(raw_lines(file))


def _sealed(raw: bytes) -> Sealed:
    check_line(_whole(raw))
    return msgspec.json.decode(raw, type=Sealed)


def _check_line(raw: bytes) -> str:
    try:
        check_line(_whole(raw))
        _any_json.decode(raw)
    except (CorruptLine, msgspec.MsgspecError, UnicodeDecodeError) as error:
        return str(error)
    return ""


def _whole(raw: bytes) -> bytes:
    if not raw.endswith(b"\n"):
        raise CorruptLine("incomplete line")
    return raw[:-1]


def is_held(path: Path) -> bool:
    """Whether a collector has the partition open."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
