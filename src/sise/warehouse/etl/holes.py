"""``scalp_gaps``: the journal's own gap markers, each a row."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sise.journal.files import Line
from sise.model.errors import BadInput
from sise.model.records import SCHEMA_VERSION
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.hearing import Event
from sise.warehouse.etl.ticks import Reject, rejected

COLUMNS: Final = (
    *("provider", "market", "gap_start_ts", "id", "gap_end_ts", "gap_seconds", "scope", "reason", "detail"),
    *("event_time", "receive_time", "session_id", "schema_version", "mitigation_level", "quality_flag"),
    "raw_ref",
)
START_AT: Final = COLUMNS.index("gap_start_ts")


def gap_row(event: Event, line: Line, day: MarketDay) -> tuple[Any, ...] | Reject:
    """The row of a ``gap_marker``; every one is flagged ``gap``."""
    try:
        start, end = parse_iso(event.gap_start_ts), parse_iso(event.gap_end_ts)
        told = parse_iso(event.timestamp)
    except BadInput as error:
        return rejected(line, f"not understood: {error}")
    seconds = event.gap_seconds if event.gap_seconds is not None else (end - start) / NS_PER_SECOND
    said = msgspec.json.decode(event.detail)
    detail = said if isinstance(said, str) and said else None
    return (
        *(day.provider, day.market, start, line.ref, end, seconds, event.scope, event.reason, detail),
        *(told, told, event.session_id, SCHEMA_VERSION, 0, "gap", line.ref),
    )
