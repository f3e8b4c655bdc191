"""Compiled loops: with and without a place to keep them, and never out of their arrays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sise.warehouse.compiled import compiled, fingerprint
from sise.warehouse.etl import minutefold


def test_what_has_no_file_is_compiled_and_not_kept() -> None:
    made: dict[str, Any] = {}
    exec("def double(number):\n    return 2 * number\n", made)  # as in a place where nothing can be written
    assert compiled(made["double"])(21) == 42


def test_machine_code_is_kept_for_just_these_sources(tmp_path: Path) -> None:
    """Numba alone would go on with a constant of another file as it was."""
    (tmp_path / "one.py").write_text("SILENCE = 15")
    (tmp_path / "two.py").write_text("")
    before = fingerprint(tmp_path.iterdir())
    (tmp_path / "one.py").write_text("SILENCE = 16")
    assert fingerprint(tmp_path.iterdir()) != before
    loop: Any = minutefold.take
    assert "compiled-" in loop.stats.cache_path


@pytest.mark.parametrize("place", ["", "kept"])
def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / ("kept" if place else "file/in-a-file")
    code = (
        "from sise.warehouse.etl.spans import spans_of;"
        "print(spans_of([(1, 5), (3, 9)]).tolist(), __import__('numba').config.CACHE_DIR)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"[[1, 9]] {folder}\n"
    assert bool(list(folder.rglob("*.nbi")) if place else []) == bool(place)


@pytest.mark.long
def test_no_index_is_out_of_range(tmp_path: Path) -> None:
    """The tests of the loops once more, with every index looked at."""
    here = Path(__file__).parent / "etl"
    names = ("test_at_once.py", "test_fold.py", "test_runs.py", "test_spans.py", "test_textpool.py")
    tests = [str(here / name) for name in names]
    watched = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *tests],
        env=watched,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:]
