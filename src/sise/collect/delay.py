"""How long a frame takes from receipt to stable storage, measured on the running collector."""

from __future__ import annotations

from collections import deque
from typing import Final

from sise.journal.writer import JournalWriter
from sise.model.time import NS_PER_MS, Clock

DELAYS_REMEMBERED: Final = 2_000


class DurableDelay:
    """For each flush: from the receipt of its oldest frame (at most a flush interval earlier) to the
    end of the commit that made it durable. An upper bound for every frame of that flush."""

    def __init__(self, writer: JournalWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._waiting: deque[tuple[int, int]] = deque()
        self._delays: deque[int] = deque(maxlen=DELAYS_REMEMBERED)
        self._frames = 0
        self._last_flush = clock.monotonic_ns()

    def before_flush(self, frames_received: int) -> None:
        """Note the oldest frame that this flush will carry."""
        if frames_received != self._frames:
            self._frames = frames_received
            self._waiting.append((self._last_flush, self._clock.monotonic_ns()))

    def after_flush(self) -> None:
        """Take out what a commit has made durable since."""
        committed = self._writer.committed_at_ns
        began = self._writer.commit_began_ns
        while self._waiting and self._waiting[0][1] < began <= committed:
            self._delays.append(committed - self._waiting.popleft()[0])
        self._last_flush = self._clock.monotonic_ns()

    def quantiles_ms(self) -> dict[str, float | None]:
        """Median and 99th percentile of the last flushes, in milliseconds."""
        ordered = sorted(self._delays)
        if not ordered:
            return {"durable_p50": None, "durable_p99": None}
        return {
            "durable_p50": round(ordered[len(ordered) // 2] / NS_PER_MS, 1),
            "durable_p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / NS_PER_MS, 1),
        }
