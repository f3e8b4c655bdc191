"""Whether a day's backup is verified, failed, or not due yet. Files are read, nothing is written or hashed.

The backup machine comes at 21:00 of Seoul (O11). A day whose collectors had all ended by then is due at
21:00 of the same day, any other at 21:00 of the next. ``GRACE_HOURS`` later a day without a receipt has
failed; one of which the puller told a failure has failed at once, until a receipt comes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.journal.files import PartitionFile, present, read_lines
from sise.journal.partition import SUFFIX
from sise.journal.receipt import Receipt, read_failure, read_receipt
from sise.journal.removals import RESTORE, RETENTION
from sise.model.errors import BadInput
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, iso, parse_iso, to_ns

BACKUP_HOUR: Final = 21
"""Of Seoul's clock."""
GRACE_HOURS: Final = 2
"""For the pull itself and its tries, which end within an hour."""
QUIET_SECONDS: Final = 90
"""So long before the pull the last collector must have ended."""
NOT_DUE_REASON: Final = "its backup is not due yet"

BackupState = Literal["verified", "failed", "not_due"]


class DayBackup(Struct, kw_only=True, frozen=True):
    """What is known of a day's backup here, on the machine that records."""

    state: BackupState
    reason: str
    """A sentence for people."""
    receipt: Receipt | None = None
    """The last one, also where a failure was told since."""


def backup_state(root: Path, day: str, now_ns: int) -> BackupState:
    """``verified``, ``failed`` or ``not_due``: the backup of ``day`` (``YYYYMMDD``) at ``now_ns`` (UTC).

    A day on which nothing was recorded is never due.
    """
    return day_backup(root, day, now_ns).state


def day_backup(root: Path, day: str, now_ns: int) -> DayBackup:
    """The same, with reason and receipt."""
    receipt, failure = read_receipt(root, day), read_failure(root, day)
    if failure is not None and not (receipt and failure.told_at and failure.told_at <= receipt.received_at):
        return DayBackup(state="failed", reason=f"the backup machine says: {failure.first}", receipt=receipt)
    if receipt is not None:
        return DayBackup(state="verified", reason=f"verified at {receipt.verified_at}", receipt=receipt)
    if not was_recorded(root, day):
        return DayBackup(state="not_due", reason="nothing was recorded")
    late_ns = _late_from(root, day, now_ns)
    if now_ns < late_ns:
        return DayBackup(state="not_due", reason=NOT_DUE_REASON)
    return DayBackup(state="failed", reason=f"no verified backup since {iso(late_ns)}")


def verified_at_ns(receipt: Receipt) -> int:
    """When the backup machine verified the package (UTC ns); where it said no time, when it told us."""
    try:
        return parse_iso(receipt.verified_at)
    except BadInput:
        return parse_iso(receipt.received_at)


def was_recorded(root: Path, day: str) -> bool:
    """Whether a provider left anything of ``day``."""
    raw = (f"wire/*/{day}", f"swing/*/*/{day}", f"scalp/*/*/{day}")
    return bool(_event_files(root, day)) or any(any(root.glob(pattern)) for pattern in raw)


def _late_from(root: Path, day: str, now_ns: int) -> int:
    """From when on (UTC ns) the day's backup is too late."""
    same, next_day = _hour_of(day, 0), _hour_of(day, 1)
    grace_ns = GRACE_HOURS * 3600 * NS_PER_SECOND
    if not same + grace_ns <= now_ns < next_day + grace_ns:  # the journal need not be asked
        return (next_day if now_ns >= next_day + grace_ns else same) + grace_ns
    ended = _ended_ns(root, day)
    in_time = ended is not None and ended + QUIET_SECONDS * NS_PER_SECOND <= same
    return (same if in_time else next_day) + grace_ns


def _hour_of(day: str, later: int) -> int:
    seoul = datetime.strptime(day, "%Y%m%d").replace(tzinfo=MARKET_ZONES["kr_stocks"])
    return to_ns(seoul.replace(hour=BACKUP_HOUR) + timedelta(days=later))


class _Said(Struct):
    event_type: str
    timestamp: str = ""
    session_id: str = ""


_said = msgspec.json.Decoder(_Said)


def _ended_ns(root: Path, day: str) -> int | None:
    """When the day's last session ended; None while one goes on, or was killed, or nothing is said."""
    heard: set[str] = set()
    ended: dict[str, int] = {}
    for file in _event_files(root, day):
        for line in read_lines(root, file):
            said = _said.decode(line.body)
            heard.add(said.session_id)
            if said.event_type == "session_end":
                ended[said.session_id] = parse_iso(said.timestamp)
    return max(ended.values()) if ended and heard - {""} <= ended.keys() else None


def _event_files(root: Path, day: str) -> list[PartitionFile]:
    """The day's events of all providers, in the order of their names."""
    folders = sorted(path.name for path in (root / "system/events").glob("*") if path.is_dir())
    files = [
        present(root, PartitionFile(f"system/events/{name}/{day}{SUFFIX}", sealed=False))
        for name in folders
        if name not in (RETENTION, RESTORE)
    ]
    return [file for file in files if file.on_disk(root).exists()]
