"""Holes: one is open from the moment of the last proof of life until data is heard again.

However many attempts and reasons lie in between, a hole becomes exactly one ``gap_marker``.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from sise.collect.diary import Diary
from sise.model.records import GapMarker
from sise.model.time import NS_PER_SECOND, iso

GAPS_REMEMBERED: Final = 1_000
"""Of this session, for its summary; the journal has them all."""


class OpenGap(Struct):
    """A hole that has not ended."""

    start_ns: int
    scope: str
    reason: str
    detail: str = ""


class Gaps:
    """The holes of one scope (``scalp``)."""

    def __init__(self, diary: Diary, scope: str) -> None:
        self._diary = diary
        self._scope = scope
        self.open: OpenGap | None = None
        self.closed: list[dict[str, object]] = []
        self.count = 0
        self.seconds = 0.0

    def begin(self, start_ns: int, reason: str, detail: str = "") -> None:
        """The hole began at ``start_ns``; where one is open already it goes on."""
        if self.open is not None:
            return
        self.open = OpenGap(start_ns, self._scope, reason, detail)
        self._diary.write(
            "disconnected",
            f"nothing is heard since {iso(start_ns)}: {reason}",
            level="warning",
            scope=self._scope,
            reason=reason,
            gap_start_ts=iso(start_ns),
        )

    def end(self, end_ns: int) -> None:
        """Data was heard at ``end_ns``: the hole, if any, is recorded."""
        gap, self.open = self.open, None
        if gap is None:
            return
        seconds = max(0.0, (end_ns - gap.start_ns) / NS_PER_SECOND)
        self._diary.record(
            GapMarker(
                gap_start_ts=iso(gap.start_ns),
                gap_end_ts=iso(end_ns),
                gap_seconds=round(seconds, 6),
                scope=gap.scope,
                reason=gap.reason,
                session_id=self._diary.meta.session_id,
                timestamp=iso(end_ns),
                provider=self._diary.meta.provider,
                market=self._diary.meta.market,
                detail=gap.detail,
            )
        )
        self.count += 1
        self.seconds += seconds
        if len(self.closed) < GAPS_REMEMBERED:
            self.closed.append(_facts(gap, iso(end_ns)))

    def facts(self) -> list[dict[str, object]]:
        """All holes of the session; one that is open has no end."""
        return self.closed + ([_facts(self.open, None)] if self.open else [])


def _facts(gap: OpenGap, end: str | None) -> dict[str, object]:
    return {"start": iso(gap.start_ns), "end": end, "scope": gap.scope, "reason": gap.reason}
