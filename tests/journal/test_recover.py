"""A torn write: whatever a crash leaves at the end, the valid prefix stays and the rest is kept apart."""

from __future__ import annotations

import errno
import os
import random
import shutil
from pathlib import Path

import pytest

from sise.journal import recover
from sise.journal.files import READ_BYTES, partitions
from sise.journal.line import close_line
from sise.journal.partition import TORN_FOLDER
from sise.journal.recover import UNSYNCED_BYTES_MAX, good_end, last_wire, mend_tails
from sise.journal.seal import seal
from sise.journal.verify import verify
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, iso

from .disks import FaultyDisk
from .parts import (
    HOUR_NS,
    NOON,
    HandClock,
    files_of,
    frame,
    make_journal,
    make_writer,
    numbers,
    plain_file,
)

PREFIXES = ["wire/p", "scalp/p", "system/events/p"]


def test_cut_at_every_byte_of_the_last_two_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    make_journal(tmp_path, 4)
    path = plain_file(tmp_path)
    whole = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(ends[1], len(whole) + 1):
        path.write_bytes(whole[:cut])
        valid = max(end for end in ends if end <= cut)

        tails = mend_tails(tmp_path, PREFIXES, str(cut))

        assert path.read_bytes() == whole[:valid]
        assert [tmp_path.joinpath(tail.moved_to).read_bytes() for tail in tails] == (
            [whole[valid:cut]] if cut > valid else []
        )
        for tail in tails:
            assert (tail.path, tail.offset, tail.bytes) == ("wire/p/20261120/12.jsonl", valid, cut - valid)
        count = ends.index(valid) + 1
        assert last_wire(tmp_path, "p")[0] == count
        _append(tmp_path, count + 1)
        assert path.read_bytes().startswith(whole[:valid])
        assert numbers(tmp_path) == list(range(1, count + 2))
    assert verify(tmp_path).ok


def _append(root: Path, n: int) -> None:
    writer = make_writer(root, HandClock(NOON + n * NS_PER_SECOND), FaultyDisk())
    assert writer.append("wire", frame(n), NOON + n * NS_PER_SECOND)
    assert writer.close()


GOOD = close_line(frame(1))
LONG = close_line(frame(2, text="x" * 200_000))


@pytest.mark.parametrize(
    ("valid", "tail"),
    [
        (GOOD, b"\0" * 4096),
        (GOOD, b"\0" * 300_000 + b"\n" + b"\0" * 300_000),
        (GOOD, b'{"n":2,"t":"' + b"x" * 500_000),
        (GOOD, b"garbage\n" * 40_000),
        (GOOD, b"\n"),
        (GOOD, b"\n\n{}\n"),
        (GOOD + LONG, LONG[:150_000]),
        (GOOD + LONG, b"\n" * 70_000),
        (GOOD + b"bad line\n" + LONG, b"x"),
        (GOOD, b"\0" + GOOD),
        (GOOD + LONG, LONG[:5000] + b"\0" * 4096 + LONG[9096:] + LONG + GOOD),
        (GOOD, b"\0" * (UNSYNCED_BYTES_MAX - len(GOOD) - 1) + b"\n" + GOOD),
        (b"", b"nothing but garbage"),
        (b"", b"nothing\nbut\ngarbage\n" * 10_000),
        (b"", LONG[:-1]),
        (b"", LONG[1:]),
    ],
    ids=lambda data: f"{len(data)}B" + repr(data[:8]),
)
def test_tails_of_any_length_and_content(tmp_path: Path, valid: bytes, tail: bytes) -> None:
    path = tmp_path / "wire/p/20261120/12.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(valid + tail)

    [torn] = mend_tails(tmp_path, PREFIXES, "stamp")

    assert path.read_bytes() == valid
    assert (tmp_path / torn.moved_to).read_bytes() == tail
    assert mend_tails(tmp_path, PREFIXES, "again") == []


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_hole_at_the_border_of_a_window(tmp_path: Path, shift: int) -> None:
    path = tmp_path / "wire/p/20261120/12.jsonl"
    path.parent.mkdir(parents=True)
    empty = len(close_line(frame(1)))
    valid = close_line(frame(1, text="x" * (READ_BYTES + shift - empty)))
    path.write_bytes(valid + b"\0" + GOOD[1:] + GOOD)
    assert len(mend_tails(tmp_path, PREFIXES, "stamp")) == 1
    assert path.read_bytes() == valid


def test_random_ends_against_the_plain_definition(tmp_path: Path) -> None:
    """good_end reads backwards in windows; reading forwards line by line must agree."""
    rng = random.Random(7)
    path = tmp_path / "file"
    pieces = [GOOD, LONG, b"\n", b"bad\n", b"\0" * 70_000, LONG[:-2], b"x" * 65_536 + b"\n"]
    for _ in range(150):
        data = b"".join(rng.choices(pieces, k=rng.randrange(6)))
        path.write_bytes(data)
        expected = position = 0
        for line in data.splitlines(keepends=True):
            position += len(line)
            if line in (GOOD, LONG):
                expected = position
        with path.open("rb") as file:
            assert good_end(file.fileno(), len(data)) == expected


def test_a_line_longer_than_any_frame_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recover, "LINE_BYTES_MAX", 100_000)
    path = tmp_path / "file"
    path.write_bytes(GOOD + b"y" * 400_000 + b"\n")
    with path.open("rb") as file:
        assert good_end(file.fileno(), path.stat().st_size) == len(GOOD)


def test_a_bad_line_in_the_middle_is_left_for_verify(tmp_path: Path) -> None:
    make_journal(tmp_path, 5)
    path = plain_file(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"frame 3", b"frame 8")
    path.write_bytes(b"".join(lines))
    before = files_of(tmp_path)

    assert mend_tails(tmp_path, PREFIXES, "stamp") == []

    assert files_of(tmp_path) == before
    report = verify(tmp_path)
    assert [(finding.file, finding.line) for finding in report.findings] == [
        ("wire/p/20261120/12.jsonl", 3)
    ], report.findings


def test_a_tail_that_cannot_be_kept_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_journal(tmp_path, 2)
    path = plain_file(tmp_path)
    path.write_bytes(torn := path.read_bytes()[:-3])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(BadInput, match=r"SISE_DATA_DIR.*make room"):
            mend_tails(tmp_path, PREFIXES, "stamp")
    assert path.read_bytes() == torn
    assert not list((tmp_path / TORN_FOLDER).iterdir())

    assert len(mend_tails(tmp_path, PREFIXES, "stamp")) == 1
    assert numbers(tmp_path) == [1]


def test_torn_tails_are_no_partitions(tmp_path: Path) -> None:
    make_journal(tmp_path, 2)
    path = plain_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    mend_tails(tmp_path, PREFIXES, "stamp.jsonl")
    report = verify(tmp_path)
    assert report.ok, report.findings
    assert report.files == 2


@pytest.mark.parametrize("sealed", [False, True])
def test_the_last_number_is_found_behind_empty_partitions(tmp_path: Path, *, sealed: bool) -> None:
    make_journal(tmp_path, 3)
    if sealed:
        assert seal(plain_file(tmp_path), NOON)
    (tmp_path / "wire/p/20261120/13.jsonl").touch()
    assert last_wire(tmp_path, "p") == (3, iso(NOON + 2 * NS_PER_SECOND))
    assert last_wire(tmp_path, "q") == (0, None)


def test_a_restart_while_a_sealer_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sealer of a killed collector may remove a plain file after the start has listed it."""
    make_journal(tmp_path, 2)
    old = plain_file(tmp_path)
    _append(tmp_path, 3 + HOUR_NS // NS_PER_SECOND)
    listed = partitions(tmp_path, PREFIXES)
    assert seal(old, NOON)
    monkeypatch.setattr(recover, "partitions", lambda *_: listed)
    assert mend_tails(tmp_path, PREFIXES, "stamp") == []
    assert last_wire(tmp_path, "p")[0] == 3 + HOUR_NS // NS_PER_SECOND
