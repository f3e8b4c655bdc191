"""``sise candles``: what its document tells people to type, and what it answers to bad input."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.run.command_line import in_folder
from tests.warehouse.candle_files import HEADER

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "history.md"
MINUTES = "\n".join([HEADER, *(f"2025-09-01 00:{minute:02}:00,100,103,99,102,1.5" for minute in range(59))])
DAYS = """종목코드,일자,시가,고가,저가,종가,거래량
005930,20240102,780,798,782,796,171
005930,20240103,785,788,770,770,217
"""


def documented() -> list[str]:
    block = re.findall(
        r"^```console\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [
        line.removeprefix("$ ").partition("  #")[0].strip() for part in block for line in part.splitlines()
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every documented command was typed, one after the other."""
    folder = tmp_path_factory.mktemp("candles")
    (folder / "minutes.csv.gz").write_bytes(gzip.compress(MINUTES.encode()))
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
    command = ("candles", "import", "minutes.csv.gz", "--symbol", "KRW-BTC", "--provider", "upbit")
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


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("import minutes.csv.gz --provider upbit --market crypto --size 1m --symbol KRW-BTC", "--tz UTC"),
        ("export --size 1d --from yesterday --out a.csv", "--from"),
        ("resample --to 1h --history ftp://x", "s3://bucket/folder"),
    ],
)
def test_bad_use_is_one_sentence_with_the_remedy(folder: Path, command: str, told: str) -> None:
    said = in_folder(folder)("candles", *shlex.split(command))
    assert said.returncode == 2, said.stderr
    assert told in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1
