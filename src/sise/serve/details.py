"""What the system events of the observer say in their ``detail`` (see ``docs/collect.md``)."""

from __future__ import annotations

from msgspec import Struct


class SweepFacts(Struct):
    planned: str
    began: str
    ended: str
    asked: int
    answered: int
    refused: dict[str, int]
    left: int = 0
    late: bool = False


class MitigationFacts(Struct):
    level_before: int
    level_after: int
    hz: float | None = None
    measure: str = ""
    value: float | None = None
    threshold: float | None = None


class Happening(Struct):
    """What a disconnection, an end, a pause or an anomaly may say."""

    scope: str = ""
    reason: str = ""
    gap_start_ts: str = ""
    alive: str = ""
    how: str = ""
    condition: str = ""
    value: float | None = None
    limit: float | None = None
    unit: str | None = None


class SlotChangeFacts(Struct):
    action: str
    symbol: str
    trigger: str = ""
    score: float | None = None
    rank: int | None = None
    held_seconds: float | None = None


class MissedFacts(Struct):
    planned: str
    reason: str


class TradingDayFacts(Struct):
    day: str
    open: bool
