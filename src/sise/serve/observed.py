"""What the API answers of a day that the observer has seen: its timeline.

Times are ISO 8601 ``Z``; ``None`` (``null``) means not known, never zero. ``raw_ref`` is the journal's line
that says so (``path:line``). See ``docs/decisions/0002-page-and-api.md``.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sise.serve.answers import Gap

SweepState = Literal["done", "late", "missing", "due"]
"""``missing``: its time is over and nothing was told of it. ``due``: its time is not over yet."""


class Window(Struct):
    """From ``start`` to ``end``; no end: it goes on, as far as is known."""

    start: str
    end: str | None


class DayHours(Struct):
    """When the tracks listen on a day; ``None``: not on this day. ``source``: who says whether it is open.

    By the market's calendar, or by the provider itself, which is believed where it was asked.
    """

    open: bool
    why: str
    source: str
    swing: Window | None
    scalp: Window | None


class SessionSpan(Struct):
    """A session of the collector. ``start`` is ``None`` where it began before the day.

    ``connected``: the first data was heard. ``how`` it ended: ``clean``, or ``recovered`` after a kill.
    """

    session_id: str
    start: str | None
    connected: str | None = None
    end: str | None = None
    how: str | None = None


class Reconnect(Struct):
    """One attempt to connect again, whatever came of it."""

    at: str
    attempt: int
    backoff_seconds: float
    result: str
    detail: str
    raw_ref: str


class MitigationBand(Struct):
    """A stretch in which the load lowered the sampling. ``measure`` was at ``value`` when it began."""

    start: str
    end: str | None
    level: int
    hz: float | None
    measure: str
    value: float | None
    threshold: float | None
    raw_ref: str


class SlotChanges(Struct):
    """Registrations and ends of registrations within the minute that begins at ``minute``."""

    minute: str
    registered: int
    unregistered: int


class SlotDecision(Struct):
    """The last that was decided of a symbol's slot on this day, and why: ``register`` or ``unregister``.

    ``trigger`` is empty where nothing asked for it. ``rank`` 1 is the best of all that asked then.
    """

    symbol: str
    action: str
    at: str
    trigger: str
    score: float | None
    rank: int | None
    held_seconds: float | None
    raw_ref: str


class SweepSlot(Struct):
    """A moment of the sweeps' grid. asked = answered + refused + left. ``reason``: why it is missing."""

    slot: str
    state: SweepState
    began: str | None = None
    seconds: float | None = None
    asked: int | None = None
    answered: int | None = None
    refused: dict[str, int] | None = None
    left: int | None = None
    raw_ref: str | None = None
    reason: str | None = None


class Anomaly(Struct):
    """A condition that makes a day anomalous, with the value that met it."""

    at: str
    condition: str
    message: str
    value: float | None
    limit: float | None
    unit: str | None
    raw_ref: str


class Pause(Struct):
    """Recording of the scalp track paused, for want of a connection."""

    start: str
    end: str | None
    reason: str
    raw_ref: str


class DayCounts(Struct):
    """How many there were; the lists may hold fewer, the newest."""

    gaps: int
    reconnects: int
    attempts_failed: int
    slot_changes: int


class DayAnswer(Struct):
    """A day of one provider as its journal tells it. ``known_until``: the last line of the day so far.

    ``began``: the record itself began on this day, at this moment; ``None``: it had begun before.
    """

    provider: str
    market: str
    zone: str
    day: str
    start: str
    end: str
    known_until: str | None
    began: str | None
    hours: DayHours
    sessions: list[SessionSpan]
    heard: list[Window]
    gaps: list[Gap]
    reconnects: list[Reconnect]
    mitigation: list[MitigationBand]
    slot_changes: list[SlotChanges]
    slot_decisions: list[SlotDecision]
    sweeps: list[SweepSlot]
    sweep_seconds: int
    anomalous: list[Anomaly]
    pauses: list[Pause]
    counts: DayCounts
    days: list[str]
