"""Pulling a day: list, files, proof, marker, receipt, in this order and no other.

A day that is held whole stays whole until the new package has arrived and is verified; a server that lists
less than is held, or an older state of it, is refused by name. Whatever ends a pull (a cut line, a full disk,
``kill -9``), the next one goes on from the bytes that are there. A day that cannot be brought whole is told
the server, whose people must know.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from msgspec import Struct

from sise.fleet.held import MANIFEST_NAME, HeldDay, Marker, alone, is_right
from sise.fleet.part import LocalDisk, disk_errors
from sise.fleet.source import Changed, Lied, Source
from sise.fleet.verify import Finding
from sise.journal.package import BadPackage, Package, PackedFile, decode_package, package_hash, shrunk
from sise.model.errors import SiseError
from sise.model.time import NS_PER_SECOND, Clock, iso

log = logging.getLogger(__name__)

WRONG_BYTES_MAX: Final = 3
"""So often a file may arrive wrong before it is named and left out."""
LISTS_MAX: Final = 4
"""So often the day's list may change while it is being pulled."""
SECONDS_DIGITS: Final = 3
SENTENCE_CHARACTERS_MAX: Final = 300


class Pulled(Struct, kw_only=True):
    """What came of a day. ``ok``: it lies here whole, and the server knows."""

    day: str
    ok: bool
    finished: bool
    """False: a collector still adds to the day. What is final so far is here, without marker."""
    held_before: bool
    package: str
    files: int
    bytes: int
    fetched_bytes: int
    seconds: float
    open: list[str]
    findings: list[Finding]


class Puller:
    """Pulls days from ``source`` into the folder ``to``, one puller a folder at a time."""

    def __init__(self, source: Source, to: Path, clock: Clock) -> None:
        self._source = source
        self._to = to
        self._clock = clock

    async def pull(self, days: list[str] | None = None) -> list[Pulled]:
        """Pull ``days``, or all that the server has and that are not held whole.

        Raises
        ------
        Busy, Unreachable, Refused, LocalDisk
            The pull ended there; it may be begun again.
        Changed
            The server does not have the day.
        """
        with disk_errors(self._to):
            self._to.mkdir(parents=True, exist_ok=True)
        with alone(self._to):
            wanted = days if days is not None else [each.day for each in await self._source.days()]
            return [await self._day_or_tell(day) for day in wanted]

    async def _day_or_tell(self, day: str) -> Pulled:
        try:
            return await self._day(day)
        except LocalDisk:
            await self._tell(day, 1, "the disk of the backup machine refuses")
            raise

    async def _day(self, day: str) -> Pulled:
        began = self._clock.monotonic_ns()
        for _ in range(LISTS_MAX - 1):
            try:
                pulled = await _Day(self._source, HeldDay(self._to / day), self._clock).run()
                break
            except Changed as error:
                log.info("%s: the list has changed meanwhile (%s)", day, error)
        else:
            pulled = await _Day(self._source, HeldDay(self._to / day), self._clock).run()
        pulled.seconds = round((self._clock.monotonic_ns() - began) / NS_PER_SECOND, SECONDS_DIGITS)
        for finding in pulled.findings:
            log.error("%s: %s %s: %s", day, finding.kind, finding.file, finding.what)
        if pulled.findings:
            first = pulled.findings[0]
            await self._tell(day, len(pulled.findings), f"{first.kind} {first.file}: {first.what}")
        return pulled

    async def _tell(self, day: str, findings: int, first: str) -> None:
        """The server's own people must see that its day is not safe; that it cannot be told is logged."""
        sentence = "".join(each for each in first if each.isprintable())[:SENTENCE_CHARACTERS_MAX]
        try:
            await self._source.send_failure(day, findings, sentence)
        except SiseError as error:
            log.warning("%s: the server could not be told of the failure: %s", day, error)


class _Day:
    """One attempt at one day, against one list."""

    def __init__(self, source: Source, held: HeldDay, clock: Clock) -> None:
        self._source = source
        self._held = held
        self._clock = clock
        self._fetched = 0
        self._findings: list[Finding] = []

    async def run(self) -> Pulled:
        line = await self._source.manifest(self._held.day)
        try:
            package = decode_package(line)
        except BadPackage as error:
            return self._refused(str(error))
        if package.day != self._held.day:
            return self._refused(f"the server's list is of {package.day}")
        whole, before = self._held.whole(), self._held.package()
        if whole is not None and whole == package and self._sizes_are_right(package):
            await self._send_receipt(self._held.marker(), package)
            return self._pulled(line, package, ok=True, held_before=True)
        if whole is not None and not package.finished:
            log.info("%s goes on at the server; the verified package stays", package.day)
            return self._pulled(line, package, ok=False, held_before=True)
        losses = shrunk(before, package) if before is not None else []
        if losses:
            self._findings += [Finding(path, "older", f"at the server {what}") for path, what in losses]
            return self._pulled(line, package, ok=False, held_before=whole is not None)
        return await self._bring(line, package)

    async def _bring(self, line: bytes, package: Package) -> Pulled:
        was_whole = self._held.whole() is not None
        arrived = [file for file in package.files if not is_right(self._held.place(file), file)]
        for file in arrived:
            await self._file(line, file)
        wrong = {finding.file for finding in self._findings}
        if not (wrong and was_whole):  # what is verified is not given up for what is damaged
            self._settle(line, package, [file for file in arrived if file.path not in wrong])
        if self._findings or not package.finished:
            return self._pulled(line, package, ok=False, held_before=False)
        marker = Marker(
            day=package.day,
            package=package_hash(line),
            verified_at=iso(self._clock.now_ns()),
            files=len(package.files),
            bytes=package.bytes,
        )
        self._mark(marker)
        await self._send_receipt(marker, package)
        return self._pulled(line, package, ok=True, held_before=False)

    def _settle(self, line: bytes, package: Package, arrived: list[PackedFile]) -> None:
        with disk_errors(self._held.folder):
            self._held.folder.mkdir(parents=True, exist_ok=True)
            self._held.settle(line, package, arrived)

    def _mark(self, marker: Marker) -> None:
        with disk_errors(self._held.folder):
            self._held.mark(marker)

    async def _file(self, line: bytes, file: PackedFile) -> None:
        """Bring one file to its part, right to the byte; what stays wrong is a finding."""
        part = self._held.part(file)
        what = ""
        for _ in range(WRONG_BYTES_MAX):
            try:
                self._fetched += await self._source.fetch(self._held.day, file, part)
            except Lied as error:
                what = str(error)
            except Changed:
                if await self._source.manifest(self._held.day) != line:
                    raise
                self._findings.append(Finding(file.path, "missing", "the server lists it, and has it not"))
                return
            else:
                if is_right(part, file):
                    return
                what = "the server sends other bytes than its list promises"
            part.unlink(missing_ok=True)
        self._findings.append(Finding(file.path, "corrupted", what))

    def _sizes_are_right(self, package: Package) -> bool:
        """A cheap look; the whole proof is `sise backup verify`."""
        places = [(self._held.place(file), file.bytes) for file in package.files]
        return all(path.is_file() and path.stat().st_size == size for path, size in places)

    async def _send_receipt(self, marker: Marker | None, package: Package) -> None:
        if marker is not None:
            await self._source.send_receipt(
                {
                    "day": package.day,
                    "package": marker.package,
                    "files": marker.files,
                    "bytes": marker.bytes,
                    "verified_at": marker.verified_at,
                }
            )

    def _refused(self, what: str) -> Pulled:
        self._findings.append(Finding(MANIFEST_NAME, "corrupted", what))
        empty = Package(format=1, day=self._held.day, finished=False, open=[], wire={}, files=[])
        return self._pulled(b"", empty, ok=False, held_before=self._held.whole() is not None)

    def _pulled(self, line: bytes, package: Package, *, ok: bool, held_before: bool) -> Pulled:
        return Pulled(
            day=self._held.day,
            ok=ok,
            finished=package.finished,
            held_before=held_before,
            package=package_hash(line) if line else "",
            files=len(package.files),
            bytes=package.bytes,
            fetched_bytes=self._fetched,
            seconds=0.0,
            open=package.open,
            findings=self._findings,
        )
