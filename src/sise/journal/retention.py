"""Retention: which days' raw tracks stay and which go, a pure plan over what lies there.

Raw tracks (``wire swing scalp``) stay ``RAW_DAYS``, those of an anomalous day ``ANOMALOUS_DAYS``, and longer
until another machine has sent a receipt for exactly the package that lies here. After ``CAP_DAYS`` without
one, every run raises a critical alarm; the day goes only where a person says so (``over_cap``). What
happened on a day (``system quarantine universe``) is small, and stays.

:mod:`sise.journal.lifecycle` does what is decided here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.journal.files import partitions, read_lines
from sise.journal.overdue import day_backup
from sise.journal.pack import RAW_FOLDERS, Packer, local_day
from sise.journal.package import day_of, encode_package, package_hash
from sise.model.time import Clock

RAW_DAYS: Final = 3
ANOMALOUS_DAYS: Final = 7
CAP_DAYS: Final = 10
BACKUP_FAILED: Final = "backup_failed"
"""The condition of a day whose backup has failed, or is overdue: it is anomalous too."""

Action = Literal["keep", "hold", "alarm", "remove"]


class DayState(Struct, kw_only=True, frozen=True):
    """What counts for a day's retention. ``package`` and ``receipt`` are hashes, where there are any."""

    day: str
    age_days: int
    """Whole days between it and today."""
    bytes: int
    anomalies: list[str]
    package: str = ""
    waiting: list[str] = []
    """Why its package is not finished."""
    receipt: str = ""


class Decision(Struct, kw_only=True, frozen=True):
    """What becomes of a day: ``keep`` (in its time), ``hold`` (no backup yet), ``alarm``, ``remove``."""

    day: str
    action: Action
    reason: str
    age_days: int
    keep_days: int
    bytes: int
    backed_up: bool
    """Whether a verified backup covers what lies here."""
    package: str = ""


def plan(states: list[DayState], *, over_cap: bool = False) -> list[Decision]:
    """The decision for each day, in the order given. Pure."""
    return [_decide(state, over_cap) for state in states]


def keep_days(anomalous: list[str]) -> int:
    """How many days after its own a day's raw tracks are kept in any case."""
    return ANOMALOUS_DAYS if anomalous else RAW_DAYS


def _decide(state: DayState, over_cap: bool) -> Decision:
    kept = keep_days(state.anomalies)
    lacking = _lacking(state)
    action, reason = _verdict(state, kept, lacking, over_cap)
    return Decision(
        day=state.day,
        action=action,
        reason=reason,
        age_days=state.age_days,
        keep_days=kept,
        bytes=state.bytes,
        backed_up=not lacking,
        package=state.package,
    )


def _verdict(state: DayState, kept: int, lacking: str, over_cap: bool) -> tuple[Action, str]:
    if state.age_days <= kept:
        why = f" (anomalous: {', '.join(state.anomalies)})" if state.anomalies else ""
        return "keep", f"raw tracks are kept {kept} days{why}"
    if not lacking:
        return "remove", f"older than {kept} days, and backup {state.receipt[:12]} is verified"
    if state.age_days <= CAP_DAYS:
        return "hold", f"older than {kept} days, but {lacking}"
    if over_cap:
        return (
            "remove",
            f"over the cap of {CAP_DAYS} days, removed as asked with --over-cap although {lacking}",
        )
    return (
        "alarm",
        f"over the cap of {CAP_DAYS} days, but {lacking}; back it up, or remove it with --over-cap",
    )


def _lacking(state: DayState) -> str:
    """Why no backup covers what lies here, or ``""``."""
    if state.waiting:
        return f"the day is not finished ({state.waiting[0]})"
    if not state.receipt:
        return "no verified backup has been receipted"
    if state.receipt != state.package:
        here = f" ({state.package[:12]})" if state.package else ""
        return f"the backup {state.receipt[:12]} is not of what lies here{here}"
    return ""


def look(root: Path, packer: Packer, clock: Clock) -> list[DayState]:
    """The state of every day that has raw tracks, oldest first."""
    now_ns = clock.now_ns()
    folders = raw_folders(root)
    said = anomalies(root, since=min(folders, default=""))
    states = []
    for day, names in folders.items():
        package = packer.package(day)
        states.append(
            msgspec.structs.replace(
                day_state(root, day, names, said.get(day, []), now_ns),
                package=package_hash(encode_package(package)),
                waiting=package.open,
            )
        )
    return states


def day_state(root: Path, day: str, folders: list[str], said: list[str], now_ns: int) -> DayState:
    """The state of a day but for its package. ``said``: the conditions that its events name."""
    backup = day_backup(root, day, now_ns)
    found = list(said)
    if backup.state == "failed" and BACKUP_FAILED not in found:
        found.append(BACKUP_FAILED)
    return DayState(
        day=day,
        age_days=_age_days(day, local_day(now_ns, None)),
        bytes=sum(folder_bytes(root / folder) for folder in folders),
        anomalies=found,
        receipt=backup.receipt.package if backup.receipt else "",
    )


def raw_folders(root: Path) -> dict[str, list[str]]:
    """By day: the folders that hold its raw tracks."""
    found: dict[str, list[str]] = {}
    for top in RAW_FOLDERS:
        for path in (root / top).glob("*/*" if top == "wire" else "*/*/*"):
            name = path.relative_to(root).as_posix()
            day = day_of(name)
            if day and path.is_dir():
                found.setdefault(day, []).append(name)
    return {day: sorted(found[day]) for day in sorted(found)}


def _age_days(day: str, today: str) -> int:
    return (_date(today) - _date(day)).days


def _date(day: str) -> datetime:
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)


def folder_bytes(folder: Path) -> int:
    """What lies below ``folder``, on disk."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class _Happening(Struct):
    event_type: str
    detail: dict[str, object] | str = {}


_happening = msgspec.json.Decoder(_Happening)


def anomalies(root: Path, *, since: str = "") -> dict[str, list[str]]:
    """By day: the conditions that made it anomalous, from the events of that day (or that name it).

    ``since`` (a day) leaves out the events of earlier days, which can name no later one.
    """
    found: dict[str, list[str]] = {}
    for file in partitions(root, ["system/events"]):
        if day_of(file.path) < since:
            continue
        for line in read_lines(root, file):
            if b'"anomalous_day"' in line.body:
                happening = _happening.decode(line.body)
                if happening.event_type == "anomalous_day":
                    detail = happening.detail if isinstance(happening.detail, dict) else {}
                    day = str(detail.get("day") or day_of(file.path)).replace("-", "")
                    conditions = found.setdefault(day, [])
                    condition = str(detail.get("condition", "unnamed"))
                    if condition not in conditions:
                        conditions.append(condition)
    return found
