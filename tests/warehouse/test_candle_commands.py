"""``sise candles``: what its document tells people to type, and what it answers to bad input."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import polars as pl
import pytest

from sise.model.time import NS_PER_SECOND, parse_iso
from tests.run.command_line import in_folder
from tests.warehouse.candle_files import HEADER
from tests.warehouse.query_places import trade, write_journal

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "history.md"
MINUTES = "\n".join([HEADER, *(f"2025-09-01 00:{minute:02}:00,100,103,99,102,1.5" for minute in range(59))])
DAYS = """종목코드,일자,시가,고가,저가,종가,거래량
005930,20240102,780,798,782,796,171
005930,20240103,785,788,770,770,217
"""


def documented() -> list[str]:
    """All but those that ask a provider: tests/acceptance types these."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    typed = (line.strip() for line in lines if line.startswith("    ./run sise candles "))
    commands = (re.split(r"\s{2,}", line)[0].removeprefix("./run ") for line in typed)
    return [command for command in commands if not command.startswith("sise candles backfill ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every documented command was typed, one after the other."""
    folder = tmp_path_factory.mktemp("candles")
    (folder / "minutes.csv").write_text(MINUTES)
    (folder / "days.csv").write_text(DAYS)
    for command in documented():
        said = in_folder(folder)(*shlex.split(command)[1:])
        assert said.returncode == 0, (command, said.stderr)
        assert said.stdout
    return folder


def test_the_documented_commands_leave_what_they_say(folder: Path) -> None:
    assert len(documented()) >= 7
    assert pl.read_csv(folder / "samsung.csv.gz")["close"].to_list() == [796.0, 770.0]
    listed = json.loads(in_folder(folder)("candles", "list", "--json").stdout)
    assert [entry["kind"] for entry in listed["entries"]] == ["bars_1m", "bars_1d", "bars_1h"]


def test_the_same_file_a_second_time_changes_nothing(folder: Path) -> None:
    command = ("candles", "import", "minutes.csv", "--symbol", "KRW-BTC", "--provider", "upbit")
    form = ("--market", "crypto", "--size", "1m", "--tz", "UTC", "--json")
    report = json.loads(in_folder(folder)(*command, *form).stdout)
    assert (report["read"], report["kept"], report["dropped"], report["stored"]) == (59, 59, {}, [])


def test_an_hour_with_a_missing_minute_says_so(folder: Path) -> None:
    said = in_folder(folder)("candles", "resample", "--to", "1h", "--out", "hours.parquet", "--json")
    assert json.loads(said.stdout) == {"written": "hours.parquet", "rows": 1, "states": {"unknown": 1}}
    hour = pl.read_parquet(folder / "hours.parquet").row(0, named=True)
    assert (hour["open"], hour["high"], hour["volume"]) == (100.0, 103.0, 88.5)
    assert hour["coverage_ratio"] == pytest.approx(59 / 60)


def test_damage_is_told_and_fails(folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder / "data" / "history", tmp_path / "history")
    next(copied.rglob("*.parquet")).write_bytes(b"x")
    said = in_folder(tmp_path)("candles", "check", "--json", "--history", "history")
    assert said.returncode == 1
    assert json.loads(said.stdout)["ok"] is False
    assert "import its source again" in said.stderr


def test_the_history_lies_where_the_setting_says(folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder / "data" / "history", tmp_path / "bars")
    listed = in_folder(folder)("candles", "list", "--json", SISE_HISTORY=str(copied)).stdout
    assert json.loads(listed)["entries"]
    assert listed == in_folder(tmp_path)("candles", "list", "--json", "--history", "bars").stdout
    for place in ("ftp://x", "s3://key:secret@bucket/x"):
        said = in_folder(folder)("candles", "list", SISE_HISTORY=place)
        assert (said.returncode, len(said.stderr.strip().splitlines())) == (2, 1), said.stderr
        assert "SISE_HISTORY" in said.stderr


def test_the_etl_keeps_its_days_where_the_setting_says(tmp_path: Path) -> None:
    opens = parse_iso("2024-11-20T09:00:00+09:00")
    write_journal(tmp_path / "data", [trade(opens + NS_PER_SECOND)], "20241120")
    said = in_folder(tmp_path)("etl", "2024-11-20", "--json", SISE_HISTORY="bars")
    assert said.returncode == 0, said.stderr
    kept = json.loads(said.stdout)["history"]
    assert kept
    assert all((tmp_path / "bars" / file).is_file() for file in kept)
    assert not (tmp_path / "data" / "history").exists()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("import minutes.csv --provider upbit --market crypto --size 1m --symbol KRW-BTC", "--tz UTC"),
        ("export --size 1d --from yesterday --out a.csv", "--from"),
        ("resample --to 1h --history ftp://x", "s3://bucket/folder"),
        ("export --size 1d --from 2024-01-03T00:00:00Z --until 2024-01-02T00:00:00Z --out a.csv", "--until"),
        ("export --size 1d --symbol 005930 --out taken.csv", "it cannot be written"),
        ("import days.csv --provider krx --market kr_stocks --size 1d --history days.csv/x", "it cannot be"),
        ("check --size 7m", "use one of 1m 3m"),
    ],
)
def test_bad_use_is_one_sentence_with_the_remedy(folder: Path, command: str, told: str) -> None:
    (folder / "taken.csv").mkdir(exist_ok=True)
    said = in_folder(folder)("candles", *shlex.split(command))
    assert said.returncode == 2, said.stderr
    assert told in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1
