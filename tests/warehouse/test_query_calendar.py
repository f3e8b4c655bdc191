"""A market's days and hours are this installation's: its exceptions, and what its providers answered."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import sise
from sise.model.errors import BadInput
from sise.model.hours import SpecialDay
from sise.model.time import iso
from sise.warehouse.candles_calendar import Calendars, agreed
from sise.warehouse.candles_store import resampled
from sise.warehouse.history import History
from sise.warehouse.history_check import check
from sise.warehouse.imports.read import Wanted, read_candles
from tests.run.command_line import in_folder
from tests.warehouse.etl.journals import KRX, event, write
from tests.warehouse.query_places import MINUTE_NS, OPEN, bar, frame_of, keep_bars

CLOSED_DAY = date(2026, 11, 19)
"""A Thursday on which KRX trades, as far as anybody knows beforehand."""
DAY_MINUTES = 1440
HOLIDAY = """[[day]]
date = 2026-11-19
closed = true
reason = "temporary public holiday"
source = "a notice"
"""
LATE = """[[day]]
date = 2026-11-20
open = "10:00"
close = "16:30"
reason = "an exam"
source = "a notice"
"""


def answer(root: Path, *, is_open: bool, provider: str = "kis", day: date = CLOSED_DAY) -> None:
    """The provider's answer in the journal, as the collector writes it."""
    line = event(KRX, -86_400 + 8 * 3_600, "trading_day", day=day.isoformat(), open=is_open)
    write(root, f"system/events/{provider}/{CLOSED_DAY:%Y%m%d}.jsonl", [line])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose history has the days around a closed one."""
    before = [bar(minute - 2 * DAY_MINUTES) for minute in range(390)]
    keep_bars(tmp_path / "data" / "history", [*before, *(bar(minute) for minute in range(390))])
    return tmp_path / "data"


def hours(place: Path, **named: Path) -> list[str]:
    with sise.connect(place, **named) as db:  # type: ignore[arg-type]
        starts = db.bars("005930", "1h")["start"]
        assert db.coverage("005930")["day"].to_list()[0] == date(2026, 11, 18)
        return starts.dt.convert_time_zone("Asia/Seoul").dt.strftime("%d").unique().sort().to_list()


def test_a_closed_day_has_no_bars_that_nobody_heard(data: Path, tmp_path: Path) -> None:
    """As long as nobody says otherwise it is a day like others, of which nothing is known."""
    assert hours(data) == ["18", "19", "20"]
    (tmp_path / "days.toml").write_text(HOLIDAY)
    assert hours(data, calendar=tmp_path / "days.toml") == ["18", "20"]
    answer(data, is_open=False)
    assert hours(data) == ["18", "20"]
    with sise.connect(data) as db:
        assert db.sessions("2026-11-19").is_empty()
        assert db.coverage("005930")["day"].to_list() == [date(2026, 11, 18), date(2026, 11, 20)]


def test_the_providers_answer_wins_over_the_exceptions(data: Path, tmp_path: Path) -> None:
    (tmp_path / "days.toml").write_text(HOLIDAY)
    answer(data, is_open=True)
    assert hours(data, calendar=tmp_path / "days.toml") == ["18", "19", "20"]


def test_the_exceptions_are_those_of_the_variable_where_none_are_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "days.toml").write_text(HOLIDAY)
    (tmp_path / "none.toml").write_text("")
    monkeypatch.setenv("SISE_CALENDAR", str(tmp_path / "days.toml"))
    assert hours(data) == ["18", "20"]
    assert hours(data, calendar=tmp_path / "none.toml") == ["18", "19", "20"]
    with pytest.raises(BadInput, match=r"absent\.toml.*cannot be read.*name the TOML file"):
        sise.connect(data, calendar=tmp_path / "absent.toml")


def test_the_hours_of_a_late_day_are_not_an_ordinary_days(tmp_path: Path) -> None:
    """Of an exam day that only this installation knows: 09:00 is no hour of it, 16:00 is one."""
    (tmp_path / "days.toml").write_text(LATE)
    folder = tmp_path / "history"
    keep_bars(folder, [bar(minute) for minute in range(60, 450)])
    with sise.connect(folder) as ordinary, sise.connect(folder, calendar=tmp_path / "days.toml") as late:
        day = ("005930", "2026-11-20", "2026-11-20")
        assert ordinary.coverage(*day)["absent"].to_list() == [60]
        assert late.coverage(*day)["absent"].to_list() == [0]
        opens = late.sessions("2026-11-20", "kr_stocks").filter(pl.col("kind") == "regular")["opens"]
        assert opens.dt.convert_time_zone("Asia/Seoul").dt.strftime("%H:%M").to_list() == ["10:00"]
        assert ordinary.bars("005930", "1d")["state"].to_list() == ["unknown"]
        assert late.bars("005930", "1d")["state"].to_list() == ["traded"]


def test_answers_are_the_providers_own_and_else_those_that_agree(tmp_path: Path) -> None:
    answer(tmp_path, is_open=False)
    answer(tmp_path, is_open=True, provider="kiwoom")
    write(tmp_path, f"system/events/kis/{CLOSED_DAY:%Y%m%d}.jsonl", [b'{"event_type":"trading_day"}'])
    calendars = Calendars((), tmp_path)
    for provider, is_open in (("kis", False), ("kiwoom", True), ("krx", True), (None, True)):
        assert calendars.of("kr_stocks", provider).is_trading_day(CLOSED_DAY) is is_open, provider
    assert calendars.of("us_stocks", "kis").is_trading_day(CLOSED_DAY)
    answer(tmp_path, is_open=False, provider="kiwoom")
    assert not Calendars((), tmp_path).of("kr_stocks", "krx").is_trading_day(CLOSED_DAY)
    one, other = date(2026, 11, 19), date(2026, 11, 20)
    assert agreed([{one: True}, {one: False, other: True}, {one: True}]) == {other: True}


HOLIDAYS = Calendars([SpecialDay(CLOSED_DAY, "temporary public holiday", "a notice", closed=True)])


def test_nothing_is_missing_on_a_day_without_trading(data: Path, tmp_path: Path) -> None:
    history = History.at(str(tmp_path / "one"))
    whole = [bar(minute, source="import:f@0") for minute in (*range(-2 * 1440, -2 * 1440 + 390), *range(390))]
    keep_bars(tmp_path / "one", whole)
    assert check(history)["rule"].to_list().count("missing") == 1
    assert check(history, None, HOLIDAYS)["rule"].to_list().count("missing") == 0
    hours_of = [
        resampled(frame_of(whole), "1m", "1h", each)["start"].len() for each in (HOLIDAYS, Calendars())
    ]
    assert hours_of == [14, 21]


def test_an_import_knows_the_day_without_trading(tmp_path: Path) -> None:
    file = tmp_path / "minutes.csv"
    minutes = [*range(-2 * DAY_MINUTES, -2 * DAY_MINUTES + 390), *range(390)]
    rows = (f"005930,{iso(OPEN + minute * MINUTE_NS)},100,103,99,102,5" for minute in minutes)
    file.write_text("\n".join(["code,date,open,high,low,close,volume", *rows]))
    wanted = Wanted(provider="krx", market="kr_stocks", size="1m")
    assert read_candles(file, wanted).report.flaw("missing").amount == 390
    assert read_candles(file, wanted, HOLIDAYS).report.flaw("missing").amount == 0


def test_the_commands_know_the_installations_calendar(data: Path, tmp_path: Path) -> None:
    """Its exceptions by the setting, and the answers by the journal of the data folder."""
    run = in_folder(tmp_path)
    (tmp_path / "days.toml").write_text(HOLIDAY)
    day = "005930,{},100,103,99,102,5"
    rows = (day.format(each) for each in ("2026-11-17", "2026-11-18", "2026-11-20"))
    (tmp_path / "days.csv").write_text("\n".join(["code,date,open,high,low,close,volume", *rows]))
    command = ("candles", "import", "days.csv", "--provider", "krx", "--market", "kr_stocks", "--size", "1d")

    def rules(*words: str, **variables: str) -> set[str]:
        said = run(*words, "--json", **variables)
        assert said.returncode == 0, said.stderr
        told = json.loads(said.stdout)
        return {flaw["rule"] for flaw in told.get("flaws", told.get("rules"))}

    assert "missing" in rules(*command)
    assert "missing" not in rules(*command, SISE_CALENDAR="days.toml")
    check_days = ("candles", "check", "--size", "1d")
    answer(data, is_open=True)
    assert "missing" in rules(*check_days)
    answer(data, is_open=False)
    assert "missing" not in rules(*check_days)
    one = ("candles", "resample", "--symbol", "005930", "--source", "journal", "--to", "1h", "--json")
    assert json.loads(run(*one).stdout)["rows"] == 14
