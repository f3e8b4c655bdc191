"""Every flaw that is known of the real files is told, by number; counts that were told wrongly are named."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from sise.warehouse.candles import KEY
from sise.warehouse.imports.read import Imported, Wanted
from sise.warehouse.imports.report import Report
from tests.warehouse.candle_files import real


def read(shared: Path, file: str, **wanted: object) -> Imported:
    return real(shared / "data" / file, Wanted(**wanted))  # type: ignore[arg-type]


def upbit(shared: Path, file: str, symbol: str, size: str, zone: str = "UTC") -> Imported:
    path = f"upbit_candles/upbit_{file}.csv.gz"
    return read(shared, path, provider="upbit", market="crypto", symbol=symbol, size=size, zone=zone)


def counts(report: Report) -> dict[str, int]:
    return {flaw.rule: flaw.count for flaw in report.flaws}


def assert_accounted(report: Report) -> None:
    assert report.read == report.kept + sum(report.dropped.values())


@pytest.mark.parametrize(
    ("file", "symbol", "size", "zone", "rows", "gaps", "bars"),
    [
        ("KRW-BTC_1m_202509", "KRW-BTC", "1m", "UTC", 47_598, 2, 2),
        ("KRW-ETH_1m_202509", "KRW-ETH", "1m", "UTC", 47_599, 1, 1),
        ("KRW-BTC_1h_2022_2025", "KRW-BTC", "1h", "UTC", 32_780, 18, 52),
        ("KRW-ETH_1h_2022_2025", "KRW-ETH", "1h", "UTC", 32_779, 18, 53),
        ("KRW-BTC_1m_gappy_202408_202508", "KRW-BTC", "1m", "UTC", 105_200, 527, 419_605),
        # the month's last day of Seoul is missing, 11 times, and there are three other gaps, not two
        ("KRW-ETH_15m_KST_2024", "KRW-ETH", "15m", "Asia/Seoul", 34_152, 14, 896),
        ("KRW-BTC_1d_KST_2024_2025", "KRW-BTC", "1d", "Asia/Seoul", 704, 23, 23),
    ],
)
def test_upbit_gaps_are_told_as_ranges(
    shared: Path, file: str, symbol: str, size: str, zone: str, rows: int, gaps: int, bars: int
) -> None:
    report = upbit(shared, file, symbol, size, zone).report
    assert_accounted(report)
    assert (report.read, report.kept) == (rows, rows)
    assert counts(report) == {"missing": gaps}
    assert report.flaw("missing").amount == bars


def test_the_badly_collected_year_has_holes_of_one_length(shared: Path) -> None:
    found = upbit(shared, "KRW-BTC_1m_gappy_202408_202508", "KRW-BTC", "1m").findings
    holes = found.filter(pl.col("rule") == "missing")["value"]
    assert (holes == 800).sum() == 521  # 13 h 20 from the last bar to the next
    assert holes.sum() == pytest.approx(4 * 105_200, rel=0.01)  # 80 % is missing


def test_the_day_file_lacks_the_last_day_of_each_month(shared: Path) -> None:
    found = upbit(shared, "KRW-BTC_1d_KST_2024_2025", "KRW-BTC", "1d", "Asia/Seoul").findings
    after = found["end"].dt.day().unique().to_list()
    assert after == [1]
    assert found["start"].dt.month_end().eq(found["start"]).all()


def test_september_prices_lie_on_the_tick(shared: Path) -> None:
    bars = upbit(shared, "KRW-BTC_1m_202509", "KRW-BTC", "1m").bars
    assert (bars.select(pl.col("open", "high", "low", "close") % 1_000) == 0).to_numpy().all()


@pytest.mark.parametrize(
    ("year", "rows", "codes", "halted", "based", "renamed", "not_whole"),
    [(2024, 80_828, 2_800, 3_294, 24, 6, 21), (2025, 71_708, 2_877, 3_127, 23, 9, 16)],
)
def test_marcap(
    shared: Path, year: int, rows: int, codes: int, halted: int, based: int, renamed: int, not_whole: int
) -> None:
    file = f"krx_daily/marcap_all_{year}_janfeb.csv.gz"
    imported = read(shared, file, provider="krx", market="kr_stocks", size="1d")
    report = imported.report
    assert_accounted(report)
    assert (report.read, report.kept, report.symbols) == (rows, rows, codes)
    assert report.no_trade_as == "zeros"
    assert report.flaw("halted").amount == halted
    assert report.flaw("base_price_changed").count == based
    assert report.flaw("renamed").count == renamed
    assert report.flaw("not_in_whole_window").count == not_whole
    assert report.flaw("code_with_letters").count == 24
    assert report.flaw("ohlc_inconsistent").count == 0
    assert imported.actions["kind"].to_list() == ["base_price"] * based
    empty = imported.bars.filter(pl.col("state") == "empty")
    assert empty.height == halted
    assert (empty["open"].null_count(), (empty["close"] > 0).all()) == (halted, True)
    assert "00680K" in imported.bars["symbol"]
    assert "000020" in imported.bars["symbol"]


def test_one_symbol_of_many_is_kept_and_the_others_are_counted(shared: Path) -> None:
    file = "krx_daily/marcap_all_2024_janfeb.csv.gz"
    report = read(shared, file, provider="krx", market="kr_stocks", size="1d", symbol="5930").report
    assert_accounted(report)
    assert (report.kept, report.dropped) == (29, {"other_symbol": 80_799})


def test_300_adjusted_symbols_leave_halted_days_out(shared: Path) -> None:
    file = "krx_daily/krx_adj_daily_300_symbols_2012_2022.parquet"
    imported = read(shared, file, provider="hspan", market="kr_stocks", size="1d", adjusted=True)
    report = imported.report
    assert_accounted(report)
    assert (report.read, report.kept, report.symbols) == (744_232, 744_232, 300)
    assert report.no_trade_as == "absent"
    assert report.flaw("jump").count == 13
    of_samsung = imported.findings.filter((pl.col("symbol") == "005930") & (pl.col("rule") == "missing"))
    assert of_samsung.select(
        pl.col("start").dt.convert_time_zone("Asia/Seoul").dt.date().cast(str), "value"
    ).rows() == [("2018-04-30", 3.0)]


@pytest.mark.parametrize(
    ("code", "rows", "flat"), [("005930", 8_343, 3), ("069500", 5_243, 0), ("091160", 4_324, 0)]
)
def test_quantkang_keeps_halted_days_as_flat_bars(shared: Path, code: str, rows: int, flat: int) -> None:
    file = f"krx_daily/quantkang_{code}_D.csv.gz"
    imported = read(shared, file, provider="quantkang", market="kr_stocks", size="1d", adjusted=True)
    assert_accounted(imported.report)
    assert imported.report.kept == rows
    assert imported.bars["symbol"].unique().to_list() == [code]
    assert imported.report.no_trade_as == ("flat" if flat else "not seen")
    assert imported.report.flaw("halted").amount == flat
    assert imported.report.flaw("missing").count == 0


def test_the_three_conventions_tell_the_same_halt(shared: Path) -> None:
    """Flat in one file, absent in the other: three days of 005930, of the same prices around."""
    flat = read(
        shared,
        "krx_daily/quantkang_005930_D.csv.gz",
        provider="quantkang",
        market="kr_stocks",
        size="1d",
        adjusted=True,
    )
    absent = read(
        shared,
        "krx_daily/krx_adj_daily_300_symbols_2012_2022.parquet",
        provider="hspan",
        market="kr_stocks",
        size="1d",
        symbol="005930",
        adjusted=True,
    )
    both = flat.bars.join(absent.bars, on=KEY, suffix="_other")
    assert both.height == absent.bars.height
    assert (both["close"] == both["close_other"]).all()
    span = flat.bars.filter(
        pl.col("start").is_between(absent.bars["start"].min(), absent.bars["start"].max())
    )
    alone = span.join(absent.bars, on=KEY, how="anti")
    assert (alone["state"].to_list(), alone["volume"].to_list()) == (["empty"] * 3, [0.0] * 3)


def test_an_index_has_only_closes(shared: Path) -> None:
    file = "krx_daily/kospi200_index_close_1990_2023.csv.gz"
    report = read(shared, file, provider="quantkang", market="kr_stocks", symbol="KOSPI200", size="1d").report
    assert_accounted(report)
    assert report.kept == 8_807
    assert report.absent_columns == ["open", "high", "low", "volume", "value", "trades"]
    assert report.unused_columns == ["PER", "ForPER", "PBR", "DivYield"]
    assert counts(report) == {"before_calendar": 1}


def test_korean_minutes_start_late_and_end_early(shared: Path) -> None:
    file = "krx_minute/krx_etf_1m_yahoo_201912.csv.gz"
    imported = read(shared, file, provider="yahoo", market="kr_stocks", size="1m")
    report = imported.report
    assert_accounted(report)
    assert (report.kept, report.symbols) == (29_174, 39)
    assert (imported.bars["volume"] == 0).sum() == 448
    assert (imported.bars["state"] == "empty").sum() == 433
    assert report.flaw("moved_without_volume").count == 3
    early = imported.findings.filter(pl.col("rule") == "ends_early")
    late = imported.findings.filter(pl.col("rule") == "starts_late")
    assert early["value"].min() == 30  # nothing after 14:59
    assert late["value"].mode().to_list() == [20]  # 09:20
    assert report.flaw("code_rewritten").amount == 29_174  # 069500.KS
    assert report.flaw("zero_price").count == 110  # not told of the file: open and low are 0 beside a volume
    assert (imported.bars.select("open", "low").min().row(0) > (0, 0)) is True


def test_us_days_unadjusted(shared: Path) -> None:
    file = "us_daily/us_sector_unadj_div_split_2000_2025.csv.gz"
    imported = read(shared, file, provider="yahoo", market="us_stocks", size="1d")
    assert_accounted(imported.report)
    assert (imported.report.kept, imported.report.symbols) == (64_909, 11)
    assert "XLRE" not in imported.bars["symbol"]
    assert imported.report.flaw("missing").count == 0  # the calendar knows the days after 2001-09-10
    splits = imported.actions.filter(pl.col("kind") == "split")
    assert splits.select("symbol", "value").rows() == [("XLF", 1.231)]
    assert imported.report.flaw("not_in_whole_window").examples[0].startswith("symbol=XLC first=2018-06-19")


def test_us_days_adjusted_change_their_offset(shared: Path) -> None:
    file = "us_daily/us_sector_adj_2015_2025.csv.gz"
    report = read(shared, file, provider="yahoo", market="us_stocks", size="1d", adjusted=True).report
    assert_accounted(report)
    assert (report.kept, report.symbols) == (29_536, 12)
    assert report.flaw("offset_changes").examples == ["offset=-05:00 len=10368", "offset=-04:00 len=19168"]
    assert report.flaw("missing").count == 0
    assert report.zone == "offsets in the file"


def test_spy_minutes_were_appended_again_and_again(shared: Path) -> None:
    file = "us_minute/SPY_1m_yahoo_201912.csv.gz"
    imported = read(shared, file, provider="yahoo", market="us_stocks", symbol="SPY", size="1m")
    report = imported.report
    assert_accounted(report)
    assert (report.read, report.kept) == (13_435, 8_360)
    assert report.flaw("duplicate_start").count == 5_075
    assert report.dropped == {"duplicate_equal": 5_057, "duplicate_conflict": 18}
    assert report.flaw("duplicate_conflict").count == 4
    assert report.flaw("out_of_order").count == 18
    assert (
        report.flaw("blank_price").count == 1
    )  # one row without prices; the file's description tells of two
    kept = imported.bars.filter(pl.col("start") == pl.datetime(2020, 1, 14, 16, time_zone="UTC"))
    assert kept["volume"].to_list() == [70_973.0]  # the other twelve were still forming: volume 0
    assert imported.actions.select("kind", "value").rows() == [("dividend", 1.57)]


@pytest.mark.parametrize(
    ("symbol", "rows"), [("XLE", 1_937), ("XLF", 1_939), ("XLK", 1_937), ("XLRE", 1_883), ("XLU", 1_938)]
)
def test_us_minutes_begin_and_end_at_eleven(shared: Path, symbol: str, rows: int) -> None:
    file = f"us_minute/{symbol}_1m_yahoo_201912.csv.gz"
    report = read(shared, file, provider="yahoo", market="us_stocks", symbol=symbol, size="1m").report
    assert_accounted(report)
    assert report.kept == rows
    assert (report.first, report.last) == ("2019-12-17T16:00:00Z", "2019-12-24T15:59:00Z")
    assert (report.flaw("starts_late").count, report.flaw("ends_early").count) == (1, 1)
