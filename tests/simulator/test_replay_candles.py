"""Candle files as markets: trades that make exactly the file's candles, and no others."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, parse_iso, to_ns
from sise.simulator.feed import HAPPENINGS_PER_STEP, Happening, SimBook, SimTicker, SimTrade
from sise.simulator.replay import CandleReplay

NOW = parse_iso("2026-11-20T12:00:00Z")
MINUTE = 60 * NS_PER_SECOND
START = parse_iso("2025-09-01T00:00:00Z")
ROWS = [
    "timestamp,open,high,low,close,volume",
    "2025-09-01 00:00:00,150700000.0,150803000.0,150640000.0,150803000.0,1.51931528",
    "2025-09-01 00:01:00,150803000.0,150803000.0,150803000.0,150803000.0,0.00000001",
    "2025-09-01 00:03:00,150800000.0,150838000.0,150705000.0,150706000.0,0.8461566",
    "2025-09-01 00:04:00,150706000.0,150706000.0,150705000.0,150705000.0,2e-08",
]
BTC_1M = "data/upbit_candles/upbit_KRW-BTC_1m_202509.csv.gz"

Row = tuple[Decimal, Decimal, Decimal, Decimal, Decimal]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(ROWS) + "\n")
    return path


def drain(replay: CandleReplay) -> list[Happening]:
    replay.start(NOW)
    happenings: list[Happening] = []
    while not replay.finished():
        happenings += replay.step(NOW)
    assert replay.next_ns() is None
    return happenings


def rebuilt(trades: Iterable[SimTrade], length_ns: int) -> dict[int, Row]:
    bars: dict[int, Row] = {}
    for trade in trades:
        start = trade.trade_time_ns // length_ns * length_ns
        price, size = Decimal(repr(trade.price)), Decimal(repr(trade.size))
        opened, high, low, _, volume = bars.get(start, (price, price, price, price, Decimal(0)))
        bars[start] = (opened, max(high, price), min(low, price), price, volume + size)
    return bars


def rows_of(text: str) -> dict[int, Row]:
    rows: dict[int, Row] = {}
    for row in csv.DictReader(text.splitlines()):
        start = to_ns(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC))
        opened, high, low, close, volume = (
            Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")
        )
        rows[start] = (opened, high, low, close, volume)
    return rows


def trades_of(happenings: list[Happening]) -> list[SimTrade]:
    return [happening for happening in happenings if isinstance(happening, SimTrade)]


@pytest.mark.parametrize(
    ("start", "absent"),
    [("2025-09-03T00:00:00Z", "2025-09-03T19:25:00Z"), ("2025-09-06T12:00:00Z", "2025-09-07T18:20:00Z")],
)
def test_two_real_days_come_back_minute_for_minute(shared: Path, start: str, absent: str) -> None:
    path = shared / BTC_1M
    start_ns, end_ns = parse_iso(start), parse_iso(start) + 2_880 * MINUTE
    replay = CandleReplay(path, "KRW-BTC", math.inf, start_ns, end_ns, zone="UTC")
    file = rows_of(gzip.decompress(path.read_bytes()).decode())
    wanted = {at: row for at, row in file.items() if start_ns <= at < end_ns}
    trades = trades_of(drain(replay))
    assert rebuilt(trades, MINUTE) == wanted
    assert len(wanted) == 2_879
    assert parse_iso(absent) not in wanted
    assert all(earlier.sequential_id < later.sequential_id for earlier, later in pairwise(trades))
    asked: dict[int, Row] = {}
    to = end_ns
    while rows := replay.candles("KRW-BTC", "1m", to, 200):
        for row in rows:
            figures = (row.open, row.high, row.low, row.close, row.volume)
            asked[row.start_ns] = tuple(Decimal(repr(number)) for number in figures)  # type: ignore[assignment]
        to = rows[-1].start_ns
    assert asked == wanted


def test_the_minutes_of_the_file_are_the_hours_of_another_file(shared: Path) -> None:
    minutes = CandleReplay(shared / BTC_1M, "KRW-BTC", math.inf, zone="UTC")
    hours = CandleReplay(
        shared / "data/upbit_candles/upbit_KRW-BTC_1h_2022_2025.csv.gz", "KRW-BTC", math.inf, zone="UTC"
    )
    to = parse_iso("2025-09-29T00:00:00Z")
    made, given = minutes.candles("KRW-BTC", "60m", to, 600), hours.candles("KRW-BTC", "60m", to, 600)
    assert len(made) == 600
    for mine, theirs in zip(made, given, strict=True):
        assert (mine.start_ns, mine.open, mine.high, mine.low, mine.close, mine.volume) == (
            theirs.start_ns,
            theirs.open,
            theirs.high,
            theirs.low,
            theirs.close,
            theirs.volume,
        )
    assert hours.candles("KRW-BTC", "1m", to, 5) == [], "what the file does not hold is not invented"


def test_every_row_becomes_few_trades_inside_its_minute(small: Path) -> None:
    happenings = drain(CandleReplay(small, "KRW-BTC", math.inf, zone="UTC"))
    trades = trades_of(happenings)
    assert rebuilt(trades, MINUTE) == rows_of("\n".join(ROWS))
    minutes = [(trade.trade_time_ns - START) // MINUTE for trade in trades]
    assert [minutes.count(minute) for minute in range(5)] == [3, 1, 0, 4, 2]
    assert [trade.sequential_id for trade in trades] == [
        trade.trade_time_ns // 1_000_000 * 10_000 for trade in trades
    ]
    assert len({trade.sequential_id for trade in trades}) == len(trades)


def test_after_each_candle_come_ticker_and_book(small: Path) -> None:
    replay = CandleReplay(small, "KRW-BTC", math.inf, zone="UTC")
    assert replay.book("KRW-BTC") is None
    assert replay.ticker("KRW-BTC") is None
    assert replay.last_trade("KRW-BTC") is None
    happenings = drain(replay)
    books = [happening for happening in happenings if isinstance(happening, SimBook)]
    tickers = [happening for happening in happenings if isinstance(happening, SimTicker)]
    assert len(books) == len(tickers) == 4
    assert books[0].levels[0][0::2] == (150_802_000.0, 150_804_000.0)
    assert tickers[-1].acc_volume == 2.36547191
    assert (tickers[-1].open, tickers[-1].high, tickers[-1].low) == (
        150_700_000.0,
        150_838_000.0,
        150_640_000.0,
    )
    assert replay.ticker("KRW-BTC") == tickers[-1]
    assert replay.book("KRW-BTC") == books[-1]
    assert replay.last_trade("KRW-BTC") == trades_of(happenings)[-1]
    assert replay.trades("KRW-BTC", before_id=None, to_ns=None, count=3) == trades_of(happenings)[:-4:-1]
    assert replay.markets()[0].korean_name == "비트코인"
    assert not replay.verbatim


def test_candles_are_there_before_their_trades_and_their_value_is_that_of_the_trades(small: Path) -> None:
    replay = CandleReplay(small, "KRW-BTC", math.inf, zone="UTC")
    rows = replay.candles("KRW-BTC", "1m", START + 5 * MINUTE, 9)
    assert [(row.start_ns - START) // MINUTE for row in rows] == [4, 3, 1, 0]
    value = sum(Decimal(repr(trade.price)) * Decimal(repr(trade.size)) for trade in trades_of(drain(replay)))
    assert replay.candles("KRW-BTC", "5m", START + 1, 1)[0].value == float(value)
    assert replay.candles("KRW-BTC", "1s", START + MINUTE, 9) == []
    assert replay.candles("KRW-ETH", "1m", START + MINUTE, 9) == []


def test_speed_is_file_seconds_per_second(small: Path) -> None:
    replay = CandleReplay(small, "KRW-BTC", 60.0, zone="UTC")
    assert replay.step(NOW) == []
    replay.start(NOW)
    first, *later = trades_of(replay.step(NOW))
    assert later == []
    for second in range(1, 6):
        for trade in trades_of(replay.step(NOW + second * NS_PER_SECOND)):
            due_ns = (trade.trade_time_ns - first.trade_time_ns) / 60
            assert (second - 1) * NS_PER_SECOND < due_ns <= second * NS_PER_SECOND
    assert replay.finished()


def test_a_range_includes_its_start_and_excludes_its_end(small: Path) -> None:
    replay = CandleReplay(small, "KRW-BTC", math.inf, START + MINUTE, START + 3 * MINUTE, zone="UTC")
    assert list(rebuilt(trades_of(drain(replay)), MINUTE)) == [START + MINUTE]
    with pytest.raises(BadInput, match="2025-09-01T00:04:00"):
        CandleReplay(small, "KRW-BTC", math.inf, START + 5 * MINUTE, None, zone="UTC")


def test_a_long_file_is_handed_out_in_batches(shared: Path) -> None:
    replay = CandleReplay(shared / BTC_1M, "KRW-BTC", math.inf, None, START + 1_440 * MINUTE, zone="UTC")
    replay.start(NOW)
    batch = replay.step(NOW)
    assert HAPPENINGS_PER_STEP <= len(batch) <= HAPPENINGS_PER_STEP + 1
    assert replay.next_ns() == NOW


def test_a_zone_shifts_naive_times_and_an_offset_needs_none(tmp_path: Path) -> None:
    head = "timestamp,open,high,low,close,volume\n"
    naive, aware = tmp_path / "naive.csv", tmp_path / "aware.csv"
    naive.write_text(f"{head}2025-09-01 09:00:00,10,12,9,11,5\n")
    aware.write_text(f"{head}2025-09-01T09:00:00+09:00,10,12,9,11,5\n")
    for path, zone in ((naive, "Asia/Seoul"), (aware, None), (aware, "UTC")):
        rows = CandleReplay(path, "KRW-X", 1.0, zone=zone).candles("KRW-X", "1m", START + MINUTE, 9)
        assert [row.start_ns for row in rows] == [START]
    with pytest.raises(BadInput, match="zone"):
        CandleReplay(naive, "KRW-X", 1.0)
    with pytest.raises(BadInput, match="Mars"):
        CandleReplay(naive, "KRW-X", 1.0, zone="Mars/Olympus")


@pytest.mark.parametrize(
    ("name", "zone", "unit", "rows"),
    [
        ("upbit_KRW-BTC_1d_KST_2024_2025.csv.gz", "Asia/Seoul", "1d", 704),
        ("upbit_KRW-ETH_15m_KST_2024.csv.gz", "Asia/Seoul", "15m", 34_152),
    ],
)
def test_files_of_other_units_and_layouts_are_read(
    shared: Path, name: str, zone: str, unit: str, rows: int
) -> None:
    replay = CandleReplay(shared / "data/upbit_candles" / name, "KRW-BTC", math.inf, zone=zone)
    assert len(replay.candles("KRW-BTC", unit, NOW, 50_000)) == rows


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("2025-09-01 00:05:00,10,12,9,11", "rows.csv:6"),
        ("2025-09-01 00:05:00,10,12,9,ten,1", "rows.csv:6"),
        ("2025-09-01 00:05:00,10,12,9,11,0.000000001", "8 places"),
        ("2025-09-01 00:05:00,10,12,9,11,-1", "negative"),
        ("2025-09-01 00:05:00,10,9,12,11,1", "low <= open"),
        ("2025-09-01 00:05:00,10,12,9,11,0.00000003", "split"),
        ("2025-09-01 00:04:00,10,12,9,11,1", "order the rows"),
        ("2025-09-01 00:05:30,10,12,9,11,1", "multiple of 1m"),
        ("yesterday,10,12,9,11,1", "rows.csv:6"),
        ("2025-09-01 00:05:00,10,nan,9,11,1", "rows.csv:6"),
    ],
)
def test_rows_that_are_no_candles_are_refused_by_line(tmp_path: Path, row: str, says: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([*ROWS, row]))
    with pytest.raises(BadInput, match=says):
        CandleReplay(path, "KRW-BTC", 1.0, zone="UTC")


def test_a_row_without_volume_is_a_minute_without_trades(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([*ROWS, "2025-09-01 00:05:00,9,9,9,9,0"]))
    replay = CandleReplay(path, "KRW-BTC", math.inf, zone="UTC")
    assert len(replay.candles("KRW-BTC", "1m", NOW, 99)) == 4


@pytest.mark.parametrize("text", ["", "timestamp,open\n", "\n".join(ROWS[:1])])
def test_files_without_candles_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match="replay file"):
        CandleReplay(path, "KRW-BTC", 1.0, zone="UTC")
