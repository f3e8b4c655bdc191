"""The acceptance criteria AC-01 to AC-08 over a whole simulated KIS day (08:50 to 15:40).

The day is played on simulated time, by the same simulator and collector as over sockets. In it the line
is cut, falls silent and forgets its token, the collector is killed once, and the processors are busy for a
while. Its backup is then pulled by real processes over a socket; ``test_backup_day.py`` has more of AC-05 and
AC-07.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from sise.model.time import NS_PER_SECOND, iso, parse_iso
from sise.rehearse.day import Kill, Loaded, Outcome, Rehearsal, play_kis
from sise.rehearse.invariants import Journal, broken
from sise.run.day_report import day_report
from sise.run.demo_backup import back_up
from sise.run.kis_day import KisDay
from sise.simulator.faults import KIS_KINDS, PlannedFault, parse_fault
from tests.acceptance.processes import lines, sise, sise_json

DAY: Final = "2026-11-20"
START: Final = parse_iso(f"{DAY}T08:50:00+09:00")
END: Final = parse_iso(f"{DAY}T15:40:00+09:00")
SCALP: Final = (parse_iso(f"{DAY}T09:30:00+09:00"), parse_iso(f"{DAY}T15:00:00+09:00"))
SLOTS: Final = 41
MINUTE_NS: Final = 60 * NS_PER_SECOND
OVERFLOW_FIELDS: Final = {
    "timestamp", "provider", "symbol", "candidate_score", "cutoff_rank", "mitigation_level",
    "decision_reason", "session_id",
}  # fmt: skip
"""Of the source document, 2.14.1."""


def _at(clock: str) -> float:
    """Seconds of the day's play at a time of Seoul's clock."""
    return (parse_iso(f"{DAY}T{clock}+09:00") - START) / NS_PER_SECOND


def _fault(clock: str, **fault: object) -> PlannedFault:
    return PlannedFault(_at(clock), parse_fault(dict(fault), "fault", KIS_KINDS))


PLAN: Final = Rehearsal(
    START,
    END,
    issues=600,
    pace=8.0,
    faults=(
        _fault("10:15:00", kind="drop"),
        _fault("11:00:00", kind="silent", seconds=60),
        _fault("11:30:00", kind="token_expired"),
    ),
    kills=(Kill(_at("12:00:00"), 45, after_writes=1, torn=0.4),),
    loads=(Loaded(_at("13:00:00"), 3_600, 85.0),),
)


class Day:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.outcome: Outcome = play_kis(PLAN, root)
        self.journal = Journal(root)
        self.facts = day_report(root, "kis", "kr_stocks", date.fromisoformat(DAY), SLOTS)

    @cached_property
    def samples(self) -> dict[str, list[tuple[int, int]]]:
        """Of each symbol when its slot was sampled (UTC ns) and at which level: many, so read once."""
        found: dict[str, list[tuple[int, int]]] = {}
        for record in self.journal.scalp:
            if record["kind"] == "sample":
                at, level = parse_iso(record["event_time"]), record["mitigation_level"]
                found.setdefault(record["symbol"], []).append((at, level))
        return found

    def spans(self, *, level: int) -> Iterator[tuple[str, int, int]]:
        """Symbol, first and last moment (UTC ns) of each stretch in which its slot was sampled at a level."""
        for symbol, samples in self.samples.items():
            first, of_stretch = last, _ = samples[0]
            for at, its_level in samples[1:]:
                if at - last > 5 * NS_PER_SECOND or its_level != of_stretch:
                    if of_stretch == level:
                        yield symbol, first, last
                    first, of_stretch = at, its_level
                last = at
            if of_stretch == level:
                yield symbol, first, last


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return Day(tmp_path_factory.mktemp("criteria"))


def test_ac_01_the_universe_is_made_once_a_day_and_can_be_made_again(day: Day, tmp_path: Path) -> None:
    made = list(day.journal.of("universe"))
    assert parse_iso(made[0]["timestamp"]) < parse_iso(f"{DAY}T09:00:00+09:00"), "before the open"
    file = day.root / "universe" / "kis" / "kr_stocks" / f"{DAY.replace('-', '')}.json"
    universe = json.loads(file.read_bytes())
    assert universe["sha256"] == day.facts["universe"]["sha256"]
    assert universe["count"] == len(universe["symbols"]) > 100
    late = Rehearsal(START + 3_600 * NS_PER_SECOND, START + 3_660 * NS_PER_SECOND, issues=600)
    play_kis(late, tmp_path)
    again = json.loads((tmp_path / file.relative_to(day.root)).read_bytes())
    same = ("rule", "symbols", "count", "left_out", "inputs_sha256")
    assert [again.get(name) for name in same] == [universe.get(name) for name in same], "the same inputs"
    sweeps = {record["sweep"] for record in day.journal.swing}
    asked = {record["symbol"] for record in day.journal.swing}
    assert sweeps
    assert asked == set(universe["symbols"]), "the killed collector's heir took the same file"


def test_ac_02_the_whole_universe_is_swept_every_ten_minutes(day: Day) -> None:
    sweeps = [event["detail"] for event in day.journal.of("swing_sweep")]
    planned = [parse_iso(sweep["planned"]) for sweep in sweeps]
    due = range(START + 600 * NS_PER_SECOND, parse_iso(f"{DAY}T15:30:00+09:00") + 1, 600 * NS_PER_SECOND)
    killed_at = START + round(_at("12:00:00")) * NS_PER_SECOND
    assert set(due) - set(planned) <= {killed_at}, "only the sweep that the kill fell into may lack"
    assert len({sweep["sweep"] for sweep in sweeps}) == len(sweeps), "each is a session of its own"
    count = day.facts["universe"]["count"]
    assert {sweep["asked"] for sweep in sweeps} == {count}
    answered = Counter(record["sweep"] for record in day.journal.swing)
    for sweep in sweeps:
        assert answered[sweep["sweep"]] == sweep["answered"]
        assert sweep["answered"] + sum(sweep["refused"].values()) + sweep["left"] == count, sweep
        assert sweep["late"] is False
    record = day.journal.swing[-1]
    assert {"last_price", "open", "high", "low", "volume", "value", "bid_price", "ask_price"} <= record.keys()


def test_ac_03_every_slot_is_sampled_twice_a_second_and_once_under_load(day: Day) -> None:
    for level, hz in ((0, 2), (1, 1)):
        expected = recorded = 0
        minutes = {
            symbol: Counter(at // MINUTE_NS for at, its_level in samples if its_level == level)
            for symbol, samples in day.samples.items()
        }
        for symbol, first, last in day.spans(level=level):
            whole = range(-(-first // MINUTE_NS) + 1, last // MINUTE_NS)
            per_minute = minutes[symbol]
            expected += len(whole) * 60 * hz
            recorded += sum(min(per_minute[minute], 60 * hz) for minute in whole)
        assert expected > 10_000, level
        assert recorded == expected, f"level {level}: {recorded} of {expected}"
    times = [parse_iso(record["receive_time"]) for record in day.journal.scalp]
    assert SCALP[0] <= min(times)
    assert max(times) <= SCALP[1] + NS_PER_SECOND, "what was pending at the end is recorded then"
    levels = [event["detail"]["level_after"] for event in day.journal.of("mitigation")]
    assert levels == [1, 0]


def test_ac_04_never_more_than_41_slots_and_every_refusal_is_in_the_ledger(day: Day) -> None:
    held = [len(event["detail"]["slots"]) for event in day.journal.of("slots")]
    assert max(held) == SLOTS
    refused = lines(day.root, "system/overflow")
    assert refused
    for refusal in refused:
        assert refusal.keys() >= OVERFLOW_FIELDS, refusal
        assert 0 <= refusal["candidate_score"] <= 1
        assert refusal["cutoff_rank"] == SLOTS
    changes = [event["detail"] for event in day.journal.of("slot_change")]
    assert {change["action"] for change in changes} == {"register", "unregister"}
    assert not [line for line in day.journal.wire if "OPSP0008" in str(line.get("frame"))]


@pytest.fixture(scope="module")
def backup(day: Day) -> dict[str, Any]:
    """What `sise backup serve` and `pull` made of the day at 21:00, in the folder ``backup``.

    Its files are as old as they would be then, so that the backup seals them, and nothing does after it.
    """
    hours_ago = time.time() - 5 * 3_600
    for path in day.root.rglob("*.jsonl"):
        os.utime(path, (hours_ago, hours_ago))
    return asyncio.run(back_up(day.root, KisDay(date.fromisoformat(DAY), START, END, 1.0, 0)))


def test_ac_05_the_day_is_pulled_proven_damaged_found_and_restored(
    day: Day, backup: dict[str, Any], tmp_path: Path
) -> None:
    assert backup["verified"] is True, backup["findings"]
    kept = day.root / "backup"
    assert list(kept.rglob("SUCCESS.marker"))
    report = sise_json(day.root, "backup", "restore", str(kept), "--to", str(tmp_path / "back"), "--json")
    assert (report["ok"], report["files"], report["findings"]) == (True, backup["files"], [])
    assert report["seconds"] > 0
    restored = [path for path in (tmp_path / "back").rglob("*.jsonl*") if path.is_file()]
    assert len(restored) > 20
    for path in restored:
        assert path.read_bytes() == (day.root / path.relative_to(tmp_path / "back")).read_bytes()
    victim = max(kept.rglob("scalp/**/*.jsonl*"), key=lambda path: path.stat().st_size)
    good = victim.read_bytes()
    victim.write_bytes(good[:5_000] + bytes([good[5_000] ^ 1]) + good[5_001:])
    done = sise(day.root, "backup", "verify", str(kept), "--json")
    victim.write_bytes(good)
    assert done.returncode == 1
    assert [finding["file"] for finding in json.loads(done.stdout)["findings"]] == [
        str(victim.relative_to(kept))
    ]


def test_ac_07_raw_data_goes_only_after_its_verified_backup(day: Day, backup: dict[str, Any]) -> None:
    """An anomalous day is kept seven days, not three; without a receipt nothing goes, and day 11 alarms."""
    assert {event["detail"]["condition"] for event in day.journal.of("anomalous_day")}

    def action(on: str) -> str:
        clock = {"SISE_CLOCK": f"{on}T21:30:00+09:00@1@{iso(time.time_ns())}"}
        done = sise(day.root, "journal", "retain", "--dry-run", "--json", **clock)
        [decision] = json.loads(done.stdout)["days"]
        return str(decision["action"])

    receipt = next((day.root / "run" / "backups").glob("*.receipt.json"))
    sent = receipt.read_bytes()
    assert [action("2026-11-24"), action("2026-11-28")] == ["keep", "remove"]
    receipt.unlink()
    assert [action("2026-11-24"), action("2026-11-28"), action("2026-12-01")] == ["keep", "hold", "alarm"]
    receipt.write_bytes(sent)


def test_ac_06_every_hole_is_a_gap_marker_and_nothing_is_filled_in_place(day: Day) -> None:
    gaps = [gap for gap in day.journal.of("gap_marker") if gap["scope"] == "scalp"]
    reasons = [gap["reason"] for gap in gaps]
    assert reasons == ["ws_disconnect", "silent_socket", "process_restart"], gaps
    for gap in gaps:
        assert gap["session_id"]
        assert gap["gap_seconds"] > 0
    attempts = [event["result"] for event in day.journal.of("reconnection_event")]
    assert attempts.count("SUCCESS") >= 2
    assert broken(day.journal, PLAN, day.outcome) == []
    times = [parse_iso(line["t"]) for line in day.journal.wire]
    assert all(first <= second for first, second in pairwise(times)), "no frame was put in later"


def test_ac_08_no_secret_is_anywhere(day: Day) -> None:
    secrets = [secret.encode() for secret in day.outcome.secrets]
    assert len(secrets) >= 6, "keys, account, HTS id, a token, an approval key and what came after them"
    tokens = set((day.root / "run" / "tokens").iterdir())
    assert {path.stat().st_mode & 0o777 for path in tokens} == {0o600}
    files = [path for path in day.root.rglob("*") if path.is_file() and path not in tokens]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret in content], path


def test_the_journal_of_the_day_is_whole_and_balances(day: Day) -> None:
    assert sise_json(day.root, "journal", "verify", "--json")["ok"]
    balance = sise_json(day.root, "journal", "stat", "--json")
    assert balance["balanced"]
    holes = [hole for event in day.journal.of("completeness") for hole in event["detail"]["first_holes"]]
    assert holes
    assert all(hole["reasons"] for hole in holes), "volume was missed in recorded gaps only"
