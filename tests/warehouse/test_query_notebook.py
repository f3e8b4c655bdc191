"""The example notebook runs from its first cell to its last, as its readers run it."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "asking.ipynb"
CELL_SECONDS = 120


def test_the_example_notebook_runs() -> None:
    notebook = nbformat.reads(NOTEBOOK.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    done = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3").execute()
    shown = [output for cell in done.cells for output in cell.get("outputs", [])]
    assert len(shown) >= 8
    assert any("unknown" in output.get("data", {}).get("text/plain", "") for output in shown)
