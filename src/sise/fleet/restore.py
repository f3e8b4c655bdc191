"""The restore drill: a backup put back as a journal, in an empty place, verified file by file.

Each file is hashed while it is copied, and what was written is read back; only the right bytes are given
their name. What a restore leaves out (days before the backup, or between) is said in the restored journal
itself (``system/events/restore``), so that ``sise journal verify`` can tell it from a loss.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from sise.fleet.held import HeldDay, file_hash, sync_folder
from sise.fleet.verify import Finding, Report, days_at, judge
from sise.journal.line import close_line
from sise.journal.package import Package, PackedFile, WireRange, package_hash
from sise.journal.partition import MANIFEST, SUFFIX
from sise.journal.removals import ELSEWHERE, RESTORE, Removal
from sise.model.errors import BadInput
from sise.model.records import SystemEvent
from sise.model.time import NS_PER_SECOND, Clock, iso, parse_iso

READ_BYTES: Final = 1024 * 1024
SECONDS_DIGITS: Final = 3


def restore(path: Path, to: Path, clock: Clock) -> Report:
    """Restore the backup at ``path`` (a folder of days, or one day) to the empty or absent folder ``to``.

    What is damaged is named and left out; the rest is restored all the same.

    Raises
    ------
    BadInput
        There is no backup at ``path``, or ``to`` is not empty.
    OSError
        The disk refuses.
    """
    began = clock.monotonic_ns()
    days = days_at(path)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BadInput("--to", str(to), "restore only to an empty or absent folder: nothing is overwritten")
    to.mkdir(parents=True, exist_ok=True)
    work = _Restore(to)
    for day in days:
        work.day(day)
    work.say_what_is_elsewhere(clock.now_ns())
    work.check_written()
    seconds = round((clock.monotonic_ns() - began) / NS_PER_SECOND, SECONDS_DIGITS)
    return Report(
        ok=not work.findings,
        files=len(work.written),
        bytes=sum(size for _, size in work.written.values()),
        seconds=seconds,
        findings=work.findings,
    )


class _Restore:
    """One restore, day by day."""

    def __init__(self, to: Path) -> None:
        self._to = to
        self._packages: list[Package] = []
        self._digests: dict[str, hashlib._Hash] = {}
        self.written: dict[str, tuple[str, int]] = {}
        """Path to the SHA-256 and size that must be there."""
        self.findings: list[Finding] = []

    def day(self, day: HeldDay) -> None:
        line, marker, package = day.manifest_line(), day.marker(), day.package()
        if line is None or package is None:
            what = "its MANIFEST.json is missing or damaged: nothing of the day is restored"
            self.findings.append(Finding(day.day, "corrupted", what))
            return
        if marker is None or marker.package != package_hash(line):
            what = "no SUCCESS.marker for this list: the day was never verified as a whole"
            self.findings.append(Finding(day.day, "unfinished", what))
        self._packages.append(package)
        for file in package.files:
            self._file(day, file)

    def _file(self, day: HeldDay, file: PackedFile) -> None:
        source, target = day.place(file), self._to / file.path
        name = f"{day.day}/{file.path}"
        try:
            size = source.stat().st_size
        except FileNotFoundError:
            self.findings.append(Finding(name, "missing", f"{file.bytes:,} bytes are promised"))
            return
        part = target.with_name(target.name + ".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        if _copy(source, part) != file.sha256:
            part.unlink()
            self.findings.append(Finding(name, *judge(source, file, size)))
        elif file.path.endswith("/" + MANIFEST):
            self._add_lines(part, target, file)
        else:
            _settle(part, target, file)
            self.written[file.path] = (file.sha256, file.bytes)

    def _add_lines(self, part: Path, target: Path, file: PackedFile) -> None:
        """A manifest may have lines of several days."""
        data = part.read_bytes()
        part.unlink()
        with target.open("ab") as manifest:
            manifest.write(data)
            manifest.flush()
            os.fsync(manifest.fileno())
        digest = self._digests.setdefault(file.path, hashlib.sha256())
        digest.update(data)
        self.written[file.path] = (digest.hexdigest(), self.written.get(file.path, ("", 0))[1] + len(data))

    def say_what_is_elsewhere(self, now_ns: int) -> None:
        """Write an event where the restored wire log does not begin with frame 1, or leaves days out."""
        absent = _absent(self._packages)
        if not absent:
            return
        removal = Removal(day="", wire=absent, reason="restored from a backup that does not hold them")
        event = SystemEvent(
            event_type=ELSEWHERE,
            timestamp=iso(now_ns),
            session_id=RESTORE,
            provider=RESTORE,
            market="",
            message=f"restored: {', '.join(package.day for package in self._packages)}",
            detail=msgspec.to_builtins(removal),
        )
        name = f"system/events/{RESTORE}/{iso(now_ns)[:10].replace('-', '')}{SUFFIX}"
        path = self._to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        line = close_line(msgspec.json.encode(event))
        with path.open("ab") as file:
            file.write(line)

    def check_written(self) -> None:
        """Read everything back."""
        for name, promised in self.written.items():
            if file_hash(self._to / name) != promised:
                self.findings.append(Finding(name, "corrupted", "does not read back as it was written"))


def _copy(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while data := reading.read(READ_BYTES):
            digest.update(data)
            writing.write(data)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def _settle(part: Path, target: Path, file: PackedFile) -> None:
    if file.written_at:
        written = parse_iso(file.written_at)
        os.utime(part, ns=(written, written))
    part.replace(target)
    sync_folder(target.parent)


def _absent(packages: list[Package]) -> dict[str, list[WireRange]]:
    """By provider: the frames that lie before the restored days, or between two that are not neighbours."""
    absent: dict[str, list[WireRange]] = {}
    last: dict[str, tuple[int, str]] = {}
    for package in packages:
        for provider, numbers in package.wire.items():
            before, day = last.get(provider, (0, ""))
            if numbers.first > before + 1 and _next(day) != package.day:
                absent.setdefault(provider, []).append(WireRange(before + 1, numbers.first - 1))
            last[provider] = (numbers.last, package.day)
    return absent


def _next(day: str) -> str:
    if not day:
        return ""
    following = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
    return f"{following:%Y%m%d}"
