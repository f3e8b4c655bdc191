"""What is counted of a day, from the events of its journal: the same for a live session and after a restart.

Every number follows from a line in the day's system events. So a collector that begins again in the middle
of a day counts on from where the one before had come to: it takes the same lines from the file.

A day is the market's own, as that of the partitions. Of a hole only what lies in the scalp track's hours
counts: a night between two sessions is no outage.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from sise.collect.anomaly import LOG_GAP_SECONDS, MINUTES_PER_DAY, CpuMinute, DayCounters, RecordMinute
from sise.collect.dayevents import event_lines
from sise.collect.gaps import OpenGap
from sise.collect.hours import TrackHours
from sise.model.records import GapMarker, ReconnectionEvent, SystemEvent
from sise.model.time import parse_iso, to_ns

GAPS_COUNTED_MAX: Final = 10_000
COUNTED: Final = (
    "gap_marker", "reconnection_event", "recording_paused", "record_rate_low", "cpu_high", "anomalous_day",
    "completeness",
)  # fmt: skip
"""The event types that are read back."""

Counted = GapMarker | ReconnectionEvent | SystemEvent
_decoders: Final = {
    "gap_marker": msgspec.json.Decoder(GapMarker),
    "reconnection_event": msgspec.json.Decoder(ReconnectionEvent),
}
_other: Final = msgspec.json.Decoder(SystemEvent)


def read_counted(root: Path, provider: str, day: date) -> Iterator[Counted]:
    """The events of ``COUNTED`` in the journal of ``day``, oldest first; none where there is no file."""
    for kind, line in event_lines(root, provider, day, COUNTED):
        yield _decoders.get(kind, _other).decode(line.body)  # type: ignore[attr-defined]


class DayCount:
    """The counters of one day. Feed it the day's events in their order."""

    def __init__(self, day: date, zone: ZoneInfo, hours: TrackHours) -> None:
        self.day = day
        self._hours = hours
        self.start_ns = to_ns(datetime.combine(day, time(0), zone))
        self.end_ns = to_ns(datetime.combine(day + timedelta(days=1), time(0), zone))
        self._reconnects = self._pauses = 0
        self._disconnected = 0.0
        self._long_gaps: deque[float] = deque(maxlen=GAPS_COUNTED_MAX)
        self._low: deque[RecordMinute] = deque(maxlen=MINUTES_PER_DAY)
        self._busy: deque[CpuMinute] = deque(maxlen=MINUTES_PER_DAY)

    def take(self, event: Struct) -> None:
        """Count an event; what counts for nothing is passed over."""
        if isinstance(event, GapMarker):
            seconds = self._inside(parse_iso(event.gap_start_ts), parse_iso(event.gap_end_ts))
            self._disconnected += seconds if event.scope == "scalp" else 0.0
            if seconds >= LOG_GAP_SECONDS:
                self._long_gaps.append(seconds)
        elif isinstance(event, ReconnectionEvent):
            self._reconnects += event.result == "SUCCESS"
        elif isinstance(event, SystemEvent):
            self._pauses += event.event_type == "recording_paused"
            if event.event_type == "record_rate_low":
                self._low.append(msgspec.convert(event.detail, RecordMinute))
            elif event.event_type == "cpu_high":
                self._busy.append(msgspec.convert(event.detail, CpuMinute))

    def _inside(self, start_ns: int, end_ns: int) -> float:
        """Seconds of the stretch that lie in the day and in the hours of its scalp track."""
        start_ns, end_ns = max(start_ns, self.start_ns), min(end_ns, self.end_ns)
        return self._hours.scalp_seconds(start_ns, end_ns) if start_ns < end_ns else 0.0

    def counters(self, now_ns: int, still_open: Iterable[OpenGap]) -> DayCounters:
        """The day at ``now_ns``; a hole that is ``still_open`` has lasted until then."""
        disconnected, gaps = self._disconnected, [*self._long_gaps]
        for gap in still_open:
            seconds = self._inside(gap.start_ns, now_ns)
            disconnected += seconds if gap.scope == "scalp" else 0.0
            gaps.append(seconds)
        return DayCounters(
            reconnects=self._reconnects,
            disconnected_seconds=disconnected,
            log_gap_seconds=tuple(gaps),
            record_minutes=tuple(self._low),
            cpu_minutes=tuple(self._busy),
            recording_pauses=self._pauses,
        )
