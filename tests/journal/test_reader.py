"""Following: every line exactly once, in order, from any cursor; the past reads like the present."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sise.journal import reader
from sise.journal.files import Line, PartitionFile, partitions, read_lines
from sise.journal.line import close_line
from sise.journal.reader import Cursor, Follower
from sise.journal.recover import mend_tails
from sise.journal.seal import seal, seal_finished
from sise.model.time import NS_PER_SECOND

from .disks import FaultyDisk
from .parts import HOUR_NS, NOON, HandClock, body_of, frame, make_journal, make_writer, plain_file, record

PREFIXES: Final = ["wire/p", "scalp/p"]
FAR: Final = NOON + 10_000_000 * HOUR_NS
TAILS: Final = [b"torn", b'{"n":', b"bad line\n", b"bad\n\0\0\n{", b"\0" * 300, b"x" * 900 + b"\n"]


class World:
    """A writer and a follower of its two tracks, and what the follower must have seen."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = HandClock()
        self.count = 0
        self.buffered: list[tuple[str, bytes]] = []
        self.written: dict[str, list[bytes]] = {prefix: [] for prefix in PREFIXES}
        self.read: dict[str, list[bytes]] = {prefix: [] for prefix in PREFIXES}
        self.places: list[str] = []
        self.start()
        self.follower = Follower(root, PREFIXES)

    def start(self) -> None:
        self.writer = make_writer(self.root, self.clock, FaultyDisk())

    def append(self, size: int) -> None:
        self.count += 1
        body = frame(self.count, self.clock.now, "x" * size)
        for stream in ("wire", "scalp")[: 1 + size % 2]:
            self.writer.append(stream, body, self.clock.now)
            self.buffered.append((f"{stream}/p", body))

    def flush(self, _: int) -> None:
        assert self.writer.flush()
        for prefix, body in self.buffered:
            self.written[prefix].append(body)
        self.buffered.clear()

    def commit(self, _: int) -> None:
        self.writer.commit()

    def turn(self, minutes: int) -> None:
        self.clock.now += minutes * 60 * NS_PER_SECOND

    def seal(self, _: int) -> None:
        seal_finished(self.root, PREFIXES, FAR)

    def kill(self, choice: int) -> None:
        """What is in memory is lost; a tail may be torn; the follower may look before it is mended."""
        self.buffered.clear()
        for partition in self.writer._partitions():
            if partition.file is not None:
                partition.file.abandon()
        files = [file for file in partitions(self.root, PREFIXES) if not file.sealed]
        if files:
            path = files[choice % len(files)].on_disk(self.root)
            with path.open("ab") as file:
                file.write(TAILS[choice % len(TAILS)])
        if choice % 3:
            self.poll(choice)
        mend_tails(self.root, PREFIXES, f"{self.count}-{choice}")
        self.start()

    def poll(self, max_lines: int) -> None:
        self.take(self.follower.poll(1 + max_lines % 7))

    def resume(self, _: int) -> None:
        cursors = self.follower.cursors()
        self.follower.close()
        self.follower = Follower(self.root, PREFIXES, start=cursors)

    def take(self, lines: list[Line]) -> None:
        for line in lines:
            prefix = "/".join(line.ref.split("/")[:2])
            self.read[prefix].append(body_of(line.body))
            self.places.append(line.ref)
        for prefix in PREFIXES:
            assert self.read[prefix] == self.written[prefix][: len(self.read[prefix])]

    def end(self) -> None:
        self.flush(0)
        assert self.writer.close()
        while lines := self.follower.poll():
            self.take(lines)
        assert self.read == self.written
        self.follower.close()
        past = Follower(self.root, PREFIXES)
        lines = []
        while more := past.poll():
            lines += more
        past.close()
        assert sorted(line.ref for line in lines) == sorted(self.places), "the past has the same places"
        assert [line.ref for line in lines] == [
            line.ref
            for prefix in PREFIXES
            for file in partitions(self.root, [prefix])
            for line in read_lines(self.root, file)
        ]


ACTIONS: Final = [*["append"] * 3, *["flush"] * 2, *["poll"] * 2, "commit", "turn", "seal", "kill", "resume"]
_actions = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 90)), max_size=60)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_actions)
@example([("append", 1), ("flush", 0), ("kill", 2), ("append", 0), ("flush", 0), ("poll", 6)])
@example([("append", 1), ("flush", 0), ("poll", 1), ("turn", 90), ("append", 1), ("flush", 0), ("commit", 0),
          ("flush", 0), ("seal", 0), ("resume", 0), ("poll", 6)])  # fmt: skip
def test_any_course_of_events(monkeypatch: pytest.MonkeyPatch, actions: list[tuple[str, int]]) -> None:
    monkeypatch.setattr(reader, "READ_BYTES", 256)  # so that a look ends in the middle of lines
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for name, number in actions:
            getattr(world, name)(number)
        world.end()


def test_a_partition_that_is_sealed_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "READ_BYTES", 1000)
    make_journal(tmp_path, 100)
    follower = Follower(tmp_path, ["wire/p"])
    first = follower.poll(10)
    assert 10 <= len(first) < 50
    assert seal(plain_file(tmp_path), NOON)
    cursors = follower.cursors()
    rest = [line.ref for line in _all(follower)]
    resumed = [line.ref for line in _all(Follower(tmp_path, ["wire/p"], start=cursors))]
    expected = [f"wire/p/20261120/12.jsonl:{number}" for number in range(len(first) + 1, 101)]
    assert rest == resumed == expected


def test_listed_plain_but_sealed_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_journal(tmp_path, 5)
    listed = partitions(tmp_path, ["wire/p"])
    assert seal(plain_file(tmp_path), NOON)
    monkeypatch.setattr(reader, "partitions", lambda *_, **__: listed)
    follower = Follower(tmp_path, ["wire/p"], since_ns=NOON - HOUR_NS)
    assert len(follower.poll()) == 5


def test_a_tail_that_was_read_as_damage_and_mended_since(tmp_path: Path) -> None:
    make_journal(tmp_path, 2)
    path = plain_file(tmp_path)
    good = path.read_bytes()
    follower = Follower(tmp_path, ["wire/p"])
    path.write_bytes(good + b"bad line that is longer than what follows" * 20 + b"\n")
    assert len(follower.poll()) == 2
    path.write_bytes(good + close_line(frame(3)))
    assert [line.ref[-2:] for line in follower.poll()] == [":3"]
    assert follower.damaged() == 0


def test_damage_is_passed_over_and_counted(tmp_path: Path) -> None:
    make_journal(tmp_path, 3)
    path = plain_file(tmp_path)
    follower = Follower(tmp_path, ["wire/p"])
    assert len(follower.poll()) == 3
    with path.open("ab") as file:
        file.write(b"bad\nbad\n" + close_line(frame(4)) + b"bad\n")
    assert [line.ref[-2:] for line in follower.poll()] == [":6"]
    assert follower.damaged() == 2
    (tmp_path / "wire/p/20261120/13.jsonl").write_bytes(close_line(frame(5)))
    assert [line.ref[-2:] for line in follower.poll()] == [":1"]
    assert follower.damaged() == 3


def test_endless_damage_is_passed_over_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "READ_BYTES", 64)
    monkeypatch.setattr(reader, "LINE_BYTES_MAX", 1024)
    path = tmp_path / "wire/p/20261120/12.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(close_line(frame(1)) + b"x" * 10_000 + b"\n" + b"bad\n" * 3000 + close_line(frame(2)))
    follower = Follower(tmp_path, ["wire/p"])
    assert [body_of(line.body) for line in _all(follower)] == [frame(1), frame(2)]
    assert follower.damaged() == 3001


def test_a_damaged_sealed_file_does_not_stop_the_follower(tmp_path: Path) -> None:
    make_journal(tmp_path, 50)
    path = plain_file(tmp_path)
    assert seal(path, NOON)
    sealed = path.with_name("12.jsonl.zst")
    data = bytearray(sealed.read_bytes())
    data[len(data) // 2] ^= 1
    sealed.write_bytes(data)
    (tmp_path / "wire/p/20261120/13.jsonl").write_bytes(close_line(frame(51)))
    assert body_of(_all(Follower(tmp_path, ["wire/p"]))[-1].body) == frame(51)


def test_an_error_loses_no_line_that_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_journal(tmp_path, 5)
    follower = Follower(tmp_path, PREFIXES)

    def failing(root: Path, prefixes: list[str], *, since: str = "") -> list[PartitionFile]:
        if prefixes == ["scalp/p"]:
            raise PermissionError("scalp cannot be read")
        return partitions(root, prefixes, since=since)

    with monkeypatch.context() as patch:
        patch.setattr(reader, "partitions", failing)
        assert len(follower.poll()) == 5, "the wire's lines"
        with pytest.raises(PermissionError):
            follower.poll()
    assert len(follower.poll()) == 5, "the scalp's lines"
    assert follower.poll() == []


def test_lines_that_come_between_the_last_read_and_the_look_for_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_journal(tmp_path, 2)
    path = plain_file(tmp_path)
    follower = Follower(tmp_path, ["wire/p"])

    def turning(root: Path, prefixes: list[str], *, since: str = "") -> list[PartitionFile]:
        if since and not path.with_name("13.jsonl").exists():
            with path.open("ab") as file:
                file.write(close_line(frame(3)))
            path.with_name("13.jsonl").write_bytes(close_line(frame(4)))
        return partitions(root, prefixes, since=since)

    monkeypatch.setattr(reader, "partitions", turning)
    assert [line.ref[-10:-8] + line.ref[-2:] for line in _all(follower)] == ["12:1", "12:2", "12:3", "13:1"]


def test_since_leaves_out_what_is_older_sealed_or_not(tmp_path: Path) -> None:
    make_journal(tmp_path, 2)
    old = plain_file(tmp_path)
    os.utime(old, (NOON / 1e9, NOON / 1e9))
    assert seal(old, FAR)
    (tmp_path / "wire/p/20261120/13.jsonl").write_bytes(close_line(frame(3)))
    assert len(_all(Follower(tmp_path, ["wire/p"], since_ns=NOON + HOUR_NS))) == 1
    assert len(_all(Follower(tmp_path, ["wire/p"], since_ns=NOON))) == 3


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "later", ["wire/p"], start={"wire/p": Cursor("wire/p/20261120/11.jsonl")})
    assert follower.poll() == []
    make_journal(tmp_path / "later", 2)
    assert len(follower.poll()) == 2


def test_a_look_for_what_follows_does_not_walk_through_the_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(20261101, 20261121):
        path = tmp_path / f"wire/p/{day}/12.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(close_line(frame(day)))
    assert len(partitions(tmp_path, ["wire/p"])) == 20
    looked: list[Path] = []
    scandir = os.scandir

    def noting(path: Path) -> object:
        looked.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noting)
    found = partitions(tmp_path, ["wire/p"], since="wire/p/20261119/12.jsonl")
    assert [file.path for file in found] == ["wire/p/20261119/12.jsonl", "wire/p/20261120/12.jsonl"]
    assert len(looked) == 3


def test_half_a_line_is_never_seen(tmp_path: Path) -> None:
    path = tmp_path / "wire/p/20261120/12.jsonl"
    path.parent.mkdir(parents=True)
    data = b"".join(close_line(record(n)) for n in range(3))
    follower = Follower(tmp_path, ["wire/p"])
    seen: list[bytes] = []
    for end in range(len(data) + 1):
        path.write_bytes(data[:end])
        seen += [line.body + b"\n" for line in follower.poll()]
        assert b"".join(seen) == data[: data[:end].rfind(b"\n") + 1]


def _all(follower: Follower) -> list[Line]:
    lines = []
    while more := follower.poll():
        lines += more
    follower.close()
    return lines
