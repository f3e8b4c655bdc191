"""Where the hole of a session begins that ended before a silence was noticed: at the line's last proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from sise.model.time import parse_iso
from tests.collect.stage import Stage

HOURS = "2026-11-20T03:00:00Z"


def hole(stage: Stage) -> dict[str, str]:
    (gap,) = [one for one in stage.events("gap_marker") if one["reason"] == "process_restart"]
    return gap


def seconds(text: str, since: str) -> float:
    return (parse_iso(text) - parse_iso(since)) / 1e9


@pytest.mark.parametrize("korean", [False, True], ids=["always", "hours"])
async def test_a_clean_stop_in_an_unnoticed_silence_begins_the_hole_at_the_last_data(
    tmp_path: Path, korean: bool
) -> None:
    stage = Stage(tmp_path, start=HOURS, korean=korean)
    stage.open()
    await stage.run(60)
    stage.wires[-1].codes = []  # the line is open and gives nothing
    await stage.run(7)
    await stage.close()
    stage.open()
    await stage.run(30)
    begins = seconds(hole(stage)["gap_start_ts"], HOURS)
    assert 58 <= begins <= 60.5, "the last data, not the stop at 67 s"
    assert [one["detail"]["scope"] for one in stage.events("hours_begun")] == ["scalp"] * 2
    await stage.close()


async def test_after_the_hours_the_process_itself_is_the_proof(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T05:59:00Z", korean=True)
    stage.open()
    await stage.run_to("2026-11-20T06:10:00Z")
    await stage.close()
    stage.clock.ns = parse_iso("2026-11-23T00:29:00Z")
    stage.open()
    await stage.run_to("2026-11-23T00:31:00Z")
    assert seconds(hole(stage)["gap_start_ts"], "2026-11-20T06:10:00Z") == pytest.approx(0, abs=2)
    await stage.close()


async def test_stopped_before_the_first_data_of_the_hours_the_hole_begins_with_them(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T00:29:00Z", korean=True)
    stage.open()
    await stage.run_to("2026-11-20T00:30:00.5Z")
    stage.wires[-1].codes = []
    await stage.run_to("2026-11-20T00:30:04Z")
    await stage.close()
    stage.open()
    await stage.run_to("2026-11-20T00:31:00Z")
    assert hole(stage)["gap_start_ts"].startswith("2026-11-20T00:30:00")
    await stage.close()
