"""A collector that runs over midnight and over a weekend: slots, universe, sweeps, accounts of a new day."""

from __future__ import annotations

from pathlib import Path

from tests.collect.floor import read
from tests.collect.stage import Stage

SELDOM_HZ = 0.05
"""Of samples, where days pass."""


async def test_from_friday_to_monday_the_slots_are_chosen_from_mondays_listings(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start="2026-11-20T05:50:00Z")
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to("2026-11-20T06:35:00Z")
    assert list(stage.collector.session.slots) == ["KRW-A", "KRW-B"]
    universe = stage.collector.status()["universe"]
    assert (universe["day"], universe["symbols"], universe["source"]) == ("2026-11-20", 3, "provider")
    assert stage.collector.status()["sweeps"]["planned"] == 4, "14:50 is over, the close is one"
    stage.busiest = ("KRW-D", "KRW-B")
    stage.listed = ("KRW-B", "KRW-D", "KRW-E", "KRW-F")
    stage.machine.seconds = 60.0  # nothing happens for two days
    await stage.run_to("2026-11-22T22:58:00Z")
    assert list(stage.collector.session.slots) == ["KRW-A", "KRW-B"]
    stage.machine.seconds = 2.0
    await stage.run_to("2026-11-22T23:05:00Z")
    assert list(stage.collector.session.slots) == ["KRW-B", "KRW-D"], "an hour before the open"
    connections = len(stage.wires)
    await stage.run_to("2026-11-23T00:36:00Z")
    assert len(stage.wires) == connections + 1
    assert sorted(stage.wires[-1].codes) == ["KRW-B", "KRW-D"]
    status = stage.collector.status()
    assert (status["universe"]["day"], status["universe"]["symbols"]) == ("2026-11-23", 4)
    assert status["sweeps"]["planned"] == 4, "09:00, 09:10, 09:20, 09:30"
    assert status["sweeps"]["last"]["asked"] == 4
    assert status["anomalous"] == {"day": "2026-11-23", "conditions": []}
    assert {each["symbol"]: each["status"] for each in status["completeness"]} == {
        "KRW-B": "complete",
        "KRW-D": "complete",
    }
    files = sorted(path.name for path in (tmp_path / "universe").rglob("*.json"))
    assert files == ["20261120.json", "20261123.json"]
    await stage.close()
    days = [event["detail"]["day"] for event in stage.events("completeness")]
    assert days == ["2026-11-20"] * 2 + ["2026-11-23"] * 2


async def test_a_provider_that_is_down_in_the_morning_does_not_cost_the_hours(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start="2026-11-20T05:58:00Z")
    stage.open(sample_hz=SELDOM_HZ)
    await stage.run_to("2026-11-20T06:02:00Z")
    stage.answers = False
    stage.machine.seconds = 60.0
    await stage.run_to("2026-11-23T00:29:00Z")
    stage.machine.seconds = 2.0
    await stage.run_to("2026-11-23T00:31:00Z")
    assert len(stage.events("slots_old")) == 1
    assert stage.collector.status()["state"] == "recording"
    assert list(stage.collector.session.slots) == ["KRW-A", "KRW-B"]
    await stage.close()


async def test_where_the_market_never_shuts_slots_stay_and_the_universe_is_of_the_new_day(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, start="2026-11-20T23:45:00Z")
    stage.open(swing=True)
    await stage.run_to("2026-11-20T23:55:00Z")
    assert stage.collector.status()["universe"]["day"] == "2026-11-20"
    stage.busiest = ("KRW-C", "KRW-B")
    stage.listed = ("KRW-B", "KRW-C")
    await stage.run_to("2026-11-21T00:15:00Z")
    status = stage.collector.status()
    assert (status["universe"]["day"], status["universe"]["symbols"]) == ("2026-11-21", 2)
    assert status["sweeps"]["planned"] == 2, "00:00 and 00:10"
    assert list(stage.collector.session.slots) == ["KRW-A", "KRW-B"]
    assert len(stage.wires) == 1
    await stage.close()


async def test_given_symbols_stay_over_the_weekend(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start="2026-11-20T05:58:00Z")
    stage.open(symbols=("KRW-C",), sample_hz=SELDOM_HZ)
    stage.machine.seconds = 60.0
    await stage.run_to("2026-11-23T00:29:00Z")
    stage.machine.seconds = 2.0
    await stage.run_to("2026-11-23T00:31:00Z")
    assert stage.wires[-1].codes == ["KRW-C"]
    assert stage.collector.status()["universe"] is None
    assert stage.collector.status()["sweeps"] is None
    await stage.close()
    assert all(line["conn"] != "rest" for line in read(tmp_path, "wire"))
