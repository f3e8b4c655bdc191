"""Sealing: cut short at any step it leaves the plain file or the whole proof, and is done again."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sise.journal import seal as sealing
from sise.journal.files import partitions
from sise.journal.line import close_line
from sise.journal.partition import JOURNAL_FOLDERS
from sise.journal.seal import QUIET_SECONDS, Sealed, seal, seal_finished
from sise.journal.verify import verify
from sise.model.time import NS_PER_SECOND

from .parts import HOUR_NS, NOON, bodies, files_of, frame, make_journal, numbers, plain_file

FAR = NOON + 10_000_000 * HOUR_NS
NAME = "12.jsonl.zst"


class Cut(Exception):
    """The power is cut here."""


def _cut_before(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int) -> None:
    calls = 0
    original: Callable[..., object] = getattr(owner, name)

    def cut(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Cut
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, cut)


STEPS = [
    (os, "fsync", 1),  # of the compressed file
    (sealing, "sealed_raw_sha256", 1),
    (os, "utime", 1),
    (Path, "rename", 1),
    (sealing, "sync_folder", 1),
    (sealing, "file_sha256", 1),
    (sealing, "_list", 1),
    (os, "fsync", 3),  # of the manifest
    (sealing, "sync_folder", 2),
    (Path, "unlink", 1),
    (sealing, "sync_folder", 3),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step[1]}-{step[2]}")
def test_cut_short_at_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[object, str, int]
) -> None:
    make_journal(tmp_path, 20)
    path = plain_file(tmp_path)
    lines = bodies(tmp_path, "wire")
    with monkeypatch.context() as patch:
        _cut_before(patch, *step)
        with pytest.raises(Cut):
            seal(path, NOON)
    assert bodies(tmp_path, "wire") == lines, "readers see the lines once"
    report = verify(tmp_path)
    assert report.ok, report.findings

    if path.exists():
        assert seal(path, NOON)
    assert not path.exists()
    assert bodies(tmp_path, "wire") == lines
    report = verify(tmp_path)
    assert report.ok, report.findings


@pytest.mark.parametrize("where", range(9))
def test_a_manifest_line_that_a_crash_cut(tmp_path: Path, where: int) -> None:
    make_journal(tmp_path, 3)
    first = plain_file(tmp_path)
    (second := first.with_name("13.jsonl")).write_bytes(close_line(frame(4)))
    assert seal(first, NOON)
    manifest = first.with_name("MANIFEST.jsonl")
    whole = manifest.read_bytes()
    half = close_line(b'{"file":"13.jsonl.zst","lines":1}')
    manifest.write_bytes(whole + half[: len(half) * where // 9])
    assert seal(second, NOON)
    assert manifest.read_bytes().startswith(whole)
    report = verify(tmp_path)
    assert report.ok, report.findings


def test_what_is_left_open(tmp_path: Path) -> None:
    make_journal(tmp_path, 4, step_ns=HOUR_NS)
    wire = [file.on_disk(tmp_path) for file in partitions(tmp_path, ["wire"])]
    with wire[1].open("rb") as held:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        wire[2].write_bytes(wire[2].read_bytes()[:-1])
        assert [each.file for each in seal_finished(tmp_path, ["wire"], FAR)] == [NAME]
    assert [path.exists() for path in wire] == [False, True, True, True], "held, torn, newest"
    assert [each.file for each in seal_finished(tmp_path, ["wire"], FAR)] == ["13.jsonl.zst"]


def test_what_was_written_a_moment_ago_is_left_open(tmp_path: Path) -> None:
    make_journal(tmp_path, 2, step_ns=HOUR_NS)
    path = partitions(tmp_path, ["wire"])[0].on_disk(tmp_path)
    written = path.stat().st_mtime_ns
    assert seal_finished(tmp_path, ["wire"], written + (QUIET_SECONDS - 1) * NS_PER_SECOND) == []
    assert len(seal_finished(tmp_path, ["wire"], written + (QUIET_SECONDS + 1) * NS_PER_SECOND)) == 1


def test_the_newest_of_each_track_stays_open_over_midnight(tmp_path: Path) -> None:
    make_journal(tmp_path, 3, at_ns=NOON + 10 * HOUR_NS, step_ns=HOUR_NS)
    seal_finished(tmp_path, list(JOURNAL_FOLDERS), FAR)
    assert [(file.path, file.sealed) for file in partitions(tmp_path)] == [
        ("scalp/p/crypto/20261120/22_00_00.jsonl", True),
        ("scalp/p/crypto/20261120/23_00_00.jsonl", True),
        ("scalp/p/crypto/20261121/00_00_00.jsonl", False),
        ("wire/p/20261120/22.jsonl", True),
        ("wire/p/20261120/23.jsonl", True),
        ("wire/p/20261121/00.jsonl", False),
    ]
    assert numbers(tmp_path) == [1, 2, 3]


def test_other_data_is_never_sealed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_journal(tmp_path, 3)
    path = plain_file(tmp_path)
    assert seal(path, NOON)
    path.write_bytes(close_line(frame(4)))
    before = files_of(tmp_path)
    assert seal(path, NOON) is None
    assert files_of(tmp_path) == before
    assert "other data is sealed" in caplog.text
    assert [(each.file, each.what) for each in verify(tmp_path).findings] == [
        ("wire/p/20261120/12.jsonl", "frame 4 where 1 was due"),
        ("wire/p/20261120/12.jsonl.zst", "its plain file lies there too, with other content"),
    ]


def test_what_does_not_read_back_is_not_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_journal(tmp_path, 3)
    path = plain_file(tmp_path)
    monkeypatch.setattr(sealing, "sealed_raw_sha256", lambda path: "00")
    with pytest.raises(OSError, match="does not read back"):
        seal(path, NOON)
    assert path.exists()
    assert verify(tmp_path).ok


def test_many_sealers_at_once(tmp_path: Path) -> None:
    make_journal(tmp_path, 12, step_ns=HOUR_NS // 2)
    done: list[Sealed] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        done.extend(seal_finished(tmp_path, ["wire", "scalp"], FAR))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == len([file for file in partitions(tmp_path) if file.sealed]) == 10
    assert numbers(tmp_path) == list(range(1, 13))
    report = verify(tmp_path)
    assert report.ok, report.findings


def test_two_sealers_write_one_manifest_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_journal(tmp_path, 2, step_ns=HOUR_NS)
    first, second = (file.on_disk(tmp_path) for file in partitions(tmp_path, ["wire"]))
    other = threading.Thread(target=seal, args=(second, NOON))

    def meanwhile(body: bytes) -> bytes:
        monkeypatch.setattr(sealing, "close_line", close_line)
        other.start()
        other.join(0.3)  # it ends in this time only if nothing keeps it out of the manifest
        return close_line(body)

    monkeypatch.setattr(sealing, "close_line", meanwhile)
    assert seal(first, NOON)
    other.join()
    assert first.with_name("MANIFEST.jsonl").read_bytes().count(b"\n") == 2
    assert verify(tmp_path).ok


def test_a_sealer_that_comes_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has opened the plain file before another one sealed and removed it."""
    make_journal(tmp_path, 3)
    path = plain_file(tmp_path)
    flock = fcntl.flock

    def other_first(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        assert seal(path, NOON)
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", other_first)
    assert seal(path, NOON) is None
    assert numbers(tmp_path) == [1, 2, 3]
    assert verify(tmp_path).ok


def test_a_sealed_file_keeps_the_time_of_its_last_line(tmp_path: Path) -> None:
    make_journal(tmp_path, 3)
    path = plain_file(tmp_path)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert seal(path, NOON)
    assert path.with_name(NAME).stat().st_mtime == 1_700_000_000


def test_verify_while_a_sealer_is_at_work(tmp_path: Path) -> None:
    """A partition that is sealed between the listing and the reading is no finding."""
    make_journal(tmp_path, 3)
    copied = tmp_path.with_name(tmp_path.name + "-copy")
    shutil.copytree(tmp_path, copied)

    def seal_first(name: str) -> None:
        seal(copied / name, NOON)

    report = verify(copied, on_file=seal_first)
    assert report.ok, report.findings
    assert report.lines == 6
    assert sorted(name for name in files_of(copied) if name.startswith("wire")) == [
        "wire/p/20261120/12.jsonl.zst",
        "wire/p/20261120/MANIFEST.jsonl",
    ]
