"""Completeness: what is missing is found, named and counted once; what is on its way is not missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.collect import completeness
from sise.collect.completeness import NamedGap, VolumeCounter, VolumeHole


def test_all_heard() -> None:
    counter = VolumeCounter("005930")
    for number in range(1, 5):
        counter.on_trade(number, 10, cumulative=number * 10)
    found = counter.result()
    assert (found.status, found.ratio, found.ratio_of_day, found.missing) == ("complete", 1.0, 1.0, 0.0)
    assert (found.heard, found.last_cumulative, found.trades, found.before) == (40.0, 40, 4, 0.0)


def test_a_hole_is_found_where_it_lies_and_named_by_its_gap() -> None:
    counter = VolumeCounter("005930")
    counter.on_trade(100, 10, cumulative=10)
    counter.on_trade(500, 10, cumulative=60)
    counter.on_trade(600, 10, cumulative=70)
    gaps = [
        NamedGap(150, 450, "ws_disconnect"),
        NamedGap(460, 470, "ws_disconnect"),
        NamedGap(700, 800, "process_restart"),
    ]
    found = counter.result(gaps)
    assert found.holes == (VolumeHole(100, 500, 40.0, ("ws_disconnect",)),)
    assert (found.status, found.missing, found.heard) == ("incomplete", 40.0, 30.0)
    assert found.ratio == pytest.approx(30 / 70)
    assert counter.result().holes[0].reasons == (), "a hole that no gap explains is still a hole"


def test_what_was_traded_before_we_listened_is_told_apart() -> None:
    counter = VolumeCounter("005930")
    counter.on_trade(1, 10, cumulative=1_010)
    counter.on_trade(2, 10, cumulative=1_020)
    found = counter.result()
    assert (found.before, found.ratio) == (1_000.0, 1.0)
    assert found.ratio_of_day == pytest.approx(20 / 1_020)


def test_without_a_cumulative_nothing_is_claimed() -> None:
    counter = VolumeCounter("KRW-BTC")
    counter.on_trade(1, 0.5)
    found = counter.result()
    assert (found.status, found.ratio, found.missing, found.heard) == ("unknown", None, None, 0.5)
    assert VolumeCounter("KRW-BTC").result().status == "unknown"


def test_no_trade_that_is_proven_is_complete() -> None:
    counter = VolumeCounter("900110")
    counter.on_cumulative(1, 0.0)
    counter.on_cumulative(2, 0.0)
    assert (counter.result().status, counter.result().ratio) == ("complete", 1.0)


def test_a_loss_at_the_end_is_shown_by_the_last_check() -> None:
    counter = VolumeCounter("005930")
    counter.on_trade(1, 10, cumulative=10)
    counter.on_cumulative(9, 35)
    assert counter.result().holes == (VolumeHole(1, 9, 25.0),)


def test_a_trade_on_its_way_is_no_hole() -> None:
    counter = VolumeCounter("KRW-BTC")
    counter.on_trade(1, 1.0, cumulative=1.0)
    counter.on_cumulative(2, 3.5)
    counter.on_trade(3, 2.5)
    counter.on_cumulative(4, 3.5)
    assert counter.result().status == "complete"


def test_a_rise_that_is_taken_back_in_part_is_a_smaller_hole() -> None:
    counter = VolumeCounter("KRW-BTC")
    counter.on_trade(1, 1.0, cumulative=1.0)
    counter.on_cumulative(2, 6.0)
    counter.on_trade(3, 2.0)
    counter.on_cumulative(4, 6.0)
    assert counter.result().holes == (VolumeHole(1, 2, 3.0),)


def test_a_hole_stays_when_a_trade_on_its_way_arrives() -> None:
    counter = VolumeCounter("KRW-BTC")
    counter.on_trade(1, 1.0, cumulative=1.0)
    counter.on_trade(2, 1.0, cumulative=5.0)
    counter.on_cumulative(3, 7.0)
    counter.on_trade(4, 2.0, cumulative=7.0)
    counter.on_trade(5, 1.0, cumulative=8.0)
    assert counter.result().holes == (VolumeHole(1, 2, 3.0),)


def test_a_cumulative_that_runs_backwards_is_counted_and_changes_nothing() -> None:
    counter = VolumeCounter("005930")
    counter.on_trade(1, 10, cumulative=10)
    counter.on_trade(2, 10, cumulative=50)
    counter.on_cumulative(3, 20)
    found = counter.result()
    assert (found.backwards, found.missing, found.last_cumulative) == (1, 30.0, 50)


@given(
    st.lists(st.tuples(st.integers(1, 1_000), st.booleans()), min_size=1, max_size=60),
    st.integers(0, 10_000),
)
def test_missing_is_exactly_what_was_dropped(trades: list[tuple[int, bool]], before: int) -> None:
    """The market trades all of them; we hear those that are marked."""
    counter = VolumeCounter("005930")
    total, heard, dropped, run, holes = before, 0, 0, 0, []
    counter.on_cumulative(0, before)
    for number, (size, is_heard) in enumerate(trades, 1):
        total += size
        if not is_heard:
            dropped, run = dropped + size, run + size
            continue
        heard += size
        counter.on_trade(number, size, cumulative=total)
        holes += [run] if run else []
        run = 0
    counter.on_cumulative(len(trades) + 1, total)
    holes += [run] if run else []
    found = counter.result()
    assert (found.heard, found.missing, found.before) == (heard, dropped, before)
    assert [hole.volume for hole in found.holes] == holes
    assert found.ratio == pytest.approx(heard / (heard + dropped) if heard + dropped else 1.0)


@given(st.lists(st.floats(1e-8, 1e4), min_size=1, max_size=300))
def test_sums_of_floats_make_no_hole(sizes: list[float]) -> None:
    counter, total = VolumeCounter("KRW-BTC"), 0.1
    counter.on_cumulative(0, total)
    for number, size in enumerate(sizes, 1):
        total = float(f"{total + size:.8f}")
        counter.on_trade(number, float(f"{size:.8f}"))
        counter.on_cumulative(number, total)
    # Each of the provider's own sums is rounded to eight decimals.
    assert (counter.result().missing or 0.0) <= len(sizes) * 1e-8


def test_many_holes_are_merged_and_no_volume_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completeness, "HOLES_MAX", 3)
    counter = VolumeCounter("005930")
    for number in range(1, 11):
        counter.on_trade(number, 1, cumulative=number * 3)
    found = counter.result()
    assert len(found.holes) == 3
    assert found.missing == 18.0
    assert (found.holes[-1].after_ns, found.holes[-1].by_ns) == (3, 10)
