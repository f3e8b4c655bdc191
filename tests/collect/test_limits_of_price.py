"""Ticks and price limits of Korean shares."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.collect.limits_of_price import PriceLimits, price_limits, price_notes, tick_size


@pytest.mark.parametrize(
    ("price", "tick"),
    [(1_999, 1), (2_000, 5), (4_995, 5), (5_000, 10), (49_950, 50), (50_000, 100), (500_000, 1_000)],
)
def test_the_ladder(price: int, tick: int) -> None:
    assert tick_size(price) == tick


def test_the_provider_s_own_example() -> None:
    assert price_limits(128_500) == PriceLimits(low=90_000, high=167_000)


@given(st.integers(100, 3_000_000))
def test_limits_lie_on_the_ladder_and_inside_thirty_percent(base: int) -> None:
    limits = price_limits(base)
    assert base * 0.7 <= limits.low <= base <= limits.high <= base * 1.3
    assert price_notes(limits.low, limits) == price_notes(limits.high, limits) == []
    assert "beyond_price_limits" in price_notes(limits.high + tick_size(limits.high), limits)
    assert "beyond_price_limits" in price_notes(limits.low - tick_size(limits.low - 1), limits)


def test_a_midpoint_fill_is_noted_and_no_more() -> None:
    assert price_notes(277_750) == ["off_tick"]
    assert price_notes(277_500, PriceLimits(200_000, 300_000)) == []
    assert price_notes(10_005, kind="etf") == []


@pytest.mark.parametrize("year", [2024, 2025])
def test_limit_ups_of_two_real_months(shared: Path, year: int) -> None:
    """Every share that closed or touched the limit did so exactly where we say it lies."""
    seen = 0
    with gzip.open(shared / f"data/krx_daily/marcap_all_{year}_janfeb.csv.gz", "rt") as source:
        for row in csv.DictReader(source):
            high, base = float(row["High"]), float(row["Close"]) - float(row["Changes"])
            if row["Market"] == "KONEX" or not base * 1.295 <= high <= base * 1.3:
                continue
            limit = price_limits(base).high
            if high + tick_size(high) > base * 1.3:
                assert high == limit, row
                seen += 1
    assert seen > 150
