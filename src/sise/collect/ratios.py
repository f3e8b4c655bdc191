"""The ratios that the triggers are made of: what is now, by what was usual for the same symbol. Pure.

Each gives None where the window does not say enough, and 0.0 where it says too little to be worth a look.
"""

from __future__ import annotations

from itertools import pairwise
from math import expm1, isfinite, log, sqrt
from statistics import median
from typing import Final

from msgspec import Struct

from sise.collect.windows import Bucket, LiveWindow, SweepPoint, SwingWindow
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND

_BASIS_POINT: Final = 1e-4


RATIO_MAX: Final = 1e9
"""Next to nothing is usual where hardly anything is traded: more than so many times it says no more."""


class TriggerSettings(Struct, frozen=True):
    """A ``half`` is the ratio (spike: the move) at which the score is one half."""

    candidate_score_min: float = 0.3
    """Below it a symbol is no candidate, and not in the overflow ledger either."""
    surge_half_ratio: float = 3.0
    surge_value_min: float = 50_000_000.0
    """Traded value (quote currency) of the recent stretch below which no surge is seen."""
    surge_intervals_min: int = 3
    """Earlier sweep intervals that are needed to say what is usual."""
    velocity_half_ratio: float = 3.0
    velocity_trades_min: int = 10
    rank_value_min: float = 50_000_000.0
    """Traded value (quote currency) between two rank calls below which no surge is seen."""
    volatility_half_ratio: float = 3.0
    volatility_floor_bp: float = 5.0
    """Basis points per square root of a minute; a market calmer than that counts as so calm."""
    volatility_returns_min: int = 3
    spike_half_percent: float = 3.0
    recent_buckets: int = 3
    """Of a live window, what is compared with all known buckets before it."""
    earlier_buckets_min: int = 12

    def __post_init__(self) -> None:
        for name in ("surge_half_ratio", "velocity_half_ratio", "volatility_half_ratio"):
            if not getattr(self, name) > 1.0:
                raise BadInput(name, getattr(self, name), "give a ratio above 1: 1 is what is usual")
        for name in ("spike_half_percent", "volatility_floor_bp"):
            if not getattr(self, name) > 0.0:
                raise BadInput(name, getattr(self, name), "give a number above 0")
        for name in (
            "surge_intervals_min",
            "volatility_returns_min",
            "recent_buckets",
            "earlier_buckets_min",
        ):
            if getattr(self, name) < 1:
                raise BadInput(name, getattr(self, name), "give at least 1")


def swing_surge_ratio(
    window: SwingWindow, settings: TriggerSettings, value_min: float | None = None
) -> float | None:
    """Volume per second since the sweep before, by the median of the intervals before that.

    Where those are too few or still, the usual volume of the symbol is taken in their place.
    ``value_min`` stands for ``surge_value_min`` where the points are no sweeps.
    """
    value_min = settings.surge_value_min if value_min is None else value_min
    rates = [_volume_rate(earlier, later) for earlier, later in pairwise(window.points)]
    if not rates or rates[-1] is None:
        return None
    before, last = window.points[-2:]
    if (last.volume - before.volume) * last.price < value_min:
        return 0.0
    earlier_rates = [rate for rate in rates[:-1] if rate is not None]
    known = len(earlier_rates) >= settings.surge_intervals_min
    usual = median(earlier_rates) if known else 0.0
    return _ratio(rates[-1], usual or window.usual_volume_per_second)


def _volume_rate(earlier: SweepPoint, later: SweepPoint) -> float | None:
    """Volume per second between two sweeps; None where time or volume does not run forwards."""
    if later.at_ns <= earlier.at_ns or not later.volume >= earlier.volume:
        return None
    return (later.volume - earlier.volume) / ((later.at_ns - earlier.at_ns) / NS_PER_SECOND)


def live_surge_ratio(
    window: LiveWindow, usual_volume_per_second: float | None, settings: TriggerSettings
) -> float | None:
    """Volume per bucket of the recent buckets, by the mean of the known ones before."""
    parts = _parts(window, settings)
    if parts is None:
        return None
    recent, earlier = parts
    prices = [bucket.price for bucket in recent if bucket.price is not None]
    volume = sum(bucket.volume for bucket in recent)
    if not prices or volume * prices[-1] < settings.surge_value_min:
        return 0.0
    usual = sum(bucket.volume for bucket in earlier) / len(earlier)
    if not usual and usual_volume_per_second:
        usual = usual_volume_per_second * window.bucket_seconds
    return _ratio(volume / len(recent), usual)


def velocity_ratio(window: LiveWindow, settings: TriggerSettings) -> float | None:
    """Trades per bucket of the recent buckets, by the mean of the known ones before.

    Before a first trade the rate is unknown but below one trade in all that time: so much is taken.
    """
    parts = _parts(window, settings)
    if parts is None:
        return None
    recent, earlier = parts
    trades = sum(bucket.trades for bucket in recent)
    if trades < settings.velocity_trades_min:
        return 0.0
    usual = max(1, sum(bucket.trades for bucket in earlier)) / len(earlier)
    return (trades / len(recent)) / usual


class Return(Struct, frozen=True):
    """A logarithmic return over ``seconds``; ``age`` counts steps from the newest, 0 first."""

    change: float
    seconds: float
    age: int


def volatility_ratio(returns: list[Return], recent: int, settings: TriggerSettings) -> float | None:
    """Root of the variance per second of the ``recent`` newest steps, by that of the steps before."""
    new = [one for one in returns if one.age < recent]
    old = [one for one in returns if one.age >= recent]
    if not new or len(old) < settings.volatility_returns_min:
        return None
    floor = (settings.volatility_floor_bp * _BASIS_POINT) ** 2 / 60.0
    return sqrt(_variance_rate(new) / max(_variance_rate(old), floor))


def _variance_rate(returns: list[Return]) -> float:
    return sum(one.change**2 for one in returns) / sum(one.seconds for one in returns)


def sweep_returns(window: SwingWindow) -> list[Return]:
    """The move from each sweep to the next."""
    pairs = list(pairwise(window.points))
    return [
        Return(log(later.price / earlier.price), (later.at_ns - earlier.at_ns) / NS_PER_SECOND, age)
        for age, (earlier, later) in zip(range(len(pairs) - 1, -1, -1), pairs, strict=True)
        if _priced(earlier.price) and _priced(later.price) and later.at_ns > earlier.at_ns
    ]


def live_returns(window: LiveWindow) -> list[Return]:
    """The moves between the last prices of the buckets that have one."""
    returns = []
    last: tuple[int, float] | None = None
    for place, bucket in enumerate(window.buckets):
        if bucket is None:
            last = None  # a move across a hole belongs to no bucket
        elif bucket.price is not None and _priced(bucket.price):
            if last is not None:
                seconds = (place - last[0]) * window.bucket_seconds
                age = len(window.buckets) - 1 - place
                returns.append(Return(log(bucket.price / last[1]), seconds, age))
            last = place, bucket.price
    return returns


def sweep_move_percent(window: SwingWindow) -> float | None:
    """The move of the price since the sweep before."""
    newest = [one.change for one in sweep_returns(window) if one.age == 0]
    return expm1(newest[0]) * 100.0 if newest else None


def live_move_percent(window: LiveWindow, settings: TriggerSettings) -> float | None:
    """The move of the price within the recent buckets."""
    recent = [one.change for one in live_returns(window) if one.age < settings.recent_buckets]
    return expm1(sum(recent)) * 100.0 if recent else None


def _parts(window: LiveWindow, settings: TriggerSettings) -> tuple[list[Bucket], list[Bucket]] | None:
    """The recent buckets, all of them known, and the known ones before; None where they do not suffice."""
    cut = len(window.buckets) - settings.recent_buckets
    recent = [bucket for bucket in window.buckets[max(cut, 0) :] if bucket is not None]
    earlier = [bucket for bucket in window.buckets[: max(cut, 0)] if bucket is not None]
    if len(recent) < settings.recent_buckets or len(earlier) < settings.earlier_buckets_min:
        return None
    return recent, earlier


def _ratio(now: float, usual: float | None) -> float | None:
    return min(now / usual, RATIO_MAX) if usual else None


def _priced(price: float) -> bool:
    return price > 0.0 and isfinite(price)
