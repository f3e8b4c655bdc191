"""Anomalous days: each condition made to happen, and the same a hair below it."""

from __future__ import annotations

import pytest

from sise.collect.anomaly import CONDITIONS, CpuMinute, DayCounters, RecordMinute, anomalies, longest_run


def record(minutes: range, recorded: int, expected: int = 1_000) -> tuple[RecordMinute, ...]:
    return tuple(RecordMinute(minute, expected, recorded) for minute in minutes)


def cpu(minutes: range, percent: float) -> tuple[CpuMinute, ...]:
    return tuple(CpuMinute(minute, percent) for minute in minutes)


CASES = {
    "ws_reconnects": (DayCounters(reconnects=20), DayCounters(reconnects=19)),
    "ws_disconnected": (
        DayCounters(disconnected_seconds=600.0),
        DayCounters(disconnected_seconds=599.9),
    ),
    "log_gaps": (
        DayCounters(log_gap_seconds=(60.0, 1.0, 75.0)),
        DayCounters(log_gap_seconds=(60.0, 59.999)),
    ),
    "record_rate": (
        DayCounters(record_minutes=record(range(5), 969)),
        DayCounters(record_minutes=record(range(4), 969) + record(range(4, 60), 970)),
    ),
    "cpu": (
        DayCounters(cpu_minutes=cpu(range(10), 85.0)),
        DayCounters(cpu_minutes=cpu(range(9), 85.0) + cpu(range(9, 60), 84.9)),
    ),
    "disk": (DayCounters(disk_used_percent=80.1), DayCounters(disk_used_percent=80.0)),
    "etl_failed": (DayCounters(etl_failed=True), DayCounters(etl_failed=False)),
    "backup_failed": (DayCounters(backup_failed=True), DayCounters(backup_failed=False)),
    "recording_paused": (DayCounters(recording_pauses=1), DayCounters(recording_pauses=0)),
}


def test_every_condition_has_its_case() -> None:
    assert list(CASES) == [condition.name for condition in CONDITIONS]


@pytest.mark.parametrize("name", CASES)
def test_the_condition_is_met(name: str) -> None:
    (found,) = anomalies(CASES[name][0])
    assert found.condition == name
    assert found.value >= found.limit


@pytest.mark.parametrize("name", CASES)
def test_just_below_it_the_day_is_ordinary(name: str) -> None:
    assert anomalies(CASES[name][1]) == []


def test_an_empty_day_and_what_is_not_due_yet_are_no_anomaly() -> None:
    assert anomalies(DayCounters()) == []
    assert anomalies(DayCounters(etl_failed=None, backup_failed=None, disk_used_percent=None)) == []


def test_all_at_once_are_all_named() -> None:
    every = DayCounters(
        reconnects=50,
        disconnected_seconds=3_600,
        log_gap_seconds=(100.0,) * 3,
        record_minutes=record(range(9), 0),
        cpu_minutes=cpu(range(20), 100.0),
        disk_used_percent=99.0,
        etl_failed=True,
        backup_failed=True,
        recording_pauses=2,
    )
    assert [found.condition for found in anomalies(every)] == list(CASES)


def test_five_bad_minutes_must_be_in_a_row() -> None:
    scattered = tuple(row for start in range(0, 60, 5) for row in record(range(start, start + 4), 900))
    assert anomalies(DayCounters(record_minutes=scattered)) == []
    nothing_expected = record(range(4), 900) + record(range(4, 5), 0, expected=0) + record(range(5, 9), 900)
    assert anomalies(DayCounters(record_minutes=nothing_expected)) == []


def test_runs() -> None:
    assert longest_run([]) == 0
    assert longest_run([7]) == 1
    assert longest_run([3, 1, 2, 2, 9, 10]) == 3
