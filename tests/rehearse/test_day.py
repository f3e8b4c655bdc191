"""A day on simulated time: the same seed gives the same journal, byte for byte; its invariants can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sise.journal.files import partitions
from sise.journal.fingerprint import journal_hash
from sise.model.time import iso, parse_iso
from sise.rehearse import invariants
from sise.rehearse.day import DiskFull, Kill, Outcome, Rehearsal, play_kis
from sise.rehearse.invariants import Journal, broken
from sise.rehearse.seeds import run_seed, run_seeds, short_day
from sise.simulator.faults import KIS_KINDS
from tests.rehearse.planned import planned

SEEDS_IN_CI = 6
SEEDS_LONG = 400

PLAN = Rehearsal(
    parse_iso("2026-11-20T09:29:00+09:00"),
    parse_iso("2026-11-20T09:42:00+09:00"),
    issues=60,
    activity=3.0,
    slots=20,
    faults=(
        planned(KIS_KINDS, 120, kind="drop"),
        planned(KIS_KINDS, 200, kind="silent", seconds=40),
        planned(KIS_KINDS, 330, kind="garbage", count=2),
        planned(KIS_KINDS, 340, kind="duplicate", count=5),
    ),
    full_disks=(DiskFull(400, 10),),
    kills=(Kill(450, 20, after_writes=1, torn=0.5),),
)


class Day:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.outcome: Outcome = play_kis(PLAN, root)
        self.journal = Journal(root)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return Day(tmp_path_factory.mktemp("day"))


def test_a_day_with_every_sort_of_fault_breaks_nothing(day: Day) -> None:
    assert broken(day.journal, PLAN, day.outcome) == []
    reasons = [gap["reason"] for gap in day.journal.of("gap_marker") if gap["scope"] == "scalp"]
    assert reasons == ["ws_disconnect", "silent_socket", "process_restart"]
    ends = [event["detail"]["how"] for event in day.journal.of("session_end")]
    assert ends == ["recovered", "clean"]
    assert list(day.journal.of("journal_fault"))
    assert len(day.outcome.sent) > 500


def test_the_same_seed_gives_the_same_journal_in_another_process(day: Day, tmp_path: Path) -> None:
    """Another process has other hashes of strings, other addresses of objects, and another load."""
    code = (
        "import sys; from pathlib import Path; from tests.rehearse.test_day import PLAN;"
        "from sise.rehearse.day import play_kis; play_kis(PLAN, Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
    )
    assert journal_hash(tmp_path, "kis") == journal_hash(day.root, "kis")
    ours = {file.path: (day.root / file.path).read_bytes() for file in partitions(day.root)}
    theirs = {file.path: (tmp_path / file.path).read_bytes() for file in partitions(tmp_path)}
    assert ours == theirs


def test_another_seed_gives_another_journal(day: Day, tmp_path: Path) -> None:
    plan = Rehearsal(PLAN.start_ns, PLAN.start_ns + 120 * 10**9, seed=8, issues=60)
    play_kis(plan, tmp_path)
    assert journal_hash(tmp_path, "kis") != journal_hash(day.root, "kis")


def _without(journal: Journal, reason: str) -> None:
    gap = next(gap for gap in journal.of("gap_marker") if gap["reason"] == reason)
    journal.events.remove(gap)


def _without_the_gap_of_a_cut(journal: Journal) -> None:
    _without(journal, "ws_disconnect")


def _without_the_gap_of_a_silence(journal: Journal) -> None:
    _without(journal, "silent_socket")


def _gap_in_a_gap(journal: Journal) -> None:
    silence = next(gap for gap in journal.of("gap_marker") if gap["reason"] == "silent_socket")
    again = dict(silence)
    again["gap_start_ts"] = iso(parse_iso(silence["gap_start_ts"]) + 1_000_000)
    journal.events.append(again)


def _a_gap_without_a_cause(journal: Journal) -> None:
    gap = dict(next(journal.of("gap_marker")))
    gap["gap_start_ts"], gap["gap_end_ts"] = "2026-11-20T04:00:00.000000Z", "2026-11-20T04:00:01.000000Z"
    journal.events.append(gap)


def _without_a_frame(journal: Journal) -> None:
    trade = next(record for record in journal.scalp if record["kind"] == "trade")
    journal.wire = [line for line in journal.wire if line["n"] != trade["frame"]]


def _an_invented_frame(journal: Journal) -> None:
    journal.wire.append({"n": 1, "conn": "ws-1", "t": "2026-11-20T00:31:00Z", "frame": "0|H0STCNT0|001|x"})


def _one_slot_more(journal: Journal) -> None:
    slots = next(journal.of("slots"))["detail"]["slots"]
    slots += [{"symbol": f"more{n}"} for n in range(PLAN.slots)]


def _a_record_after_its_session(journal: Journal) -> None:
    journal.scalp[-1]["receive_time"] = "2026-11-20T07:00:00.000000Z"


CHECKS: dict[Callable[[Journal], None], Callable[[Journal, Day], list[str]]] = {
    _without_the_gap_of_a_cut: lambda journal, day: invariants.one_gap_a_hole(journal, day.outcome),
    _without_the_gap_of_a_silence: lambda journal, day: invariants.lost_frames_lie_in_gaps(
        journal, day.outcome
    ),
    _gap_in_a_gap: lambda journal, day: invariants.one_gap_a_hole(journal, day.outcome),
    _a_gap_without_a_cause: lambda journal, _: invariants.gaps_have_causes(journal, PLAN),
    _without_a_frame: lambda journal, _: invariants.records_follow_the_wire(journal),
    _an_invented_frame: lambda journal, day: invariants.lost_frames_lie_in_gaps(journal, day.outcome),
    _one_slot_more: lambda journal, _: invariants.never_too_many_slots(journal, PLAN.slots),
    _a_record_after_its_session: lambda journal, _: invariants.records_lie_in_sessions(journal),
}


@pytest.mark.parametrize("change", CHECKS, ids=lambda change: change.__name__)
def test_each_invariant_can_be_broken(day: Day, change: Callable[[Journal], None]) -> None:
    journal = Journal(day.root)
    assert CHECKS[change](journal, day) == []
    change(journal)
    assert CHECKS[change](journal, day) != []


def test_a_secret_in_a_file_is_found(day: Day, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"token={day.outcome.secrets[0]}")
    assert len(invariants.no_secret(tmp_path, day.outcome.secrets)) == 1


def _play(first: int, count: int) -> dict[int, Any]:
    results = list(run_seeds(range(first, first + count), jobs=2))
    assert {result.seed: result.broken for result in results if result.broken} == {}
    return {result.seed: result for result in results}


@pytest.mark.parametrize(
    "seed", [1_009, 10_044, 10_048, 20_031, 30_019, 30_030, 50_017, 70_048, 100_267, 700_072]
)
def test_seeds_that_once_broke_an_invariant(tmp_path: Path, seed: int) -> None:
    """A line silent as the hours begin or end, or before a kill; cut while it drips; lost as it is proven; a
    disk full beyond the end."""
    assert run_seed(seed, tmp_path).broken == ()


@pytest.mark.parametrize(("seconds", "hows"), [(12, ["clean"]), (20, ["recovered", "clean"])])
def test_a_stop_that_the_disk_outlasts_is_ended_by_the_next_start(
    tmp_path: Path, seconds: float, hows: list[str]
) -> None:
    """A stop waits three seconds for the disk; only where it gave up is there a next start."""
    start_ns = parse_iso("2026-11-20T15:05:00+09:00")
    full = DiskFull(50, seconds)
    plan = Rehearsal(start_ns, start_ns + 60 * 10**9, issues=60, slots=3, full_disks=(full,))
    outcome = play_kis(plan, tmp_path)
    journal = Journal(tmp_path)
    assert broken(journal, plan, outcome) == []
    assert [event["detail"]["how"] for event in journal.of("session_end")] == hows


def test_no_seed_breaks_an_invariant() -> None:
    results = _play(1_000, SEEDS_IN_CI)
    assert sum(result.faults for result in results.values()) > SEEDS_IN_CI
    assert all(result.frames for result in results.values())


@pytest.mark.long
def test_no_seed_of_many_breaks_an_invariant() -> None:
    _play(2_000, SEEDS_LONG)


def test_seeds_draw_all_that_can_break() -> None:
    days = [short_day(seed) for seed in range(300)]
    kinds = {(one.fault.kind, one.fault.target) for day in days for one in day.faults}
    assert {kind for kind, _ in kinds} == KIS_KINDS.keys()
    assert any(day.kills for day in days)
    assert any(day.full_disks for day in days)


def test_a_sudden_holiday_of_the_simulated_exchange_is_kept(tmp_path: Path) -> None:
    plan = Rehearsal(
        parse_iso("2026-11-20T07:25:00+09:00"),
        parse_iso("2026-11-20T09:41:00+09:00"),
        issues=60,
        slots=3,
        pace=20.0,
        holidays=("20261120",),
    )
    outcome = play_kis(plan, tmp_path)
    journal = Journal(tmp_path)
    (said,) = journal.of("trading_day")
    assert (said["detail"]["day"], said["detail"]["open"]) == ("2026-11-20", False)
    assert len(list(journal.of("calendar_differs"))) == 1
    assert list(journal.of("swing_sweep", "sweep_missed", "connected")) == []
    assert outcome.sent == []
