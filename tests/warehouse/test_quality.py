"""Each rule finds its flaw with its evidence, and is silent about bars that are as they should be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.warehouse.candles import SIZES
from sise.warehouse.candles_expected import calendar_of
from sise.warehouse.quality import RULES, findings, series_of
from sise.warehouse.quality_finding import FINDINGS
from sise.warehouse.quality_sources import compared
from tests.warehouse.candle_files import Row, frame

Told = tuple[str, str, float | None, float | None]


def found(
    rows: list[Row],
    *,
    market: str = "crypto",
    size: str = "1m",
    adjusted: bool = False,
    state: str = "traded",
) -> list[Told]:
    """``(rule, start, value, limit)`` of what the rules find."""
    series = series_of(SIZES[size], market, calendar_of(market), adjusted=adjusted, source="import:a")
    table = findings(frame(rows, market=market, state=state), series)
    assert dict(table.schema) == FINDINGS
    return table.select("rule", pl.col("start").dt.strftime("%m-%d %H:%M"), "value", "limit").rows()


def coin(
    minute: int, low: float = 1e8, high: float = 1e8, volume: float | None = 1.0, **prices: float | None
) -> Row:
    start = (datetime(2025, 9, 1, tzinfo=UTC) + timedelta(minutes=minute)).isoformat()
    return ("KRW-BTC", start, prices.get("open", low), high, low, prices.get("close", high), volume)


def share(day: str, close: float, volume: float = 5.0, symbol: str = "005930") -> Row:
    return (symbol, f"{day}T00:00+09:00", close, close, close, close, volume)


def test_good_bars_have_no_findings() -> None:
    assert found([coin(0), coin(1, 1e8, 1.1e8), coin(2, 0.9e8, 1.2e8)]) == []
    days = [share("2024-01-02", 100), share("2024-01-03", 129), share("2024-01-04", 91)]
    assert found(days, market="kr_stocks", size="1d") == []


@pytest.mark.parametrize(
    ("bar", "told"),
    [
        (coin(0, open=2e8), ("ohlc_inconsistent", 1e8, 0.0)),
        (coin(0, 3e8, 1e8, open=2e8, close=2e8), ("ohlc_inconsistent", 2e8, 0.0)),
        (coin(0, -1e8), ("not_positive", -1e8, 0.0)),
        (coin(0, volume=-1.0), ("not_positive", -1.0, 0.0)),
        (coin(0, 1e8, 2e8, volume=0.0), ("moved_without_volume", 1e8, None)),
        (coin(0, 100_000_500.0, 100_001_000.0), ("off_tick", 100_000_500.0, 1_000.0)),
    ],
)
def test_a_bad_bar_is_told_with_its_value_and_limit(bar: Row, told: tuple[str, float, float | None]) -> None:
    rule, value, limit = told
    assert (rule, "09-01 00:00", value, limit) in found([bar])


def test_a_traded_bar_without_a_price_is_told_where_others_have_one() -> None:
    assert found([coin(0), coin(1, open=None)]) == [("blank_price", "09-01 00:01", None, None)]
    assert found([coin(0, open=None), coin(1, open=None)]) == []


def test_dust_of_adjusting_is_no_disorder() -> None:
    assert found([coin(0, 1e8, 1e8, close=1e8 + 1e-4)], adjusted=True) == []


def test_a_jump_is_measured_from_the_day_before_of_the_same_symbol() -> None:
    days = [share("2024-01-02", 100), share("2024-01-03", 131), share("2024-01-03", 900, symbol="000660")]
    told = found(days, market="kr_stocks", size="1d")
    assert [(rule, start, round(value or 0, 4)) for rule, start, value, _ in told if rule == "jump"] == [
        ("jump", "01-02 15:00", 0.31)
    ]


def test_weekends_and_holidays_are_neither_missing_nor_expected() -> None:
    around = [share("2024-02-08", 100), share("2024-02-13", 100)]  # the lunar new year lies between
    assert found(around, market="kr_stocks", size="1d") == []
    assert ("outside_sessions", "02-08 15:00", None, None) in found(
        [*around, share("2024-02-09", 100)], market="kr_stocks", size="1d"
    )


def test_a_halt_that_is_stated_is_counted_in_days() -> None:
    days = [share(f"2024-01-0{day}", 100, 0.0) for day in (2, 3, 4)]
    assert found(days, market="kr_stocks", size="1d", state="empty") == [("halted", "01-01 15:00", 3.0, None)]


def test_a_price_that_stands_still_is_told_once_with_its_length() -> None:
    assert found([coin(minute) for minute in range(4)]) == []
    assert found([coin(minute) for minute in range(7)]) == [("stuck", "09-01 00:00", 7.0, 5.0)]


def test_what_is_older_than_the_calendar_or_the_ladder_is_not_judged() -> None:
    old = [share("1999-01-04", 100), share("1999-03-04", 100)]
    assert found(old, market="kr_stocks", size="1d") == [("before_calendar", "01-03 15:00", 2.0, None)]
    odd = [share("2022-12-01", 123_457)]
    assert found(odd, market="kr_stocks", size="1d") == []
    assert found([share("2024-01-02", 123_457)], market="kr_stocks", size="1d")[0][0] == "off_tick"
    assert found([share("2024-01-02", 123_457)], market="kr_stocks", size="1d", adjusted=True) == []
    assert found([share("2024-01-02", 325.57, symbol="KOSPI200")], market="kr_stocks", size="1d") == []


def test_a_session_that_is_cut_is_told_in_minutes() -> None:
    start = datetime.fromisoformat("2024-01-03T09:20+09:00")
    rows: list[Row] = [
        ("005930", (start + timedelta(minutes=at)).isoformat(), 100.0, 101.0 + at % 2, 100.0, 100.0, 1.0 + at)
        for at in range(340)
    ]
    told = found(rows, market="kr_stocks")
    assert [(rule, value) for rule, _, value, _ in told] == [("starts_late", 20.0), ("ends_early", 30.0)]


@settings(max_examples=80, deadline=None)
@given(present=st.sets(st.integers(0, 200), min_size=1))
def test_missing_ranges_are_exactly_what_is_not_there(present: set[int]) -> None:
    rows = [coin(minute, volume=float(minute + 1)) for minute in present]
    table = findings(frame(rows), series_of(60, "crypto", calendar_of("crypto"), adjusted=False, source="s"))
    gaps = table.filter(pl.col("rule") == "missing")
    told: set[int] = set()
    first = datetime(2025, 9, 1, tzinfo=UTC)
    for start, end, value in gaps.select("start", "end", "value").rows():
        span = range(int((start - first).total_seconds()) // 60, int((end - first).total_seconds()) // 60)
        assert len(span) == value
        assert told.isdisjoint(span)
        told |= set(span)
    assert told == set(range(min(present), max(present))) - present


def test_sources_that_differ_are_told_and_a_last_bar_that_was_taken_early() -> None:
    one = frame([coin(0), coin(1), coin(2, volume=0.4)], source="import:a")
    other = frame([coin(0), coin(1, 0.9e8), coin(2)], source="import:b")
    told = compared(one, other, prices=True).select("rule", "value", "limit", "source", "note").rows()
    assert told == [
        ("last_bar_partial", 0.4, 1.0, "import:a", "import:b"),
        ("sources_differ", 2.0, None, "import:a", "import:b"),
    ]
    assert compared(other, one, prices=False).height == 0


def test_every_rule_says_what_it_means() -> None:
    assert all(meaning and not meaning.endswith(".") for _, meaning in RULES.values())


def test_no_bars_have_no_findings() -> None:
    assert found([]) == []
