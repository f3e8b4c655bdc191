"""``sise rehearse``: days by their seeds, and a broken one is told with its seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sise.rehearse.seeds import SeedResult
from sise.run import rehearse
from tests.run.command_line import in_folder


def test_days_are_played_and_told(tmp_path: Path) -> None:
    done = in_folder(tmp_path)("rehearse", "--seeds", "2", "--jobs", "2", "--json")
    assert done.returncode == 0, done.stderr
    first, second, last = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["seed"], second["seed"]) == (0, 1)
    assert last["ok"] is True
    assert last["seeds"] == 2
    assert last["frames"] == first["frames"] + second["frames"] > 0
    assert last["broken"] == []


def test_a_seed_can_be_kept_and_looked_at(tmp_path: Path) -> None:
    sise = in_folder(tmp_path)
    done = sise("rehearse", "--first", "1", "--seeds", "1", "--keep", "kept")
    assert done.returncode == 0, done.stderr
    assert sise("journal", "verify", SISE_DATA_DIR=str(tmp_path / "kept")).returncode == 0
    again = sise("rehearse", "--first", "1", "--seeds", "1", "--keep", "kept")
    assert again.returncode == 2
    assert "name an empty folder" in again.stderr
    assert sise("rehearse", "--keep", "other").returncode == 2


def test_a_broken_seed_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    result = SeedResult(7, 10, 2, "", ("lost outside a gap: 2026-11-20T00:31:00Z",))
    monkeypatch.setattr("sise.rehearse.seeds.run_seeds", lambda seeds, jobs: iter([result]))
    with pytest.raises(rehearse.Broken, match="seed 7"):
        rehearse.rehearse(seeds=1, first=7, jobs=1, keep=None, as_json=False)
    out = capsys.readouterr().out
    assert "seed 7: BROKEN" in out
    assert "lost outside a gap" in out
