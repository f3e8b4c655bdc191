"""Making the package of a day from a journal that may be being written.

First everything that is finished is sealed. A sealed file is then taken at its manifest's word: where its
bytes have changed since, whoever pulls it finds out. What is not sealed is hashed as it lies there. A
partition that may still grow is left out, and the day is not finished:

- its last line is torn (the next start of the collector mends that), or
- a collector holds it, and its day is not over, or it was written to in the last ``QUIET_SECONDS``.

A collector keeps a quiet partition open for days; once its day is over, holding it means nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from sise.journal.files import READ_BYTES, PartitionFile, partitions, read_lines
from sise.journal.line import CorruptLine, check_line
from sise.journal.package import (
    FORMAT,
    Package,
    PackedFile,
    WireRange,
    day_of,
    manifest_path,
)
from sise.journal.partition import JOURNAL_FOLDERS, MANIFEST, SEALED_SUFFIX, SUFFIX, TORN_FOLDER
from sise.journal.recover import good_end
from sise.journal.removals import removals
from sise.journal.seal import QUIET_SECONDS, Sealed, seal_finished
from sise.journal.verify import is_held
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, NS_PER_US, Clock, in_zone, iso

RAW_FOLDERS: Final = ("wire", "swing", "scalp")
"""What retention removes. The rest of a day is small, and says what happened on it."""
CACHED_FILES_MAX: Final = 50_000
TRIES_MAX: Final = 5
"""So often a package is begun again because a sealer was at work on its files."""

_Known = TypeVar("_Known")
_Stamp = tuple[str, int, int, int]


class _Numbered(Struct):
    n: int


class Packer:
    """Makes packages of the journal under ``root``. Remembers the hashes of files that did not change.

    Belongs to one thread at a time. Raises ``OSError`` where the journal cannot be read. ``file_clock`` is
    the clock that the times of files are of: the machine's, where ``clock`` is that of a simulated day.
    """

    def __init__(self, root: Path, clock: Clock, file_clock: Clock | None = None) -> None:
        self._root = root
        self._clock = clock
        self._file_clock = file_clock or clock
        self._hashes: dict[_Stamp, PackedFile] = {}
        self._numbers: dict[_Stamp, WireRange | None] = {}

    def days(self) -> list[str]:
        """The days there are, oldest first; not those whose raw tracks retention has removed."""
        found = paths_by_day(self._root)
        raw = {day for day, paths in found.items() if any(path.startswith(RAW_FOLDERS) for path in paths)}
        gone = {removal.day for removal in removals(self._root)} - raw
        return sorted(found.keys() - gone - {""})

    def package(self, day: str) -> Package:
        """The package of ``day`` as it lies there now."""
        seal_finished(self._root, list(JOURNAL_FOLDERS), self._file_clock.now_ns())
        for _ in range(TRIES_MAX - 1):
            try:
                return self._package(day)
            except FileNotFoundError:
                continue  # sealed between two steps of ours
        return self._package(day)

    def content(self, file: PackedFile, day: str) -> Path | bytes:
        """Where the bytes of a packed file lie; a manifest's lines are given as they are."""
        if file.path.endswith("/" + MANIFEST):
            return b"".join(line for line, _ in self._manifest(file.path, day))
        return self._root / file.path

    def _package(self, day: str) -> Package:
        zones = self._zones()
        files: list[PackedFile] = []
        waiting: list[str] = []
        for path in paths_by_day(self._root).get(day, []):
            why = self._open(path, zones)
            if why:
                waiting.append(f"{path}: {why}")
            else:
                files.append(self._packed(path))
        for manifest in sorted({manifest_path(file.path) for file in files}):
            lines = self._manifest(manifest, day)
            if lines:
                files.append(_of_bytes(manifest, b"".join(line for line, _ in lines)))
                files += self._missing(manifest, lines, files)
        files.sort(key=lambda file: file.path)
        return Package(
            format=FORMAT,
            day=day,
            finished=not waiting,
            open=sorted(waiting),
            wire=self._wire(files),
            files=files,
        )

    def _zones(self) -> dict[str, ZoneInfo]:
        """The zone of each provider, by the markets that it has folders for."""
        zones: dict[str, ZoneInfo] = {}
        for folder in ("swing", "scalp", "universe"):
            for path in sorted((self._root / folder).glob("*/*")):
                if path.name in MARKET_ZONES:
                    zones[path.parent.name] = MARKET_ZONES[path.name]
        return zones

    def _open(self, path: str, zones: dict[str, ZoneInfo]) -> str:
        """Why a partition may still grow, or ``""``."""
        if not path.endswith(SUFFIX) or path.split("/")[0] not in JOURNAL_FOLDERS:
            return ""
        on_disk = self._root / path
        with on_disk.open("rb") as file:
            size = file.seek(0, 2)
            if good_end(file.fileno(), size) != size:
                return "its last line is torn; the next start of the collector mends it"
        written = on_disk.stat().st_mtime
        quiet = self._file_clock.now_ns() / NS_PER_SECOND - written >= QUIET_SECONDS
        provider = path.split("/")[2 if path.startswith("system/") else 1]
        over = day_of(path) < local_day(self._clock.now_ns(), zones.get(provider))
        return "" if (over and quiet) or not is_held(on_disk) else "a collector holds it"

    def _packed(self, path: str) -> PackedFile:
        if path.endswith(SEALED_SUFFIX):
            promised = self._promised(path)
            if promised is not None:
                return promised
        return self._once(self._hashes, path, lambda: self._hashed(path))

    def _promised(self, path: str) -> PackedFile | None:
        """A sealed file as its manifest says it is (the last line counts)."""
        listed = [each for _, each in self._manifest(manifest_path(path), day_of(path))]
        found = [each for each in listed if path.endswith("/" + each.file)]
        if not found:
            return None
        return _of_promise(path, found[-1], _written_at(self._root / path))

    def _missing(
        self, manifest: str, lines: list[tuple[bytes, Sealed]], files: list[PackedFile]
    ) -> list[PackedFile]:
        """Sealed files that are promised but not there: listed all the same, so that somebody misses them."""
        folder = manifest.rpartition("/")[0]
        there = {file.path.removesuffix(".zst") for file in files}
        promised = {f"{folder}/{each.file}": each for _, each in lines}
        return [
            _of_promise(path, each, "")
            for path, each in promised.items()
            if path.removesuffix(".zst") not in there
            and not (self._root / path.removesuffix(".zst")).exists()
        ]

    def _manifest(self, path: str, day: str) -> list[tuple[bytes, Sealed]]:
        """The good lines of a folder's manifest that speak of ``day``."""
        folder = path.rpartition("/")[0]
        try:
            lines = (self._root / path).read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                check_line(line.removesuffix(b"\n"))
                sealed = msgspec.json.decode(line, type=Sealed)
            except (CorruptLine, msgspec.MsgspecError):
                continue  # named by `sise journal verify`
            if day_of(f"{folder}/{sealed.file}") == day:
                found.append((line, sealed))
        return found

    def _hashed(self, path: str) -> PackedFile:
        on_disk = self._root / path
        written_at = _written_at(on_disk)
        digest, size, lines = hashlib.sha256(), 0, 0
        with on_disk.open("rb") as file:
            while data := file.read(READ_BYTES):
                digest.update(data)
                size += len(data)
                lines += data.count(b"\n")
        return PackedFile(
            path=path, bytes=size, sha256=digest.hexdigest(), lines=lines, written_at=written_at
        )

    def _wire(self, files: list[PackedFile]) -> dict[str, WireRange]:
        by_provider: dict[str, list[str]] = {}
        for file in files:
            if file.path.startswith("wire/") and not file.path.endswith("/" + MANIFEST):
                by_provider.setdefault(file.path.split("/")[1], []).append(file.path)
        ranges: dict[str, WireRange] = {}
        for provider, paths in by_provider.items():
            first, last = self._range(paths[0]), self._range(paths[-1])
            if first is not None and last is not None:
                ranges[provider] = WireRange(first.first, last.last)
        return ranges

    def _range(self, path: str) -> WireRange | None:
        if not (self._root / path).exists():
            return None
        return self._once(self._numbers, path, lambda: _read_range(self._root, path))

    def _once(self, cache: dict[_Stamp, _Known], path: str, make: Callable[[], _Known]) -> _Known:
        stat = (self._root / path).stat()
        stamp = (path, stat.st_size, stat.st_mtime_ns, stat.st_ino)
        if stamp not in cache:
            if len(cache) >= CACHED_FILES_MAX:
                cache.clear()
            cache[stamp] = make()
        return cache[stamp]


def paths_by_day(root: Path) -> dict[str, list[str]]:
    """Every file that a day's package has but the manifests, by day, as they lie there now."""
    found = [file.name for file in partitions(root, JOURNAL_FOLDERS)]
    torn = (root / TORN_FOLDER).glob("*")
    universe = (root / "universe").rglob("*.json*")
    days: dict[str, list[str]] = {}
    for path in found + sorted(path.relative_to(root).as_posix() for path in (*torn, *universe)):
        days.setdefault(day_of(path), []).append(path)
    return days


def local_day(now_ns: int, zone: ZoneInfo | None) -> str:
    """Today in ``zone``; without one, where today begins last."""
    zones = MARKET_ZONES.values() if zone is None else (zone,)
    return min(f"{in_zone(now_ns, each):%Y%m%d}" for each in zones)


def _of_bytes(path: str, data: bytes) -> PackedFile:
    return PackedFile(
        path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), lines=data.count(b"\n")
    )


def _of_promise(path: str, sealed: Sealed, written_at: str) -> PackedFile:
    return PackedFile(
        path=path,
        bytes=sealed.bytes,
        sha256=sealed.sha256,
        lines=sealed.lines,
        written_at=written_at,
        raw_bytes=sealed.raw_bytes,
        raw_sha256=sealed.raw_sha256,
    )


def _written_at(path: Path) -> str:
    return iso(path.stat().st_mtime_ns // NS_PER_US * NS_PER_US)


def _read_range(root: Path, path: str) -> WireRange | None:
    sealed = path.endswith(".zst")
    first = last = None
    for line in read_lines(root, PartitionFile(path.removesuffix(".zst"), sealed)):
        first = first or line.body
        last = line.body
    if first is None or last is None:
        return None
    numbers = [msgspec.json.decode(body, type=_Numbered).n for body in (first, last)]
    return WireRange(*numbers)
