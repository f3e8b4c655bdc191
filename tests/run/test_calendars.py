"""The calendar of an installation: a file of exceptions that a setting names, refused at the start if bad."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sise.model.errors import BadInput
from sise.run.calendars import calendar_of
from sise.run.settings import load
from tests.run.command_line import Run, in_folder

TEMPORARY = """
[[day]]
date = 2026-11-20
closed = true
reason = "temporary public holiday"
source = "the gazette"
"""


@pytest.fixture
def sise(tmp_path: Path) -> Run:
    return in_folder(tmp_path)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "calendar.toml"
    path.write_text(TEMPORARY, encoding="utf-8")
    monkeypatch.setenv("SISE_CALENDAR", str(path))
    return path


def test_the_files_days_are_not_as_built_in(file: Path) -> None:
    calendar = calendar_of("kr_stocks", load())
    assert calendar.verdict(date(2026, 11, 20)).source == "the gazette"
    assert calendar.is_trading_day(date(2026, 11, 23))


def test_without_the_setting_nothing_is_read() -> None:
    assert calendar_of("kr_stocks", load()).is_trading_day(date(2026, 11, 20))


@pytest.mark.parametrize("content", ["[[day]]\ndate = 2026-11-20\n", "not toml", None])
def test_a_bad_file_is_refused(file: Path, content: str | None) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput):
        calendar_of("kr_stocks", load())


@pytest.mark.parametrize("command", [("collect", "--for", "1s"), ("serve", "--port", "0", "--for", "1s")])
def test_processes_refuse_a_bad_file_at_their_start(
    tmp_path: Path, sise: Run, command: tuple[str, ...]
) -> None:
    named = {"SISE_CALENDAR": str(tmp_path / "none.toml"), "SISE_DATA_DIR": str(tmp_path / "data")}
    done = sise(*command, **named)
    assert done.returncode == 2
    assert "SISE_CALENDAR" in done.stderr


def test_a_closed_day_of_the_file_is_not_played(file: Path, tmp_path: Path, sise: Run) -> None:
    named = {"SISE_CALENDAR": str(file), "SISE_DATA_DIR": str(tmp_path / "data")}
    done = sise("demo", "--provider", "kis", "--day", "2026-11-20", **named)
    assert done.returncode == 2
    assert "temporary public holiday" in done.stderr
