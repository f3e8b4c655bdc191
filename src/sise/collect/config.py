"""What a collector is told to listen to, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct

from sise.collect.ratios import TriggerSettings
from sise.collect.slotplan import LEAST_HOLD_SECONDS, MEMORY_SECONDS, SCORE_MARGIN, SLOT_SCORE_MIN
from sise.collect.slots import SAMPLE_HZ

RANK_EVERY_SECONDS: Final = 60.0


class CollectConfig(Struct, frozen=True):
    """What to listen to."""

    data_dir: Path
    symbols: tuple[str, ...] = ()
    """Given: exactly these, and no question is asked by REST. Empty: the busiest ``markets``."""
    markets: int = 41
    """So many slots, but no more than the provider has."""
    steer: bool = True
    """Triggers choose who has a slot, and the busiest only begin (not where ``symbols`` are given)."""
    pins: tuple[str, ...] = ()
    """Always have a slot, as far as there are slots; an operator may say otherwise later."""
    excluded: tuple[str, ...] = ()
    """Never get a slot, until an operator says otherwise."""
    least_hold_seconds: float = LEAST_HOLD_SECONDS
    score_margin: float = SCORE_MARGIN
    score_min: float = SLOT_SCORE_MIN
    memory_seconds: float = MEMORY_SECONDS
    triggers: TriggerSettings = TriggerSettings()
    rank_every_seconds: float = RANK_EVERY_SECONDS
    """How often the provider's own ranking is asked for, while the scalp track listens; 0: never."""
    history_candles: int = 0
    """So many 1-minute candles of the provider are asked for per slot at the start (0: none)."""
    sample_hz: float = SAMPLE_HZ[0]
    swing: bool = True
    """Sweep the universe of the day every ten minutes (not where ``symbols`` are given)."""
