"""What the collector is told of the ETL comes from a file, and never stops it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sise.journal.etlstate import FOLDER, EtlRun, write_run
from sise.run.etl_watch import etl_failed

DAY = date(2026, 11, 20)


def run(status: str, market: str = "crypto") -> EtlRun:
    return EtlRun(provider="upbit", market=market, day="20261120", status=status, at="2026-11-20T12:00:00Z")  # type: ignore[arg-type]


def test_failed_done_and_never_run(tmp_path: Path) -> None:
    failed = etl_failed(tmp_path)
    assert failed(DAY) is None
    write_run(tmp_path, run("failed"))
    assert failed(DAY) is True
    write_run(tmp_path, run("done"))
    assert failed(DAY) is False
    write_run(tmp_path, run("failed", "us_stocks"))
    assert failed(DAY) is True
    assert failed(date(2026, 11, 21)) is None


def test_a_damaged_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "20261120_upbit_crypto.json").write_bytes(b"{")
    assert etl_failed(tmp_path)(DAY) is None
