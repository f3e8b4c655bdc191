"""Sweeps that no session did: the collector was down, or was cut off in one. Each is an event, once.

A moment of the grid counts from the open on; on the day on which the record itself began, after its first
line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from sise.collect.dayevents import read_events
from sise.collect.diary import Diary
from sise.collect.hours import TrackHours
from sise.collect.swing import SWEEP_NS, SweepCounts, next_sweep, write_missed
from sise.journal.files import partitions, read_lines
from sise.model.records import SystemEvent
from sise.model.time import MARKET_ZONES, in_zone, parse_iso, to_ns

DAYS_BACK_MAX: Final = 7
"""A collector that was down for longer does not list each sweep of each day."""
TOLD: Final = ("swing_sweep", "sweep_missed")


class _First(Struct):
    timestamp: str


_first = msgspec.json.Decoder(_First)


def planned_sweeps(hours: TrackHours, start_ns: int, end_ns: int) -> Iterator[int]:
    """The moments of the grid in the market's hours, from ``start_ns`` to ``end_ns``, both included."""
    due = next_sweep(start_ns - 1)
    while due <= end_ns:
        if hours.sweeps_at(due):
            yield due
        due += SWEEP_NS


def tell_missed(
    root: Path, diary: Diary, hours: TrackHours, now_ns: int, last_alive_ns: int | None
) -> SweepCounts:
    """Write down what was missed until ``now_ns``; answers the counts of the day of ``now_ns``.

    ``last_alive_ns``: the last sign of life of the session before this one; None: there was none.
    """
    first, told = _told(root, diary.meta.provider, diary.meta.market, now_ns, last_alive_ns)
    today, counts = hours.day_of(now_ns), SweepCounts()
    for planned_ns, field in told.items():
        _count(counts, field, counts_for=hours.day_of(planned_ns) == today)
    for planned_ns in planned_sweeps(hours, first, now_ns):
        if planned_ns not in told:
            alive = last_alive_ns is not None and planned_ns <= last_alive_ns
            write_missed(diary, planned_ns, "not_finished" if alive else "collector_down")
            _count(counts, "missed", counts_for=hours.day_of(planned_ns) == today)
    return counts


def _count(counts: SweepCounts, field: str, *, counts_for: bool) -> None:
    if counts_for:
        setattr(counts, field, getattr(counts, field) + 1)


def _told(
    root: Path, provider: str, market: str, now_ns: int, last_alive_ns: int | None
) -> tuple[int, dict[int, str]]:
    """From when on to look for what was missed, and what became of each sweep that is told of since then."""
    zone = MARKET_ZONES[market]
    today = in_zone(now_ns, zone).date()
    alive = today if last_alive_ns is None else in_zone(last_alive_ns, zone).date()
    first = max(alive, today - timedelta(days=DAYS_BACK_MAX))
    told: dict[int, str] = {}
    # A day before: where the market never shuts, its own day begins within the journal's.
    day = first - timedelta(days=1)
    while day <= today:
        for event in read_events(root, provider, day, TOLD):
            told[parse_iso(str(event.detail["planned"]))] = _field(event)
        day += timedelta(days=1)
    began_ns = _record_began(root, provider)
    return max(to_ns(datetime.combine(first, time(0), zone)), (began_ns or now_ns) + 1), told


def _field(event: SystemEvent) -> str:
    detail: dict[str, Any] = event.detail
    if event.event_type == "sweep_missed":
        return "missed"
    return "late" if detail["late"] else "done"


def _record_began(root: Path, provider: str) -> int | None:
    """When the journal's first event was written (UTC ns)."""
    for file in partitions(root, [f"system/events/{provider}"]):
        for line in read_lines(root, file):
            return parse_iso(_first.decode(line.body).timestamp)
    return None
