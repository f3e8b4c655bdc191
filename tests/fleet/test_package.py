"""The package: which files are a day's, what a list must be to be believed, and that a day only grows."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sise.journal.line import close_line
from sise.journal.pack import Packer, local_day
from sise.journal.package import (
    BadPackage,
    Package,
    PackedFile,
    WireRange,
    day_of,
    decode_package,
    encode_package,
    is_safe,
    package_hash,
    parse_day,
    shrunk,
)
from sise.journal.partition import JOURNAL_FOLDERS
from sise.journal.seal import seal_finished
from sise.model.errors import BadInput
from sise.model.time import MARKET_ZONES, parse_iso
from tests.journal.parts import HandClock

from .backups import DAYS, EVENING, LONG_AGO, make_days


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("wire/upbit/20261120/09.jsonl", "20261120"),
        ("wire/upbit/20261120/09.jsonl.zst", "20261120"),
        ("scalp/kis/kr_stocks/20261120/09_30_00.jsonl.zst", "20261120"),
        ("system/events/kis/20261120.jsonl", "20261120"),
        ("system/overflow/kis/20261120_overflow.jsonl.zst", "20261120"),
        ("universe/kis/kr_stocks/20261120.json", "20261120"),
        ("quarantine/torn/wire__p__20261120__12.jsonl.1763600000000000000", "20261120"),
        ("quarantine/torn/system__events__p__20261120.jsonl.1763600000000000000", "20261120"),
        ("quarantine/torn/quarantine__torn__x.1", ""),
        ("wire/upbit/20261320/09.jsonl", ""),
        ("wire/upbit/20261120x/09.jsonl", ""),
        ("system/events/kis/MANIFEST.jsonl", ""),
        ("20261120/upbit/x/09.jsonl", ""),
    ],
)
def test_the_day_of_a_path(path: str, day: str) -> None:
    assert day_of(path) == day


def test_days_as_people_write_them() -> None:
    assert parse_day("2026-11-20") == parse_day("20261120") == "20261120"
    for text in ("2026", "20261131", "today", ""):
        with pytest.raises(BadInput, match="write a day as 20261120"):
            parse_day(text)


def test_paths_that_are_safe() -> None:
    assert is_safe("quarantine/torn/wire__p__20261120__12.jsonl.1763600000000000000")
    assert is_safe("universe/kis/kr_stocks/20261120.json")
    assert not is_safe("universe")


def _packer(root: Path, now_ns: int = EVENING) -> Packer:
    return Packer(root, HandClock(now_ns))


def _hash(package: Package) -> str:
    return package_hash(encode_package(package))


def test_a_list_and_back(tmp_path: Path) -> None:
    make_days(tmp_path, 2)
    package = _packer(tmp_path).package(DAYS[1])
    assert package.finished
    assert package.wire == {"p": WireRange(13, 24)}
    assert decode_package(encode_package(package)) == package
    sealed = package.by_path()["wire/p/20261118/09.jsonl.zst"]
    assert (sealed.lines, sealed.raw_bytes > sealed.bytes) == (4, True)


def test_every_flipped_bit_of_a_list_is_found(tmp_path: Path) -> None:
    make_days(tmp_path, 1, hours=1)
    line = encode_package(_packer(tmp_path).package(DAYS[0]))
    for at in range(len(line)):
        bent = bytearray(line)
        bent[at] ^= 1 << at % 8
        with pytest.raises(BadPackage):
            decode_package(bytes(bent))
    for size in range(0, len(line), 7):
        with pytest.raises(BadPackage):
            decode_package(line[:size])


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"day": "20261399"},
        {"files": [{"path": "wire/a", "bytes": -1, "sha256": "0" * 64, "lines": 1}]},
        {"files": [{"path": "wire/a", "bytes": 1, "sha256": "0" * 63, "lines": 1}]},
        {"files": [{"path": "wire/a", "bytes": 1, "sha256": "0" * 64, "lines": 1}] * 2},
        {"files": [{"path": p, "bytes": 1, "sha256": "0" * 64, "lines": 1} for p in ("wire/a", "wire/A")]},
        {"files": [{"path": "wire/a", "bytes": True, "sha256": "0" * 64, "lines": 1}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_list_with_what_cannot_be(change: dict[str, Any]) -> None:
    fields = {"format": 1, "day": "20261120", "finished": True, "open": [], "wire": {}, "files": []} | change
    with pytest.raises(BadPackage):
        decode_package(close_line(msgspec.json.encode(fields)))


def test_the_same_content_has_the_same_name(tmp_path: Path) -> None:
    make_days(tmp_path, 3)
    first = _packer(tmp_path).package(DAYS[0])
    packer = _packer(tmp_path)
    assert packer.package(DAYS[0]) == packer.package(DAYS[0]) == first


def test_a_later_day_changes_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    """Tracks with a file a day share one manifest; a package takes only its day's lines."""
    make_days(tmp_path, 3, seal=False)
    packer = _packer(tmp_path)
    packages = [packer.package(day) for day in DAYS]
    manifest = tmp_path / "system/events/p/MANIFEST.jsonl"
    assert len(manifest.read_bytes().splitlines()) == 2
    newer = tmp_path / "system/events/p/20261120.jsonl"
    newer.write_bytes((tmp_path / "system/events/p/20261119.jsonl").read_bytes())
    os.utime(newer, (LONG_AGO, LONG_AGO))
    after = [_packer(tmp_path).package(day) for day in DAYS]
    assert after[:2] == packages[:2]
    assert after[2] != packages[2]
    assert len(manifest.read_bytes().splitlines()) == 3
    assert shrunk(packages[2], after[2]) == []
    assert shrunk(after[2], packages[2]) == [("system/events/p/MANIFEST.jsonl", "is no longer listed")]


@pytest.mark.parametrize(
    ("now", "held", "torn", "why"),
    [
        ("2026-11-19T21:00:00+09:00", False, False, ""),
        ("2026-11-19T21:00:00+09:00", True, False, "a collector holds it"),
        ("2026-11-20T00:00:00+09:00", True, False, ""),
        ("2026-11-20T21:00:00+09:00", False, True, "its last line is torn"),
    ],
)
def test_what_keeps_a_day_open(tmp_path: Path, now: str, held: bool, torn: bool, why: str) -> None:
    make_days(tmp_path)
    path = tmp_path / "wire/p/20261119/11.jsonl"
    with path.open("ab") as file:
        if held:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        if torn:
            file.write(b'{"n":')
            file.flush()
        package = _packer(tmp_path, parse_iso(now)).package("20261119")
    assert package.finished == (why == "")
    assert all(each.startswith(f"wire/p/20261119/11.jsonl: {why}") for each in package.open)
    assert len(package.open) == bool(why)
    assert ("wire/p/20261119/11.jsonl" in package.by_path()) == (not why)


def test_what_was_written_a_moment_ago_may_still_grow(tmp_path: Path) -> None:
    make_days(tmp_path)
    path = tmp_path / "wire/p/20261119/11.jsonl"
    with path.open("rb") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        os.utime(path, (EVENING // 10**9 - 10,) * 2)
        assert not _packer(tmp_path).package("20261119").finished
        assert _packer(tmp_path, EVENING + 90 * 10**9).package("20261119").finished


def test_the_day_ends_where_its_market_is() -> None:
    night = parse_iso("2026-11-20T03:00:00+09:00")
    assert local_day(night, MARKET_ZONES["crypto"]) == "20261120"
    assert local_day(night, MARKET_ZONES["us_stocks"]) == "20261119"
    assert local_day(night, None) == "20261119", "not known: the day that ends last"


def test_a_sealed_file_that_is_gone_is_listed_all_the_same(tmp_path: Path) -> None:
    make_days(tmp_path)
    before = _packer(tmp_path).package(DAYS[0])
    (tmp_path / "wire/p/20261117/10.jsonl.zst").unlink()
    after = _packer(tmp_path).package(DAYS[0])
    assert set(after.by_path()) == set(before.by_path())


def test_a_seal_that_was_cut_short(tmp_path: Path) -> None:
    """Plain and sealed lie there together: the plain one counts, and the day is the same content."""
    make_days(tmp_path)
    sealed = _packer(tmp_path).package(DAYS[2])
    copy = tmp_path / "wire/p/20261119/11.jsonl"
    copy.with_name("11.jsonl.zst").write_bytes(b"half")
    both = _packer(tmp_path).package(DAYS[2])
    assert both == sealed


def test_days(tmp_path: Path) -> None:
    assert _packer(tmp_path).days() == []
    make_days(tmp_path)
    assert _packer(tmp_path).days() == list(DAYS)


def test_hashes_are_of_what_lies_there_now(tmp_path: Path) -> None:
    make_days(tmp_path)
    packer = _packer(tmp_path)
    before = packer.package(DAYS[0])
    universe = tmp_path / f"universe/p/crypto/{DAYS[0]}.json"
    universe.write_text('{"symbols": ["KRW-XRP"]}\n')
    after = packer.package(DAYS[0])
    assert _hash(after) != _hash(before)
    assert shrunk(before, after) == []
    assert shrunk(after, before) == [(f"universe/p/crypto/{DAYS[0]}.json", "is an older version")]


def _file(path: str, size: int, sha: str, **fields: Any) -> PackedFile:
    return PackedFile(path=path, bytes=size, sha256=sha * 64, lines=1, **fields)


PLAIN = _file("wire/p/20261120/09.jsonl", 100, "1")
GROWN = _file("wire/p/20261120/09.jsonl", 101, "2")
BENT = _file("wire/p/20261120/09.jsonl", 100, "3")
SEALED = _file("wire/p/20261120/09.jsonl.zst", 10, "4", raw_bytes=100, raw_sha256="1" * 64)
RESEALED = _file("wire/p/20261120/09.jsonl.zst", 11, "5", raw_bytes=100, raw_sha256="1" * 64)
OTHER = _file("wire/p/20261120/09.jsonl.zst", 10, "6", raw_bytes=200, raw_sha256="7" * 64)
SMALL = _file("wire/p/20261120/09.jsonl.zst", 10, "6", raw_bytes=99, raw_sha256="7" * 64)


@pytest.mark.parametrize(
    ("old", "new", "grows"),
    [
        (PLAIN, PLAIN, True),
        (PLAIN, GROWN, True),
        (GROWN, PLAIN, False),
        (PLAIN, BENT, False),
        (PLAIN, SEALED, True),
        (GROWN, SEALED, False),
        (PLAIN, SMALL, False),
        (SEALED, RESEALED, True),
        (SEALED, OTHER, False),
        (SEALED, PLAIN, True),
    ],
)
def test_a_journal_only_grows(old: PackedFile, new: PackedFile, grows: bool) -> None:
    def package(file: PackedFile) -> Package:
        return Package(format=1, day="20261120", finished=True, open=[], wire={}, files=[file])

    assert (shrunk(package(old), package(new)) == []) == grows


def test_sealing_comes_first(tmp_path: Path) -> None:
    make_days(tmp_path, seal=False)
    package = _packer(tmp_path).package(DAYS[0])
    assert seal_finished(tmp_path, list(JOURNAL_FOLDERS), EVENING) == []
    raw = [file.path for file in package.files if file.path.startswith(("wire", "scalp"))]
    assert all(path.endswith((".zst", "MANIFEST.jsonl")) for path in raw)
