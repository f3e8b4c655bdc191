"""``kill -9`` at any instant: no acknowledged line lost, none twice, the proof holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("rounds", "seed"), [(30, 1), pytest.param(200, 2, marks=pytest.mark.long)], ids=["quick", "long"]
)
def test_killed_again_and_again(tmp_path: Path, rounds: int, seed: int) -> None:
    command = [sys.executable, "-m", "tests.journal.kill_rounds", str(tmp_path), str(rounds), str(seed)]
    project = Path(__file__).parents[2]
    child = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=600)
    assert child.returncode == 0, child.stderr
    found: dict[str, Any] = json.loads(child.stdout)
    assert found["lives_that_acknowledged"] > rounds // 3, found
    assert found["lines"] >= found["acknowledged"] > 0, found
    assert found["rounds_with_a_line_lost"] == 0, found
    assert found["rounds_with_a_record_without_its_frame"] == 0, found
    assert found["in_order_each_once"], found
    assert found["records_in_order_each_once"], found
    assert found["ok"], found
