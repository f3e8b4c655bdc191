"""Candle arithmetic: where intervals start, what ``to`` excludes, what a fold keeps, what a path gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.model.errors import BadInput
from sise.model.time import NS_PER_MS, NS_PER_SECOND, parse_iso
from sise.simulator.candles import DAY_NS, MINUTE_NS, UNITS, Bar, CandleBook, interval_end, interval_start
from sise.simulator.path import VISITS_MAX, fills_of
from sise.simulator.ticks import SCALE, as_float, as_units, ladder_of

NOON = parse_iso("2026-11-20T12:00:00Z")


@pytest.mark.parametrize(
    ("unit", "at", "start", "end"),
    [
        ("1s", "2026-11-20T12:34:56.789Z", "2026-11-20T12:34:56Z", "2026-11-20T12:34:57Z"),
        ("3m", "2026-11-20T12:34:56Z", "2026-11-20T12:33:00Z", "2026-11-20T12:36:00Z"),
        ("240m", "2026-11-20T15:59:59Z", "2026-11-20T12:00:00Z", "2026-11-20T16:00:00Z"),
        ("1d", "2026-11-20T08:59:59+09:00", "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"),
        ("1w", "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("1w", "2026-11-16T00:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("1M", "2024-02-29T23:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("1M", "2026-12-31T23:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("1y", "2024-12-31T23:00:00Z", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("1y", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_intervals_start_and_end_where_the_venue_says(unit: str, at: str, start: str, end: str) -> None:
    assert interval_start(unit, parse_iso(at)) == parse_iso(start)
    assert interval_end(unit, parse_iso(at)) == parse_iso(end)


@given(unit=st.sampled_from(UNITS), ns=st.integers(10**18, 2 * 10**18))
def test_intervals_meet_without_hole_or_overlap(unit: str, ns: int) -> None:
    start, end = interval_start(unit, ns), interval_end(unit, ns)
    assert start <= ns < end
    assert interval_start(unit, start) == interval_start(unit, end - 1) == start
    assert interval_start(unit, end) == end


def test_an_unknown_unit_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="2m"):
        CandleBook().candles("2m", NOON, 1)


def book_of(*trades: tuple[int, int, int]) -> CandleBook:
    """A candle book of (second after noon, price, size) trades in whole units."""
    book = CandleBook()
    for second, price, size in trades:
        book.add_trade(NOON + second * NS_PER_SECOND, price * SCALE, size * SCALE)
    return book


def test_to_excludes_candles_that_start_at_or_after_it_but_cuts_none() -> None:
    book = book_of((0, 10, 1), (59, 12, 1), (60, 11, 2), (250, 9, 3))
    at_minute_one = NOON + MINUTE_NS
    assert [row.start_ns for row in book.candles("1m", at_minute_one, 9)] == [NOON]
    newest, oldest = book.candles("1m", at_minute_one + 1, 9)
    assert (newest.start_ns, newest.volume) == (at_minute_one, 2.0)
    assert (oldest.open, oldest.high, oldest.low, oldest.close) == (10.0, 12.0, 10.0, 12.0)
    whole = book.candles("60m", NOON + 1, 1)[0]
    assert (whole.open, whole.high, whole.low, whole.close, whole.volume) == (10.0, 12.0, 9.0, 9.0, 7.0)
    assert whole.value == 10 + 12 + 22 + 27
    assert whole.last_trade_ns == NOON + 250 * NS_PER_SECOND
    assert book.candles("60m", NOON, 1) == []


def test_intervals_without_trades_are_absent_not_empty() -> None:
    book = book_of((0, 10, 1), (250, 9, 3), (600, 8, 1))
    rows = book.candles("1m", NOON + DAY_NS, 9)
    assert [(row.start_ns - NOON) // MINUTE_NS for row in rows] == [10, 4, 0]
    assert len(book.candles("1m", NOON + DAY_NS, 2)) == 2
    assert book.candles("1m", NOON + DAY_NS, 0) == []


def test_asking_changes_no_bar() -> None:
    book = book_of((0, 10, 1), (61, 12, 1), (125, 9, 1))
    before = book.candles("1m", NOON + DAY_NS, 9)
    first = book.candles("5m", NOON + DAY_NS, 9)
    assert book.candles("5m", NOON + DAY_NS, 9) == first
    assert book.candles("1m", NOON + DAY_NS, 9) == before


def test_a_bounded_book_drops_the_oldest_minutes_and_keeps_the_days() -> None:
    book = CandleBook(minutes_kept=100, days_kept=10)
    for minute in range(1_000):
        book.add_trade(NOON + minute * MINUTE_NS, SCALE, SCALE)
    assert 100 <= len(book.minutes) <= 113
    assert book.minutes[-1].start_ns == NOON + 999 * MINUTE_NS
    assert sum(bar.volume for bar in book.days) == 1_000 * SCALE


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low = draw(st.integers(1, 10**17))
    high = draw(st.integers(low, low + draw(st.integers(0, 10**14))))
    opened, close = draw(st.integers(low, high)), draw(st.integers(low, high))
    if draw(st.booleans()):
        opened, close = draw(st.sampled_from([(low, high), (high, low), (low, low), (high, high)]))
    return Bar(NOON, opened, high, low, close, draw(st.integers(VISITS_MAX, 10**16)), 0, NOON)


@given(bar=bars(), length_ns=st.sampled_from([MINUTE_NS, 15 * MINUTE_NS, DAY_NS]))
def test_a_bar_taken_apart_and_put_together_is_the_same_bar(bar: Bar, length_ns: int) -> None:
    fills = fills_of(bar, length_ns)
    assert 1 <= len(fills) <= VISITS_MAX
    assert all(fill.size > 0 and fill.trade_ns % NS_PER_MS == 0 for fill in fills)
    assert all(bar.start_ns <= fill.trade_ns < bar.start_ns + length_ns for fill in fills)
    assert sorted(fill.trade_ns for fill in fills) == [fill.trade_ns for fill in fills]
    prices = [fill.price for fill in fills]
    assert (prices[0], max(prices), min(prices), prices[-1]) == (bar.open, bar.high, bar.low, bar.close)
    assert sum(fill.size for fill in fills) == bar.volume


@given(code=st.sampled_from(["KRW-A", "BTC-A", "USDT-A"]), raw=st.integers(1, 10**17))
def test_walks_on_a_ladder_stay_on_it_and_return(code: str, raw: int) -> None:
    ladder = ladder_of(code)
    price = ladder.snap(raw)
    up, down = ladder.up(price), ladder.down(price)
    assert down < price < up
    assert ladder.holds(price)
    assert ladder.holds(up)
    assert down == 0 or ladder.holds(down)
    assert ladder.down(up) == price
    assert down == 0 or ladder.up(down) == price
    assert abs(ladder.nearest(raw) - raw) <= ladder.step_at(raw)
    assert ladder.holds(ladder.nearest(raw))


@given(units=st.integers(0, 10**15))
def test_floats_print_the_decimal_they_stand_for(units: int) -> None:
    assert as_units(as_float(units)) == units
