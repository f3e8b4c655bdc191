"""The backup at the end of a simulated day: made by real processes, proven, and honest where it fails."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from sise.journal.receipt import read_receipt
from sise.model.time import parse_iso
from sise.run import demo_backup
from sise.run.demo_backup import back_up, failure_of
from sise.run.demo_view import backup_text
from sise.run.kis_day import KisDay
from tests.fleet.backups import make_days

DAY: Final = KisDay(
    day=date(2026, 11, 17),
    start_ns=parse_iso("2026-11-17T09:00:00+09:00"),
    end_ns=parse_iso("2026-11-17T15:40:00+09:00"),
    speed=60.0,
    wall_ns=0,
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal of a day whose collector has ended; nothing of it is sealed yet."""
    monkeypatch.chdir(tmp_path)
    make_days(tmp_path / "data", 1, seal=False)
    return tmp_path / "data"


async def test_the_day_is_verified_at_nine_in_the_evening(data: Path) -> None:
    backup = await back_up(data, DAY)
    assert backup["findings"] == []
    assert backup["verified"] is True
    assert failure_of(backup) is None
    receipt = read_receipt(data, "20261117")
    assert receipt is not None
    assert receipt.received_at.startswith("2026-11-17T12:00:")
    assert (receipt.files, receipt.bytes) == (backup["files"], backup["bytes"])
    assert 0 < backup["seconds"] < 60, "in seconds of this machine"
    assert backup_text(backup).startswith(f"verified ({backup['files']} files, ")


async def test_what_is_damaged_is_told(data: Path) -> None:
    """The journal's own manifest convicts it: no marker, no receipt, and every finding is named."""
    sealed = data.parent / "sealed"
    make_days(sealed, 1)
    broken = sealed / "wire/p/20261117/09.jsonl.zst"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    backup = await back_up(sealed, DAY)
    assert backup["verified"] is False
    kinds = {(each["kind"], each["file"]) for each in backup["findings"]}
    assert ("corrupted", "wire/p/20261117/09.jsonl.zst") in kinds
    assert ("missing", "20261117/SUCCESS.marker") in kinds
    assert read_receipt(sealed, "20261117") is None
    said: Any = failure_of(backup)
    assert "its backup is not verified" in str(said)
    assert backup_text(backup).startswith("NOT verified")


async def test_a_server_that_does_not_come_up_is_a_finding(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_backup, "TOKEN_VARIABLE", "SISE_NOBODYS_TOKEN")
    backup = await back_up(data, DAY)
    assert backup["verified"] is False
    [finding] = backup["findings"]
    assert (finding["kind"], "backup server ended" in finding["what"]) == ("failed", True)
    assert read_receipt(data, "20261117") is None
