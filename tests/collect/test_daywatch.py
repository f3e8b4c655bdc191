"""Anomalous days through the collector: each condition is made to happen; told once, also after a restart."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sise.collect.mitigate import Metrics
from sise.model.time import NS_PER_SECOND, parse_iso
from tests.collect.stage import Stage

TODAY = date(2026, 11, 20)


async def test_an_ordinary_quarter_of_an_hour_is_no_anomaly(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open()
    await stage.run(900)
    assert stage.collector.status()["anomalous"] == {"day": "2026-11-20", "conditions": []}
    assert stage.conditions() == []
    assert stage.events("record_rate_low") == []
    await stage.close()


async def test_twenty_reconnects(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open()
    for number in range(1, 21):
        await stage.run(63)
        assert stage.conditions() == [], f"at {number - 1} reconnects"
        stage.wires[-1].lose()
    await stage.run(63)
    (event,) = stage.events("anomalous_day")
    assert event["detail"] == {
        "day": "2026-11-20",
        "condition": "ws_reconnects",
        "value": 20.0,
        "limit": 20.0,
        "unit": "reconnects",
    }
    assert stage.collector.status()["anomalous"]["conditions"][0]["condition"] == "ws_reconnects"
    await stage.close()


async def test_ten_minutes_disconnected_and_gaps_of_a_minute(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open()
    await stage.run(70)
    await stage.fail(65)
    await stage.run(120)
    assert stage.conditions() == []
    await stage.fail(65)
    await stage.run(100)
    assert stage.conditions() == ["log_gaps"]
    for _ in range(2):
        await stage.fail(230)
        await stage.run(100)
    assert "ws_disconnected" in stage.conditions()
    assert "recording_paused" not in stage.conditions()
    await stage.close()


async def test_ten_minutes_are_told_while_the_line_is_still_down(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open()
    await stage.run(70)
    await stage.fail(310)
    assert "recording_paused" in stage.conditions()
    assert "ws_disconnected" not in stage.conditions()
    stage.up = False
    await stage.run(300)
    assert "ws_disconnected" in stage.conditions()
    assert stage.events("gap_marker") == []
    await stage.close()


async def test_five_minutes_of_a_low_record_rate(tmp_path: Path) -> None:
    """A process that does not get its turn for some seconds of each minute misses moments of the grid."""
    stage = Stage(tmp_path)
    stage.open()
    await stage.run(70)

    async def minutes(count: int, stalled: float) -> None:
        for _ in range(count):
            await stage.run(60 - stalled)
            stage.clock.ns += round(stalled * NS_PER_SECOND)

    await minutes(4, 6.0)
    await minutes(2, 0.0)
    assert stage.conditions() == []
    await minutes(6, 6.0)
    assert stage.conditions() == ["record_rate"]
    (slot, _) = stage.collector.status()["slots"]["held"]
    assert 0.9 <= slot["record_rate"] < 0.97
    await minutes(3, 0.0)
    assert stage.collector.status()["slots"]["held"][0]["record_rate"] == 1.0
    await stage.close()


async def test_ten_minutes_of_a_busy_processor(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.load = Metrics(cpu_percent=85.0)
    stage.open()
    await stage.run(9 * 60)
    assert stage.conditions() == []
    await stage.run(130)
    assert stage.conditions() == ["cpu"]
    await stage.close()


async def test_a_full_disk(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.load = Metrics(disk_used_percent=80.0)
    stage.open()
    await stage.run(60)
    assert stage.conditions() == []
    stage.load = Metrics(disk_used_percent=80.1)
    await stage.run(10)
    stage.load = Metrics(disk_used_percent=10.0)
    await stage.run(60)
    assert stage.conditions() == ["disk"], "once, whatever it is later"
    await stage.close()


@pytest.mark.parametrize("what", ["etl_failed", "backup_failed"])
async def test_what_failed_elsewhere_is_told_of_its_own_day(tmp_path: Path, what: str) -> None:
    known: dict[date, bool] = {}
    stage = Stage(tmp_path, parts={what: known.get})
    stage.open()
    await stage.run(130)
    known[date(2026, 11, 20)] = False
    await stage.run(130)
    assert stage.conditions() == []
    known[date(2026, 11, 19)] = True
    await stage.run(130)
    assert stage.conditions(date(2026, 11, 19)) == [what]
    assert stage.conditions(TODAY) == []
    await stage.close()


async def test_counters_and_what_was_told_survive_a_restart(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.load = Metrics(disk_used_percent=90.0)
    stage.open()
    await stage.run(70)
    await stage.fail(65)
    await stage.run(60)
    await stage.close()
    await stage.run(65)
    stage.open()
    await stage.run(60)
    assert stage.conditions() == ["disk", "log_gaps"], "the second gap is the restart itself"
    assert [each["condition"] for each in stage.collector.status()["anomalous"]["conditions"]] == [
        "disk",
        "log_gaps",
    ]
    await stage.close()


async def test_a_new_day_begins_with_nothing(tmp_path: Path) -> None:
    """Midnight is that of Seoul, as in the journal's folders."""
    stage = Stage(tmp_path, start="2026-11-20T14:50:00Z")
    stage.load = Metrics(disk_used_percent=90.0)
    stage.open()
    await stage.run(120)
    stage.load = Metrics(disk_used_percent=50.0)
    await stage.fail(65)
    await stage.run_to("2026-11-20T14:59:00Z")
    await stage.fail(120)
    await stage.run(60)
    assert stage.conditions(date(2026, 11, 20)) == ["disk", "log_gaps"], "a gap over midnight counts by parts"
    assert stage.collector.status()["anomalous"] == {"day": "2026-11-21", "conditions": []}
    await stage.close()


async def test_a_night_between_two_sessions_is_no_outage(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start="2026-11-20T05:55:00Z")
    stage.open()
    await stage.run_to("2026-11-20T06:10:00Z")
    await stage.close()
    stage.clock.ns = parse_iso("2026-11-23T00:20:00Z")  # Monday, ten minutes before the scalp track
    stage.open()
    await stage.run_to("2026-11-23T00:32:00Z")
    (gap,) = [each for each in stage.events("gap_marker") if each["reason"] == "process_restart"]
    assert gap["gap_seconds"] > 2 * 86_400
    assert stage.conditions() == []
    await stage.close()
