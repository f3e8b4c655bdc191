"""``sise rehearse``: days by their seeds, and a broken one is told with its seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sise.rehearse.seeds import SeedResult
from sise.run import rehearse
from tests.run.command_line import in_folder


def test_days_are_played_and_told(tmp_path: Path) -> None:
    done = in_folder(tmp_path)("rehearse", "--first", "1", "--seeds", "1", "--jobs", "2", "--json")
    assert done.returncode == 0, done.stderr
    *days, last = (json.loads(line) for line in done.stdout.splitlines())
    assert [(day["seed"], day["provider"]) for day in days] == [(1, "kis"), (1, "upbit")]
    assert last["ok"] is True
    assert last["days"] == 2
    assert last["frames"] == days[0]["frames"] + days[1]["frames"] > 0
    assert last["broken"] == []


def test_a_seed_can_be_kept_and_looked_at(tmp_path: Path) -> None:
    sise = in_folder(tmp_path)
    one = ("rehearse", "--provider", "upbit", "--first", "4", "--seeds", "1")
    done = sise(*one, "--keep", "kept")
    assert done.returncode == 0, done.stderr
    assert sise("journal", "verify", SISE_DATA_DIR=str(tmp_path / "kept")).returncode == 0
    again = sise(*one, "--keep", "kept")
    assert again.returncode == 2
    assert "name an empty folder" in again.stderr
    assert sise("rehearse", "--provider", "kis", "--keep", "other").returncode == 2
    assert sise("rehearse", "--seeds", "1", "--keep", "other").returncode == 2


def test_a_broken_seed_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    result = SeedResult(7, 10, 2, "", ("lost outside a gap: 2026-11-20T00:31:00Z",), "upbit")
    monkeypatch.setattr("sise.rehearse.seeds.run_seeds", lambda seeds, jobs, providers: iter([result]))
    with pytest.raises(rehearse.Broken, match="--provider upbit --first 7"):
        rehearse.rehearse(seeds=1, first=7, provider=None, jobs=1, keep=None, as_json=False)
    out = capsys.readouterr().out
    assert "upbit seed 7: BROKEN" in out
    assert "lost outside a gap" in out
