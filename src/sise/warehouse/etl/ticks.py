"""Lines of the scalp track as rows of ``scalp_ticks``, or the reason why they are none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from sise.journal.files import Line
from sise.model.errors import BadInput
from sise.model.records import SampleRecord, TradeRecord, record_decoder
from sise.model.time import parse_iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.tables.types import LAST_NS

COLUMNS: Final = (
    *("provider", "market", "venue", "symbol", "event_time", "id", "kind", "bid_price", "ask_price"),
    *("bid_size", "ask_size", "last_price", "volume", "side", "day_volume", "frame", "notes"),
    *("receive_time", "session_id", "schema_version", "mitigation_level", "quality_flag", "raw_ref"),
)
DUPLICATE: Final = "duplicate: the same trade stands in an earlier line"
NOT_A_TICK: Final = "candle"
SCHEMA_MAJOR: Final = "1."
"""A record changes only by added fields within it; a later one may mean something else."""
COUNT_LIMIT: Final = 1 << 63


class Tick(NamedTuple):
    """A trade or sample with its times (UTC ns) and its place."""

    record: TradeRecord | SampleRecord
    event_ns: int
    receive_ns: int
    ref: str


class Reject(Struct, frozen=True):
    """A line that is in no table, and why. ``line`` is its text, where it cannot be understood."""

    ref: str
    reason: str
    line: str | None = None


class Read(Struct):
    """What came of lines: ``lines = ticks + rejects + others``."""

    ticks: list[Tick]
    rejects: list[Reject]
    others: int
    """Candles of the provider: they are history's, not ticks."""


def read_ticks(lines: Iterable[Line], day: MarketDay) -> Read:
    """The ticks among ``lines`` of a day's scalp track, in their order, each decoded and judged by itself."""
    found = Read([], [], 0)
    decode, ticks = record_decoder.decode, found.ticks
    provider, market = day.provider, day.market
    for line in lines:
        try:
            record = decode(line.body)
            if not isinstance(record, (TradeRecord, SampleRecord)):
                found.others += 1
                continue
            tick = Tick(record, parse_iso(record.event_time), parse_iso(record.receive_time), line.ref)
        except (msgspec.MsgspecError, BadInput, UnicodeDecodeError) as error:
            found.rejects.append(rejected(line, f"not understood: {error}"))
            continue
        if fault := _fault(tick, provider, market):
            found.rejects.append(rejected(line, fault))
        else:
            ticks.append(tick)
    return found


def rejected(line: Line, reason: str) -> Reject:
    """A line with its text: it cannot be understood from elsewhere."""
    return Reject(line.ref, reason[:500], line.body.decode(errors="replace").replace("\0", "\ufffd"))


def _fault(tick: Tick, provider: str, market: str) -> str | None:
    record = tick.record
    if record.provider != provider or record.market != market:
        return f"of {record.provider!r} {record.market!r}, in the folder of another"
    if not record.schema_version.startswith(SCHEMA_MAJOR):
        return f"schema_version {record.schema_version!r} is not of this program"
    if not (0 <= tick.event_ns < LAST_NS and 0 <= tick.receive_ns < LAST_NS):
        return "a time is not between the years 1970 and 2200"
    if not max(abs(record.frame), abs(record.mitigation_level)) < COUNT_LIMIT:
        return "frame or mitigation_level: the count does not fit into 64 bits"
    return None


def key_of(tick: Tick) -> tuple[str, str, int, str]:
    """What makes a tick one: venue, symbol, time, and the trade's id or the sample's place."""
    record = tick.record
    own = record.trade_id if isinstance(record, TradeRecord) and record.trade_id else tick.ref
    return record.venue, record.symbol, tick.event_ns, own


def row_of(tick: Tick) -> tuple[Any, ...]:
    """The values of :data:`COLUMNS`."""
    record, event_ns, receive_ns, ref = tick
    notes = ",".join(record.notes) or None
    if isinstance(record, TradeRecord):
        return (
            record.provider, record.market, record.venue, record.symbol, event_ns, record.trade_id or ref,
            "trade", None, None, None, None, record.price, record.size, record.side, None, record.frame,
            notes, receive_ns, record.session_id, record.schema_version, record.mitigation_level,
            record.quality_flag, ref,
        )  # fmt: skip
    return (
        record.provider, record.market, record.venue, record.symbol, event_ns, ref,
        "sample", record.bid_price, record.ask_price, record.bid_size, record.ask_size, record.last_price,
        None, None, record.volume, record.frame,
        notes, receive_ns, record.session_id, record.schema_version, record.mitigation_level,
        record.quality_flag, ref,
    )  # fmt: skip


def place_of(ref: str) -> tuple[str, int]:
    """Path and line number of a ``raw_ref``; in this order lines were written."""
    path, _, number = ref.rpartition(":")
    return path, int(number)
