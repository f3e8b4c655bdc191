"""Compiled loops: with and without a place to keep them, and never out of their arrays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sise.warehouse.compiled import compiled


def test_what_has_no_file_is_compiled_and_not_kept() -> None:
    made: dict[str, Any] = {}
    exec("def double(number):\n    return 2 * number\n", made)  # as in a place where nothing can be written
    assert compiled(made["double"])(21) == 42


@pytest.mark.long
def test_no_index_is_out_of_range(tmp_path: Path) -> None:
    """The tests of the loops once more, with every index looked at."""
    here = Path(__file__).parent / "etl"
    tests = [
        str(here / name) for name in ("test_at_once.py", "test_fold.py", "test_spans.py", "test_runs.py")
    ]
    watched = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *tests],
        env=watched,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:]
