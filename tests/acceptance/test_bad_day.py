"""A whole simulated KIS day with thirty faults of every kind: what is lost is what its gaps say."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Final

from sise.model.time import NS_PER_SECOND, parse_iso
from sise.rehearse.day import Rehearsal, play_kis
from sise.rehearse.faults import draw
from sise.rehearse.invariants import Journal, broken
from sise.simulator.faults import KIS_KINDS

DAY: Final = "2026-11-20"
START: Final = parse_iso(f"{DAY}T08:50:00+09:00")
END: Final = parse_iso(f"{DAY}T15:40:00+09:00")
FAULTS: Final = 30


def _at(clock: str) -> float:
    """Seconds of the day's play at a time of Seoul's clock."""
    return (parse_iso(f"{DAY}T{clock}+09:00") - START) / NS_PER_SECOND


def test_a_day_of_30_faults_loses_exactly_what_its_gaps_say(tmp_path: Path) -> None:
    plan = Rehearsal(START, END, seed=30, issues=150, activity=3.0, slots=12, pace=8.0)
    plan = draw(Random(30), _at("09:35:00"), _at("14:40:00"), FAULTS).put_into(plan)
    outcome = play_kis(plan, tmp_path)
    kinds = {(one.fault.kind, one.fault.target) for one in plan.faults}
    assert {kind for kind, _ in kinds} == KIS_KINDS.keys(), "every kind"
    assert plan.kills
    assert plan.full_disks
    journal = Journal(tmp_path)
    assert broken(journal, plan, outcome) == []
    gaps = [gap for gap in journal.of("gap_marker") if gap["scope"] == "scalp"]
    assert len(gaps) >= 8
    assert outcome.left_out, "something was really lost, all of it within the gaps"
