"""Anomalous days: what makes a day worth keeping longer (seven days, not three). Pure checks over counters.

Each condition of the source document (2.8) is one row: a name, a limit, and a function from the day's
counters to the value that is held against it. What was not measured (None) is no anomaly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

RECONNECTS_MAX: Final = 20
DISCONNECTED_MINUTES_MAX: Final = 10
LOG_GAP_SECONDS: Final = 60.0
LOG_GAPS_MAX: Final = 2
RECORD_RATE_PERCENT_MIN: Final = 97.0
RECORD_RATE_MINUTES: Final = 5
CPU_PERCENT_MAX: Final = 85.0
CPU_MINUTES: Final = 10
DISK_USED_PERCENT_MAX: Final = 80.0

MINUTES_PER_DAY: Final = 1_440


class RecordMinute(Struct, frozen=True):
    """Scalp samples of one minute (``minute``: whole minutes since 1970 UTC), of all slots together."""

    minute: int
    expected: int
    recorded: int


class CpuMinute(Struct, frozen=True):
    """The mean CPU use of one minute, of all cores, in percent."""

    minute: int
    percent: float


class DayCounters(Struct, frozen=True):
    """What is counted of a provider's day. None: not measured, or not due yet."""

    reconnects: int = 0
    disconnected_seconds: float = 0.0
    log_gap_seconds: tuple[float, ...] = ()
    """The length of every gap; those below ``LOG_GAP_SECONDS`` may be left out."""
    record_minutes: tuple[RecordMinute, ...] = ()
    cpu_minutes: tuple[CpuMinute, ...] = ()
    """Of both, minutes that are as they should be may be left out: they end a row as missing ones do."""
    disk_used_percent: float | None = None
    """The highest of the day."""
    etl_failed: bool | None = None
    backup_failed: bool | None = None
    recording_pauses: int = 0
    """How often recording paused because no line could be had for five minutes (O13)."""


class Anomaly(Struct, frozen=True):
    """A condition that the day has met: the value, in ``unit``, and the limit that it reached or passed."""

    condition: str
    value: float
    limit: float
    unit: str


class Condition(Struct, frozen=True):
    """Met where ``measure(counters)`` is at least ``limit`` (``beyond``: more than it)."""

    name: str
    limit: float
    unit: str
    measure: Callable[[DayCounters], float]
    beyond: bool = False

    def check(self, counters: DayCounters) -> Anomaly | None:
        """The anomaly, or None where the day does not meet the condition."""
        value = float(self.measure(counters))
        met = value > self.limit if self.beyond else value >= self.limit
        return Anomaly(self.name, value, self.limit, self.unit) if met else None


def longest_run(minutes: Iterable[int]) -> int:
    """The most minutes in a row. One that is missing ends the row: what was not measured proves nothing."""
    longest = length = 0
    last: int | None = None
    for minute in sorted(set(minutes)):
        length = length + 1 if last is not None and minute == last + 1 else 1
        longest, last = max(longest, length), minute
    return longest


def _disconnected_minutes(counters: DayCounters) -> float:
    return counters.disconnected_seconds / 60.0


def _log_gaps(counters: DayCounters) -> float:
    return sum(seconds >= LOG_GAP_SECONDS for seconds in counters.log_gap_seconds)


def is_low(row: RecordMinute) -> bool:
    """Whether too little was recorded in the minute."""
    return row.recorded * 100.0 < row.expected * RECORD_RATE_PERCENT_MIN


def is_high(row: CpuMinute) -> bool:
    """Whether the processor was too busy in the minute."""
    return row.percent >= CPU_PERCENT_MAX


def _record_rate_low_minutes(counters: DayCounters) -> float:
    return longest_run(row.minute for row in counters.record_minutes if is_low(row))


def _cpu_high_minutes(counters: DayCounters) -> float:
    return longest_run(row.minute for row in counters.cpu_minutes if is_high(row))


CONDITIONS: Final = (
    Condition("ws_reconnects", RECONNECTS_MAX, "reconnects", lambda day: day.reconnects),
    Condition("ws_disconnected", DISCONNECTED_MINUTES_MAX, "minutes", _disconnected_minutes),
    Condition("log_gaps", LOG_GAPS_MAX, "gaps of 60 s or more", _log_gaps),
    Condition("record_rate", RECORD_RATE_MINUTES, "minutes below 97 %", _record_rate_low_minutes),
    Condition("cpu", CPU_MINUTES, "minutes at 85 % or more", _cpu_high_minutes),
    Condition(
        "disk", DISK_USED_PERCENT_MAX, "percent", lambda day: day.disk_used_percent or 0.0, beyond=True
    ),
    Condition("etl_failed", 1, "failed", lambda day: day.etl_failed or 0),
    Condition("backup_failed", 1, "failed", lambda day: day.backup_failed or 0),
    Condition("recording_paused", 1, "pauses", lambda day: day.recording_pauses),
)


def anomalies(counters: DayCounters) -> list[Anomaly]:
    """Every condition that the day has met, in the order of :data:`CONDITIONS`; none: an ordinary day."""
    return [found for condition in CONDITIONS if (found := condition.check(counters)) is not None]
