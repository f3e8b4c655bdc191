"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and wire samples that lies beside the project (not part of it).

    Skipped where it is absent; in CI that is a failure (see ``pytest_runtest_logreport``).
    """
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("SISE_SHARED_DIR", root.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"REAL DATA ABSENT: no folder {folder}; set SISE_SHARED_DIR to run this test")
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests run only when asked for (``-m long``)."""
    if "long" in (config.option.markexpr or ""):
        return
    items[:] = [item for item in items if "long" not in item.keywords]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """In CI a skipped test is a failed test: a check that did not run must not read as passed."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
