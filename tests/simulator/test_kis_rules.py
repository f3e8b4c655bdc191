"""The market's rules: limits, ticks, sessions of ordinary and special days, the calendar."""

from __future__ import annotations

import pytest

from sise.model.errors import BadInput
from sise.simulator.kis import boards, rules
from sise.simulator.kis.sessions import Intensity, clock_ms, day_sessions


@pytest.mark.parametrize(
    ("base", "lower", "upper"),
    [(128_500, 90_000, 167_000), (274_000, 191_800, 356_000), (1_000, 700, 1_300), (1_999, 1_400, 2_595)],
)
def test_limits_are_thirty_percent_rounded_inward(base: int, lower: int, upper: int) -> None:
    ladder = rules.share_ladder("20261120")
    low, high = rules.price_limits(base, ladder)
    assert (low, high) == (lower, upper)
    assert ladder.holds(low)
    assert ladder.holds(high)
    assert base * 0.7 <= low < base < high <= base * 1.3


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        (1_999, 1),
        (2_000, 5),
        (4_999, 5),
        (5_000, 10),
        (20_000, 50),
        (50_000, 100),
        (200_000, 500),
        (500_000, 1_000),
    ],
)
def test_ticks_of_shares(price: int, tick: int) -> None:
    assert rules.share_ladder("20261120").step_at(price) == tick


def test_ticks_of_funds() -> None:
    ladder = rules.fund_ladder("20261120")
    assert (ladder.step_at(1_999), ladder.step_at(2_000), ladder.step_at(600_000)) == (1, 5, 5)


def test_an_ordinary_day() -> None:
    day = day_sessions("20261120")
    seen = {
        text: (phase.krx, phase.nxt, phase.market_class, phase.hour_class) if phase else None
        for text in (
            "07:59",
            "08:10",
            "08:40",
            "08:55",
            "09:00",
            "15:19",
            "15:25",
            "15:35",
            "15:45",
            "16:00",
            "20:00",
        )
        if (phase := day.phase_at(clock_ms(text))) or True
    }
    assert seen == {
        "07:59": None,
        "08:10": ("shut", True, "1", "0"),
        "08:40": ("call", True, "1", "B"),
        "08:55": ("call", False, "1", "B"),
        "09:00": ("open", False, "2", "0"),
        "15:19": ("open", True, "2", "0"),
        "15:25": ("call", False, "2", "A"),
        "15:35": ("shut", False, "2", "0"),
        "15:45": ("shut", True, "3", "0"),
        "16:00": ("open", True, "3", "0"),
        "20:00": None,
    }


def test_the_examination_day_is_an_hour_later_without_a_pre_market() -> None:
    day = day_sessions("20261119")
    assert (day.open_ms, day.close_ms) == (clock_ms("10:00"), clock_ms("16:30"))
    assert day.phases[0].start_ms == clock_ms("09:30")
    call = day.phase_at(clock_ms("16:25"))
    assert call is not None
    assert call.krx == "call"


def test_the_first_trading_day_opens_at_ten() -> None:
    day = day_sessions("20260102")
    assert (day.open_ms, day.close_ms) == (clock_ms("10:00"), clock_ms("15:30"))


def test_no_after_market_before_it_was_introduced() -> None:
    day = day_sessions("20260911")
    phase = day.phase_at(clock_ms("17:00"))
    assert phase is None or phase.krx == "shut"


@pytest.mark.parametrize("date", ["20261121", "20261122", "20261225", "20261231", "20260924"])
def test_closed_days_have_no_session(date: str) -> None:
    assert day_sessions(date).phases == ()


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput):
        rules.as_date("20261301")


def test_intensity_runs_from_nothing_to_a_whole_day() -> None:
    day = day_sessions("20261120")
    intensity = Intensity(day)
    shares = [intensity.share_until(ms) for ms in range(day.open_ms, day.close_ms + 1, 60_000)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert intensity.at(day.open_ms) > 2 * intensity.at(clock_ms("12:00"))


def test_the_calendar_goes_on_page_by_page() -> None:
    rows, following = boards.holidays("20261120")
    more, _ = boards.holidays(following)
    dates = [row["bass_dt"] for row in (*rows, *more)]
    assert dates == sorted(set(dates))
    assert len(rows) == 24
    by_date = {row["bass_dt"]: row for row in (*rows, *more)}
    assert (by_date["20261121"]["opnd_yn"], by_date["20261121"]["wday_dvsn_cd"]) == ("N", "07")
    assert by_date["20261225"]["opnd_yn"] == "N"
    assert by_date["20261123"]["opnd_yn"] == "Y"
