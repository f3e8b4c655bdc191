"""What a collector tells of itself (``GET /status``), as the API passes it on.

What came later than the first collectors is ``None`` where a collector does not tell it: not known, never
zero. See ``docs/decisions/0002-page-and-api.md``.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["recording", "degraded", "not_recording", "off_hours"]
"""``off_hours``: nothing is wrong, the track of ticks is not meant to listen now."""


class Connection(Struct):
    """The collector's line to its provider."""

    state: Literal["connected", "connecting", "waiting", "closed"]
    since: str
    attempt: int
    reconnects: int
    seconds_disconnected: float
    last_frame_at: str | None
    unconfirmed: list[str]


class Slot(Struct):
    """A symbol that is listened to."""

    symbol: str
    name_ko: str = ""
    name_en: str = ""


class HeldSlot(Slot):
    """Why a symbol has its slot, and since when.

    ``trigger`` is what asks for it now; empty: nothing does. ``leaving``: its
    end is asked for and not confirmed yet. ``record_rate``: recorded / expected samples of the last minute.
    """

    since: str | None = None
    trigger: str | None = None
    score: float | None = None
    leaving: bool | None = None
    record_rate: float | None = None


class Asking(Struct):
    """A candidate without a slot, and why. ``rank`` 1 is the best of all that asked."""

    symbol: str
    candidate_score: float
    rank: int
    cutoff_rank: int
    decision_reason: str
    name_ko: str = ""
    name_en: str = ""
    trigger: str | None = None
    cutoff_score: float | None = None


class Overflow(Struct):
    """Who asks in vain now: how many, the best of them, and how many decisions the ledger holds."""

    asking: int
    written: int
    first: list[Asking]


class Slots(Struct):
    limit: int
    held: list[HeldSlot]
    swaps: int | None = None
    overflow: Overflow | None = None


class Mitigation(Struct):
    """Samples per second and slot that the load allows; level 0 is normal."""

    level: int
    hz: float
    since: str | None = None
    reason: str | None = None


class UniverseNow(Struct):
    """The universe in use. ``last_good_of``: the day of the older one that had to serve."""

    day: str | None = None
    symbols: int | None = None
    rule: str | None = None
    source: str | None = None
    made_at: str | None = None
    last_good_of: str | None = None


class LastSweep(Struct):
    slot: str
    asked: int
    answered: int
    refused: int
    seconds: float | None = None


class Sweeps(Struct):
    planned: int
    done: int
    late: int
    last: LastSweep | None = None


class MetCondition(Struct):
    """A condition of an anomalous day, with the value that met it and the limit that it reached."""

    condition: str
    value: float | None = None
    limit: float | None = None
    unit: str | None = None


class AnomalousToday(Struct):
    """The conditions that make the day anomalous, so far."""

    day: str
    conditions: list[MetCondition]


class HeardVolume(Struct):
    """How much of the provider's own volume was heard; ``ratio`` is heard / (heard + missing)."""

    symbol: str
    status: str
    heard: float | None = None
    missing: float | None = None
    ratio: float | None = None


class FrameLedger(Struct):
    """Received = recorded + lost."""

    received: int
    recorded: int
    lost: dict[str, int]


class EventLedger(Struct):
    """Decoded = recorded + refused."""

    decoded: int
    recorded: int
    refused: dict[str, int]


class Ledger(Struct):
    frames: FrameLedger
    events: EventLedger
    control: int
    quarantined: int


class Rate(Struct):
    frames_per_second: float
    records_per_second: float


class Delay(Struct):
    """Milliseconds from receiving a frame to having it on stable storage."""

    durable_p50: float | None
    durable_p99: float | None


class JournalState(Struct):
    state: Literal["ok", "fault"]
    fault: str | None
    since: str
    pending_bytes: int
    written_bytes: int


class Disk(Struct):
    free_bytes: int | None
    bytes_per_day: float | None
    days_left: float | None


class Process(Struct):
    pid: int
    cpu_percent: float
    rss_bytes: int


class OpenGap(Struct):
    start: str
    scope: str
    reason: str


class Collector(Struct):
    """What a collector last said of itself; ``now`` is when.

    ``next_start``: when the scalp track listens next; only where the state is ``off_hours``.
    """

    provider: str
    market: str
    session_id: str
    now: str
    started_at: str
    state: State
    reason: str | None
    since: str
    connection: Connection
    slots: Slots
    ledger: Ledger
    rate: Rate
    delay_ms: Delay
    journal: JournalState
    disk: Disk
    process: Process
    gap_open: OpenGap | None
    next_start: str | None = None
    mitigation: Mitigation | None = None
    universe: UniverseNow | None = None
    sweeps: Sweeps | None = None
    anomalous: AnomalousToday | None = None
    pins: list[str] | None = None
    excluded: list[str] | None = None
    completeness: list[HeardVolume] | None = None
