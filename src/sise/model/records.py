"""The journal's records: what stands in a line, with the common meta in every one.

Field names are those of the source documents (2.14). Times are ISO 8601 UTC. ``raw_ref`` is not
stored: it is the place (``path:line``) where the line stands.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

SCHEMA_VERSION: Final = "1.0"

QualityFlag = Literal["normal", "degraded", "gap"]


class Record(Struct, kw_only=True, omit_defaults=True, tag_field="kind"):
    """The common meta of scalp and swing records."""

    schema_version: str
    event_time: str
    receive_time: str
    session_id: str
    mitigation_level: int
    quality_flag: QualityFlag
    provider: str
    market: str
    venue: str
    symbol: str
    frame: int
    """The number ``n`` of the wire line that said so (a sample: the last one it stands for)."""
    notes: list[str] = []
    """What is unusual but true: ``out_of_order``, ``clock_skew``, ``crossed_book``, …"""


class TradeHead(Struct, tag_field="kind", tag="trade"):
    """The members of a :class:`TradeRecord` before ``frame``, which many trades in a row have in common."""

    schema_version: str
    event_time: str
    receive_time: str
    session_id: str
    mitigation_level: int
    quality_flag: QualityFlag
    provider: str
    market: str
    venue: str
    symbol: str


class TradeTail(Struct, gc=False):
    """The members of a :class:`TradeRecord` from ``frame`` on, where there are no notes."""

    frame: int
    price: float
    size: float
    side: str
    trade_id: str


class TradeRecord(Record, kw_only=True, omit_defaults=True, tag="trade"):
    """One trade. ``price`` in the quote currency, ``size`` in base units, ``side`` the taker's.

    Written in two parts: its line is that of :class:`TradeHead` joined to that of :class:`TradeTail`.
    """

    price: float
    size: float
    side: str
    trade_id: str


class SampleRecord(Record, kw_only=True, omit_defaults=True, tag="sample"):
    """The state of a slot on the sampling grid; ``event_time`` is the grid's moment.

    ``volume`` is the provider's cumulative volume of its day. ``frames`` says how many quote
    events this sample stands for; 0 on a live line means that nothing changed.
    """

    bid_price: float | None
    ask_price: float | None
    bid_size: float | None
    ask_size: float | None
    last_price: float | None
    volume: float | None
    prev_close: float | None
    frames: int


class CandleRecord(Record, kw_only=True, omit_defaults=True, tag="candle"):
    """A candle that the provider made (``source`` ``provider``), asked for by REST."""

    size: str
    bar_time: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    source: str = "provider"


class SwingRecord(Record, kw_only=True, omit_defaults=True, tag="swing"):
    """A symbol of the universe in one sweep; ``event_time`` is the sweep's moment on the grid.

    ``None`` is what the provider did not say; ``last_price`` is ``None`` for a halted symbol.
    """

    sweep: str
    last_price: float | None
    open: float | None
    high: float | None
    low: float | None
    volume: float | None
    value: float | None
    prev_close: float | None
    bid_price: float | None
    ask_price: float | None
    halted: bool | None = None
    warning: str | None = None
    """The provider's own code of a market warning; empty or ``00``: none."""
    managed: bool | None = None
    liquidation: bool | None = None
    flags_source: str = ""
    """Where warning, supervision and liquidation come from, if not from this answer: ``symbol master``."""


AnyRecord = TradeRecord | SampleRecord | CandleRecord | SwingRecord


class GapMarker(Struct, kw_only=True, tag_field="event_type", tag="gap_marker"):
    """A hole: from ``gap_start_ts`` to ``gap_end_ts`` nothing was heard for ``scope``."""

    gap_start_ts: str
    gap_end_ts: str
    gap_seconds: float
    scope: str
    reason: str
    session_id: str
    timestamp: str
    provider: str
    market: str
    detail: str = ""


class ReconnectionEvent(Struct, kw_only=True, tag_field="event_type", tag="reconnection_event"):
    """One attempt to connect again, whatever came of it."""

    timestamp: str
    attempt_no: int
    backoff_seconds: float
    result: Literal["SUCCESS", "FAIL"]
    recovered_slot_list: list[str]
    mitigation_level_after: int
    session_id: str
    provider: str
    market: str
    detail: str = ""


class SystemEvent(Struct, kw_only=True):
    """Every other decision or happening: ``event_type`` names it, ``detail`` holds its facts.

    Types written today: ``session_start session_end checkpoint slots slots_old slot_change
    manual_override connected disconnected hours_begun hours_over subscription_unconfirmed schema_drift
    quarantined provider_error market_state order_notice universe universe_old universe_failed
    universe_damaged swing_sweep sweep_missed trading_day trading_day_failed calendar_differs flags_failed
    rank_failed rank_answered completeness mitigation journal_fault journal_healed
    recording_paused recording_resumed record_rate_low cpu_high anomalous_day torn_tail``.
    """

    event_type: str
    timestamp: str
    session_id: str
    provider: str
    market: str
    level: Literal["info", "warning", "error", "critical"] = "info"
    message: str = ""
    detail: dict[str, object] = {}


class Refusal(Struct, kw_only=True):
    """An event or frame that was not recorded, with its reason and the wire line it came from."""

    timestamp: str
    receive_time: str
    session_id: str
    provider: str
    market: str
    symbol: str
    reason: str
    frame: int
    event: dict[str, object]


class WireLine(Struct, kw_only=True, omit_defaults=True):
    """A frame as received. Exactly one of ``frame`` (UTF-8 text) and ``b64`` is there.

    ``n`` counts every frame of a provider for ever, without a hole. ``conn`` names the
    connection; an answer to a REST request also has ``url`` (path and query) and ``status``.
    """

    n: int
    t: str
    conn: str
    frame: str | None = None
    b64: str | None = None
    url: str = ""
    status: int = 0


record_decoder: Final = msgspec.json.Decoder(AnyRecord, strict=True)
"""Decodes a scalp or swing line (its ``crc`` is ignored: the reader has checked it)."""
