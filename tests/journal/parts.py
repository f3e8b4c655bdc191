"""What the journal's tests are made of: a clock that is set by hand, a small writer, a look at the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sise.journal.disk import Disk, OsDisk
from sise.journal.files import partitions, read_lines
from sise.journal.partition import JOURNAL_FOLDERS, events_stream, scalp_stream, wire_stream
from sise.journal.writer import Fault, JournalWriter
from sise.model.time import NS_PER_MS, NS_PER_SECOND, Clock, iso, parse_iso

SEOUL: Final = ZoneInfo("Asia/Seoul")
NEW_YORK: Final = ZoneInfo("America/New_York")
NOON: Final = parse_iso("2026-11-20T12:00:00+09:00")
HOUR_NS: Final = 3600 * NS_PER_SECOND


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, now_ns: int = NOON) -> None:
        self.now = now_ns

    def now_ns(self) -> int:
        return self.now

    def monotonic_ns(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * NS_PER_SECOND)

    def pass_ms(self, milliseconds: int) -> None:
        self.now += milliseconds * NS_PER_MS


def make_writer(
    root: Path,
    clock: Clock,
    disk: Disk | None = None,
    *,
    zone: ZoneInfo = SEOUL,
    pending_bytes_max: int = 64 * 1024 * 1024,
    on_fault: Callable[[Fault | None], None] = lambda fault: None,
) -> JournalWriter:
    """A writer of the streams wire, scalp and events of a provider ``p``."""
    streams = [wire_stream("p", zone), scalp_stream("p", "crypto", zone), events_stream("p", zone)]
    return JournalWriter(
        root,
        streams,
        disk=disk or OsDisk(),
        clock=clock,
        on_fault=on_fault,
        pending_bytes_max=pending_bytes_max,
    )


def frame(n: int, at_ns: int = NOON, text: str = "") -> bytes:
    """The body of wire line ``n``."""
    return json.dumps({"n": n, "t": iso(at_ns), "conn": "c", "frame": text}).encode()


def record(n: int, at_ns: int = NOON) -> bytes:
    """The body of a scalp line that says it came from frame ``n``."""
    return json.dumps({"kind": "trade", "receive_time": iso(at_ns), "frame": n}).encode()


def make_journal(root: Path, frames: int, *, at_ns: int = NOON, step_ns: int = NS_PER_SECOND) -> None:
    """``frames`` wire lines and as many records, ``step_ns`` apart, written and closed."""
    clock = HandClock(at_ns)
    writer = make_writer(root, clock)
    for n in range(1, frames + 1):
        writer.append("wire", frame(n, clock.now, f"frame {n} 시세 J*"), clock.now)
        writer.append("scalp", record(n, clock.now), clock.now)
        clock.now += step_ns
        writer.flush()
        writer.commit()
    assert writer.close()


def bodies(root: Path, folder: str = "") -> list[bytes]:
    """All good lines, without checksum, in the order of the files."""
    found = partitions(root, [folder] if folder else JOURNAL_FOLDERS)
    return [body_of(line.body) for file in found for line in read_lines(root, file)]


def body_of(line: bytes) -> bytes:
    """What was appended, from its line."""
    return line[: line.rindex(b',"crc":"')] + b"}"


def numbers(root: Path) -> list[int]:
    """The numbers of the wire's good lines, in order."""
    return [json.loads(body)["n"] for body in bodies(root, "wire")]


def files_of(root: Path) -> dict[str, bytes]:
    """Every file under ``root``, with its content."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def plain_file(root: Path, folder: str = "wire") -> Path:
    """The only plain partition of ``folder``."""
    [path] = [file.on_disk(root) for file in partitions(root, [folder]) if not file.sealed]
    return path
