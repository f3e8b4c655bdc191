"""Bars against an independent, naive way to make them, and against the provider's own candles."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.model.records import SCHEMA_VERSION, CandleRecord, TradeRecord
from sise.model.time import NS_PER_SECOND, iso, parse_iso
from sise.warehouse.bars import Bar, BarSeries, Listening
from sise.warehouse.rows import Row

T0 = parse_iso("2026-11-20T00:00:00Z")
SECOND = NS_PER_SECOND
MINUTE = 60 * SECOND


def trade(at_ns: int, price: float, size: float, frame: int = 1, flag: str = "normal") -> TradeRecord:
    return TradeRecord(
        schema_version=SCHEMA_VERSION,
        event_time=iso(at_ns),
        receive_time=iso(at_ns),
        session_id="s",
        mitigation_level=0,
        quality_flag=flag,  # type: ignore[arg-type]
        provider="upbit",
        market="crypto",
        venue="UPBIT",
        symbol="KRW-BTC",
        frame=frame,
        price=price,
        size=size,
        side="buy",
        trade_id=str(frame),
    )


def candle(at_ns: int, close: float, *, size: str = "1m", received_ns: int | None = None) -> CandleRecord:
    return CandleRecord(
        schema_version=SCHEMA_VERSION,
        event_time=iso(at_ns),
        receive_time=iso(received_ns if received_ns is not None else T0),
        session_id="s",
        mitigation_level=0,
        quality_flag="normal",
        provider="upbit",
        market="crypto",
        venue="UPBIT",
        symbol="KRW-BTC",
        frame=1,
        size=size,
        bar_time=iso(at_ns),
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=2.0,
        value=2.0 * close,
    )


@dataclass
class Naive:
    """Bars by definition: sort everything, then look at each interval's trades."""

    trades: list[tuple[int, int, Decimal, Decimal]]

    def bars(self, size: int) -> dict[int, tuple[float, float, float, float, float, int]]:
        found: dict[int, list[tuple[int, int, Decimal, Decimal]]] = defaultdict(list)
        for each in sorted(self.trades, key=lambda t: (t[0], t[1])):
            found[each[0] // SECOND // size * size].append(each)
        return {
            time: (
                float(inside[0][2]),
                float(max(t[2] for t in inside)),
                float(min(t[2] for t in inside)),
                float(inside[-1][2]),
                float(sum(t[3] for t in inside)),
                len(inside),
            )
            for time, inside in found.items()
        }


def as_naive(rows: list[Row]) -> dict[int, tuple[float, float, float, float, float, int]]:
    return {r.time: (r.open, r.high, r.low, r.close, r.exact_volume, r.trades) for r in rows}


trades_strategy = st.lists(
    st.tuples(
        st.integers(0, 7200 * 1000).map(lambda ms: T0 + ms * 1_000_000),
        st.integers(1, 40).map(lambda tick: Decimal(tick) / 4),
        st.integers(1, 10**13).map(lambda units: Decimal(units).scaleb(-8)),
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=150)
@given(trades_strategy, st.randoms(use_true_random=False), st.sampled_from([1, 10, 60, 300, 900, 3600]))
def test_any_order_of_arrival_gives_the_naive_bars(drawn, random, size):  # type: ignore[no-untyped-def]
    trades = [(at, frame, price, amount) for frame, (at, price, amount) in enumerate(drawn)]
    shuffled = list(trades)
    random.shuffle(shuffled)
    series = BarSeries()
    for at, frame, price, amount in shuffled:
        series.add(trade(at, float(price), float(amount), frame))
    assert as_naive(series.traded(size)) == Naive(trades).bars(size)


def test_a_volume_is_exact_where_float_sums_are_not() -> None:
    series = BarSeries()
    for frame in range(1000):
        series.add(trade(T0, 1.0, 0.1, frame))
    assert sum([0.1] * 1000) != 100.0
    assert series.traded(60)[0].exact_volume == 100.0
    for frame in range(1000):
        series.add(trade(T0 + MINUTE, 1.0, 1e-8, frame))
    series.add(trade(T0 + MINUTE, 1.0, 1e8, 1000))
    for frame in range(1000):
        series.add(trade(T0 + MINUTE, 1.0, 1e-8, frame))
    assert series.traded(60)[1].exact_volume == 100000000.00002
    assert series.traded(3600)[0].exact_volume == 100000100.00002


def test_of_one_frames_trades_at_one_moment_the_first_opens_and_the_last_closes() -> None:
    series = BarSeries()
    for price in (5.0, 9.0, 7.0):
        series.add(trade(T0, price, 1.0, frame=4))
    (row,) = series.traded(60)
    assert (row.open, row.high, row.low, row.close) == (5.0, 9.0, 5.0, 7.0)


def spans(*seconds: tuple[float, float]) -> list[tuple[int, int]]:
    return [(T0 + int(a * SECOND), T0 + int(b * SECOND)) for a, b in seconds]


span_seconds = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 200)).map(lambda s: (s[0], s[0] + s[1])), max_size=5
)


@settings(deadline=None, max_examples=200)
@given(span_seconds, span_seconds, st.sets(st.integers(0, 699)), st.integers(1, 700))
def test_states_and_coverage_are_those_of_every_second_looked_at(heard, gaps, traded, until):  # type: ignore[no-untyped-def]
    series = BarSeries()
    for frame, second in enumerate(sorted(traded)):
        series.add(trade(T0 + second * SECOND, 5.0, 1.0, frame))
    heard = [span for span in heard if span[0] < span[1]]
    bars = series.bars(60, Listening(spans(*heard), spans(*gaps)), until_ns=T0 + until * SECOND)
    if not heard:
        assert bars == []
        return
    known = {s for a, b in heard for s in range(a, b)} - {s for a, b in gaps for s in range(a, b)}
    began = min(a for a, _ in heard) // 60 * 60
    expected: dict[int, object] = {}
    for start in range(began, until, 60):
        seconds = range(start, min(start + 60, until))
        coverage = sum(s in known for s in seconds) / len(seconds)
        any_trade = any(s in traded for s in range(start, start + 60))
        state = "unknown" if coverage < 1 else "traded" if any_trade else "empty"
        expected[T0 // SECOND + start] = (state, pytest.approx(coverage, abs=1e-6))
    found: dict[int, object] = {bar.time: (bar.state, bar.coverage) for bar in bars}
    assert found == expected


def test_missing_is_not_zero() -> None:
    series = BarSeries()
    series.add(trade(T0 + 130 * SECOND, 7.0, 0.5))
    listening = Listening(spans((0, 240)), spans((125, 140), (200, 205)))
    empty, _, hurt, unknown = series.bars(60, listening, until_ns=T0 + 240 * SECOND)
    assert (empty.state, empty.volume, empty.trades, empty.close, empty.coverage) == (
        "empty",
        0.0,
        0,
        None,
        1.0,
    )
    assert (hurt.state, hurt.volume, hurt.trades, hurt.close, hurt.coverage) == ("unknown", 0.5, 1, 7.0, 0.75)
    assert (unknown.state, unknown.volume, unknown.trades, unknown.close) == ("unknown", None, None, None)


def test_a_sliver_of_a_gap_never_rounds_to_full_coverage() -> None:
    listening = Listening([(T0, T0 + 3600 * SECOND)], [(T0 + 10, T0 + 11)])
    (bar,) = BarSeries().bars(3600, listening, until_ns=T0 + 3600 * SECOND)
    assert bar.state == "unknown"
    assert bar.coverage < 1


def test_the_forming_bar_is_judged_by_its_time_so_far() -> None:
    (bar,) = BarSeries().bars(60, Listening(spans((0, 20)), []), until_ns=T0 + 20 * SECOND)
    assert (bar.state, bar.coverage) == ("empty", 1.0)
    (bar,) = BarSeries().bars(60, Listening(spans((0, 20)), []), until_ns=T0 + 40 * SECOND)
    assert (bar.state, bar.coverage) == ("unknown", 0.5)


def test_candles_serve_only_the_time_before_listening_began() -> None:
    series = BarSeries()
    for minute in range(-5, 5):
        series.add_candle(candle(T0 + minute * MINUTE, 100.0, received_ns=T0 + 10 * MINUTE))
    series.add(trade(T0 + 10 * SECOND, 55.0, 1.0))
    listening = Listening(spans((0, 60), (180, 300)), [])
    bars = series.bars(60, listening, until_ns=T0 + 300 * SECOND)
    assert [b.source for b in bars] == ["provider"] * 5 + ["live"] * 5
    assert bars[5] == Bar(T0 // SECOND, 55.0, 55.0, 55.0, 55.0, 1.0, 1, "traded", 1.0, "live")
    assert [b.state for b in bars[5:]] == ["traded", "unknown", "unknown", "empty", "empty"]
    assert all(b.coverage == 0.0 and b.trades is None for b in bars[:5])


def test_a_candle_still_forming_when_it_was_asked_for_is_left_out() -> None:
    series = BarSeries()
    series.add_candle(candle(T0 - 2 * MINUTE, 100.0, received_ns=T0 - 30 * SECOND))
    series.add_candle(candle(T0 - MINUTE, 100.0, received_ns=T0 - 30 * SECOND))
    assert [b.time for b in series.bars(60, Listening([], []), until_ns=T0 + MINUTE)] == [T0 // SECOND - 120]
    series.add_candle(candle(T0, 100.0, received_ns=T0 + MINUTE))
    bars = series.bars(60, Listening([], []), until_ns=T0 + MINUTE)
    assert [b.state for b in bars] == ["traded", "unknown", "traded"]


def test_coarse_bars_of_candles_are_whole_ones_only() -> None:
    series = BarSeries()
    for minute in (-13, -12, -11, -10, -8, -5, -4, -3, -1):
        series.add_candle(candle(T0 + minute * MINUTE, float(200 + minute)))
    bars = series.bars(300, Listening([], []), until_ns=T0 + MINUTE)
    assert [(b.time - T0 // SECOND, b.open, b.close, b.volume) for b in bars] == [
        (-600, 190.0, 192.0, 4.0),
        (-300, 195.0, 199.0, 8.0),
    ]


def test_an_absent_candle_is_unknown_and_no_bar_is_left_out() -> None:
    series = BarSeries()
    for minute in (-4, -2, -1):
        series.add_candle(candle(T0 + minute * MINUTE, 100.0))
    bars = series.bars(60, Listening([], []), until_ns=T0 + MINUTE)
    assert [(b.state, b.close) for b in bars] == [
        ("traded", 100.0),
        ("unknown", None),
        ("traded", 100.0),
        ("traded", 100.0),
    ]


def test_pages_going_back_join_without_a_hole() -> None:
    series = BarSeries()
    for second in range(0, 1200, 7):
        series.add(trade(T0 + second * SECOND, 5.0, 1.0, second))
    listening, until = Listening(spans((0, 1200)), []), T0 + 1200 * SECOND
    whole = series.bars(10, listening, until_ns=until, limit=500)
    pages: list[Bar] = []
    to: int | None = None
    while page := series.bars(10, listening, until_ns=until, to_ns=to, limit=7):
        pages = page + pages
        to = page[0].time * SECOND
    assert pages == whole
    assert len(whole) == 120


def test_memory_is_bounded_and_what_was_let_go_is_not_called_empty() -> None:
    series = BarSeries({1: 100})
    for second in range(1000):
        series.add(trade(T0 + second * SECOND, 5.0, 1.0, second))
    bars = series.bars(1, Listening(spans((0, 1000)), []), until_ns=T0 + 1000 * SECOND, limit=1000)
    assert 100 <= len(bars) <= 112
    assert {b.state for b in bars} == {"traded"}
    series.add(trade(T0, 1.0, 1.0))
    assert series.bars(1, Listening(spans((0, 1000)), []), until_ns=T0 + 1000 * SECOND, limit=1000) == bars


def test_candles_do_not_come_before_a_time_that_was_let_go() -> None:
    series = BarSeries({60: 8})
    series.add_candle(candle(T0 - MINUTE, 100.0))
    for minute in range(20):
        series.add(trade(T0 + minute * MINUTE, 5.0, 1.0, minute))
    bars = series.bars(60, Listening(spans((0, 1200)), []), until_ns=T0 + 1200 * SECOND)
    assert {b.source for b in bars} == {"live"}
    assert [b.time for b in bars] == list(range(bars[0].time, T0 // SECOND + 1200, 60))


def test_one_trade_of_the_far_future_costs_nothing_but_its_own_bar() -> None:
    series = BarSeries({1: 100})
    series.add(trade(T0 + 10**9 * SECOND, 5.0, 1.0, 0))
    for second in range(50):
        series.add(trade(T0 + second * SECOND, 5.0, 1.0, second))
    bars = series.bars(1, Listening(spans((0, 50)), []), until_ns=T0 + 50 * SECOND)
    assert [b.state for b in bars] == ["traded"] * 50


def test_a_months_minutes_of_the_provider_make_its_hours(shared: Path) -> None:
    folder = shared / "data" / "upbit_candles"
    series = BarSeries({60: 60_000})
    frame = 0
    for time, *prices, volume in _rows(folder / "upbit_KRW-BTC_1m_202509.csv.gz"):
        for price, size in zip(prices, (volume, 0.0, 0.0, 0.0), strict=True):
            frame += 1
            series.add(trade(time * SECOND + (frame - 1) % 4 * 1_000_000, price, size, frame))
    hours = {row.time: (*row[1:5], row.exact_volume) for row in series.traded(3600)}
    theirs = {time: tuple(rest) for time, *rest in _rows(folder / "upbit_KRW-BTC_1h_2022_2025.csv.gz")}
    both = hours.keys() & theirs.keys()
    assert len(both) == 696
    assert {time: hours[time] for time in both} == {time: theirs[time] for time in both}


def _rows(path: Path):  # type: ignore[no-untyped-def]
    with gzip.open(path, "rt") as text:
        for row in csv.DictReader(text):
            time = parse_iso(row["timestamp"].replace(" ", "T") + "Z") // SECOND
            yield time, *(float(row[name]) for name in ("open", "high", "low", "close", "volume"))
