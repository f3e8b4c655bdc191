"""Adjusted prices, derived from raw ones: against a vendor's own, and by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sise.warehouse.candles import KEY, PRICES
from sise.warehouse.candles_actions import ACTIONS
from sise.warehouse.candles_adjust import adjusted
from sise.warehouse.imports.read import Imported, Wanted
from tests.warehouse.candle_files import Row, frame, real

TOLERANCE = 1e-6
"""Relative. Measured: 7.8e-7 at most; the raw file is rounded to six decimals, each dividend to six."""


def us_days(shared: Path, file: str, *, is_adjusted: bool) -> Imported:
    wanted = Wanted(provider="yahoo", market="us_stocks", size="1d", adjusted=is_adjusted)
    return real(shared / "data" / "us_daily" / file, wanted)


@pytest.fixture(scope="module")
def compared(shared: Path) -> pl.DataFrame:
    """Each bar of both files, ours adjusted beside the vendor's; the last day, partial there, is left out."""
    raw = us_days(shared, "us_sector_unadj_div_split_2000_2025.csv.gz", is_adjusted=False)
    theirs = us_days(shared, "us_sector_adj_2015_2025.csv.gz", is_adjusted=True).bars
    ours = adjusted(raw.bars, raw.actions)
    return ours.join(theirs.filter(pl.col("start") < theirs["start"].max()), on=KEY, suffix="_theirs")


def test_every_price_equals_the_vendors_within_rounding(compared: pl.DataFrame) -> None:
    others = compared.filter(pl.col("symbol") != "XLF")
    assert (others["symbol"].n_unique(), others.height) == (10, 9 * 2_549 + 1_678)
    off = others.select(
        pl.max_horizontal((pl.col(n) / pl.col(f"{n}_theirs") - 1).abs() for n in PRICES).max()
    )
    assert 1e-8 < off.item() < TOLERANCE
    assert (others["volume"] == others["volume_theirs"]).all()


def test_the_raw_file_of_xlf_is_scaled_by_one_factor_throughout(compared: pl.DataFrame) -> None:
    """The file divides all of XLF by its spin-off, after it too: returns agree, the level is too low."""
    xlf = compared.filter(pl.col("symbol") == "XLF")
    ratio = xlf.select((pl.col("close_theirs") / pl.col("close")).alias("ratio"))["ratio"]
    assert xlf.height == 2_549
    assert (ratio / 1.231 - 1).abs().max() < TOLERANCE  # type: ignore[operator]


def facts(*rows: tuple[str, str, float]) -> pl.DataFrame:
    told: list[dict[str, Any]] = [
        {
            "provider": "krx",
            "market": "kr_stocks",
            "symbol": "A",
            "ex": at(day),
            "kind": kind,
            "value": value,
            "source": "t",
        }
        for day, kind, value in rows
    ]
    return pl.DataFrame(told, ACTIONS)


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def days(*closes: float) -> pl.DataFrame:
    rows: list[Row] = [
        ("A", f"2024-01-0{number}T00:00+00:00", close, close, close, close, 100.0)
        for number, close in enumerate(closes, 1)
    ]
    return frame(rows, market="kr_stocks")


def test_the_vendors_published_example() -> None:
    """Yahoo help SLN28256: a split of 2 on the third day, a dividend of 0.08 on the sixth."""
    told = facts(("2024-01-03", "split", 2.0), ("2024-01-06", "dividend", 0.08))
    closes = adjusted(days(46.99, 48.30, 24.96, 24.91, 24.95, 24.53, 24.54), told)["close"]
    assert closes.round(2).to_list() == [23.42, 24.07, 24.88, 24.83, 24.87, 24.53, 24.54]


def test_a_split_divides_what_was_before_and_multiplies_its_volume() -> None:
    bars = adjusted(days(100, 100, 20), facts(("2024-01-03", "split", 5.0)))
    assert bars["close"].to_list() == [20.0, 20.0, 20.0]
    assert bars["volume"].to_list() == [500.0, 500.0, 100.0]


def test_a_dividend_is_held_against_the_close_before_its_day() -> None:
    bars = adjusted(days(100, 50, 49), facts(("2024-01-03", "dividend", 1.0)))
    assert bars["close"].to_list() == pytest.approx([98.0, 49.0, 49.0])
    assert bars["volume"].to_list() == [100.0] * 3


def test_a_base_price_changes_what_was_before_by_its_ratio() -> None:
    bars = adjusted(days(1_000, 5_000), facts(("2024-01-02", "base_price", 5.0)))
    assert bars["close"].to_list() == [5_000.0, 5_000.0]
    assert bars["volume"].to_list() == [20.0, 100.0]


def test_money_of_one_day_is_added_up_and_later_actions_reach_back() -> None:
    told = facts(
        ("2024-01-02", "dividend", 5.0), ("2024-01-02", "capital_gain", 5.0), ("2024-01-03", "split", 2.0)
    )
    assert adjusted(days(100, 90, 45), told)["close"].to_list() == pytest.approx([45.0, 45.0, 45.0])


def test_an_action_before_the_first_bar_changes_nothing() -> None:
    bars = days(10, 11)
    assert adjusted(bars, facts(("2023-12-01", "dividend", 5.0))).equals(bars)
    assert adjusted(bars, facts(("2024-01-01", "split", 5.0))).equals(bars)


def test_marcap_base_prices_take_the_jumps_away(shared: Path) -> None:
    """What a base price explains is no jump after adjusting; changes against the base price are KRX's own."""
    path = shared / "data" / "krx_daily" / "marcap_all_2025_janfeb.csv.gz"
    imported = real(path, Wanted(provider="krx", market="kr_stocks", size="1d"))
    moved = imported.actions["symbol"].unique().to_list()
    raw = imported.bars.filter(pl.col("symbol").is_in(moved))
    change = pl.col("close") / pl.col("close").shift().over("symbol") - 1
    before = raw.select((change.abs() > 0.31).sum()).item()
    after = adjusted(raw, imported.actions).select((change.abs() > 0.31).sum()).item()
    assert before > after
    assert after <= 1
