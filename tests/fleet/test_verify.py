"""Proof of a backup: every flipped byte is found and its file named; each kind of fault by its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from sise.fleet.restore import restore
from sise.fleet.verify import verify
from sise.journal.files import unsealed
from sise.journal.seal import seal
from sise.model.errors import BadInput
from tests.journal.parts import NOON, HandClock, files_of

from .backups import DAYS, backed_up, files_below, make_days

DAY = "20261118"
WIRE = "data/wire/p/20261118/10.jsonl.zst"
EVENTS = "data/system/events/p/20261118.jsonl.zst"


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    """Three days, whole."""
    make_days(tmp_path / "source")
    await backed_up(tmp_path / "source", tmp_path / "backup")
    return tmp_path / "backup"


def findings(path: Path) -> list[tuple[str, str]]:
    """File and kind of each finding; the report agrees with itself."""
    report = verify(path, HandClock())
    assert report.ok == (not report.findings)
    return [(finding.file, finding.kind) for finding in report.findings]


def _flip(path: Path, at: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    times = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_one_flipped_bit_anywhere(backup: Path) -> None:
    """Each byte of marker, list and history and of one day's smallest files; 120 random ones of the rest."""
    rng = Random(15)
    paths = [path for path in files_below(backup) if path.name != ".lock"]
    small = [backup / DAY / name for name in ("SUCCESS.marker", EVENTS)] + [backup / "HISTORY.jsonl"]
    places = [(path, at) for path in small for at in range(path.stat().st_size)]
    for _ in range(120):
        path = rng.choice(paths)
        places.append((path, rng.randrange(path.stat().st_size)))
    for path, at in places:
        bit = rng.randrange(8)
        _flip(path, at, bit)
        named = {file for file, _ in findings(backup)}
        assert path.relative_to(backup).as_posix() in named, (path, at, bit)
        _flip(path, at, bit)
    assert findings(backup) == []


def _delete(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize(
    ("harm", "name", "kind"),
    [
        (_delete, WIRE, "missing"),
        (_cut, WIRE, "truncated"),
        (_longer, WIRE, "corrupted"),
        (_cut, f"data/universe/p/crypto/{DAY}.json", "truncated"),
        (_delete, "data/wire/p/20261118/MANIFEST.jsonl", "missing"),
        (_delete, "SUCCESS.marker", "missing"),
        (_cut, "SUCCESS.marker", "corrupted"),
        (_delete, "MANIFEST.json", "missing"),
        (_cut, "MANIFEST.json", "corrupted"),
    ],
)
def test_each_fault_by_its_name(backup: Path, harm: Callable[[Path], None], name: str, kind: str) -> None:
    harm(backup / DAY / name)
    assert (f"{DAY}/{name}", kind) in findings(backup)
    assert (name, kind) in findings(backup / DAY)
    assert findings(backup / DAYS[0]) == []


def test_an_extra_file(backup: Path) -> None:
    (backup / DAY / "data/wire/p/20261118/99.jsonl").write_text("{}\n")
    (backup / DAY / "notes.txt").write_text("")
    (backup / "photo.jpg").write_text("")
    (backup / DAY / (WIRE + ".0123456789abcdef.part")).write_text("")
    assert findings(backup) == [
        (f"{DAY}/{WIRE}.0123456789abcdef.part", "extra"),
        (f"{DAY}/data/wire/p/20261118/99.jsonl", "extra"),
        (f"{DAY}/notes.txt", "extra"),
        ("photo.jpg", "extra"),
    ]


def test_an_older_file(backup: Path, tmp_path: Path) -> None:
    """Whole in itself, with right checksums, but not all of it: yesterday's copy of a growing file."""
    plain = tmp_path / "older.jsonl"
    with unsealed(backup / DAY / WIRE) as source:
        lines = source.read().splitlines(keepends=True)
    plain.write_bytes(b"".join(lines[:-1]))
    assert seal(plain, NOON)
    shutil.copy(tmp_path / "older.jsonl.zst", backup / DAY / WIRE)
    [finding] = verify(backup, HandClock()).findings
    assert (finding.file, finding.kind) == (f"{DAY}/{WIRE}", "older")
    assert finding.what.startswith("whole, but an earlier version: 3 of 4 lines")


def test_an_older_file_by_its_time(backup: Path) -> None:
    path = backup / DAY / f"data/universe/p/crypto/{DAY}.json"
    path.write_text('{"symbols": ["KRW-ETH"]}\n')
    assert findings(backup) == [(f"{DAY}/data/universe/p/crypto/{DAY}.json", "corrupted")]
    os.utime(path, (1, 1))
    assert findings(backup) == [(f"{DAY}/data/universe/p/crypto/{DAY}.json", "older")]


async def test_a_whole_day_that_was_put_back(backup: Path, tmp_path: Path) -> None:
    """An older package of the day, complete with list and marker: only the history knows better."""
    source = tmp_path / "source"
    shutil.copytree(backup / DAY, tmp_path / "old")
    universe = source / f"universe/p/crypto/{DAY}.json"
    universe.write_text('{"symbols": ["KRW-BTC", "KRW-ETH"]}\n')
    await backed_up(source, backup)
    assert findings(backup) == []
    shutil.rmtree(backup / DAY)
    shutil.copytree(tmp_path / "old", backup / DAY)
    assert findings(backup) == [(DAY, "older")]


def test_another_list_than_the_verified_one(backup: Path) -> None:
    """List and files agree, but the marker is of something else."""
    shutil.copy(backup / DAYS[0] / "SUCCESS.marker", backup / DAY / "SUCCESS.marker")
    named = findings(backup)
    assert (f"{DAY}/MANIFEST.json", "older") in named


def test_a_day_that_is_gone(backup: Path) -> None:
    shutil.rmtree(backup / DAY)
    assert findings(backup) == [(DAY, "missing")]


@pytest.mark.parametrize("name", ["", "nothing-there"])
def test_where_no_backup_lies(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="PATH"):
        verify(tmp_path / name, HandClock())


def test_a_file_that_cannot_be_read(backup: Path) -> None:
    path = backup / DAY / WIRE
    path.unlink()
    path.mkdir()
    assert (f"{DAY}/{WIRE}", "corrupted") in findings(backup)


@pytest.mark.parametrize("bit", [0, 7])
def test_a_damaged_file_is_not_restored_and_the_rest_is(backup: Path, tmp_path: Path, bit: int) -> None:
    path = backup / DAY / WIRE
    _flip(path, path.stat().st_size // 2, bit)
    report = restore(backup, tmp_path / "to", HandClock())
    assert [(f.file, f.kind) for f in report.findings] == [
        (f"{DAY}/wire/p/20261118/10.jsonl.zst", "corrupted")
    ]
    restored = files_of(tmp_path / "to")
    assert "wire/p/20261118/10.jsonl.zst" not in restored
    assert "wire/p/20261118/11.jsonl.zst" in restored
    assert not [name for name in restored if name.endswith(".part")]
