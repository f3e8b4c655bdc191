"""Removing raw days as :mod:`sise.journal.retention` decided, said in the journal before it is done.

A removal is an event first (``raw_removal_begun``: what, why, which frames, what the ledger will lack), then
the day's folders go, each in one step, then ``raw_removed``. One that was cut short is finished by the next
run. Every run says what it decided of each day (``retention_run``); a day that waits too long for its backup
is an event of its own at every run, critical beyond the cap.
"""

from __future__ import annotations

import errno
import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.journal.disk import Disk, make_folder, sync_folder
from sise.journal.files import partitions, read_lines
from sise.journal.overdue import day_backup
from sise.journal.pack import RAW_FOLDERS, Packer
from sise.journal.package import Package, day_of, encode_package, package_hash
from sise.journal.partition import MANIFEST, events_stream
from sise.journal.recover import mend_tails
from sise.journal.removals import BEGUN, DONE, RETENTION, Removal, unfinished
from sise.journal.retention import BACKUP_FAILED, Decision, anomalies, look, plan, raw_folders
from sise.journal.writer import JournalWriter
from sise.model.errors import SiseError
from sise.model.records import SystemEvent
from sise.model.time import MARKET_ZONES, Clock, iso

log = logging.getLogger(__name__)

REMOVING_FOLDER: Final = "run/removing"
LOCK: Final = "run/retention.lock"

Level = Literal["info", "warning", "critical"]


class NotRemoved(SiseError):
    """What was decided could not be done; nothing is lost, and the next run tries again."""


class Retention:
    """Plans and applies, and writes what it does into ``system/events/retention``."""

    def __init__(self, root: Path, disk: Disk, clock: Clock, file_clock: Clock | None = None) -> None:
        self._root = root
        self._disk = disk
        self._clock = clock
        self._packer = Packer(root, clock, file_clock)

    def plan(self, *, over_cap: bool = False) -> list[Decision]:
        """What would be done now. Seals what is finished, and changes nothing else."""
        return plan(look(self._root, self._packer, self._clock), over_cap=over_cap)

    def apply(self, *, over_cap: bool = False) -> list[Decision]:
        """Finish what was cut short, plan, raise the alarms, remove.

        Raises
        ------
        NotRemoved
            The journal cannot be written, or a day changed meanwhile; what is not said is not done.
        """
        with self._alone():
            return self._apply(over_cap)

    def _apply(self, over_cap: bool) -> list[Decision]:
        mend_tails(self._root, [f"system/events/{RETENTION}"], str(self._clock.now_ns()))
        for removal in unfinished(self._root):
            self._remove(removal)
        decisions = self.plan(over_cap=over_cap)
        self._say_all(decisions)
        self._warn(decisions)
        for decision in decisions:
            if decision.action == "remove":
                self._begin(decision)
        return decisions

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            lock = self._disk.open(self._root / LOCK)
        except OSError as error:
            why = "another run is at work" if error.errno == errno.EBUSY else error.strerror
            raise NotRemoved(f"retention cannot begin: {why}") from None
        try:
            yield
        finally:
            self._disk.close(lock)

    def _say_all(self, decisions: list[Decision]) -> None:
        """What was decided of each day, also where nothing is to be done."""
        counts = Counter(each.action for each in decisions)
        message = ", ".join(f"{action} {count}" for action, count in sorted(counts.items())) or "no raw days"
        self._say("retention_run", message, "info", {"days": msgspec.to_builtins(decisions)})

    def _warn(self, decisions: list[Decision]) -> None:
        said = _said_failed(self._root, min((each.day for each in decisions), default=""))
        for decision in decisions:
            held: Level = "critical" if decision.action == "alarm" else "warning"
            if decision.action in ("alarm", "hold"):
                self._say(
                    "retention_alarm", f"{decision.day}: {decision.reason}", held, {"day": decision.day}
                )
            backup = day_backup(self._root, decision.day, self._clock.now_ns())
            if backup.state == "failed" and decision.day not in said:
                detail: dict[str, object] = {"day": decision.day, "condition": BACKUP_FAILED}
                self._say("anomalous_day", f"{decision.day}: {backup.reason}", "warning", detail)

    def _begin(self, decision: Decision) -> None:
        package = self._packer.package(decision.day)
        if package_hash(encode_package(package)) != decision.package:
            raise NotRemoved(f"{decision.day} changed while it was being removed; run it again")
        removal = _facts(self._root, package, decision)
        level: Level = "info" if decision.backed_up else "critical"
        self._say(BEGUN, f"{decision.day}: {decision.reason}", level, msgspec.to_builtins(removal))
        self._remove(removal)

    def _remove(self, removal: Removal) -> None:
        aside = self._root / REMOVING_FOLDER / removal.day
        make_folder(aside)
        for folder in removal.folders:
            path = self._root / folder
            if path.is_dir():
                target = aside / folder.replace("/", "__")
                path.rename(target)
                sync_folder(path.parent)
        shutil.rmtree(aside)
        sync_folder(aside.parent)
        self._say(DONE, f"the raw tracks of {removal.day} are removed", "info", msgspec.to_builtins(removal))

    def _say(self, kind: str, message: str, level: Level, detail: dict[str, object]) -> None:
        """An event, durable before this returns."""
        now_ns = self._clock.now_ns()
        event = SystemEvent(
            event_type=kind,
            timestamp=iso(now_ns),
            session_id=RETENTION,
            provider=RETENTION,
            market="",
            level=level,
            message=message,
            detail=detail,
        )
        stream = events_stream(RETENTION, MARKET_ZONES["kr_stocks"])
        writer = JournalWriter(self._root, [stream], disk=self._disk, clock=self._clock)
        writer.append("events", msgspec.json.encode(event), now_ns, always=True)
        if not writer.close():
            what = writer.fault.what if writer.fault else "it cannot be synced"
            raise NotRemoved(f"the journal cannot be written ({what}): {message}")
        log.log(getattr(logging, level.upper()), "%s: %s", kind, message)


def _said_failed(root: Path, since: str) -> set[str]:
    said = anomalies(root, since=since)
    return {day for day, conditions in said.items() if BACKUP_FAILED in conditions}


class _Record(Struct):
    kind: str = ""
    frames: int = 0


_record = msgspec.json.Decoder(_Record)


def _facts(root: Path, package: Package, decision: Decision) -> Removal:
    """What goes, with the counts that the ledger's right side will lack."""
    raw = [file for file in package.files if file.path.startswith(RAW_FOLDERS)]
    records = [
        _record.decode(line.body)
        for file in partitions(root, ["swing", "scalp"])
        if day_of(file.path) == package.day
        for line in read_lines(root, file)
    ]
    return Removal(
        day=package.day,
        wire={provider: [numbers] for provider, numbers in package.wire.items()},
        folders=raw_folders(root).get(package.day, []),
        package=decision.package,
        reason=decision.reason,
        files=len(raw),
        bytes=decision.bytes,
        frames_recorded=sum(file.lines for file in raw if _is_wire(file.path)),
        events_recorded=sum(
            record.frames if record.kind == "sample" else bool(record.kind) for record in records
        ),
    )


def _is_wire(path: str) -> bool:
    return path.startswith("wire/") and not path.endswith(MANIFEST)
