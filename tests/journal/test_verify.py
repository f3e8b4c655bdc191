"""The proof finds every single-bit error, everything missing, extra, repeated, shortened or older."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sise.journal import verify as proving
from sise.journal.files import partitions
from sise.journal.line import close_line
from sise.journal.seal import seal, seal_finished
from sise.journal.verify import verify

from .parts import HOUR_NS, NOON, HandClock, files_of, frame, make_journal, make_writer, plain_file

FAR = NOON + 10_000_000 * HOUR_NS
RANDOM_FLIPS = 800
SEALED = "wire/p/20261120/12.jsonl.zst"
MANIFEST = "wire/p/20261120/MANIFEST.jsonl"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Three hours: two sealed, the newest plain, of wire and scalp."""
    root = tmp_path / "data"
    make_journal(root, 9, step_ns=HOUR_NS // 3)
    assert len(seal_finished(root, ["wire", "scalp"], FAR)) == 4
    report = verify(root)
    assert report.ok, report.findings
    assert (report.files, report.lines) == (8, 22)
    return root


def test_random_single_bit_errors_in_any_file(journal: Path) -> None:
    rng = random.Random(20261120)
    files = {name: data for name, data in files_of(journal).items() if data}
    weights = [len(data) for data in files.values()]
    for _ in range(RANDOM_FLIPS):
        [name] = rng.choices(list(files), weights)
        _check_flip(journal, name, files[name], rng.randrange(len(files[name]) * 8))


@pytest.mark.long
def test_every_single_bit_error_in_every_file(journal: Path) -> None:
    for name, data in files_of(journal).items():
        for bit in range(len(data) * 8):
            _check_flip(journal, name, data, bit)


def test_every_bit_of_a_small_sealed_file(tmp_path: Path) -> None:
    make_journal(tmp_path, 1)
    path = plain_file(tmp_path)
    assert seal(path, NOON)
    data = (tmp_path / SEALED).read_bytes()
    for bit in range(len(data) * 8):
        _check_flip(tmp_path, SEALED, data, bit)


def _check_flip(root: Path, name: str, data: bytes, bit: int) -> None:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    (root / name).write_bytes(changed)
    report = verify(root)
    (root / name).write_bytes(data)
    assert not report.ok, f"bit {bit} of {name} is not found"
    places = [finding.line for finding in report.findings if finding.file == name]
    assert places, f"bit {bit} of {name}: only {report.findings}"
    if name.endswith(".jsonl"):
        assert data[: bit // 8].count(b"\n") + 1 == places[0], f"bit {bit} of {name}: {report.findings}"


def _found(root: Path) -> list[tuple[str, int, str]]:
    return [(finding.file, finding.line, finding.what) for finding in verify(root).findings]


def test_a_missing_sealed_file(journal: Path) -> None:
    (journal / SEALED).unlink()
    assert _found(journal) == [
        ("wire/p/20261120/13.jsonl.zst", 1, "frame 4 where 1 was due"),
        (SEALED, 0, "listed in the manifest, but not there"),
    ]


def test_an_extra_sealed_file(journal: Path) -> None:
    shutil.copy(
        journal / "scalp/p/crypto/20261120/12_00_00.jsonl.zst",
        journal / "scalp/p/crypto/20261120/11_00_00.jsonl.zst",
    )
    assert _found(journal) == [
        ("scalp/p/crypto/20261120/11_00_00.jsonl.zst", 0, "sealed, but no manifest lists it")
    ]


def test_an_older_sealed_file(journal: Path) -> None:
    """A good file that is not the one that was sealed, such as an old backup."""
    old = journal.parent / "old"
    make_journal(old, 2)
    seal(plain_file(old), NOON)
    shutil.copy(old / SEALED, journal / SEALED)
    assert (SEALED, 0, "SHA-256 differs from the manifest") in _found(journal)


@pytest.mark.parametrize("left", [0.0, 0.5, 0.99])
def test_a_truncated_sealed_file(journal: Path, left: float) -> None:
    data = (journal / SEALED).read_bytes()
    (journal / SEALED).write_bytes(data[: int(len(data) * left)])
    assert (SEALED, 0, "SHA-256 differs from the manifest") in _found(journal)


def test_a_file_that_is_no_part_of_a_journal(journal: Path) -> None:
    (journal / "wire/p/notes.txt").write_text("mine")
    assert _found(journal) == [("wire/p/notes.txt", 0, "not a part of the journal")]


def test_a_manifest_cut_at_each_byte(journal: Path) -> None:
    data = (journal / MANIFEST).read_bytes()
    ends = [0, data.index(b"\n") + 1, len(data)]
    for end in range(len(data)):
        (journal / MANIFEST).write_bytes(data[:end])
        files = {file for file, _, _ in _found(journal)}
        lost = {
            f"wire/p/20261120/{hour}.jsonl.zst" for hour, at in (("12", ends[1]), ("13", ends[2])) if end < at
        }
        assert files == lost | (set() if end in ends else {MANIFEST})


def test_without_its_manifest(journal: Path) -> None:
    (journal / MANIFEST).unlink()
    assert {what for _, _, what in _found(journal)} == {"sealed, but no manifest lists it"}


@pytest.mark.parametrize(
    ("change", "line", "what"),
    [
        (lambda lines: lines[1:], 1, "frame 2 where 1 was due"),
        (lambda lines: lines[:2] + lines[3:], 3, "frame 4 where 3 was due"),
        (lambda lines: lines[:2] + lines[1:], 3, "frame 2 where 3 was due"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1, "frame 2 where 1 was due"),
        (
            lambda lines: [*lines[:3], close_line(b'{"k":1}'), *lines[3:]],
            4,
            "Object missing required field `n`",
        ),
        (lambda lines: [*lines[:4], lines[4][:-1]], 5, "incomplete line"),
        (lambda lines: [*lines[:4], lines[4][:10] + b"\n"], 5, "no record with a checksum"),
    ],
    ids=["first", "removed", "repeated", "exchanged", "foreign", "torn", "cut"],
)
def test_lines_of_the_wire(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], line: int, what: str
) -> None:
    make_journal(tmp_path, 5)
    path = plain_file(tmp_path)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert _found(tmp_path)[0] == ("wire/p/20261120/12.jsonl", line, what)


def test_a_missing_hour_of_the_wire(tmp_path: Path) -> None:
    make_journal(tmp_path, 5, step_ns=HOUR_NS)
    partitions(tmp_path, ["wire"])[2].on_disk(tmp_path).unlink()
    assert _found(tmp_path) == [("wire/p/20261120/15.jsonl", 1, "frame 4 where 3 was due")]


def test_one_damaged_line_is_one_finding(tmp_path: Path) -> None:
    make_journal(tmp_path, 5)
    path = plain_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"frame 3", b"frame 9"))
    assert _found(tmp_path) == [("wire/p/20261120/12.jsonl", 3, "checksum does not match")]


def test_each_provider_has_its_own_numbers(tmp_path: Path) -> None:
    for provider in ("p", "q"):
        path = tmp_path / f"wire/{provider}/20261120/12.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(close_line(frame(1)) + close_line(frame(2)))
    assert verify(tmp_path).ok


def test_a_right_checksum_over_wrong_json(tmp_path: Path) -> None:
    path = tmp_path / "scalp/p/crypto/20261120/12_00_00.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(close_line(b'{"a":1,}'))
    [(_, line, what)] = _found(tmp_path)
    assert line == 1
    assert "JSON is malformed" in what


def test_a_line_being_written_at_this_moment_is_no_finding(tmp_path: Path) -> None:
    clock = HandClock()
    writer = make_writer(tmp_path, clock)
    writer.append("wire", frame(1), clock.now)
    writer.flush()
    path = plain_file(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"n":2,')
    report = verify(tmp_path)
    assert report.ok, report.findings
    assert report.lines == 1
    writer.close()
    assert _found(tmp_path) == [("wire/p/20261120/12.jsonl", 2, "incomplete line")]


def test_findings_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "FINDINGS_MAX", 5)
    path = tmp_path / "wire/p/20261120/12.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"bad\n" * 100)
    report = verify(tmp_path)
    assert (report.ok, len(report.findings), report.lines) == (False, 5, 100)


def test_an_empty_and_an_absent_folder_are_whole(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "absent"):
        report = verify(root)
        assert (report.ok, report.files, report.lines, report.findings) == (True, 0, 0, [])
