"""What people are told of a day: verified, failed or not due; kept, held, removable, removed or an alarm."""

from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sise.journal.disk import OsDisk
from sise.journal.keeping import DayKeeping, backup_days, backup_state
from sise.journal.lifecycle import Retention
from sise.journal.line import close_line
from sise.journal.overdue import day_backup
from sise.journal.pack import Packer
from sise.journal.package import encode_package, package_hash
from sise.journal.partition import JOURNAL_FOLDERS
from sise.journal.receipt import Failure, Receipt, write_failure, write_receipt
from sise.journal.seal import seal_finished
from sise.model.time import NS_PER_SECOND, iso, parse_iso

from .parts import HandClock, files_of

DAY: Final = "20261118"
RECORDED: Final = (11, 13, 16, 18, 20)
MARKETS: Final = {"kis": "kr_stocks", "upbit": "crypto"}


def at(text: str) -> int:
    """``18T21:00`` of November 2026 in Seoul."""
    return parse_iso(f"2026-11-{text}:00+09:00")


def add(root: Path, path: str, *lines: dict[str, Any]) -> Path:
    """Lines at the end of a partition, which was written long ago."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("ab") as file:
        file.write(b"".join(close_line(msgspec.json.encode(line)) for line in lines))
    os.utime(place, (1_000_000_000, 1_000_000_000))
    return place


def record(root: Path, day: str = DAY, provider: str = "kis") -> None:
    """A frame and a record of ``day``."""
    add(root, f"wire/{provider}/{day}/10.jsonl", {"n": int(day[6:]), "t": f"{day}"})
    add(root, f"scalp/{provider}/{MARKETS[provider]}/{day}/10_00_00.jsonl", {"kind": "trade"})


def said(
    root: Path, kind: str, moment: str, session: str = "s", provider: str = "kis", day: str = DAY
) -> None:
    event = {"event_type": kind, "timestamp": iso(at(moment)), "session_id": session}
    add(root, f"system/events/{provider}/{day}.jsonl", event)


def receipt(root: Path, day: str = DAY, moment: str = "18T21:01") -> Receipt:
    """A backup of what lies there now."""
    package = Packer(root, HandClock(at(moment)), HandClock(time.time_ns())).package(day)
    sent = Receipt(
        day=day,
        package=package_hash(encode_package(package)),
        files=len(package.files),
        bytes=package.bytes,
        verified_at=iso(at(moment)),
        received_at=iso(at(moment) + NS_PER_SECOND),
        by="",
    )
    write_receipt(root, sent)
    return sent


def failure(root: Path, moment: str) -> None:
    what = Failure(day=DAY, findings=2, first="corrupted wire/x: cut", told_at=iso(at(moment)), by="")
    write_failure(root, what)


@pytest.mark.parametrize(
    ("ended", "state_at"),
    [
        ("18T15:40", {"18T15:41": "not_due", "18T22:59": "not_due", "18T23:00": "failed"}),
        ("18T20:58", {"18T23:00": "failed"}),
        ("18T20:59", {"18T23:00": "not_due", "19T22:59": "not_due", "19T23:00": "failed"}),
        (None, {"18T23:30": "not_due", "19T22:59": "not_due", "19T23:00": "failed", "25T00:00": "failed"}),
    ],
)
def test_failed_is_what_was_not_verified_in_time(
    tmp_path: Path, ended: str | None, state_at: dict[str, str]
) -> None:
    """A day whose collector had ended by 21:00 is due then, any other a day later; two hours are grace."""
    record(tmp_path)
    said(tmp_path, "session_start", "18T08:40")
    if ended:
        said(tmp_path, "session_end", ended)
    assert {moment: backup_state(tmp_path, DAY, at(moment)) for moment in state_at} == state_at
    receipt(tmp_path)
    assert {backup_state(tmp_path, DAY, at(moment)) for moment in state_at} == {"verified"}


def test_a_day_is_due_when_all_its_sessions_had_ended(tmp_path: Path) -> None:
    record(tmp_path)
    said(tmp_path, "session_end", "18T15:40")
    said(tmp_path, "checkpoint", "18T16:00", session="killed")
    assert backup_state(tmp_path, DAY, at("18T23:30")) == "not_due"
    said(tmp_path, "session_end", "18T16:10", session="killed")
    assert backup_state(tmp_path, DAY, at("18T23:30")) == "failed"
    record(tmp_path, provider="upbit")
    said(tmp_path, "checkpoint", "18T16:00", session="u", provider="upbit")
    assert backup_state(tmp_path, DAY, at("18T23:30")) == "not_due", "another provider went on"


def test_sealed_events_are_read_too(tmp_path: Path) -> None:
    record(tmp_path)
    said(tmp_path, "session_end", "18T15:40")
    said(tmp_path, "session_end", "19T15:40", day="20261119")
    assert seal_finished(tmp_path, list(JOURNAL_FOLDERS), at("20T00:00"))
    assert backup_state(tmp_path, DAY, at("18T23:30")) == "failed"


def test_a_day_without_anything_is_never_due(tmp_path: Path) -> None:
    add(tmp_path, f"system/events/retention/{DAY}.jsonl", {"event_type": "retention_run"})
    assert backup_state(tmp_path, DAY, at("30T00:00")) == "not_due"


def test_what_the_puller_told_counts_at_once_until_a_receipt(tmp_path: Path) -> None:
    record(tmp_path)
    failure(tmp_path, "18T21:00")
    told = day_backup(tmp_path, DAY, at("18T21:00"))
    assert (told.state, told.reason) == ("failed", "the backup machine says: corrupted wire/x: cut")
    receipt(tmp_path)
    assert backup_state(tmp_path, DAY, at("18T21:02")) == "verified"
    failure(tmp_path, "19T21:00")
    again = day_backup(tmp_path, DAY, at("19T21:00"))
    assert (again.state, again.receipt is not None) == ("failed", True)
    note = tmp_path / f"run/backups/{DAY}.failure.json"
    note.write_bytes(b"damaged")
    assert backup_state(tmp_path, DAY, at("19T21:00")) == "failed"


def rows(root: Path, moment: str) -> dict[tuple[str, str], DayKeeping]:
    return {(f"{row.day:%Y%m%d}", row.provider): row for row in backup_days(root, at(moment))}


def test_a_days_life(tmp_path: Path) -> None:
    """Kept, held, removable, removed; what each row says is what lies there."""
    record(tmp_path)
    record(tmp_path, provider="upbit")
    add(tmp_path, f"wire/kis/{DAY}/11.jsonl", {"n": 19})
    [kis, upbit] = backup_days(tmp_path, at("19T12:00"))
    assert (kis.day, kis.provider, kis.market) == (date(2026, 11, 18), "kis", "kr_stocks")
    assert (upbit.provider, upbit.market) == ("upbit", "crypto")
    assert kis.tracks.keys() == {"wire", "scalp"}
    assert kis.raw_bytes == sum(kis.tracks.values()) > upbit.raw_bytes > 0
    assert (kis.state, kis.backup, kis.package, kis.verified_at_ns) == ("kept", "not_due", None, None)
    assert kis.keep_until == date(2026, 11, 21)

    late = rows(tmp_path, "22T20:00")[DAY, "kis"]
    assert (late.state, late.backup, late.anomalous) == ("kept", "failed", ("backup_failed",))
    assert late.keep_until == date(2026, 11, 25)
    held = rows(tmp_path, "26T20:00")[DAY, "kis"]
    assert (held.state, "no verified backup" in held.reason) == ("held", True)

    sent = receipt(tmp_path)
    done = rows(tmp_path, "22T20:00")[DAY, "kis"]
    assert (done.state, done.backup, done.package) == ("removable", "verified", sent.package)
    assert done.verified_at_ns == at("18T21:01")
    time.sleep(0.02)  # a file system's clock has steps
    add(tmp_path, f"wire/kis/{DAY}/11.jsonl", {"n": 20})
    changed = rows(tmp_path, "22T20:00")[DAY, "kis"]
    assert (changed.state, "is not of what lies here" in changed.reason) == ("held", True)

    receipt(tmp_path)
    Retention(tmp_path, OsDisk(), HandClock(at("22T20:00")), HandClock(time.time_ns())).apply()
    gone = rows(tmp_path, "22T21:00")
    assert {row.state for row in gone.values()} == {"removed"}
    assert {row.raw_bytes for row in gone.values()} == {0}
    assert gone.keys() == {(DAY, "kis"), (DAY, "upbit")}
    assert gone[DAY, "upbit"].market == "crypto"
    assert backup_days(tmp_path, parse_iso("2027-01-10T00:00:00Z")) == []


def test_day_eleven_without_a_backup_is_an_alarm(tmp_path: Path) -> None:
    record(tmp_path)
    assert rows(tmp_path, "28T20:00")[DAY, "kis"].state == "held"
    alarm = rows(tmp_path, "29T20:00")[DAY, "kis"]
    assert (alarm.state, "over the cap of 10 days" in alarm.reason) == ("alarm", True)


def test_a_look_changes_nothing(tmp_path: Path) -> None:
    record(tmp_path)
    record(tmp_path, "20261119")
    receipt(tmp_path)
    before = files_of(tmp_path)
    backup_days(tmp_path, at("29T12:00"))
    assert files_of(tmp_path) == before
    assert backup_days(tmp_path / "nowhere", at("29T12:00")) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    backed=st.sets(st.sampled_from(RECORDED)),
    anomalous=st.sets(st.sampled_from(RECORDED)),
    today=st.integers(20, 29),
)
def test_people_are_told_what_retention_decides(
    tmp_path_factory: pytest.TempPathFactory, backed: set[int], anomalous: set[int], today: int
) -> None:
    root = tmp_path_factory.mktemp("days")
    for day in RECORDED:
        record(root, f"202611{day}")
        if day in anomalous:
            happening = {"event_type": "anomalous_day", "detail": {"condition": "cpu"}}
            add(root, f"system/events/kis/202611{day}.jsonl", happening)
    # all is sealed that will be: a seal after the receipt would make another package
    seal_finished(root, list(JOURNAL_FOLDERS), time.time_ns())
    for day in backed:
        receipt(root, f"202611{day}", f"{day}T21:00")
    clock = HandClock(at(f"{today}T12:00"))
    decided = Retention(root, OsDisk(), clock, HandClock(time.time_ns())).plan()
    told = {f"{row.day:%Y%m%d}": row for row in backup_days(root, clock.now)}
    names = {"keep": "kept", "hold": "held", "remove": "removable", "alarm": "alarm"}
    assert {each.day: names[each.action] for each in decided} == {day: told[day].state for day in told}
    assert all((told[each.day].package is not None) == each.backed_up for each in decided)
