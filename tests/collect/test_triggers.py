"""Triggers: scores that mean the same for every symbol, and never come from what was not heard."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sise.collect.ratios import TriggerSettings
from sise.collect.triggers import (
    PRIORITY,
    WEIGHT,
    Trigger,
    TriggerKind,
    evaluate,
    manual,
    rank,
    ratio_score,
    saturate,
)
from sise.collect.windows import (
    BUCKET_SECONDS,
    BUCKETS_REMEMBERED,
    Bucket,
    LiveTicks,
    LiveWindow,
    SweepHistory,
    SweepPoint,
    SwingWindow,
)
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND

SETTINGS = TriggerSettings(surge_value_min=0.0, velocity_trades_min=0)
SWEEP_NS = 600 * NS_PER_SECOND
BUCKET_NS = BUCKET_SECONDS * NS_PER_SECOND


def sweeps(
    volumes: list[float], prices: list[float] | None = None, usual: float | None = None
) -> SwingWindow:
    """Sweeps with these volumes in the intervals between them."""
    prices = prices or [1_000.0] * (len(volumes) + 1)
    total, points = 0.0, [SweepPoint(0, prices[0], 0.0)]
    for number, (volume, price) in enumerate(zip(volumes, prices[1:], strict=True), 1):
        total += volume
        points.append(SweepPoint(number * SWEEP_NS, price, total))
    return SwingWindow(tuple(points), usual)


def scores(
    swing: SwingWindow | None = None, live: LiveWindow | None = None, settings: TriggerSettings = SETTINGS
) -> dict[str, float]:
    return {
        trigger.kind: trigger.score for trigger in evaluate("A", 0, swing=swing, live=live, settings=settings)
    }


def live(trades: Sequence[int | None], volume: float = 10.0, price: float | None = 1_000.0) -> LiveWindow:
    return LiveWindow(
        tuple(
            None if count is None else Bucket(count, count * volume, price if count else None)
            for count in trades
        )
    )


volumes = st.lists(st.floats(0.0, 1e9), min_size=0, max_size=12)
prices = st.lists(st.floats(0.01, 1e8), min_size=13, max_size=13)
buckets = st.lists(
    st.none()
    | st.builds(
        lambda trades, volume, price: Bucket(trades, volume if trades else 0.0, price if trades else None),
        st.integers(0, 10_000),
        st.floats(0.0, 1e9),
        st.floats(0.01, 1e8),
    ),
    max_size=40,
)


@given(volumes, prices, buckets, st.none() | st.floats(0.0, 1e9))
def test_every_score_is_a_number_from_0_to_1(
    amounts: list[float], levels: list[float], heard: list[Bucket | None], usual: float | None
) -> None:
    window = sweeps(amounts, levels[: len(amounts) + 1], usual)
    for trigger in evaluate("A", 0, swing=window, live=LiveWindow(tuple(heard)), settings=SETTINGS):
        assert 0.0 <= trigger.score <= 1.0
        assert isfinite(trigger.ratio)


def test_nothing_known_is_no_trigger() -> None:
    assert evaluate("A", 0, settings=SETTINGS) == []
    assert scores(sweeps([])) == {}
    assert scores(live=live([None] * 36)) == {}
    few = scores(live=live([5] * 10))
    assert not {"trade_velocity", "volume_surge"} & few.keys(), "too few buckets to say what is usual"


def test_a_flat_market_scores_nothing() -> None:
    assert scores(sweeps([100.0] * 8), live([5] * 36)) == {
        "volume_surge": 0.0,
        "trade_velocity": 0.0,
        "volatility_spike": 0.0,
        "price_spike": 0.0,
    }
    assert scores(live=live([0] * 36)) == {"trade_velocity": 0.0, "volume_surge": 0.0}


@given(st.lists(st.floats(1.0, 1e6), min_size=4, max_size=10), st.floats(0, 1e9), st.floats(0, 1e9))
def test_more_volume_is_never_worth_less(before: list[float], one: float, more: float) -> None:
    less = scores(sweeps([*before, one]))["volume_surge"]
    assert less <= scores(sweeps([*before, one + more]))["volume_surge"]


@given(st.lists(st.integers(0, 100), min_size=20, max_size=30), st.integers(0, 1_000), st.integers(0, 1_000))
def test_more_trades_are_never_worth_less(before: list[int], count: int, more: int) -> None:
    def velocity(last: int) -> float:
        return scores(live=live([*before, last, last, last]))["trade_velocity"]

    assert velocity(count) <= velocity(count + more)


@given(st.lists(st.floats(1.0, 1e6), min_size=4, max_size=10), st.sampled_from([0.001, 7.0, 1e5]))
def test_a_large_share_and_a_small_one_score_alike(amounts: list[float], scale: float) -> None:
    one = scores(sweeps(amounts, usual=3.0))["volume_surge"]
    other = scores(sweeps([amount * scale for amount in amounts], usual=3.0 * scale))["volume_surge"]
    assert other == pytest.approx(one, abs=1e-9)


@given(st.lists(st.floats(0.9, 1.1), min_size=6, max_size=12), st.sampled_from([0.01, 3.0, 1e4]))
def test_volatility_and_spikes_do_not_depend_on_the_price_level(steps: list[float], scale: float) -> None:
    levels = [1_000.0]
    for step in steps:
        levels.append(levels[-1] * step)
    one = scores(sweeps([1.0] * len(steps), levels))
    other = scores(sweeps([1.0] * len(steps), [level * scale for level in levels]))
    for kind in ("volatility_spike", "price_spike"):
        assert other[kind] == pytest.approx(one[kind], abs=1e-6)


def test_the_examples_of_the_documentation() -> None:
    assert scores(sweeps([1_000, 900, 1_100, 3_000]))["volume_surge"] == pytest.approx(0.5)
    assert scores(sweeps([1_000, 900, 1_100, 9_000]))["volume_surge"] == pytest.approx(0.8)
    assert scores(live=live([4] * 33 + [12, 12, 12]))["trade_velocity"] == pytest.approx(0.5)
    assert scores(sweeps([1, 1], [1_000, 1_000, 1_030]))["price_spike"] == pytest.approx(0.5)
    calm_then_wild = [1_000, 1_002, 1_000, 1_002, 1_000, 1_006]
    assert scores(sweeps([1] * 5, [float(level) for level in calm_then_wild]))[
        "volatility_spike"
    ] == pytest.approx(ratio_score(2.994, 3.0), abs=0.1)


def test_a_surge_of_little_money_is_none() -> None:
    settings = TriggerSettings()
    window = sweeps([1.0, 1.0, 1.0, 100.0])
    assert scores(window, settings=settings)["volume_surge"] == 0.0
    assert scores(sweeps([1e4, 1e4, 1e4, 1e6]), settings=settings)["volume_surge"] > 0.9


def test_the_first_sweeps_are_compared_with_the_usual_day() -> None:
    assert scores(sweeps([6_000.0], usual=1.0))["volume_surge"] == pytest.approx(ratio_score(10.0, 3.0))
    assert "volume_surge" not in scores(sweeps([6_000.0]))


def test_a_volume_that_ran_backwards_says_nothing() -> None:
    points = (*sweeps([100.0] * 4).points, SweepPoint(5 * SWEEP_NS, 1_000.0, 50.0))
    assert "volume_surge" not in scores(SwingWindow(points, usual_volume_per_second=1.0))


def test_a_hole_is_not_silence() -> None:
    """Trades again after a hole are no burst: the hole does not count as time without trades."""
    heard = [*[5] * 12, *[None] * 21, 5, 5, 5]
    assert scores(live=live(heard))["trade_velocity"] == 0.0
    silent = [5] * 12 + [0] * 21 + [5, 5, 5]
    assert scores(live=live(silent))["trade_velocity"] > 0.4
    assert "trade_velocity" not in scores(live=live([*[5] * 34, None, 5])), "the recent part is not known"


def test_a_price_is_not_compared_across_a_hole() -> None:
    window = LiveWindow((*[Bucket(1, 1.0, 1_000.0)] * 20, None, Bucket(1, 1.0, 1_300.0)))
    assert scores(live=window)["price_spike"] == 0.0


@given(
    st.lists(
        st.builds(
            Trigger,
            kind=st.sampled_from(PRIORITY),
            symbol=st.sampled_from("ABCDEF"),
            at_ns=st.just(0),
            score=st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.9, 1.0]),
            ratio=st.just(1.0),
            basis=st.just("live"),
        )
    ),
    st.randoms(use_true_random=False),
)
def test_the_ranking_is_total_and_blind_to_the_order_of_its_input(
    triggers: list[Trigger], random: Random
) -> None:
    ranked = rank(triggers, SETTINGS)
    shuffled = triggers[:]
    random.shuffle(shuffled)
    assert rank(shuffled, SETTINGS) == ranked
    assert len({one.symbol for one in ranked}) == len(ranked)
    for better, worse in pairwise(ranked):
        assert (better.pinned, better.score) >= (worse.pinned, worse.score)
    for one in ranked:
        assert one.trigger != "price_spike"
        best = max(WEIGHT[t.kind] * t.score for t in triggers if t.symbol == one.symbol)
        assert one.pinned or one.score == best


def test_equal_scores_go_by_priority() -> None:
    order: list[TriggerKind] = ["volatility_spike", "trade_velocity", "volume_surge"]
    ranked = rank([Trigger(kind, kind, 0, 0.9, 5.0, "live") for kind in order], SETTINGS)
    assert [one.trigger for one in ranked] == ["volume_surge", "trade_velocity", "volatility_spike"]


def test_a_pin_comes_first_and_a_price_spike_is_only_watched() -> None:
    triggers = [
        Trigger("volume_surge", "A", 0, 1.0, 99.0, "swing"),
        manual("B", 0),
        Trigger("price_spike", "C", 0, 1.0, 30.0, "swing"),
    ]
    assert [(one.symbol, one.pinned) for one in rank(triggers, SETTINGS)] == [("B", True), ("A", False)]


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_saturation_never_falls(one: float, more: float) -> None:
    assume(isfinite(one + more))
    assert saturate(one) <= saturate(one + more) <= 1.0
    assert (saturate(-one), saturate(1.0), ratio_score(1.0, 3.0), ratio_score(3.0, 3.0)) == (0, 0.5, 0, 0.5)


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(BadInput, match="surge_half_ratio"):
        TriggerSettings(surge_half_ratio=1.0)
    with pytest.raises(BadInput, match="recent_buckets"):
        TriggerSettings(recent_buckets=0)
    with pytest.raises(BadInput, match="spike_half_percent"):
        TriggerSettings(spike_half_percent=0.0)


def test_sweeps_are_kept_in_time_and_of_one_day() -> None:
    history = SweepHistory()
    for point in sweeps([10.0] * 20).points:
        history.on_sweep(point)
    kept = history.window().points
    assert len(kept) == 13
    history.on_sweep(SweepPoint(0, 1.0, 1e9))
    assert history.window().points == kept, "a late answer changes nothing"
    history.on_sweep(SweepPoint(100 * SWEEP_NS, 1_000.0, 5.0))
    assert history.window().points == (SweepPoint(100 * SWEEP_NS, 1_000.0, 5.0),)


def test_live_trades_fall_into_their_buckets_and_holes_are_unknown() -> None:
    ticks = LiveTicks(since_ns=5 * BUCKET_NS + 1)
    for number in (5, 6, 6, 8):
        ticks.on_trade(number * BUCKET_NS + 3, 100.0 + number, 2.0)
    ticks.on_hole(9 * BUCKET_NS - 1, 9 * BUCKET_NS + 1)
    *before, five, six, seven, eight, nine, ten = ticks.window(11 * BUCKET_NS + 5).buckets
    assert len(before) == BUCKETS_REMEMBERED - 6
    assert set(before) == {None}
    assert five is None, "heard only in part"
    assert six == Bucket(2, 4.0, 106.0)
    assert seven == Bucket()
    assert (eight, nine) == (None, None)
    assert ten == Bucket()
