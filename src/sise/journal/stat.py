"""The ledger, both sides: what the collectors say they did, and what lies there.

The left side comes from the sessions' own counts (``checkpoint`` and ``session_end`` events), the
right side from counting lines. They balance exactly once every session has ended.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct

from sise.journal.files import PartitionFile, partition_stat, partitions, read_lines
from sise.journal.partition import track_of
from sise.journal.removals import removals


class TrackStat(Struct):
    """What lies in one folder (provider, or provider and market, of a track)."""

    files: int = 0
    lines: int = 0
    disk_bytes: int = 0


class FrameCount(Struct):
    received: int = 0
    recorded: int = 0
    lost: dict[str, int] = {}


class EventCount(Struct):
    decoded: int = 0
    recorded: int = 0
    refused: dict[str, int] = {}


class LedgerCount(Struct):
    """One side of the ledger (see ``docs/journal.md`` for the meaning of each count)."""

    frames: FrameCount = msgspec.field(default_factory=FrameCount)
    events: EventCount = msgspec.field(default_factory=EventCount)
    control: int = 0
    quarantined: int = 0


class SessionStat(Struct):
    session_id: str
    started_at: str
    ended_at: str | None
    how: str
    """``clean``, ``recovered`` (killed, completed by the next start), or ``open``."""
    ledger: LedgerCount


class JournalStat(Struct):
    tracks: dict[str, TrackStat]
    sessions: list[SessionStat]
    said: LedgerCount
    """The sum of what the sessions say."""
    counted: LedgerCount
    """The same, counted from the lines; ``received`` and ``decoded`` leave no lines: they are the sums."""
    open_sessions: int
    balanced: bool
    gaps: int


class _Kind(Struct):
    kind: str = ""
    frames: int = 0
    reason: str = ""
    event_type: str = ""


class _LedgerDetail(Struct):
    ledger: LedgerCount | None = None
    how: str = "clean"


class _SessionEvent(Struct):
    event_type: str
    timestamp: str
    session_id: str
    detail: _LedgerDetail = msgspec.field(default_factory=_LedgerDetail)


_kind = msgspec.json.Decoder(_Kind)
_session_event = msgspec.json.Decoder(_SessionEvent)


def stat(root: Path) -> JournalStat:
    """Read the whole journal under ``root`` and set both sides of the ledger against each other."""
    tracks: dict[str, TrackStat] = {}
    counted = LedgerCount()
    by_track: dict[str, dict[str, SessionStat]] = {}
    gaps = 0
    for file in partitions(root):
        name = track_of(file.path)
        track = tracks.setdefault(name, TrackStat())
        track.files += 1
        track.disk_bytes += partition_stat(root, file).st_size
        lines, more_gaps = _count(root, file, counted, by_track.setdefault(name, {}))
        track.lines += lines
        gaps += more_gaps
    for removal in removals(root):
        counted.frames.recorded += removal.frames_recorded
        counted.events.recorded += removal.events_recorded
    sessions = [session for found in by_track.values() for session in found.values()]
    said = _sum([session.ledger for session in sessions])
    counted.frames.lost = said.frames.lost
    counted.frames.received = counted.frames.recorded + sum(said.frames.lost.values())
    counted.events.decoded = counted.events.recorded + sum(counted.events.refused.values())
    counted.control = said.control
    open_sessions = sum(session.how == "open" for session in sessions)
    return JournalStat(
        tracks=tracks,
        sessions=sessions,
        said=said,
        counted=counted,
        open_sessions=open_sessions,
        balanced=said == counted and _balances(said),
        gaps=gaps,
    )


def _count(
    root: Path, file: PartitionFile, counted: LedgerCount, sessions: dict[str, SessionStat]
) -> tuple[int, int]:
    lines = gaps = 0
    top = file.path.split("/")[0]
    for line in read_lines(root, file):
        lines += 1
        if top == "wire":
            counted.frames.recorded += 1
        elif top == "quarantine":
            counted.quarantined += 1
        elif file.path.startswith("system/events/"):
            gaps += _count_event(line.body, sessions)
        else:
            _count_record(_kind.decode(line.body), counted)
    return lines, gaps


def _count_record(kind: _Kind, counted: LedgerCount) -> None:
    if kind.kind == "sample":
        counted.events.recorded += kind.frames
    elif kind.kind:
        counted.events.recorded += 1
    elif kind.reason:
        refused = counted.events.refused
        refused[kind.reason] = refused.get(kind.reason, 0) + 1


def _count_event(body: bytes, sessions: dict[str, SessionStat]) -> int:
    kind = _kind.decode(body)
    if kind.event_type == "session_start":
        event = _session_event.decode(body)
        sessions[event.session_id] = SessionStat(
            event.session_id, event.timestamp, None, "open", LedgerCount()
        )
    elif kind.event_type in ("checkpoint", "session_end"):
        event = _session_event.decode(body)
        session = sessions.get(event.session_id)
        if session is not None and event.detail.ledger is not None:
            session.ledger = event.detail.ledger
            if kind.event_type == "session_end":
                session.ended_at, session.how = event.timestamp, event.detail.how
    return kind.event_type == "gap_marker"


def _sum(ledgers: list[LedgerCount]) -> LedgerCount:
    total = LedgerCount()
    lost: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for ledger in ledgers:
        total.frames.received += ledger.frames.received
        total.frames.recorded += ledger.frames.recorded
        total.events.decoded += ledger.events.decoded
        total.events.recorded += ledger.events.recorded
        total.control += ledger.control
        total.quarantined += ledger.quarantined
        lost.update(ledger.frames.lost)
        refused.update(ledger.events.refused)
    total.frames.lost, total.events.refused = dict(lost), dict(refused)
    return total


def _balances(ledger: LedgerCount) -> bool:
    frames, events = ledger.frames, ledger.events
    return frames.received == frames.recorded + sum(
        frames.lost.values()
    ) and events.decoded == events.recorded + sum(events.refused.values())
