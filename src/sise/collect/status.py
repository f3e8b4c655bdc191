"""The collector's health as facts: what the page shows and what a health check asks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import process_time_ns
from typing import Any, Final

import psutil

from sise.collect.delay import DurableDelay
from sise.collect.hours import OffHours
from sise.collect.link import Link
from sise.collect.session import Session
from sise.journal.disk import Disk
from sise.journal.writer import JournalWriter
from sise.model.time import NS_PER_SECOND, Clock, iso

RATE_SECONDS: Final = 5
GROWTH_BEGINS_SECONDS: Final = 20
"""The start's own burst (the provider's past candles) says nothing about a day."""
GROWTH_SECONDS_MIN: Final = 30
"""Bytes a day are told once they were measured for so long."""
SECONDS_PER_DAY: Final = 86_400


def _percent(before: tuple[int, int], now: tuple[int, int]) -> float:
    """Of one core, between two readings of (time, processor time): cheaper than psutil's."""
    return round(100 * (now[1] - before[1]) / max(1, now[0] - before[0]), 1)


class Status:
    """Measures rates now and then, and says how things are."""

    def __init__(
        self,
        root: Path,
        session: Session,
        link: Link,
        writer: JournalWriter,
        delay: DurableDelay,
        disk: Disk,
        clock: Clock,
        machine: Clock,
        parts: Callable[[], dict[str, Any]],
        off_hours: Callable[[int], OffHours | None],
    ) -> None:
        """``parts`` gives the facts of those who know them best: slots, universe, sweeps, day.

        ``off_hours`` tells of a moment (UTC ns) whether the scalp track is meant to rest, and until when.
        """
        self._root, self._session, self._link, self._writer = root, session, link, writer
        self._delay, self._disk, self._clock = delay, disk, clock
        self._machine = machine
        self._parts, self._off_hours = parts, off_hours
        self._counts: deque[tuple[int, int, int]] = deque()
        self._began = machine.monotonic_ns()
        self._growth: tuple[int, int] | None = None
        self._process = psutil.Process()
        self._free: int | None = None
        self._cpu = 0.0
        self._used = (self._began, process_time_ns())
        self._state = "not_recording"
        self._state_since = clock.now_ns()

    def measure(self) -> None:
        """Call about twice a second."""
        now, ledger = self._machine.monotonic_ns(), self._session.ledger
        self._counts.append((now, ledger.frames_received, ledger.events_recorded))
        while self._counts[0][0] < now - RATE_SECONDS * NS_PER_SECOND:
            self._counts.popleft()
        if self._growth is None and now - self._began >= GROWTH_BEGINS_SECONDS * NS_PER_SECOND:
            self._growth = (now, self._writer.written_bytes)
        try:
            self._free = self._disk.free_bytes(self._root)
        except OSError:
            self._free = None
        before, self._used = self._used, (now, process_time_ns())
        self._cpu = _percent(before, self._used)
        state, _ = self._verdict()
        if state != self._state:
            self._state, self._state_since = state, self._clock.now_ns()

    def facts(self) -> dict[str, Any]:
        session, link, writer = self._session, self._link, self._writer
        state, reason = self._verdict()
        frames_rate, records_rate = self._rates()
        per_day = self._bytes_per_day()
        gap = session.gaps.open
        fault = writer.fault
        now = self._clock.now_ns()
        resting = self._off_hours(now) if state == "off_hours" else None
        return {
            "provider": session.meta.provider,
            "market": session.meta.market,
            "session_id": session.meta.session_id,
            "now": iso(now),
            "started_at": iso(session.started_ns),
            "state": state,
            "reason": reason,
            "since": iso(self._state_since if state == self._state else now),
            "next_start": None if resting is None else iso(resting.next_ns),
            "connection": {
                "state": link.state,
                "since": iso(link.since_ns),
                "attempt": link.attempt,
                "reconnects": link.reconnects,
                "seconds_disconnected": round(session.gaps.seconds, 3),
                "last_frame_at": iso(session.observer.heard_at) if session.observer.heard_at else None,
                "unconfirmed": link.unconfirmed,
            },
            **self._parts(),
            "ledger": session.ledger.facts(),
            "rate": {"frames_per_second": frames_rate, "records_per_second": records_rate},
            "delay_ms": self._delay.quantiles_ms(),
            "journal": {
                "state": "fault" if fault else "ok",
                "fault": fault.what if fault else None,
                "since": iso(fault.since_ns if fault else session.started_ns),
                "pending_bytes": writer.pending_bytes,
                "written_bytes": writer.written_bytes,
            },
            "disk": {
                "free_bytes": self._free,
                "bytes_per_day": per_day,
                "days_left": round(self._free / per_day, 1) if self._free and per_day else None,
            },
            "process": {
                "pid": os.getpid(),
                "cpu_percent": self._cpu,
                "rss_bytes": self._process.memory_info().rss,
            },
            "gap_open": None
            if gap is None
            else {"start": iso(gap.start_ns), "scope": gap.scope, "reason": gap.reason},
        }

    def _verdict(self) -> tuple[str, str | None]:
        """Recording, degraded, not recording, or resting outside the hours, and why."""
        gap = self._session.gaps.open
        resting = self._off_hours(self._clock.now_ns()) if self._link.state != "connected" else None
        if self._session.journal_gaps.open is not None:
            return "not_recording", "journal_fault"
        if resting is not None:
            return ("off_hours", resting.why) if self._writer.fault is None else ("degraded", "journal_fault")
        if self._link.state != "connected":
            return "not_recording", gap.reason if gap and self._link.attempt else "starting"
        if self._writer.fault is not None:
            return "degraded", "journal_fault"
        return "recording", None

    def _rates(self) -> tuple[float, float]:
        if len(self._counts) < 2:
            return 0.0, 0.0
        (began, frames, records), (ended, frames_now, records_now) = self._counts[0], self._counts[-1]
        seconds = (ended - began) / NS_PER_SECOND
        return round((frames_now - frames) / seconds, 1), round((records_now - records) / seconds, 1)

    def _bytes_per_day(self) -> int | None:
        """At the session's pace so far, before sealing (which makes it several times less)."""
        if self._growth is None:
            return None
        began, bytes_then = self._growth
        seconds = (self._machine.monotonic_ns() - began) / NS_PER_SECOND
        if seconds < GROWTH_SECONDS_MIN:
            return None
        return round((self._writer.written_bytes - bytes_then) / seconds * SECONDS_PER_DAY)
