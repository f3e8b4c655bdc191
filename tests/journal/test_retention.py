"""Retention: 3 days, 7 for an anomalous one, never without a verified backup of exactly what lies there."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sise.journal import lifecycle
from sise.journal.disk import OsDisk
from sise.journal.files import partitions, read_lines
from sise.journal.lifecycle import LOCK, NotRemoved, Retention
from sise.journal.line import close_line
from sise.journal.pack import Packer
from sise.journal.package import WireRange, encode_package, package_hash
from sise.journal.partition import events_stream, scalp_stream, wire_stream
from sise.journal.receipt import Receipt, read_receipt, write_receipt
from sise.journal.removals import BEGUN, DONE, removals
from sise.journal.retention import DayState, plan
from sise.journal.stat import stat
from sise.journal.verify import verify
from sise.journal.writer import JournalWriter
from sise.model.time import iso, parse_iso

from .parts import HOUR_NS, NOON, SEOUL, HandClock, files_of, frame, make_writer, record
from .session import make_session

DAY_NS = 24 * HOUR_NS
FIRST = parse_iso("2026-11-10T09:00:00+09:00")


def _day(number: int) -> str:
    """Day ``number`` of the journal, counted from 1."""
    return f"{datetime(2026, 11, 9, tzinfo=UTC) + timedelta(days=number):%Y%m%d}"


def _state(age: int, **fields: Any) -> DayState:
    return DayState(day="20261110", age_days=age, bytes=1, anomalies=[], package="a" * 64, **fields)


BACKED_UP: dict[str, Any] = {"receipt": "a" * 64}


@pytest.mark.parametrize(
    ("state", "action", "why"),
    [
        (_state(0), "keep", "kept 3 days"),
        (_state(3, **BACKED_UP), "keep", "kept 3 days"),
        (_state(4, **BACKED_UP), "remove", "older than 3 days, and backup aaaaaaaaaaaa is verified"),
        (_state(4), "hold", "no verified backup"),
        (
            _state(4, receipt="b" * 64),
            "hold",
            "the backup bbbbbbbbbbbb is not of what lies here (aaaaaaaaaaaa)",
        ),
        (_state(4, waiting=["x: held"], **BACKED_UP), "hold", "not finished (x: held)"),
        (_state(10), "hold", "no verified backup"),
        (_state(11), "alarm", "over the cap of 10 days"),
        (_state(400), "alarm", "over the cap of 10 days"),
        (_state(400, **BACKED_UP), "remove", "is verified"),
    ],
)
def test_the_plan(state: DayState, action: str, why: str) -> None:
    [decision] = plan([state])
    assert decision.action == action
    assert why in decision.reason


@pytest.mark.parametrize(
    ("age", "action", "over_cap"),
    [
        (4, "keep", "keep"),
        (7, "keep", "keep"),
        (8, "hold", "hold"),
        (10, "hold", "hold"),
        (11, "alarm", "remove"),
    ],
)
def test_the_plan_of_an_anomalous_day(age: int, action: str, over_cap: str) -> None:
    state = msgspec.structs.replace(_state(age), anomalies=["cpu", "disk"])
    assert plan([state])[0].action == action
    [decision] = plan([state], over_cap=True)
    assert (decision.action, decision.backed_up) == (over_cap, False)
    if action == "keep":
        assert "(anomalous: cpu, disk)" in decision.reason
    if over_cap == "remove":
        assert "removed as asked with --over-cap although no verified backup" in decision.reason


class Journal:
    """Days of a small journal, and the clock of the one who looks at it."""

    def __init__(self, root: Path, days: int, today: int) -> None:
        self.root = root
        self.clock = HandClock(FIRST)
        writer = JournalWriter(
            root,
            [wire_stream("p", SEOUL), scalp_stream("p", "crypto", SEOUL), events_stream("p", SEOUL)],
            disk=OsDisk(),
            clock=self.clock,
        )
        n = 0
        for day in range(days):
            for hour in range(2):
                at = FIRST + day * DAY_NS + hour * HOUR_NS
                for _ in range(3):
                    n += 1
                    writer.append("wire", frame(n, at), at)
                    writer.append("scalp", record(n, at), at)
                sample = {"kind": "sample", "receive_time": iso(at), "frame": n, "frames": 5}
                writer.append("scalp", msgspec.json.encode(sample), at)
            writer.append("events", b'{"event_type":"checkpoint","detail":{}}', at)
        assert writer.close()
        self.clock.now = FIRST + (today - 1) * DAY_NS + 12 * HOUR_NS

    def add_event(self, path: str, **fields: object) -> None:
        with (self.root / path).open("ab") as file:
            file.write(close_line(msgspec.json.encode(fields)))

    def back_up(self, *numbers: int) -> None:
        """A receipt for each of these days, of what lies there now."""
        for number in numbers:
            _receipt(self.root, self.clock, _day(number))

    def retention(self, disk: Any = None) -> Retention:
        return Retention(self.root, disk or OsDisk(), self.clock)

    def raw_days(self) -> list[str]:
        return sorted(path.name for path in (self.root / "wire/p").iterdir())

    def events(self) -> list[tuple[str, str]]:
        """Type and level of what retention has said."""
        found = []
        for file in partitions(self.root, ["system/events/retention"]):
            for line in read_lines(self.root, file):
                event = msgspec.json.decode(line.body)
                found.append((event["event_type"], event["level"]))
        return found


def _receipt(root: Path, clock: HandClock, day: str) -> None:
    package = Packer(root, clock).package(day)
    assert package.finished
    receipt = Receipt(
        day=package.day,
        package=package_hash(encode_package(package)),
        files=len(package.files),
        bytes=package.bytes,
        verified_at=iso(clock.now),
        received_at=iso(clock.now),
        by="",
    )
    write_receipt(root, receipt)


def test_only_what_is_old_and_backed_up_goes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 7, today=8)
    journal.back_up(1, 2, 4, 6)
    journal.add_event(
        f"system/events/p/{_day(2)}.jsonl", event_type="anomalous_day", detail={"condition": "cpu"}
    )
    before = files_of(tmp_path)
    decisions = journal.retention().apply()
    assert [(each.day, each.action) for each in decisions] == [
        (_day(1), "remove"),
        (_day(2), "keep"),
        (_day(3), "keep"),  # without a backup for two days it is anomalous itself
        (_day(4), "remove"),
        (_day(5), "keep"),
        (_day(6), "keep"),
        (_day(7), "keep"),
    ]
    assert journal.raw_days() == [_day(number) for number in (2, 3, 5, 6, 7)]
    gone = set(before) - set(files_of(tmp_path))
    assert gone
    assert {name.split("/")[0] for name in gone} == {"wire", "scalp"}
    assert any(name.startswith(f"system/events/p/{_day(1)}.jsonl") for name in files_of(tmp_path))


def test_what_goes_is_said_first_with_all_that_will_be_missed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 5, today=7)
    journal.back_up(1, 2)
    journal.retention().apply()
    first, second = removals(tmp_path, BEGUN)
    assert (first.day, second.day) == (_day(1), _day(2))
    assert first.wire == {"p": [WireRange(1, 6)]}
    assert (first.frames_recorded, first.events_recorded) == (6, 6 + 2 * 5)
    assert sorted(first.folders) == [f"scalp/p/crypto/{_day(1)}", f"wire/p/{_day(1)}"]
    assert removals(tmp_path, DONE) == [first, second]


def test_a_day_that_grew_after_its_backup_stays(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 5, today=6)
    journal.back_up(1)
    late = tmp_path / f"wire/p/{_day(1)}/23.jsonl"
    late.write_bytes((tmp_path / f"wire/p/{_day(5)}/10.jsonl").read_bytes())
    [first, *_] = journal.retention().apply()
    assert (first.action, "is not of what lies here" in first.reason) == ("hold", True)
    assert late.exists() or late.with_name("23.jsonl.zst").exists()


def test_a_receipt_that_is_damaged_is_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 5, today=6)
    journal.back_up(1)
    path = tmp_path / f"run/backups/{_day(1)}.receipt.json"
    data = path.read_bytes()
    for at in range(0, len(data), 5):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert read_receipt(tmp_path, _day(1)) is None
    assert journal.retention().apply()[0].action != "remove"
    path.write_bytes(data)
    shutil.copy(path, tmp_path / f"run/backups/{_day(2)}.receipt.json")
    assert read_receipt(tmp_path, _day(2)) is None, "the receipt of another day"


def test_the_cap_is_an_alarm_at_every_run_and_no_silent_loss(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 2, today=12)
    for runs in (1, 2, 3):
        decisions = journal.retention().apply()
        assert [each.action for each in decisions] == ["alarm", "hold"]
        assert journal.events().count(("retention_alarm", "critical")) == runs
        assert journal.events().count(("retention_alarm", "warning")) == runs
    assert journal.events().count(("anomalous_day", "warning")) == 2, "once a day"
    assert journal.raw_days() == [_day(1), _day(2)]
    decisions = journal.retention().apply(over_cap=True)
    assert [each.action for each in decisions] == ["remove", "hold"]
    assert journal.raw_days() == [_day(2)]
    assert (BEGUN, "critical") in journal.events()


def test_a_dry_run_removes_and_says_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 6, today=20)
    journal.back_up(1)
    journal.retention().plan(over_cap=True)
    before = files_of(tmp_path)
    decisions = journal.retention().plan(over_cap=True)
    assert {each.action for each in decisions} == {"remove"}
    assert files_of(tmp_path) == before


class Cut(Exception):
    """The power is cut here."""


def test_cut_short_at_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run finishes it; nothing but the decided days goes, and nothing goes unsaid."""
    journal = Journal(tmp_path / "source", 5, today=6)
    journal.back_up(1)
    steps = [(Path, "rename"), (lifecycle, "sync_folder"), (shutil, "rmtree"), (lifecycle, "make_folder")]
    cuts = 0
    for owner, name in steps:
        for call in range(1, 4):
            root = tmp_path / f"{name}-{call}"
            shutil.copytree(tmp_path / "source", root)
            retention = Retention(root, OsDisk(), journal.clock)
            with monkeypatch.context() as patch:
                _cut_at(patch, owner, name, call)
                try:
                    retention.apply()
                except Cut:
                    cuts += 1
                    wire = root / f"wire/p/{_day(1)}"
                    assert wire.exists() or removals(root, BEGUN), "nothing goes unsaid"
            Retention(root, OsDisk(), journal.clock).apply()
            assert sorted(path.name for path in (root / "wire/p").iterdir()) == [_day(n) for n in range(2, 6)]
            assert not (root / f"scalp/p/crypto/{_day(1)}").exists()
            assert len(removals(root, BEGUN)) == len(removals(root, DONE)) == 1
            assert not list((root / "run/removing").iterdir())
    assert cuts >= 6


def _cut_at(patch: pytest.MonkeyPatch, owner: object, name: str, call: int) -> None:
    calls = 0
    original: Callable[..., object] = getattr(owner, name)

    def cut(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Cut
        return original(*arguments, **options)

    patch.setattr(owner, name, cut)


def test_what_cannot_be_said_is_not_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 5, today=6)
    journal.back_up(1, 2, 3, 4, 5)

    class Full(OsDisk):
        def pwrite(self, fd: int, data: bytes, offset: int) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NotRemoved, match="No space left"):
        journal.retention(Full()).apply()
    assert journal.raw_days() == [_day(number) for number in range(1, 6)]


def test_two_runs_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 5, today=6)
    disk = OsDisk()
    held = disk.open(tmp_path / LOCK)
    with pytest.raises(NotRemoved, match="another run is at work"):
        journal.retention().apply()
    disk.close(held)
    journal.retention().apply()


def test_a_removed_day_is_offered_no_more(tmp_path: Path) -> None:
    """What is left of it must not pass for the day."""
    journal = Journal(tmp_path, 5, today=6)
    journal.back_up(1)
    journal.retention().apply()
    assert _day(1) not in Packer(tmp_path, journal.clock).days()
    assert _day(2) in Packer(tmp_path, journal.clock).days()


def test_verify_and_stat_know_what_was_removed(tmp_path: Path) -> None:
    """Frames and records that retention removed are no loss; any other missing frame still is."""
    make_session(tmp_path)
    clock = HandClock(NOON + 5 * DAY_NS)
    _add_frames(tmp_path, 7, 9, NOON + 4 * DAY_NS)
    _receipt(tmp_path, clock, "20261120")
    before = stat(tmp_path)
    assert [each.action for each in Retention(tmp_path, OsDisk(), clock).apply()] == ["remove", "keep"]
    report = verify(tmp_path)
    assert report.ok, report.findings
    after = stat(tmp_path)
    assert (after.said, after.counted) == (before.said, before.counted)

    path = tmp_path / "wire/p/20261124/12.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    [finding] = verify(tmp_path).findings
    assert finding.what == "frame 8 where 1 was due"


def _add_frames(root: Path, first: int, last: int, at_ns: int) -> None:
    writer = make_writer(root, HandClock(at_ns))
    for n in range(first, last + 1):
        writer.append("wire", frame(n, at_ns), at_ns)
    assert writer.close()
