"""Triggers: which symbols deserve a slot now, and how much. Pure: windows in, scores out.

Each trigger compares what is with what was usual for the same symbol, as a ratio, and bends the ratio into a
score from 0 to 1 (:func:`saturate`): 0 at the usual, one half at the setting's ``half``, towards 1 beyond.
So scores of a penny share and of a large one mean the same, and more is never worth less. Formulas, settings
and examples stand in ``docs/triggers.md``.

Nothing known is no trigger: a window that is empty, too short or has a hole where it matters gives None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct

from sise.collect.ratios import (
    TriggerSettings,
    live_move_percent,
    live_returns,
    live_surge_ratio,
    sweep_move_percent,
    sweep_returns,
    swing_surge_ratio,
    velocity_ratio,
    volatility_ratio,
)
from sise.collect.windows import LiveWindow, SwingWindow

TriggerKind = Literal["volume_surge", "trade_velocity", "volatility_spike", "manual", "price_spike"]

PRIORITY: Final[tuple[TriggerKind, ...]] = (
    "volume_surge",
    "trade_velocity",
    "volatility_spike",
    "manual",
    "price_spike",
)
"""The order in which equal scores go (O5)."""

WEIGHT: Final[Mapping[TriggerKind, float]] = {
    "volume_surge": 1.0,
    "trade_velocity": 0.9,
    "volatility_spike": 0.8,
    "manual": 1.0,
    "price_spike": 0.0,
}
"""What a score counts in a candidate's; a price spike is watched, it asks for no slot."""


class Trigger(Struct, frozen=True):
    """A score and what it was made of: ``ratio`` (``price_spike``: the move in percent), over ``basis``."""

    kind: TriggerKind
    symbol: str
    at_ns: int
    score: float
    ratio: float
    basis: Literal["swing", "live", "rank", "operator"]


class Candidate(Struct, frozen=True):
    """A symbol that asks for a slot. ``trigger`` is the kind that gave the score."""

    symbol: str
    score: float
    trigger: TriggerKind
    pinned: bool = False


def saturate(excess: float) -> float:
    """0 for nothing (or less), one half at 1, towards 1 beyond; never falls."""
    return 1.0 - 1.0 / (1.0 + excess) if excess > 0.0 else 0.0


def ratio_score(ratio: float, half: float) -> float:
    """The score of a ratio to the usual: 0 up to 1, one half at ``half``."""
    return saturate((ratio - 1.0) / (half - 1.0))


def evaluate(
    symbol: str,
    at_ns: int,
    *,
    swing: SwingWindow | None = None,
    live: LiveWindow | None = None,
    settings: TriggerSettings,
) -> list[Trigger]:
    """Every trigger that the windows allow to say something about, in the order of :data:`PRIORITY`.

    Where both windows speak, the higher score counts.
    """
    swing, live = swing or SwingWindow(), live or LiveWindow()
    found: list[tuple[TriggerKind, float | None, float | None]] = [
        (
            "volume_surge",
            swing_surge_ratio(swing, settings),
            live_surge_ratio(live, swing.usual_volume_per_second, settings),
        ),
        ("trade_velocity", None, velocity_ratio(live, settings)),
        (
            "volatility_spike",
            volatility_ratio(sweep_returns(swing), 1, settings),
            volatility_ratio(live_returns(live), settings.recent_buckets, settings),
        ),
        ("price_spike", sweep_move_percent(swing), live_move_percent(live, settings)),
    ]
    triggers = []
    for kind, swing_ratio, live_ratio in found:
        by_swing, by_live = _score(kind, swing_ratio, settings), _score(kind, live_ratio, settings)
        if live_ratio is not None and by_live >= by_swing:
            triggers.append(Trigger(kind, symbol, at_ns, by_live, live_ratio, "live"))
        elif swing_ratio is not None:
            triggers.append(Trigger(kind, symbol, at_ns, by_swing, swing_ratio, "swing"))
    return triggers


def _score(kind: TriggerKind, ratio: float | None, settings: TriggerSettings) -> float:
    if ratio is None:
        return 0.0
    if kind == "price_spike":
        return saturate(abs(ratio) / settings.spike_half_percent)
    halves = {
        "volume_surge": settings.surge_half_ratio,
        "trade_velocity": settings.velocity_half_ratio,
        "volatility_spike": settings.volatility_half_ratio,
    }
    return ratio_score(ratio, halves[kind])


def ranked_surge(symbol: str, at_ns: int, window: SwingWindow, settings: TriggerSettings) -> Trigger | None:
    """The surge of a symbol that the provider's ranking names: ``window`` holds its last places.

    The score is that of ``volume_surge``: volume per second between the last two rank calls, by the usual
    volume of the symbol, or, where that is not known, by the median of the calls before. A symbol that is
    named for the first time has no pace yet, and no trigger.
    """
    usual = window.usual_volume_per_second
    # A surge that lasts must not become its own measure where a better one is known.
    window = SwingWindow(window.points[-2:], usual) if usual else window
    ratio = swing_surge_ratio(window, settings, settings.rank_value_min)
    if ratio is None:
        return None
    return Trigger("volume_surge", symbol, at_ns, _score("volume_surge", ratio, settings), ratio, "rank")


def manual(symbol: str, at_ns: int) -> Trigger:
    """The operator's word."""
    return Trigger("manual", symbol, at_ns, 1.0, 1.0, "operator")


def rank(triggers: Iterable[Trigger], settings: TriggerSettings) -> list[Candidate]:
    """The candidates, best first: pins, then by score, by :data:`PRIORITY`, by symbol. One per symbol."""
    best: dict[str, Trigger] = {}
    for trigger in triggers:
        if WEIGHT[trigger.kind] > 0.0 and (
            trigger.symbol not in best or _order(trigger) < _order(best[trigger.symbol])
        ):
            best[trigger.symbol] = trigger
    ordered = sorted(best.values(), key=_order)
    return [
        Candidate(one.symbol, WEIGHT[one.kind] * one.score, one.kind, pinned=one.kind == "manual")
        for one in ordered
        if one.kind == "manual" or WEIGHT[one.kind] * one.score >= settings.candidate_score_min
    ]


def _order(trigger: Trigger) -> tuple[bool, float, int, str]:
    weighted = WEIGHT[trigger.kind] * trigger.score
    return trigger.kind != "manual", -weighted, PRIORITY.index(trigger.kind), trigger.symbol
