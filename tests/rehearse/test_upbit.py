"""Upbit on simulated time: a market that never shuts, over the midnight at which its volume begins anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sise.journal.files import partitions
from sise.journal.fingerprint import journal_hash
from sise.model.time import iso, parse_iso
from sise.rehearse import invariants
from sise.rehearse.day import DiskFull, Kill, Outcome, Rehearsal, play_upbit
from sise.rehearse.invariants import Journal, broken
from sise.rehearse.seeds import UPBIT_MIDNIGHTS, run_seed, run_seeds, short_upbit_day
from sise.simulator.faults import KINDS
from tests.rehearse.planned import planned

SEEDS_IN_CI = 2
SEEDS_LONG = 400

PLAN = Rehearsal(
    parse_iso("2026-11-21T08:56:00+09:00"),
    parse_iso("2026-11-21T09:05:00+09:00"),
    issues=8,
    activity=0.1,
    slots=4,
    faults=(
        planned(KINDS, 40, kind="drop"),
        planned(KINDS, 90, kind="silent", seconds=40),
        planned(KINDS, 170, kind="garbage", count=2),
        planned(KINDS, 175, kind="change_fields", change="rename", count=5),
        planned(KINDS, 180, kind="duplicate", count=5),
        planned(KINDS, 185, kind="rest_418", seconds=10),
    ),
    full_disks=(DiskFull(260, 10),),
    kills=(Kill(330, 20, after_writes=1, torn=0.5),),
)


class Day:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.outcome: Outcome = play_upbit(PLAN, root)
        self.journal = Journal(root, "upbit")


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
    assert list(day.journal.of("hours_over")) == []
    assert len(day.outcome.sent) > 500


def test_the_day_of_volume_turns_at_nine_in_seoul(day: Day) -> None:
    closed = [
        event["timestamp"] for event in day.journal.of("completeness") if event["detail"]["why"] == "new_day"
    ]
    assert closed
    assert {at[:16] for at in closed} == {"2026-11-21T00:00"}


def test_the_same_seed_gives_the_same_journal_in_another_process(day: Day, tmp_path: Path) -> None:
    """Another process has other hashes of strings, other addresses of objects, and another load."""
    code = (
        "import sys; from pathlib import Path; from tests.rehearse.test_upbit import PLAN;"
        "from sise.rehearse.day import play_upbit; play_upbit(PLAN, Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
    )
    ours = {file.path: (day.root / file.path).read_bytes() for file in partitions(day.root)}
    theirs = {file.path: (tmp_path / file.path).read_bytes() for file in partitions(tmp_path)}
    assert ours == theirs
    assert journal_hash(tmp_path, "upbit") == journal_hash(day.root, "upbit")


def test_another_seed_gives_another_market(day: Day, tmp_path: Path) -> None:
    outcome = play_upbit(Rehearsal(PLAN.start_ns, PLAN.start_ns + 30 * 10**9, seed=8, issues=3), tmp_path)
    assert outcome.sent
    assert {row["crc32"] for row in outcome.sent}.isdisjoint(row["crc32"] for row in day.outcome.sent)


def test_slots_that_change_hands_lose_nothing(tmp_path: Path) -> None:
    """Each change asks for all symbols anew, while the line is up."""
    plan = Rehearsal(
        PLAN.end_ns,
        PLAN.end_ns + 400 * 10**9,
        issues=12,
        activity=0.2,
        slots=2,
        restless=True,
        faults=(planned(KINDS, 330, kind="drop"),),
    )
    outcome = play_upbit(plan, tmp_path)
    journal = Journal(tmp_path, "upbit")
    assert len(list(journal.of("slot_change"))) >= 2
    assert broken(journal, plan, outcome) == []


def test_what_waited_behind_a_slow_frame_is_known_to_be_lost(tmp_path: Path) -> None:
    """The line is given up with frames that it never sent: each was due when it was, not when that ended."""
    plan = Rehearsal(
        PLAN.end_ns,
        PLAN.end_ns + 90 * 10**9,
        issues=4,
        activity=0.2,
        faults=(planned(KINDS, 30, kind="drip", delay_ms=300, seconds=40),),
    )
    outcome = play_upbit(plan, tmp_path)
    journal = Journal(tmp_path, "upbit")
    assert broken(journal, plan, outcome) == []
    waited = [at for at in outcome.left_out if 35 < (at - plan.start_ns) / 10**9 < 45]
    assert len(waited) > 10


def test_a_calmer_market_trades_less(tmp_path: Path) -> None:
    def frames(activity: float) -> int:
        end_ns = PLAN.start_ns + 60 * 10**9
        plan = Rehearsal(PLAN.start_ns, end_ns, issues=2, activity=activity)
        return len(play_upbit(plan, tmp_path / str(activity)).sent)

    assert frames(0.05) < frames(1.0) / 3


def _without_a_gap(journal: Journal) -> None:
    gap = next(gap for gap in journal.of("gap_marker") if gap["reason"] == "silent_socket")
    journal.events.remove(gap)


def _a_frame_before_it_was_sent(journal: Journal) -> None:
    line = journal.wire[100]
    line["t"] = iso(parse_iso(line["t"]) - 10**9)


def _an_invented_frame(journal: Journal) -> None:
    journal.wire.append({"n": 1, "conn": "ws-1", "t": "2026-11-20T23:57:00Z", "frame": '{"ty":"trade"}'})


CHECKS: tuple[Callable[[Journal], None], ...] = (
    _without_a_gap,
    _a_frame_before_it_was_sent,
    _an_invented_frame,
)


@pytest.mark.parametrize("change", CHECKS, ids=lambda change: change.__name__)
def test_what_was_lost_or_invented_is_found(day: Day, change: Callable[[Journal], None]) -> None:
    journal = Journal(day.root, "upbit")
    change(journal)
    assert invariants.lost_frames_lie_in_gaps(journal, day.outcome) != []


def test_of_equal_frames_the_one_that_was_not_heard_is_told(day: Day) -> None:
    """A quiet market's snapshot is the same in every byte when it is sent again."""
    silence = next(gap for gap in day.journal.of("gap_marker") if gap["reason"] == "silent_socket")
    begins, ends = (parse_iso(silence[name]) for name in ("gap_start_ts", "gap_end_ts"))
    heard = next(row for row in day.outcome.sent if int(str(row["ns"])) > ends + 10**9)

    def with_one_more(at_ns: int) -> Outcome:
        rows = [{**heard, "ns": at_ns}, *day.outcome.sent]
        return Outcome(day.outcome.ledger, rows, day.outcome.left_out, ())

    in_the_gap, after_it = with_one_more((begins + ends) // 2), with_one_more(ends + 10**8)
    assert invariants.lost_frames_lie_in_gaps(day.journal, in_the_gap) == []
    (said,) = invariants.lost_frames_lie_in_gaps(day.journal, after_it)
    assert iso(ends + 10**8) in said


def test_a_request_that_upbit_refuses_is_found(day: Day) -> None:
    journal = Journal(day.root, "upbit")
    refusal = '{"error":{"name":"Too Many Requests","message":""}}'
    journal.wire.append({"n": 1, "conn": "ws-1", "t": "2026-11-20T23:57:00Z", "frame": refusal})
    assert invariants.lost_frames_lie_in_gaps(journal, day.outcome) == []
    assert len(invariants.never_too_many_slots(journal, PLAN.slots)) == 1


def test_a_log_that_has_forgotten_its_beginning_proves_nothing(day: Day) -> None:
    late = Outcome(day.outcome.ledger, day.outcome.sent[1:], [], ())
    (said,) = broken(day.journal, PLAN, late)
    assert "too much was sent" in said


@pytest.mark.parametrize("seed", [800_297, 800_455])
def test_seeds_that_once_broke_an_invariant(tmp_path: Path, seed: int) -> None:
    """A frame cut so short that it is whole while it still drips."""
    assert run_seed(seed, tmp_path, "upbit").broken == ()


def test_no_seed_breaks_an_invariant() -> None:
    results = list(run_seeds(range(1_000, 1_000 + SEEDS_IN_CI), 2, ("upbit",)))
    assert {result.seed: result.broken for result in results if result.broken} == {}
    assert all(result.frames for result in results)


@pytest.mark.long
def test_no_seed_of_many_breaks_an_invariant() -> None:
    results = run_seeds(range(2_000, 2_000 + SEEDS_LONG), 2, ("upbit",))
    assert {result.seed: result.broken for result in results if result.broken} == {}


def test_seeds_draw_all_that_can_break() -> None:
    days = [short_upbit_day(seed) for seed in range(300)]
    assert {one.fault.kind for each in days for one in each.faults} == KINDS.keys()
    assert any(each.kills for each in days)
    assert any(each.full_disks for each in days)
    for midnight in UPBIT_MIDNIGHTS:
        over = [each for each in days if (midnight - each.start_ns) % (86_400 * 10**9) < 600 * 10**9]
        assert len(over) > 30
