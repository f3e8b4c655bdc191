"""What is kept and for how long: the backup and retention of every provider's day, for people and programs.

A cheap look: names, sizes and times of files, receipts and events are read; nothing is hashed, sealed or
written, and no lock is taken. Whether a backup covers exactly what lies here is believed by the files' times:
nothing of the day has changed since its receipt. :class:`sise.journal.lifecycle.Retention`, which removes,
hashes it all again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.journal.overdue import BackupState, DayBackup, backup_state, day_backup, verified_at_ns
from sise.journal.pack import local_day, paths_by_day
from sise.journal.receipt import receipt_path
from sise.journal.removals import DONE, Removal, removals
from sise.journal.retention import (
    Action,
    DayState,
    Decision,
    anomalies,
    day_state,
    folder_bytes,
    keep_days,
    plan,
    raw_folders,
)

__all__ = ["BackupState", "DayKeeping", "KeepingState", "backup_days", "backup_state"]

REMOVED_DAYS_SHOWN: Final = 30
"""Removed days are told of so long after the day itself."""

KeepingState = Literal["kept", "held", "removable", "removed", "alarm"]
_STATES: Final[dict[Action, KeepingState]] = {
    "keep": "kept",
    "hold": "held",
    "remove": "removable",
    "alarm": "alarm",
}


class DayKeeping(Struct, kw_only=True, frozen=True):
    """What becomes of the raw tracks (wire, swing, scalp) of one day of one provider's market.

    ``state``: ``kept`` (in its time), ``held`` (longer, because no verified backup covers it), ``removable``
    (the next run of retention removes it), ``removed``, ``alarm`` (beyond the cap without a backup).
    """

    day: date
    """The market's own."""
    market: str
    """Empty for the wire log of a provider of several markets."""
    provider: str
    raw_bytes: int
    """On disk now, all raw tracks together; 0 where they are removed."""
    tracks: dict[str, int]
    """Bytes by track, of those that have any."""
    backup: BackupState
    verified_at_ns: int | None
    """When the backup machine verified the day's package (UTC ns); None: never."""
    package: str | None
    """That package's hash."""
    anomalous: tuple[str, ...]
    """The conditions that make the day anomalous, of all its providers: a day goes as a whole."""
    keep_until: date
    """The last day on which the raw tracks are kept in any case."""
    state: KeepingState
    reason: str
    """A sentence for people."""


def backup_days(root: Path, now_ns: int) -> list[DayKeeping]:
    """Every provider's day that has raw tracks, or had until retention removed them; the newest first.

    Raises
    ------
    OSError
        The journal cannot be read, or a day was removed while it was looked at: ask again.
    """
    today = local_day(now_ns, None)
    removed = _removed(root, today)
    folders = raw_folders(root)
    said = anomalies(root, since=min([*folders, *removed], default=today))
    paths = paths_by_day(root)
    rows: list[DayKeeping] = []
    for day, names in folders.items():
        state = _believed(root, day_state(root, day, names, said.get(day, []), now_ns), paths.get(day, []))
        backup = day_backup(root, day, now_ns)
        rows += _kept(root, names, state, plan([state])[0], backup)
    for day, removal in removed.items():
        if day not in folders:
            rows += _gone(removal, said.get(day, []), day_backup(root, day, now_ns))
    return sorted(rows, key=lambda row: (-row.day.toordinal(), row.provider, row.market))


def _believed(root: Path, state: DayState, paths: list[str]) -> DayState:
    """``state`` with the receipt's package, where nothing of the day has changed since."""
    unchanged = state.receipt and not _changed_since(root, state.day, paths)
    return msgspec.structs.replace(state, package=state.receipt if unchanged else "")


def _changed_since(root: Path, day: str, paths: list[str]) -> bool:
    """Whether a file of the day is younger than its receipt, by its status time: a seal keeps the other."""
    try:
        receipt_ns = receipt_path(root, day).stat().st_mtime_ns
        return any((root / path).stat().st_ctime_ns > receipt_ns for path in paths)
    except FileNotFoundError:
        return True  # sealed, or removed, at this moment


def _kept(
    root: Path, folders: list[str], state: DayState, decision: Decision, backup: DayBackup
) -> Iterator[DayKeeping]:
    for (provider, market), names in _by_market(folders).items():
        tracks: dict[str, int] = {}
        for name in names:
            track = name.split("/")[0]
            tracks[track] = tracks.get(track, 0) + folder_bytes(root / name)
        row = _row(state.day, provider, market, state.anomalies, backup)
        yield msgspec.structs.replace(
            row,
            raw_bytes=sum(tracks.values()),
            tracks=tracks,
            state=_STATES[decision.action],
            reason=decision.reason,
        )


def _gone(removal: Removal, said: list[str], backup: DayBackup) -> Iterator[DayKeeping]:
    for provider, market in _by_market(removal.folders):
        yield _row(removal.day, provider, market, said, backup, f"removed: {removal.reason}")


def _row(
    day: str, provider: str, market: str, anomalous: list[str], backup: DayBackup, reason: str = ""
) -> DayKeeping:
    """A row of a day whose raw tracks are removed; of one that is here the rest is filled in."""
    of_day = datetime.strptime(day, "%Y%m%d").date()  # noqa: DTZ007 -- a day, no moment
    return DayKeeping(
        day=of_day,
        market=market,
        provider=provider,
        raw_bytes=0,
        tracks={},
        backup=backup.state,
        verified_at_ns=verified_at_ns(backup.receipt) if backup.receipt else None,
        package=backup.receipt.package if backup.receipt else None,
        anomalous=tuple(anomalous),
        keep_until=of_day + timedelta(days=keep_days(anomalous)),
        state="removed",
        reason=reason,
    )


def _by_market(folders: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """By provider and market: its folders. The wire log goes to the provider's only market."""
    markets: dict[str, set[str]] = {}
    for name in folders:
        track, provider, *rest = name.split("/")
        markets.setdefault(provider, set()).update(rest[:1] if track != "wire" else [])
    found: dict[tuple[str, str], list[str]] = {}
    for name in folders:
        track, provider, *rest = name.split("/")
        only = next(iter(markets[provider])) if len(markets[provider]) == 1 else ""
        found.setdefault((provider, only if track == "wire" else rest[0]), []).append(name)
    return found


def _removed(root: Path, today: str) -> dict[str, Removal]:
    """By day: the removals that are still told of."""
    oldest = datetime.strptime(today, "%Y%m%d") - timedelta(days=REMOVED_DAYS_SHOWN)  # noqa: DTZ007
    return {each.day: each for each in removals(root, DONE) if each.day >= f"{oldest:%Y%m%d}"}
