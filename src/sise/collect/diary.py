"""The system track: every decision and happening of a session, in the journal and in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.collect.observe import Sink
from sise.collect.slots import SessionMeta
from sise.model.records import SystemEvent
from sise.model.time import Clock, iso, parse_iso

log = logging.getLogger(__name__)

Level = Literal["info", "warning", "error", "critical"]
_LEVELS: Final = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
_encode = msgspec.json.Encoder().encode


class Diary:
    """Writes system events of one session."""

    def __init__(self, sink: Sink, meta: SessionMeta, clock: Clock) -> None:
        self._sink = sink
        self.meta = meta
        self._clock = clock
        self.listeners: list[Callable[[Struct], None]] = []
        """Called with each event after it was written."""

    def write(self, event_type: str, message: str, *, level: Level = "info", **detail: object) -> None:
        """An event that has no form of its own: its type, a sentence, and its facts."""
        log.log(_LEVELS[level], "%s: %s", event_type, message)
        self.record(
            SystemEvent(
                event_type=event_type,
                timestamp=iso(self._clock.now_ns()),
                session_id=self.meta.session_id,
                provider=self.meta.provider,
                market=self.meta.market,
                level=level,
                message=message,
                detail=detail,
            )
        )

    def record(self, event: Struct) -> None:
        """A typed event (it has a ``timestamp``)."""
        timestamp: str = event.timestamp  # type: ignore[attr-defined]
        self._sink.append("events", _encode(event), parse_iso(timestamp), always=True)
        for hears in self.listeners:
            hears(event)
