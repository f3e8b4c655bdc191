"""A small journal as a collector leaves it: a session with its ledger, records, a refusal and a gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from sise.journal.disk import OsDisk
from sise.journal.partition import (
    events_stream,
    quarantine_stream,
    refused_stream,
    scalp_stream,
    wire_stream,
)
from sise.journal.writer import JournalWriter
from sise.model.time import NS_PER_SECOND, iso

from .parts import NOON, SEOUL, HandClock, frame

LEDGER: Final[dict[str, Any]] = {
    "frames": {"received": 6, "recorded": 6, "lost": {}},
    "events": {"decoded": 5, "recorded": 4, "refused": {"duplicate": 1}},
    "control": 0,
    "quarantined": 1,
}
GAP: Final = {
    "event_type": "gap_marker",
    "gap_start_ts": iso(NOON + 2 * NS_PER_SECOND),
    "gap_end_ts": iso(NOON + 3 * NS_PER_SECOND),
    "gap_seconds": 1.0,
    "scope": "scalp",
    "reason": "socket_closed",
    "session_id": "s",
    "timestamp": iso(NOON + 3 * NS_PER_SECOND),
    "provider": "p",
    "market": "crypto",
    "detail": "",
}


def session_writer(root: Path, provider: str = "p") -> JournalWriter:
    """A writer of all the streams of a session that the ledger counts."""
    streams = [
        wire_stream(provider, SEOUL),
        scalp_stream(provider, "crypto", SEOUL),
        refused_stream(provider, SEOUL),
        quarantine_stream(provider, SEOUL),
        events_stream(provider, SEOUL),
    ]
    return JournalWriter(root, streams, disk=OsDisk(), clock=HandClock())


def make_session(
    root: Path, *, provider: str = "p", ledger: dict[str, Any] = LEDGER, end: str | None = "clean"
) -> None:
    """Six frames: two trades, a sample of two, a duplicate, one that cannot be decoded, and a hole.

    ``end`` is how the session ended; None leaves it open, with its last checkpoint.
    """
    writer = session_writer(root, provider)

    def add(stream: str, at: int, **fields: object) -> None:
        writer.append(stream, msgspec.json.encode(fields), at)

    def event(kind: str, at: int, **detail: object) -> None:
        add("events", at, event_type=kind, timestamp=iso(at), session_id="s", detail=detail)

    times = [NOON + n * NS_PER_SECOND for n in range(8)]
    event("session_start", times[0])
    for n in range(1, 7):
        writer.append("wire", frame(n, times[n], f"frame {n}"), times[n])
    for n, symbol in ((1, "KRW-BTC"), (2, "KRW-ETH")):
        at = iso(times[n])
        add("scalp", times[n], kind="trade", receive_time=at, symbol=symbol, frame=n, price=1.0)
    add("scalp", times[4], kind="sample", receive_time=iso(times[4]), symbol="KRW-BTC", frame=4, frames=2)
    add("refused", times[5], timestamp=iso(times[5]), symbol="KRW-BTC", reason="duplicate", frame=5)
    add("quarantine", times[6], frame=6, t=iso(times[6]), reason="no JSON", b64="")
    writer.append("events", msgspec.json.encode(GAP), times[3])
    event("checkpoint" if end is None else "session_end", times[7], ledger=ledger, how=end or "clean")
    assert writer.close()
