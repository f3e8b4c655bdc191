"""Moments at which something was proven, kept as spans: what lies between two near ones is proven too."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from sise.model.time import NS_PER_SECOND

SILENCE_SECONDS_MAX: Final = 15
"""Two proofs that are further apart prove nothing between: a live collector writes sooner."""
SILENCE_NS_MAX: Final = SILENCE_SECONDS_MAX * NS_PER_SECOND
SPANS_MAX: Final = 1000


class Proofs:
    """Spans (UTC ns), oldest first, of moments that are told in any order."""

    __slots__ = ("spans",)

    def __init__(self) -> None:
        self.spans: list[list[int]] = []
        """First and last proof of each."""

    def add(self, at_ns: int) -> None:
        """A proof at ``at_ns``."""
        spans = self.spans
        if spans and spans[-1][0] <= at_ns <= spans[-1][1] + SILENCE_NS_MAX:
            spans[-1][1] = max(spans[-1][1], at_ns)
            return
        at = bisect_right(spans, at_ns, key=lambda span: span[0])
        spans.insert(at, [at_ns, at_ns])
        if at + 1 < len(spans) and spans[at + 1][0] - at_ns <= SILENCE_NS_MAX:
            spans[at][1] = spans.pop(at + 1)[1]
        if at > 0 and at_ns - spans[at - 1][1] <= SILENCE_NS_MAX:
            last_ns = spans.pop(at)[1]
            spans[at - 1][1] = max(spans[at - 1][1], last_ns)
        if len(spans) > SPANS_MAX:
            del spans[0]

    def first_within(self, start_ns: int, end_ns: int) -> int | None:
        """The first proven moment of ``[start_ns, end_ns)``; None: there is none."""
        spans = self.spans
        at = bisect_right(spans, start_ns, key=lambda span: span[0])
        if at > 0 and spans[at - 1][1] >= start_ns:
            return start_ns
        return spans[at][0] if at < len(spans) and spans[at][0] < end_ns else None
