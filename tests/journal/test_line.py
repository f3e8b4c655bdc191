"""The line form: what is closed is found whole, and any single-bit error is found."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.journal.files import partitions, read_lines
from sise.journal.line import CorruptLine, add_run, check_line, close_line
from sise.journal.verify import verify

from .parts import frame

_values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
_objects = st.dictionaries(st.text(), _values, min_size=1, max_size=4)


@given(_objects)
def test_a_line_is_json_in_one_line_and_its_body_comes_back(fields: dict[str, object]) -> None:
    fields.pop("crc", None)
    body = msgspec.json.encode({"k": 1} | fields)
    line = close_line(body)

    check_line(line[:-1])

    assert line.count(b"\n") == 1
    assert line.endswith(b'"}\n')
    read = json.loads(line)
    assert len(read.pop("crc")) == 8
    assert read == json.loads(body)


@settings(max_examples=25, deadline=None)
@given(st.lists(_objects, min_size=2, max_size=3))
def test_each_bit_of_neighbouring_lines_newlines_included(objects: list[dict[str, object]]) -> None:
    data = b"".join(close_line(msgspec.json.encode(fields)) for fields in objects)
    for bit in range(len(data) * 8):
        assert not all_good(flipped(data, bit)), f"bit {bit} of {data!r} is not found"


def test_verify_names_the_line_of_each_flipped_bit(tmp_path: Path) -> None:
    path = tmp_path / "wire/p/20261120/12.jsonl"
    path.parent.mkdir(parents=True)
    lines = [close_line(b'{"n":%d,"t":"J*"}' % n) for n in (1, 2, 3)]
    data = b"".join(lines)
    starts = [0, len(lines[0]), len(lines[0]) + len(lines[1]), len(data)]
    for bit in range(len(data) * 8):
        path.write_bytes(flipped(data, bit))
        report = verify(tmp_path)
        line = next(number for number in (1, 2, 3) if bit // 8 < starts[number])
        named = [(finding.file, finding.line) for finding in report.findings]
        assert not report.ok
        assert named[0] == ("wire/p/20261120/12.jsonl", line), f"bit {bit}: {report.findings}"


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b'{"a":1}', b'"crc":"00000000"}', b'{"a":1,"crc":"0000000"}', b'[1,"crc":"00000000"}'],
)
def test_what_is_no_line(line: bytes) -> None:
    with pytest.raises(CorruptLine):
        check_line(line)


@given(st.lists(_objects, max_size=5), st.integers(1, 6))
def test_lines_of_one_head_are_the_same_lines(objects: list[dict[str, object]], cut: int) -> None:
    bodies = [msgspec.json.encode({"k": 1} | fields) for fields in objects]
    head = b'{"k":1'[:cut]
    buffer = bytearray(b"before\n")
    added = add_run(buffer, head, [body[cut:-1] for body in bodies])
    assert bytes(buffer) == b"before\n" + b"".join(map(close_line, bodies))
    assert added == len(buffer) - len(b"before\n")


def test_the_checksum_is_compared_as_text() -> None:
    line = close_line(b'{"a":12345}')[:-1]
    assert line.upper() != line
    with pytest.raises(CorruptLine):
        check_line(line[:-10] + line[-10:-2].upper() + line[-2:])


def test_readers_pass_over_what_is_damaged_and_keep_the_places(tmp_path: Path) -> None:
    path = tmp_path / "wire/p/20261120/12.jsonl"
    path.parent.mkdir(parents=True)
    good = close_line(frame(1))
    path.write_bytes(good + good[:-5] + b"\n" + b"\n" + good + good[:-1])
    [file] = partitions(tmp_path)
    assert [line.ref.rpartition(":")[2] for line in read_lines(tmp_path, file)] == ["1", "4"]


def flipped(data: bytes, bit: int) -> bytes:
    """``data`` with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def all_good(data: bytes) -> bool:
    """Whether a reader would find nothing wrong."""
    if not data.endswith(b"\n"):
        return False
    try:
        for line in data[:-1].split(b"\n"):
            check_line(line)
    except CorruptLine:
        return False
    return True
