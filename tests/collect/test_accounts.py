"""Completeness through the collector: what was heard of each slot's day, when it is told, what is claimed."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.collect.stage import Stage


def told(stage: Stage, symbol: str = "KRW-A") -> list[dict[str, Any]]:
    return [e["detail"] for e in stage.events("completeness") if e["detail"]["symbol"] == symbol]


async def test_a_session_that_heard_all_says_so_at_its_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T03:00:00Z")
    stage.open()
    await stage.run(600)
    (first, _) = stage.collector.status()["completeness"]
    assert (first["symbol"], first["ratio"], first["missing"], first["status"]) == (
        "KRW-A",
        1.0,
        0.0,
        "complete",
    )
    await stage.close()
    (account,) = told(stage)
    assert (account["why"], account["day"], account["status"]) == ("session_end", "2026-11-20", "complete")
    assert 590 <= account["heard"] <= 602
    assert account["before"] == pytest.approx(3 * 3_600, abs=4)
    assert account["ratio_of_day"] == pytest.approx(account["heard"] / account["last_cumulative"])
    assert stage.events("session_end")[-1]["timestamp"] >= stage.events("completeness")[-1]["timestamp"]


async def test_what_was_traded_while_the_line_was_down_is_missing_and_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T03:00:00Z")
    stage.open()
    await stage.run(120)
    await stage.fail(40)
    await stage.run(120)
    await stage.close()
    (account,) = told(stage)
    (gap,) = stage.events("gap_marker")
    assert (account["status"], account["holes"]) == ("incomplete", 1)
    assert account["missing"] == pytest.approx(gap["gap_seconds"], abs=4)
    assert account["first_holes"][0]["reasons"] == ["ws_disconnect"]
    assert account["heard"] + account["missing"] + account["before"] == account["last_cumulative"]


async def test_an_end_in_a_hole_is_called_unknown_and_not_complete(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T03:00:00Z")
    stage.open()
    await stage.run(120)
    await stage.fail(30)
    stage.up = False
    await stage.run(30)
    assert {each["status"] for each in stage.collector.status()["completeness"]} == {"unknown"}
    await stage.close()
    (account,) = told(stage)
    assert (account["status"], account["unchecked"], account["missing"]) == (
        "unknown",
        ["ws_disconnect"],
        0.0,
    )


async def test_a_clean_restart_claims_what_was_not_heard_in_between_and_nothing_more(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T03:00:00Z")
    stage.open()
    await stage.run(300)
    await stage.close()
    await stage.run(60)
    stage.open()
    await stage.run(300)
    await stage.close()
    first, second = told(stage)
    assert second["missing"] == pytest.approx(60, abs=6)
    assert second["first_holes"][0]["reasons"] == ["process_restart"]
    assert second["before"] == first["last_cumulative"]
    assert second["heard_before"] == first["heard"]
    all_heard = first["heard"] + second["heard"]
    assert second["ratio_of_day"] == pytest.approx(all_heard / second["last_cumulative"])


async def test_a_symbol_that_lost_its_slot_is_told_at_once_and_begins_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T03:00:00Z")
    stage.open(pins=("KRW-A",))
    await stage.run(120)
    await stage.say("pin", "KRW-C")
    await stage.run(60)
    (lost,) = told(stage, "KRW-B")
    assert lost["why"] == "slot_lost"
    assert lost["status"] == "complete"
    await stage.say("unpin", "KRW-C")
    await stage.say("pin", "KRW-B")
    await stage.run(120)
    await stage.close()
    again = told(stage, "KRW-B")[1]
    assert (again["missing"], again["heard_before"]) == (0.0, lost["heard"]), "nobody asked in between"
    assert again["ratio_of_day"] < again["ratio"] == 1.0


async def test_the_day_of_the_provider_rolls_over_at_nine_in_seoul(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T23:50:00Z")
    stage.open()
    await stage.run(1_200)
    await stage.close()
    old, new = told(stage)
    assert (old["day"], old["why"], new["day"], new["why"]) == (
        "2026-11-20", "new_day", "2026-11-21", "session_end",
    )  # fmt: skip
    assert (old["status"], new["status"], new["backwards"]) == ("complete", "complete", 0)
    assert new["before"] <= 2.0, "it was heard from its first second"
    assert new["ratio_of_day"] == pytest.approx(1.0, abs=0.01)
    assert math.isclose(new["last_cumulative"], 600, abs_tol=4)


async def test_the_hours_of_the_scalp_track_end_the_accounts(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start="2026-11-20T05:55:00Z")
    stage.open()
    await stage.run_to("2026-11-20T06:01:00Z")
    (account,) = told(stage)
    assert (account["why"], account["status"]) == ("hours_over", "complete")
    assert stage.collector.status()["completeness"] is None
    await stage.close()
    assert len(told(stage)) == 1


async def test_accounts_of_a_day_do_not_overlap(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T03:00:00Z")
    for _ in range(3):
        stage.open()
        await stage.run(100)
        await stage.close()
        await stage.run(20)
    accounts = told(stage)
    assert all(before["until"] < after["since"] for before, after in pairwise(accounts))
    last = accounts[-1]
    assert sum(each["heard"] for each in accounts) == pytest.approx(last["heard"] + last["heard_before"])
