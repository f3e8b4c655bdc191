"""A line of the system track, as far as the server reads it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct


class EventLine(Struct):
    """Whatever a system event may hold that matters here; ``detail`` is read by who knows its type."""

    event_type: str
    timestamp: str
    session_id: str
    provider: str
    market: str
    message: str = ""
    gap_start_ts: str = ""
    gap_end_ts: str = ""
    scope: str = ""
    reason: str = ""
    attempt_no: int = 0
    backoff_seconds: float = 0.0
    result: str = ""
    detail: Raw = Raw(b"{}")


event_decoder: Final = msgspec.json.Decoder(EventLine)


def facts_of(event: EventLine) -> dict[str, Any]:
    """The facts of an event that has no form of its own. Raises ``MsgspecError`` where it has none."""
    return msgspec.json.decode(event.detail, type=dict[str, Any])
