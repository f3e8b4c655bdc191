"""The restore drill: what was pulled is a journal again, equal to the source, and `verify` says so."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sise.fleet.restore import restore
from sise.journal import verify as journal_verify
from sise.journal.package import WireRange
from sise.journal.partition import JOURNAL_FOLDERS
from sise.journal.removals import ELSEWHERE, removals
from sise.model.errors import BadInput
from tests.journal.parts import HandClock, bodies, files_of

from .backups import DAYS, backed_up, make_days


async def test_all_days_equal_the_source(tmp_path: Path) -> None:
    root, to = tmp_path / "data", tmp_path / "restored"
    make_days(root)
    await backed_up(root, tmp_path / "backup")
    report = restore(tmp_path / "backup", to, HandClock())
    assert report.ok, report.findings
    source = {name: data for name, data in files_of(root).items() if not name.startswith("run/")}
    assert files_of(to) == source
    assert (report.files, report.bytes) == (len(source), sum(map(len, source.values())))
    assert report.seconds >= 0
    proof = journal_verify.verify(to)
    assert proof.ok, proof.findings
    assert proof == journal_verify.verify(root)
    times = {name: (root / name).stat().st_mtime_ns for name in source if not name.endswith("MANIFEST.jsonl")}
    assert {name: (to / name).stat().st_mtime_ns for name in times} == times


async def test_one_day_says_which_frames_are_elsewhere(tmp_path: Path) -> None:
    make_days(tmp_path / "data")
    await backed_up(tmp_path / "data", tmp_path / "backup")
    report = restore(tmp_path / "backup" / DAYS[1], tmp_path / "to", HandClock())
    assert report.ok
    [removal] = removals(tmp_path / "to", ELSEWHERE)
    assert removal.wire == {"p": [WireRange(1, 12)]}
    assert len(bodies(tmp_path / "to", "wire")) == 12
    for top in JOURNAL_FOLDERS:
        assert all(
            DAYS[1] in str(path) or path.parent.name == "restore" or path.name == "MANIFEST.jsonl"
            for path in (tmp_path / "to" / top).rglob("*")
            if path.is_file()
        )


async def test_days_with_another_one_between(tmp_path: Path) -> None:
    make_days(tmp_path / "data")
    await backed_up(tmp_path / "data", tmp_path / "backup")
    (tmp_path / "backup" / DAYS[1]).rename(tmp_path / "aside")
    assert restore(tmp_path / "backup", tmp_path / "to", HandClock()).ok
    [removal] = removals(tmp_path / "to", ELSEWHERE)
    assert msgspec.to_builtins(removal.wire) == {"p": [{"first": 13, "last": 24}]}


async def test_only_to_an_empty_place(tmp_path: Path) -> None:
    make_days(tmp_path / "data", 1)
    await backed_up(tmp_path / "data", tmp_path / "backup")
    (tmp_path / "to").mkdir()
    (tmp_path / "to/mine").write_text("mine")
    with pytest.raises(BadInput, match="nothing is overwritten"):
        restore(tmp_path / "backup", tmp_path / "to", HandClock())
    with pytest.raises(BadInput, match="nothing is overwritten"):
        restore(tmp_path / "backup", tmp_path / "to/mine", HandClock())
    assert files_of(tmp_path / "to") == {"mine": b"mine"}


async def test_a_day_that_was_never_verified_is_restored_and_said(tmp_path: Path) -> None:
    make_days(tmp_path / "data", 2)
    await backed_up(tmp_path / "data", tmp_path / "backup")
    (tmp_path / "backup" / DAYS[0] / "SUCCESS.marker").unlink()
    (tmp_path / "backup" / DAYS[1] / "MANIFEST.json").write_bytes(b"{}")
    report = restore(tmp_path / "backup", tmp_path / "to", HandClock())
    assert [(finding.file, finding.kind) for finding in report.findings] == [
        (DAYS[0], "unfinished"),
        (DAYS[1], "corrupted"),
    ]
    assert len(bodies(tmp_path / "to", "wire")) == 12
