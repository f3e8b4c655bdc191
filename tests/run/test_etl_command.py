"""``sise etl``: every command of its page, and what bad input is told, in a folder of its own."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest

from sise.warehouse.etl.days import MarketDay
from tests.run.command_line import in_folder
from tests.warehouse.databases import POSTGRESQL
from tests.warehouse.etl.journals import sample, scalp, slots, swing, trade, write

PAGE = Path(__file__).resolve().parents[2] / "docs/etl.md"
DATE = "2026-11-20"
DAYS = [MarketDay("upbit", "crypto", date(2026, 11, 20) - timedelta(days=back)) for back in (2, 1, 0)]


def commands() -> list[str]:
    """The lines of the page's shell blocks, without what explains them."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder whose journal has the days that the page names."""
    for day in DAYS:
        lines = [sample(day, float(at), volume=1.0) for at in range(100)]
        scalp(tmp_path / "data", day, [*lines, trade(day, 5, 1)])
        write(tmp_path / "data", day.events, [slots(day, 0, "KRW-BTC")])
    return tmp_path


def test_the_page_has_commands() -> None:
    assert len(commands()) >= 4
    assert all(command.startswith("sise etl ") for command in commands())


def test_the_commands_of_the_page_work_one_after_the_other(home: Path) -> None:
    sise = in_folder(home)
    for command in commands():
        done = sise(*shlex.split(command)[1:])
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout, command


def test_what_was_asked_in_vain_is_a_sentence_and_exit_code_2(home: Path) -> None:
    sise = in_folder(home)
    for command, sentence in [
        (("2026-11-20", "--to", "2026-11-01"), "it is before 2026-11-20: write the earlier day first"),
        (("check", "2026-11-20", "--to", "2026-11-01"), "write the earlier day first"),
        (("2026-11-25",), "has no lines of that day; it has 2026-11-18 to 2026-11-20"),
        (("2026-11-20T09:00",), "a day has no time and no zone"),
        (("load", DATE, "--follow"), "name a day such as 2026-11-20, or give --follow"),
    ]:
        done = sise("etl", *command)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), (command, done.stderr)
        assert sentence in " ".join(done.stderr.split()), done.stderr


def test_a_database_of_a_newer_schema_is_refused_and_left_alone(home: Path) -> None:
    sise, file = in_folder(home), home / "trading.db"
    url = {"SISE_DATABASE_URL": f"sqlite:///{file}"}
    assert sise("etl", DATE, "--no-keep", **url).returncode == 0
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    before = file.read_bytes()
    done = sise("etl", DATE, **url)
    assert done.returncode == 2, done.stderr
    assert "update this program" in done.stderr.lower()
    assert file.read_bytes() == before


def test_wrong_credentials_are_said_without_the_password(home: Path) -> None:
    server = POSTGRESQL.partition("@")[2].partition("/")[0]
    url = f"postgresql://nobody_of_sise@{server}/postgres"
    done = in_folder(home)("etl", DATE, SISE_DATABASE_URL=url, SISE_DATABASE_PASSWORD="hunter2hunter2")
    assert done.returncode == 2, done.stderr
    assert "check the user and SISE_DATABASE_PASSWORD" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_the_exceptions_of_the_installation_are_kept(home: Path) -> None:
    day = MarketDay("kis", "kr_stocks", date(2026, 11, 20))
    last = swing(day, 12 * 3600, 100.0, 5.0, venue="KRX", symbol="005930")
    write(home / "data", f"{day.folder('swing')}/12_00.jsonl", [last])
    file = home / "days.toml"
    file.write_text(
        '[[day]]\ndate = 2026-11-20\nreason = "short"\nsource = "notice"\nopen = 09:00:00\nclose = 12:00:00\n'
    )
    sise = in_folder(home)
    states = []
    for setting in ({}, {"SISE_CALENDAR": str(file)}):
        done = sise("etl", DATE, "--json", SISE_DATABASE_URL=f"sqlite:///{home / 'trading.db'}", **setting)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["ok"]
        with sqlite3.connect(home / "trading.db") as database:
            query = "SELECT state FROM eod_prices WHERE symbol = '005930'"
            states += database.execute(query).fetchone()
        database.close()
    assert states == ["unknown", "traded"]
