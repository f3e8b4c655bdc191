"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).resolve().parent
LONGEST_FIRST: Final = (
    "acceptance/test_criteria.py",
    "acceptance/test_kis_day.py",
    "acceptance/test_etl.py",
    "acceptance/test_faults.py",
    "acceptance/test_backup_day.py",
    "rehearse/test_day.py",
    "serve/test_browser.py",
    "acceptance/test_bad_day.py",
    "acceptance/test_documented_commands.py",
    "run/test_canary.py",
    "rehearse/test_upbit.py",
    "run/test_demo_command.py",
    "run/test_demo_kis_command.py",
    "warehouse/test_databases.py",
    "warehouse/test_migrations_rows.py",
    "warehouse/test_query_notebook.py",
    "acceptance/test_backfill.py",
    "warehouse/test_candle_commands.py",
    "warehouse/test_us_stocks.py",
    "simulator/test_market.py",
    "acceptance/test_kill.py",
    "acceptance/test_slots_command.py",
    "collect/test_new_day.py",
    "collect/test_collector.py",
    "simulator/test_clients_upbit.py",
    "run/test_rehearse.py",
    "warehouse/test_compiled.py",
)
"""The files that take longest, those that wait among those that reckon: begun last, one of them would be
waited for alone. Only the order depends on this list; a file that it does not name comes after."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and wire samples that lies beside the project (not part of it).

    Skipped where it is absent; in CI that is a failure (see ``pytest_runtest_logreport``).
    """
    folder = Path(os.environ.get("SISE_SHARED_DIR", TESTS.parent.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"REAL DATA ABSENT: no folder {folder}; set SISE_SHARED_DIR to run this test")
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests run only when asked for (``-m long``); the files that take long begin first."""
    order = {TESTS / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))
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
