"""Where lines lie: hours and days of the market's own clock, and paths in the order of writing, always."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.journal.files import partitions
from sise.journal.partition import (
    Stream,
    events_stream,
    quarantine_stream,
    refused_stream,
    scalp_stream,
    swing_stream,
    wire_stream,
)
from sise.journal.seal import seal_finished
from sise.journal.verify import verify
from sise.model.time import NS_PER_SECOND, iso, parse_iso

from .disks import FaultyDisk
from .parts import HOUR_NS, NEW_YORK, NOON, SEOUL, HandClock, frame, make_writer, numbers, record

WIRE, EVENTS = wire_stream("p", SEOUL), events_stream("p", SEOUL)
SCALP, SWING = scalp_stream("p", "crypto", SEOUL), swing_stream("p", "crypto", SEOUL)
REFUSED, QUARANTINE = refused_stream("p", SEOUL), quarantine_stream("p", SEOUL)
NY_WIRE, NY_EVENTS = wire_stream("p", NEW_YORK), events_stream("p", NEW_YORK)


@pytest.mark.parametrize(
    ("stream", "at", "path", "until"),
    [
        (WIRE, "2026-11-20T14:59:59.999999Z", "wire/p/20261120/23", "2026-11-20T15:00:00Z"),
        (WIRE, "2026-11-20T15:00:00Z", "wire/p/20261121/00", "2026-11-20T16:00:00Z"),
        (SCALP, "2026-11-20T15:00:07.5Z", "scalp/p/crypto/20261121/00_00_07", "2026-11-20T16:00:00Z"),
        (SWING, "2026-11-20T15:10:00Z", "swing/p/crypto/20261121/00_00", "2026-11-20T16:00:00Z"),
        (EVENTS, "2026-11-20T14:59:59Z", "system/events/p/20261120", "2026-11-20T15:00:00Z"),
        (REFUSED, "2026-11-20T15:00:00Z", "system/refused/p/20261121", "2026-11-21T15:00:00Z"),
        (QUARANTINE, "2026-11-20T15:00:00Z", "quarantine/p/20261121", "2026-11-21T15:00:00Z"),
        # 1 November 2026 in New York: 02:00 EDT = 01:00 EST, the hour 01 is lived twice, as one partition
        (NY_WIRE, "2026-11-01T05:30:00Z", "wire/p/20261101/01", "2026-11-01T07:00:00Z"),
        (NY_WIRE, "2026-11-01T06:30:00Z", "wire/p/20261101/01", "2026-11-01T07:00:00Z"),
        (NY_WIRE, "2026-11-01T07:00:00Z", "wire/p/20261101/02", "2026-11-01T08:00:00Z"),
        (NY_EVENTS, "2026-11-01T04:00:00Z", "system/events/p/20261101", "2026-11-02T05:00:00Z"),
        # 8 March 2026 in New York: 02:00 EST = 03:00 EDT, there is no hour 02
        (NY_WIRE, "2026-03-08T06:59:59Z", "wire/p/20260308/01", "2026-03-08T07:00:00Z"),
        (NY_WIRE, "2026-03-08T07:00:00Z", "wire/p/20260308/03", "2026-03-08T08:00:00Z"),
        (NY_EVENTS, "2026-03-08T05:00:00Z", "system/events/p/20260308", "2026-03-09T04:00:00Z"),
    ],
)
def test_path_and_end(stream: Stream, at: str, path: str, until: str) -> None:
    partition = stream.partition(parse_iso(at))
    assert (partition.path, iso(partition.until_ns)) == (path + ".jsonl", iso(parse_iso(until)))


_zones = st.sampled_from(["Asia/Seoul", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])


@settings(max_examples=200, deadline=None)
@given(_zones, st.integers(0, 2 * 366 * 24 * 60), st.booleans())
def test_each_moment_has_one_partition_until_the_next_begins(zone: str, minute: int, daily: bool) -> None:
    make = events_stream if daily else wire_stream
    stream = make("p", ZoneInfo(zone))
    at = parse_iso("2025-12-31T00:00:00Z") + minute * 60 * NS_PER_SECOND
    partition = stream.partition(at)
    assert at < partition.until_ns
    assert stream.partition(partition.until_ns - 1000).path == partition.path
    assert stream.partition(partition.until_ns).path > partition.path


def test_lines_lie_in_the_partition_of_their_receive_time(tmp_path: Path) -> None:
    clock = HandClock()
    writer = make_writer(tmp_path, clock)
    ends = parse_iso("2026-11-20T15:00:00Z")  # midnight in Seoul
    for n, at in enumerate([ends - 2000, ends - 1000, ends, ends + HOUR_NS - 1000, ends + HOUR_NS], 1):
        writer.append("wire", frame(n, at), at)
        writer.append("events", record(n, at), at)
    assert writer.close()
    counts = {f.path: f.on_disk(tmp_path).read_bytes().count(b"\n") for f in partitions(tmp_path)}
    assert counts == {
        "system/events/p/20261120.jsonl": 2,
        "system/events/p/20261121.jsonl": 3,
        "wire/p/20261120/23.jsonl": 2,
        "wire/p/20261121/00.jsonl": 2,
        "wire/p/20261121/01.jsonl": 1,
    }
    assert writer.rotations == 3


def test_a_night_of_winter_time_in_new_york(tmp_path: Path) -> None:
    """Two hours with one name must not make the writer open a file that it holds itself."""
    begin, disk = parse_iso("2026-11-01T04:10:00Z"), FaultyDisk()
    clock = HandClock(begin)
    writer = make_writer(tmp_path, clock, disk, zone=NEW_YORK)
    for n in range(1, 25):
        assert writer.append("wire", frame(n, clock.now), clock.now)
        assert writer.append("scalp", record(n, clock.now), clock.now)
        assert writer.flush()
        clock.now += 600 * NS_PER_SECOND
    assert writer.close()
    assert numbers(tmp_path) == list(range(1, 25))
    assert [file.path for file in partitions(tmp_path, ["wire"])] == [
        f"wire/p/20261101/{hour}.jsonl" for hour in ("00", "01", "02", "03")
    ]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_start_with_a_clock_that_was_set_back(tmp_path: Path, *, sealed: bool) -> None:
    """Else a follower would not see the lines, and a sealed hour would be opened and sealed over."""
    for n, at in [(1, NOON), (2, NOON + HOUR_NS)]:
        _write(tmp_path, n, at)
    if sealed:
        now = NOON + 10_000_000 * HOUR_NS
        assert [each.file for each in seal_finished(tmp_path, ["wire", "scalp"], now)] == ["12.jsonl.zst"]
    _write(tmp_path, 3, NOON + 60 * NS_PER_SECOND)
    _write(tmp_path, 4, NOON + 2 * HOUR_NS)
    assert numbers(tmp_path) == [1, 2, 3, 4]
    assert [file.path[-8:] for file in partitions(tmp_path, ["wire"])] == ["12.jsonl", "13.jsonl", "14.jsonl"]
    assert verify(tmp_path).ok


def test_hours_pass_before_a_clock_that_was_set_back_has_caught_up(tmp_path: Path) -> None:
    _write(tmp_path, 1, NOON + 3 * HOUR_NS)
    clock = HandClock(NOON)
    writer = make_writer(tmp_path, clock, FaultyDisk())
    for n in range(2, 7):
        assert writer.append("wire", frame(n, clock.now), clock.now)
        assert writer.flush()
        clock.now += HOUR_NS
    assert writer.close()
    assert numbers(tmp_path) == [1, 2, 3, 4, 5, 6]
    assert [file.path[-8:] for file in partitions(tmp_path, ["wire"])] == ["15.jsonl", "16.jsonl"]


def _write(root: Path, n: int, at: int) -> None:
    writer = make_writer(root, HandClock(at))
    assert writer.append("wire", frame(n, at), at)
    path, offset = writer.position("wire", at)
    assert writer.flush()
    after = writer.position("wire", at)
    assert after[0] == path
    assert after[1] > offset
    assert writer.close()


def test_the_frame_is_written_before_its_record_also_around_the_hour(tmp_path: Path) -> None:
    """A sample turns the scalp's hour while the wire's last frames are still in memory."""
    disk, clock, order = FaultyDisk(), HandClock(), []
    pwrite = disk.pwrite

    def noting(fd: int, data: bytes, offset: int) -> int:
        order.append("wire" if b'"conn"' in data else "scalp")
        return pwrite(fd, data, offset)

    disk.pwrite = noting  # type: ignore[method-assign]
    writer = make_writer(tmp_path, clock, disk)
    end = NOON + HOUR_NS
    writer.append("wire", frame(1, end - 1000), end - 1000)
    writer.append("scalp", record(1, end - 1000), end - 1000)
    writer.append("scalp", record(1, end), end)
    assert writer.flush()
    assert order == ["wire", "scalp", "scalp"]
    assert writer.close()


@pytest.mark.parametrize("at_once", [False, True])
def test_lines_taken_together_lie_as_those_taken_one_by_one(tmp_path: Path, at_once: bool) -> None:
    writer = make_writer(tmp_path, HandClock(NOON))
    for hour in range(2):
        at = NOON + hour * HOUR_NS
        bodies = [record(n, at) for n in range(3)]
        if at_once:
            writer.append_run("scalp", b"{", [body[1:-1] for body in bodies], at)
        else:
            for body in bodies:
                writer.append("scalp", body, at)
    assert writer.close()
    written = [file.on_disk(tmp_path).read_bytes() for file in partitions(tmp_path, ["scalp"])]
    assert [lines.count(b"\n") for lines in written] == [3, 3]
    assert writer.written_bytes == sum(map(len, written))
    assert verify(tmp_path).ok


def test_where_a_line_will_stand_is_known_before_it_is_written(tmp_path: Path) -> None:
    clock = HandClock()
    writer = make_writer(tmp_path, clock)
    assert writer.position("scalp", clock.now) == ("scalp/p/crypto/20261120/12_00_00.jsonl", 0)
    writer.append("scalp", record(1), clock.now)
    clock.now += 5 * NS_PER_SECOND
    assert writer.position("scalp", clock.now) == ("scalp/p/crypto/20261120/12_00_00.jsonl", 0)
    assert writer.close()


def test_a_second_writer_of_the_same_file_is_kept_out(tmp_path: Path) -> None:
    clock = HandClock()
    first, second = make_writer(tmp_path, clock), make_writer(tmp_path, clock)
    first.append("wire", frame(1), clock.now)
    second.append("wire", frame(1), clock.now)
    assert first.flush()
    assert not second.flush()
    assert second.fault is not None
    assert "another process holds the file" in second.fault.what
    assert first.close()
