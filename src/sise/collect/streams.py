"""The streams of a collector's journal, in the order in which they are written: the wire first."""

from __future__ import annotations

from sise.journal.partition import (
    Stream,
    events_stream,
    overflow_stream,
    quarantine_stream,
    refused_stream,
    scalp_stream,
    swing_stream,
    wire_stream,
)
from sise.model.time import MARKET_ZONES


def streams_of(provider: str, market: str) -> list[Stream]:
    """All that one provider's collector writes."""
    zone = MARKET_ZONES[market]
    return [
        wire_stream(provider, zone),
        scalp_stream(provider, market, zone),
        swing_stream(provider, market, zone),
        refused_stream(provider, zone),
        quarantine_stream(provider, zone),
        overflow_stream(provider, zone),
        events_stream(provider, zone),
    ]
