"""Calendars: the days that the usual libraries get wrong, the hours that move, and who has the last word."""

from __future__ import annotations

import csv
import gzip
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.model.calendar import LAST_DAY, REGULAR, Calendar
from sise.model.errors import BadInput
from sise.model.hours import NEW_YORK, SEOUL, VENUES, SpecialDay
from sise.model.overrides import parse_overrides, read_overrides
from sise.model.time import NS_PER_SECOND, in_zone, parse_iso, to_ns

KRX, NXT, CRYPTO, XNYS = (Calendar(name) for name in ("krx", "nxt", "crypto", "xnys"))


def hours(calendar: Calendar, day: date, zone: ZoneInfo = SEOUL) -> dict[str, str]:
    return {
        session.kind: f"{in_zone(session.open_ns, zone):%H:%M}-{in_zone(session.close_ns, zone):%H:%M}"
        for session in calendar.sessions(day)
    }


def seoul(text: str) -> int:
    return to_ns(datetime.fromisoformat(text).replace(tzinfo=SEOUL))


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2026, 6, 3), "Local Election Day"),
        (date(2026, 7, 17), "Constitution Day"),
        (date(2027, 5, 3), "Alternative holiday for Labor Day"),
        (date(2027, 7, 19), "Alternative holiday for Constitution Day"),
        (date(2025, 1, 27), "Temporary Public Holiday"),
        (date(2026, 12, 31), "End of Year Holiday"),
        (date(2027, 12, 31), "End of Year Holiday"),
        # The 31st is a Saturday, a Sunday: the last trading day before it is closed.
        (date(2022, 12, 30), "End of Year Holiday"),
        (date(2028, 12, 29), "End of Year Holiday"),
        (date(2026, 11, 21), "weekend"),
    ],
)
def test_krx_is_closed(day: date, reason: str) -> None:
    verdict = KRX.verdict(day)
    assert (verdict.open, verdict.reason) == (False, reason)
    assert KRX.sessions(day) == ()
    if day >= VENUES["nxt"].first_day:
        assert NXT.sessions(day) == ()


@pytest.mark.parametrize("day", [date(2024, 11, 14), date(2025, 11, 13), date(2026, 11, 19)])
def test_exam_day_opens_and_shuts_an_hour_late(day: date) -> None:
    assert hours(KRX, day)["regular"] == "10:00-16:30"
    assert hours(KRX, day + timedelta(days=1))["regular"] == "09:00-15:30"


def test_exam_day_moves_what_lies_beside_the_regular_session() -> None:
    assert hours(KRX, date(2026, 11, 19)) == {"regular": "10:00-16:30", "after": "16:30-20:00"}
    assert hours(NXT, date(2026, 11, 19)) == {"regular": "10:00-16:20", "after": "16:30-20:00"}


def test_first_trading_day_of_a_year_opens_at_ten() -> None:
    assert hours(KRX, date(2026, 1, 2))["regular"] == "10:00-15:30"
    assert hours(KRX, date(2027, 1, 4))["regular"] == "10:00-15:30"
    assert hours(KRX, date(2027, 1, 5))["regular"] == "09:00-15:30"
    assert hours(KRX, date(2016, 1, 4))["regular"] == "10:00-15:00"


def test_a_provider_that_closes_the_first_day_moves_the_late_opening() -> None:
    calendar = Calendar("krx", told={date(2027, 1, 4): False})
    assert calendar.sessions(date(2027, 1, 4)) == ()
    assert hours(calendar, date(2027, 1, 5))["regular"] == "10:00-15:30"


def test_hours_are_those_of_their_date() -> None:
    assert hours(KRX, date(2016, 7, 29)) == {"regular": "09:00-15:00"}
    assert hours(KRX, date(2016, 8, 1)) == {"regular": "09:00-15:30"}
    assert hours(KRX, date(2026, 9, 11)) == {"regular": "09:00-15:30"}
    assert hours(KRX, date(2026, 9, 14)) == {"regular": "09:00-15:30", "after": "16:00-20:00"}
    assert hours(NXT, date(2026, 9, 11)) == {
        "pre": "08:00-08:50",
        "regular": "09:00-15:20",
        "after": "15:30-20:00",
    }


def test_open_is_half_open() -> None:
    assert not KRX.is_open(seoul("2026-11-20T09:00:00") - 1_000)
    assert KRX.is_open(seoul("2026-11-20T09:00:00"))
    assert not KRX.is_open(seoul("2026-11-20T15:30:00"))
    assert KRX.is_open(seoul("2026-11-20T16:00:00"))
    assert not KRX.is_open(seoul("2026-11-20T16:00:00"), REGULAR)


def test_next_open_passes_over_weekends_and_holidays() -> None:
    friday_evening = seoul("2026-10-02T20:00:00")
    assert KRX.next_open(friday_evening).open_ns == seoul("2026-10-06T09:00:00")
    assert KRX.next_open(seoul("2026-11-20T09:00:00")).open_ns == seoul("2026-11-20T09:00:00")
    assert KRX.next_open(seoul("2026-11-20T09:00:01"), REGULAR).open_ns == seoul("2026-11-23T09:00:00")


def test_trading_days_and_their_neighbours() -> None:
    assert KRX.trading_days(date(2026, 9, 21), date(2026, 9, 30)) == [
        date(2026, 9, day) for day in (21, 22, 23, 28, 29, 30)
    ]
    assert KRX.previous_trading_day(date(2026, 9, 28)) == date(2026, 9, 23)
    assert KRX.next_trading_day(date(2026, 12, 30)) == date(2027, 1, 4)


def test_crypto_never_closes_and_its_day_begins_at_nine_in_seoul() -> None:
    (session,) = CRYPTO.sessions(date(2026, 11, 21))
    assert in_zone(session.open_ns, SEOUL) == datetime(2026, 11, 21, 9, tzinfo=SEOUL)
    assert session.close_ns - session.open_ns == 86_400 * NS_PER_SECOND
    assert CRYPTO.day_of(seoul("2026-11-21T08:59:59")) == date(2026, 11, 20)
    assert CRYPTO.is_open(seoul("2026-02-17T03:00:00"))
    assert CRYPTO.previous_trading_day(date(2026, 1, 1)) == date(2025, 12, 31)


def test_new_york_by_its_own_summer_time() -> None:
    winter, summer = XNYS.regular(date(2026, 3, 6)), XNYS.regular(date(2026, 3, 9))
    assert winter is not None
    assert summer is not None
    assert winter.open_ns == parse_iso("2026-03-06T14:30:00Z")
    assert summer.open_ns == parse_iso("2026-03-09T13:30:00Z")
    autumn = XNYS.regular(date(2026, 11, 2))
    assert autumn is not None
    assert autumn.close_ns == parse_iso("2026-11-02T21:00:00Z")


@pytest.mark.parametrize("day", [date(2026, 11, 27), date(2026, 12, 24), date(2025, 7, 3)])
def test_new_york_has_half_days(day: date) -> None:
    assert hours(XNYS, day, NEW_YORK) == {"regular": "09:30-13:00"}


def test_new_york_is_closed_on_days_of_mourning() -> None:
    assert not XNYS.is_trading_day(date(2025, 1, 9))
    assert XNYS.is_trading_day(date(2027, 12, 31))


OVERRIDES = """
[[day]]
date = 2027-11-18
venue = "krx"
open = "10:00"
close = "16:30"
reason = "exam"
source = "notice"

[[day]]
date = 2027-06-14
closed = true
reason = "temporary holiday"
source = "notice"

[[day]]
date = 2027-05-05
open = 09:00:00
close = 12:00:00
reason = "opened by way of exception"
source = "notice"

[[day]]
date = 2026-11-19
closed = true
kind = "after"
reason = "no after-market"
source = "notice"
"""


def test_the_override_file_wins_over_what_is_built_in() -> None:
    calendar = Calendar("krx", overrides=parse_overrides(OVERRIDES))
    assert hours(calendar, date(2027, 11, 18))["regular"] == "10:00-16:30"
    assert calendar.verdict(date(2027, 6, 14)).reason == "temporary holiday"
    assert hours(calendar, date(2027, 5, 5))["regular"] == "09:00-12:00"
    assert hours(calendar, date(2026, 11, 19)) == {"regular": "10:00-16:30"}
    assert hours(Calendar("nxt", overrides=parse_overrides(OVERRIDES)), date(2027, 11, 18)) == hours(
        NXT, date(2027, 11, 18)
    )


def test_the_provider_wins_over_everything() -> None:
    told = {date(2027, 6, 14): True, date(2027, 6, 15): False, date(2027, 6, 19): True}
    calendar = Calendar("krx", overrides=parse_overrides(OVERRIDES), told=told, told_by="kis CTCA0903R")
    assert hours(calendar, date(2027, 6, 14))["regular"] == "09:00-15:30"
    assert calendar.verdict(date(2027, 6, 15)).source == "kis CTCA0903R"
    assert calendar.is_trading_day(date(2027, 6, 19)), "a Saturday that the provider opens"


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ('open = "10:00"', "both open and close"),
        ("closed = false", "both open and close"),
        ('open = "16:30"\nclose = "10:00"', "before"),
        ('closed = true\nopen = "10:00"', "no hours"),
        ('closed = true\nvenue = "krs"', "krs"),
        ('closed = true\nkind = "evening"', "kind"),
        ("close_d = true", "close_d"),
        ('open = "25:00"\nclose = "26:00"', "open"),
        ("closed = tru", "TOML|Invalid"),
    ],
)
def test_a_wrong_override_is_refused_with_its_place(row: str, named: str) -> None:
    text = f'[[day]]\ndate = 2027-11-18\nreason = "r"\nsource = "s"\n{row}\n'
    with pytest.raises(BadInput, match=named):
        parse_overrides(text)


def test_an_override_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_overrides(tmp_path / "calendar.toml")
    (tmp_path / "calendar.toml").write_text(OVERRIDES, encoding="utf-8")
    assert len(read_overrides(tmp_path / "calendar.toml")) == 4
    (tmp_path / "calendar.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="UTF-8"):
        read_overrides(tmp_path / "calendar.toml")


def test_days_beyond_what_is_known_are_refused_not_guessed() -> None:
    for day in (date(2000, 12, 27), LAST_DAY + timedelta(days=1)):
        with pytest.raises(BadInput, match="knows"):
            KRX.sessions(day)
    with pytest.raises(BadInput, match="krx, nxt"):
        Calendar("krz")


def test_a_search_without_end_says_so() -> None:
    closed = [SpecialDay(date(2027, 2, 1) + timedelta(days=n), "r", "s", closed=True) for n in range(60)]
    with pytest.raises(BadInput, match="override file"):
        Calendar("krx", overrides=closed).next_trading_day(date(2027, 2, 1))


@given(st.sampled_from([KRX, NXT, CRYPTO, XNYS]), st.dates(date(2025, 3, 4), date(2040, 12, 31)))
def test_sessions_are_in_order_apart_and_inside_what_is_open(calendar: Calendar, day: date) -> None:
    sessions = calendar.sessions(day)
    assert bool(sessions) == calendar.is_trading_day(day)
    for session in sessions:
        assert session.open_ns < session.close_ns
        assert calendar.day_of(session.open_ns) == day
        assert calendar.session_at(session.open_ns) == session
        assert calendar.session_at(session.close_ns - 1_000) == session
        assert calendar.next_open(session.open_ns) == session
    for one, two in pairwise(sessions):
        assert one.close_ns <= two.open_ns


def _days_of(path: Path, column: str) -> list[date]:
    with gzip.open(path, "rt", encoding="utf-8-sig") as source:
        return sorted({date.fromisoformat(row[column][:10]) for row in csv.DictReader(source)})


def test_krx_as_it_traded_for_twenty_three_years(shared: Path) -> None:
    heard = _days_of(shared / "data/krx_daily/kospi200_index_close_1990_2023.csv.gz", "Date")
    assert KRX.trading_days(date(2001, 1, 1), heard[-1]) == [day for day in heard if day.year > 2000]


def test_new_york_as_it_traded_for_twenty_four_years(shared: Path) -> None:
    heard = _days_of(shared / "data/us_daily/us_sector_unadj_div_split_2000_2025.csv.gz", "Date")
    assert XNYS.trading_days(date(2001, 1, 1), heard[-1]) == [day for day in heard if day.year > 2000]


def test_a_calendar_that_was_told_leaves_the_one_it_came_from_as_it_was() -> None:
    day, holiday = date(2026, 11, 20), date(2026, 12, 25)
    closed = KRX.with_told(day, is_open=False, told_by="kis")
    assert (closed.is_trading_day(day), KRX.is_trading_day(day)) == (False, True)
    opened = closed.with_told(holiday, is_open=True, told_by="kis")
    assert hours(opened, holiday)["regular"] == "09:00-15:30", "the ordinary hours"
    assert not opened.is_trading_day(day), "what was told before still holds"
    assert opened.verdict(holiday).source == "kis"


def test_what_a_closed_day_would_be_is_known() -> None:
    supposed = KRX.supposed(date(2026, 12, 25))
    assert supposed is not None
    assert supposed.close_ns - supposed.open_ns == int(6.5 * 3600 * NS_PER_SECOND)
    assert KRX.supposed(date(2026, 11, 19)) == KRX.regular(date(2026, 11, 19))
