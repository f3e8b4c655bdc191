"""Coarser bars: equal to the provider's own, to the bar code of the live side, and honest about holes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.model.errors import BadInput
from sise.model.records import SCHEMA_VERSION, CandleRecord
from sise.warehouse.candles_expected import calendar_of
from sise.warehouse.candles_resample import resample
from sise.warehouse.imports.read import Wanted
from sise.warehouse.rows import RowStore
from tests.warehouse.candle_files import Row, frame, real

OHLCV = ("open", "high", "low", "close", "volume")
CRYPTO, KRX, NYSE = (calendar_of(market) for market in ("crypto", "kr_stocks", "us_stocks"))


def upbit(shared: Path, file: str, symbol: str, size: str, zone: str = "UTC") -> pl.DataFrame:
    path = shared / "data" / "upbit_candles" / f"upbit_{file}.csv.gz"
    return real(path, Wanted(provider="upbit", market="crypto", symbol=symbol, size=size, zone=zone)).bars


def differing(one: pl.DataFrame, other: pl.DataFrame) -> tuple[int, int]:
    """How many bars both have, and how many of these are not the same doubles in all of OHLCV."""
    both = one.join(other, on="start", suffix="_other")
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_other") for name in OHLCV)
    return both.height, both.filter(~same).height


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_minutes_make_the_real_hours(shared: Path, coin: str) -> None:
    minutes = upbit(shared, f"KRW-{coin}_1m_202509", f"KRW-{coin}", "1m")
    hours = upbit(shared, f"KRW-{coin}_1h_2022_2025", f"KRW-{coin}", "1h")
    assert differing(resample(minutes, "1m", "1h", CRYPTO), hours) == (696, 0)


def test_whole_hours_of_the_badly_collected_year_equal_the_real_ones(shared: Path) -> None:
    made = resample(upbit(shared, "KRW-BTC_1m_gappy_202408_202508", "KRW-BTC", "1m"), "1m", "1h", CRYPTO)
    hours = upbit(shared, "KRW-BTC_1h_2022_2025", "KRW-BTC", "1h")
    whole = made.filter(pl.col("state") == "traded")
    assert differing(whole, hours) == (whole.height, 0)
    assert whole.height > 1_000
    holes = made.filter(pl.col("coverage_ratio") == 0)
    assert set(holes["state"]) == {"unknown"}
    assert holes["close"].null_count() == holes.height > 5_000
    assert made.height == int((made["start"].max() - made["start"].min()).total_seconds()) // 3600 + 1  # type: ignore[operator, union-attr]


def test_quarters_in_korean_time_are_the_hours_nine_hours_later(shared: Path) -> None:
    quarters = upbit(shared, "KRW-ETH_15m_KST_2024", "KRW-ETH", "15m", "Asia/Seoul")
    hours = upbit(shared, "KRW-ETH_1h_2022_2025", "KRW-ETH", "1h")
    whole = resample(quarters, "15m", "1h", CRYPTO).filter(pl.col("state") == "traded")
    assert differing(whole, hours) == (whole.height, 0)
    assert whole.height > 8_000


def test_days_made_of_hours_are_the_days_of_the_other_file(shared: Path) -> None:
    hours = upbit(shared, "KRW-BTC_1h_2022_2025", "KRW-BTC", "1h")
    days = upbit(shared, "KRW-BTC_1d_KST_2024_2025", "KRW-BTC", "1d", "Asia/Seoul")
    whole = resample(hours, "1h", "1d", CRYPTO).filter(pl.col("state") == "traded")
    both, _ = differing(whole, days)
    prices = whole.join(days, on="start", suffix="_other")
    assert both > 500
    assert prices.filter(pl.any_horizontal(pl.col(n) != pl.col(f"{n}_other") for n in OHLCV[:4])).height == 0
    assert (prices["volume"] - prices["volume_other"]).abs().max() <= 2e-8  # type: ignore[operator]


minute = st.integers(0, 400)
tick = st.integers(1, 10_000)
size = st.integers(0, 10**14).map(lambda units: units / 10**8)


@settings(max_examples=80, deadline=None)
@given(rows=st.dictionaries(minute, st.tuples(tick, tick, tick, tick, size), min_size=1, max_size=60))
@pytest.mark.parametrize("to", ["5m", "15m", "1h"])
def test_columns_and_the_live_bar_code_make_the_same_bars(
    to: str, rows: dict[int, tuple[float, ...]]
) -> None:
    seconds = {"5m": 300, "15m": 900, "1h": 3600}[to]
    start = datetime(2025, 9, 1, tzinfo=UTC)
    store = RowStore(60, 10_000)
    bars: list[Row] = []
    for at, (a, b, c, d, volume) in sorted(rows.items()):
        low, opened, closed, high = sorted((a, b, c, d))
        moment = start + timedelta(minutes=at)
        store.put(int(moment.timestamp()), candle(opened, high, low, closed, volume))
        bars.append(("KRW-BTC", moment.isoformat(), opened, high, low, closed, volume))
    made = resample(frame(bars), "1m", to, CRYPTO).filter(pl.col("coverage_ratio") > 0)
    expected = [
        (row.time, row.open, row.high, row.low, row.close, row.exact_volume)
        for row in store.rows(seconds, 0, 1 << 40)
    ]
    assert made.select(pl.col("start").dt.epoch("s"), *OHLCV).rows() == expected


def candle(opened: float, high: float, low: float, closed: float, volume: float) -> CandleRecord:
    return CandleRecord(
        schema_version=SCHEMA_VERSION,
        event_time="",
        receive_time="",
        session_id="s",
        mitigation_level=0,
        quality_flag="normal",
        provider="upbit",
        market="crypto",
        venue="UPBIT",
        symbol="KRW-BTC",
        frame=1,
        size="1m",
        bar_time="",
        open=opened,
        high=high,
        low=low,
        close=closed,
        volume=volume,
        value=0.0,
    )


def minutes_of(
    first: str, count: int, *, symbol: str, market: str, leave: frozenset[int] = frozenset()
) -> pl.DataFrame:
    start = datetime.fromisoformat(first)
    rows: list[Row] = [
        (symbol, (start + timedelta(minutes=at)).isoformat(), 1.0, 1.0, 1.0, 1.0, 1.0)
        for at in range(count)
        if at not in leave
    ]
    return frame(rows, market=market)


def states(bars: pl.DataFrame) -> list[tuple[str, float]]:
    return bars.select("state", pl.col("coverage_ratio").round(4)).rows()


def test_a_missing_minute_makes_its_hour_unknown() -> None:
    fine = minutes_of("2025-09-01T00:00+00:00", 120, symbol="KRW-BTC", market="crypto", leave=frozenset({70}))
    hours = resample(fine, "1m", "1h", CRYPTO)
    assert states(hours) == [("traded", 1.0), ("unknown", round(59 / 60, 4))]
    assert hours["volume"].to_list() == [60.0, 59.0]


def test_a_minute_proven_empty_is_no_hole() -> None:
    fine = minutes_of("2025-09-01T00:00+00:00", 60, symbol="KRW-BTC", market="crypto", leave=frozenset({7}))
    quiet = frame([("KRW-BTC", "2025-09-01T00:07+00:00", None, None, None, 1.0, 0.0)], state="empty")
    assert states(resample(pl.concat([fine, quiet]), "1m", "1h", CRYPTO)) == [("traded", 1.0)]
    only_quiet = resample(quiet, "1m", "5m", CRYPTO)
    assert states(only_quiet) == [("unknown", 0.2)]
    assert only_quiet.select("open", "volume").row(0) == (None, 0.0)


def test_time_after_the_close_is_not_missing() -> None:
    fine = minutes_of("2026-11-18T09:00+09:00", 390, symbol="005930", market="kr_stocks")
    hours = resample(fine, "1m", "1h", KRX)
    assert states(hours) == [("traded", 1.0)] * 7
    day = resample(fine, "1m", "1d", KRX)
    assert states(day) == [("traded", 1.0)]
    assert day["start"][0] == datetime(2026, 11, 17, 15, tzinfo=UTC)


def test_the_day_of_the_entrance_exam_is_an_hour_later() -> None:
    late = minutes_of("2026-11-19T10:00+09:00", 390, symbol="005930", market="kr_stocks")
    assert states(resample(late, "1m", "1d", KRX)) == [("traded", 1.0)]
    usual = minutes_of("2026-11-19T09:00+09:00", 390, symbol="005930", market="kr_stocks")
    assert states(resample(usual, "1m", "1d", KRX)) == [("unknown", round(330 / 390, 4))]


def test_a_day_of_new_york_keeps_its_date_through_summer_time() -> None:
    fine = pl.concat(
        [
            minutes_of(f"{day}T09:30{offset}", 390, symbol="SPY", market="us_stocks")
            for day, offset in (("2024-03-08", "-05:00"), ("2024-03-11", "-04:00"))
        ]
    )
    days = resample(fine, "1m", "1d", NYSE)
    assert [str(start) for start in days["start"]] == [
        "2024-03-08 05:00:00+00:00",
        "2024-03-11 04:00:00+00:00",
    ]
    assert states(days) == [("traded", 1.0)] * 2


def test_what_is_not_told_stays_unknown() -> None:
    fine = frame([("KOSPI200", "2026-11-18T00:00+00:00", None, None, None, 1.0, None)], market="kr_stocks")
    made = resample(fine, "1m", "5m", KRX)
    assert made.select("open", "close", "volume", "value", "trades").row(0) == (None, 1.0, None, None, None)


@pytest.mark.parametrize(("size", "to"), [("1h", "1m"), ("1h", "1h"), ("10m", "15m"), ("1m", "2h")])
def test_sizes_that_do_not_fit_are_refused(size: str, to: str) -> None:
    with pytest.raises(BadInput, match=f"bars of {size} make"):
        resample(frame([]), size, to, CRYPTO)
