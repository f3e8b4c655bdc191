"""AC-05 and AC-07 over a KIS day: recorded, pulled, damaged, restored, kept and removed by real commands.

A short piece of the day comes from the demo over real sockets, which backs it up at its end. Here another
machine's `sise backup pull` makes a second backup, on which the drill is done.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from sise.journal.keeping import backup_days
from sise.model.time import iso, parse_iso
from tests.acceptance.processes import events, process, sise, sise_json
from tests.journal.parts import files_of

DAY: Final = "20261118"
SECRET: Final = {"SISE_BACKUP_TOKEN": "the-token-of-the-drill"}
SOME_HOURS: Final = 7_200


def at(moment: str) -> dict[str, str]:
    """The clock of a command that lives at ``moment`` (``22T21:30`` of November 2026 in Seoul)."""
    return {"SISE_CLOCK": f"2026-11-{moment}:00+09:00@1@{iso(time.time_ns())}"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The day's journal as the demo left it, some hours ago, and the demo's last line."""
    data = tmp_path_factory.mktemp("day") / "data"
    piece = ("--day", "2026-11-18", "--from", "09:24", "--to", "09:36", "--speed", "60")
    facts = sise_json(data, "demo", "--provider", "kis", "--json", "--no-browser", "--port", "0", *piece)
    past = time.time() - SOME_HOURS
    for path in data.rglob("*"):
        if path.is_file():
            os.utime(path, (past, past))
    return data, facts


@pytest.fixture(scope="module")
def pulled(recorded: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The backup that another machine has pulled at 21:00 of the day."""
    data, kept = recorded[0], tmp_path_factory.mktemp("machine") / "kept"
    with process(data, "backup", "serve", "--port", "0", "--json", **SECRET, **at("18T21:00")) as server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        answer = sise_json(
            kept.parent, "backup", "pull", url, "--to", str(kept), "--json", **SECRET, **at("18T21:00")
        )
    assert answer["verified"] == [DAY]
    return kept


def test_ac_05_the_demos_day_ends_with_a_verified_backup(recorded: tuple[Path, dict[str, Any]]) -> None:
    data, facts = recorded
    assert facts["backup"]["verified"] is True, facts["backup"]
    assert facts["backup"]["findings"] == []
    report = sise_json(data, "backup", "verify", str(data / "backup"), "--json")
    assert (report["ok"], report["files"], report["bytes"]) == (
        True,
        facts["backup"]["files"],
        facts["backup"]["bytes"],
    )


def test_ac_05_the_marker_comes_with_the_proof_and_the_server_knows(
    recorded: tuple[Path, dict[str, Any]], pulled: Path
) -> None:
    marker = json.loads((pulled / DAY / "SUCCESS.marker").read_bytes())
    receipt = json.loads((recorded[0] / f"run/backups/{DAY}.receipt.json").read_bytes())
    assert marker["package"] == receipt["package"]
    assert parse_iso(marker["verified_at"]) >= parse_iso("2026-11-18T21:00:00+09:00")


def _flip(path: Path, _: Path) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


def _remove(path: Path, _: Path) -> None:
    path.unlink()


def _add(path: Path, _: Path) -> None:
    shutil.copy(path, path.with_name("00.jsonl"))


def _cut(path: Path, _: Path) -> None:
    os.truncate(path, path.stat().st_size - 7)


def _older(path: Path, source: Path) -> None:
    """The file as it lay there earlier: whole lines, and fewer of them."""
    lines = source.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))


DAMAGES: Final[dict[str, tuple[Callable[[Path, Path], None], str]]] = {
    "corrupted": (_flip, "wire"),
    "missing": (_remove, "scalp"),
    "extra": (_add, "wire"),
    "truncated": (_cut, "scalp"),
    "older": (_older, "wire"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_ac_05_a_damage_of_the_backup_is_found_and_named(pulled: Path, tmp_path: Path, kind: str) -> None:
    """One byte flipped, a file gone, one too many, one cut, one put back from earlier."""
    kept = tmp_path / "kept"
    shutil.copytree(pulled, kept)
    damage, track = DAMAGES[kind]
    [path, *_] = sorted((kept / DAY / "data" / track).rglob("[0-9]*.jsonl"))
    damage(path, path)
    done = sise(tmp_path, "backup", "verify", str(kept), "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (1, False)
    named = path.with_name("00.jsonl") if kind == "extra" else path
    [finding] = report["findings"]
    assert (finding["kind"], finding["file"]) == (kind, named.relative_to(kept).as_posix())
    if kind != "extra":
        done = sise(tmp_path, "backup", "restore", str(kept), "--to", str(tmp_path / "back"), "--json")
        assert done.returncode == 1
        [finding] = json.loads(done.stdout)["findings"]
        assert finding["kind"] == kind


def test_ac_05_a_restore_is_equal_file_by_file(
    recorded: tuple[Path, dict[str, Any]], pulled: Path, tmp_path: Path
) -> None:
    """B5: one command, to an empty place, with its time; what comes back is a journal that verifies."""
    back = tmp_path / "back"
    report = sise_json(tmp_path, "backup", "restore", str(pulled), "--to", str(back), "--json")
    assert set(report) == {"ok", "files", "bytes", "seconds", "findings"}
    assert report["ok"]
    assert report["seconds"] > 0
    of_a_journal = ("wire/", "scalp/", "swing/", "system/", "quarantine/", "universe/")
    source = {name: data for name, data in files_of(recorded[0]).items() if name.startswith(of_a_journal)}
    assert files_of(back) == source
    assert report["bytes"] == sum(map(len, source.values()))
    assert sise_json(back, "journal", "verify", "--json")["ok"]
    assert sise_json(back, "journal", "stat", "--json")["balanced"]


def _retain(data: Path, moment: str, *options: str) -> tuple[int, dict[str, Any]]:
    done = sise(data, "journal", "retain", "--json", *options, **at(moment))
    return done.returncode, json.loads(done.stdout)


def test_ac_07_nothing_goes_before_its_backup_is_verified(
    recorded: tuple[Path, dict[str, Any]], pulled: Path, tmp_path: Path
) -> None:
    """Without the receipt nothing goes, and day eleven is an alarm; with it the plan is done."""
    data = tmp_path / "data"
    shutil.copytree(recorded[0], data)
    receipt = data / f"run/backups/{DAY}.receipt.json"
    sent = receipt.read_bytes()
    receipt.unlink()
    before = {name for name in files_of(data) if name.startswith(("wire", "scalp", "swing"))}
    for moment, action, code in (("22T21:30", "keep", 0), ("26T21:30", "hold", 0), ("29T21:30", "alarm", 1)):
        said, plan = _retain(data, moment)
        assert (said, [each["action"] for each in plan["days"]]) == (code, [action])
        assert {name for name in files_of(data) if name.startswith(("wire", "scalp", "swing"))} == before
    assert [each["level"] for each in events(data, "retention_alarm")] == ["warning", "critical"]
    assert [each["detail"]["condition"] for each in events(data, "anomalous_day")] == ["backup_failed"]
    assert {row.state for row in backup_days(data, parse_iso("2026-11-29T21:30:00+09:00"))} == {"alarm"}

    receipt.write_bytes(sent)
    _, plan = _retain(data, "29T21:40", "--dry-run")
    assert [each["action"] for each in plan["days"]] == ["remove"]
    [row] = backup_days(data, parse_iso("2026-11-29T21:40:00+09:00"))
    assert (row.state, row.provider, row.market) == ("removable", "kis", "kr_stocks")
    said, plan = _retain(data, "29T21:45")
    assert (said, [each["action"] for each in plan["days"]]) == (0, ["remove"])
    assert not [name for name in files_of(data) if name.startswith(("wire/kis", "scalp/kis", "swing/kis"))]
    assert (data / f"system/events/kis/{DAY}.jsonl").exists()
    assert {row.state for row in backup_days(data, parse_iso("2026-11-30T00:00:00+09:00"))} == {"removed"}
    assert sise_json(data, "journal", "verify", "--json")["ok"], "what was removed is no loss"
