"""Watches over the day: each condition that makes it anomalous (O10) is one event, once a day and condition.

The counters come from the journal's own events (:mod:`sise.collect.daycount`), the load from the measurements
of the mitigation. Whether ETL and backup failed is asked of whoever knows; else it is not measured.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from sise.collect.anomaly import Anomaly, CpuMinute, DayCounters, anomalies, is_high
from sise.collect.daycount import DayCount, read_counted
from sise.collect.hours import TrackHours
from sise.collect.mitigate import Metrics
from sise.collect.session import Session
from sise.model.records import SystemEvent
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, Clock, in_zone

CHECK_SECONDS: Final = 1.0
"""Of the market's clock, between two looks at the counters."""
ASK_SECONDS: Final = 60.0
"""Between two questions after ETL and backup."""
DAYS_BACK: Final = 2
"""What failed for a day is often known only later: a backup is due on the day after, late in the evening."""
_MINUTE_NS: Final = 60 * NS_PER_SECOND

Failed = Callable[[date], bool | None]
"""Whether something of a day failed; None: not due yet, or not known."""


class DayWatch:
    """Counts the day of a session's market, and says what makes it anomalous."""

    def __init__(
        self,
        root: Path,
        session: Session,
        hours: TrackHours,
        clock: Clock,
        machine: Clock,
        *,
        etl_failed: Failed | None = None,
        backup_failed: Failed | None = None,
    ) -> None:
        """Reads back what the journal has of the day. ``machine``: the clock of the processor's minutes."""
        self._session, self._hours, self._clock, self._machine = session, hours, clock, machine
        self._asked: dict[str, Failed | None] = {"etl_failed": etl_failed, "backup_failed": backup_failed}
        self._zone = MARKET_ZONES[session.meta.market]
        self._told: dict[date, dict[str, Anomaly]] = {}
        self._disk_used: float | None = None
        self._minute, self._cpu = -1, list[float]()
        self._checked_ns = self._asked_ns = 0
        today = self._day_at(clock.now_ns())
        self._count = DayCount(today, self._zone, hours)
        for day in self._days():
            for event in read_counted(root, session.meta.provider, day):
                self._hear(event, counts=day == today)
        session.diary.listeners.append(self._hear)

    def _day_at(self, at_ns: int) -> date:
        return in_zone(at_ns, self._zone).date()

    def _hear(self, event: Struct, *, counts: bool = True) -> None:
        if isinstance(event, SystemEvent) and event.event_type == "anomalous_day":
            self._note_told(event.detail)
        elif counts:
            self._count.take(event)

    def _note_told(self, detail: dict[str, object]) -> None:
        try:
            day = date.fromisoformat(str(detail["day"]))
            anomaly = msgspec.convert(detail, Anomaly)
        except (KeyError, ValueError, msgspec.ValidationError):
            return  # of another hand (retention names days without a backup): no condition of ours
        self._told.setdefault(day, {})[anomaly.condition] = anomaly

    def on_metrics(self, metrics: Metrics) -> None:
        """A measurement of the machine."""
        if metrics.disk_used_percent is not None:
            self._disk_used = max(self._disk_used or 0.0, metrics.disk_used_percent)
        minute = self._machine.now_ns() // _MINUTE_NS
        if minute != self._minute:
            self._end_minute()
            self._minute = minute
        if metrics.cpu_percent is not None:
            self._cpu.append(metrics.cpu_percent)

    def _end_minute(self) -> None:
        measured, self._cpu = self._cpu, []
        if not measured:
            return
        row = CpuMinute(self._minute, round(sum(measured) / len(measured), 1))
        if is_high(row):
            self._session.diary.write(
                "cpu_high",
                f"the processor was at {row.percent} % for a minute",
                level="warning",
                **msgspec.structs.asdict(row),
            )

    def check(self) -> None:
        """Look at the counters; call often. A day that is over is looked at once more, up to its end."""
        now = self._clock.now_ns()
        if 0 <= now - self._checked_ns < CHECK_SECONDS * NS_PER_SECOND:
            return
        self._checked_ns = now
        if self._day_at(now) != self._count.day:
            self._judge(self._counters(self._count.end_ns))
            self._count = DayCount(self._day_at(now), self._zone, self._hours)
            self._disk_used = None
            self._told = {day: self._told.get(day, {}) for day in self._days()}
        self._judge(self._counters(now))
        if now - self._asked_ns >= ASK_SECONDS * NS_PER_SECOND:
            self._asked_ns = now
            for day in self._days():
                self._tell(day, anomalies(self._answers(day)))

    def _days(self) -> list[date]:
        """The days that may still become anomalous, oldest first; today is the last."""
        return [self._count.day - timedelta(days=back) for back in range(DAYS_BACK, -1, -1)]

    def _counters(self, now_ns: int) -> DayCounters:
        open_now = [self._session.gaps.open, self._session.journal_gaps.open]
        counters = self._count.counters(now_ns, [gap for gap in open_now if gap is not None])
        return msgspec.structs.replace(counters, disk_used_percent=self._disk_used)

    def _answers(self, day: date) -> DayCounters:
        answers = {name: ask(day) for name, ask in self._asked.items() if ask is not None}
        return DayCounters(**answers)  # type: ignore[arg-type]

    def _judge(self, counters: DayCounters) -> None:
        self._tell(self._count.day, anomalies(counters))

    def _tell(self, day: date, found: list[Anomaly]) -> None:
        for anomaly in found:
            if anomaly.condition in self._told.get(day, {}):
                continue
            self._session.diary.write(
                "anomalous_day",
                f"{day} is anomalous: {anomaly.condition} is {anomaly.value:g} {anomaly.unit}, "
                f"the limit is {anomaly.limit:g}",
                level="warning",
                day=day.isoformat(),
                **msgspec.structs.asdict(anomaly),
            )

    def facts(self) -> dict[str, Any]:
        """For the status: the day, and the conditions that it has met so far."""
        told = self._told.get(self._count.day, {})
        return {
            "day": self._count.day.isoformat(),
            "conditions": [msgspec.structs.asdict(anomaly) for anomaly in told.values()],
        }
