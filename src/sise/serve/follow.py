"""Following the journal: what is read goes into the live view, first the past, then what comes in."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from sise.journal.reader import Follower
from sise.model.time import NS_PER_SECOND, Clock
from sise.serve.live import LiveView

log = logging.getLogger(__name__)

LINES_AT_ONCE_MAX: Final = 2000
"""Folded in one go: a few milliseconds, so that requests are answered while history is read."""
POLL_SECONDS: Final = 0.05
RETRY_SECONDS: Final = 1.0
SECONDS_PER_HOUR: Final = 3600
TRACKS: Final = ("system/events", "swing", "scalp")


class Following:
    """Keeps a :class:`LiveView` up to date with the journal under ``root``."""

    def __init__(
        self,
        view: LiveView,
        root: Path,
        providers: tuple[str, ...],
        history_hours: float,
        clock: Clock,
        machine: Clock,
    ) -> None:
        """``clock`` is the market's time, ``machine`` that of waits between two looks."""
        self.caught_up = False
        """All that was written when we looked has been folded."""
        self.fault: str | None = None
        """Why the journal cannot be read now; None while it can."""
        self.lines = 0
        self._view = view
        self._machine = machine
        since_ns = clock.now_ns() - int(history_hours * SECONDS_PER_HOUR * NS_PER_SECOND)
        prefixes = [f"{track}/{provider}" for provider in providers for track in TRACKS]
        self._follower = Follower(root, prefixes, since_ns=since_ns)

    async def run(self) -> None:
        """Follow until cancelled. A journal that cannot be read is tried again and again."""
        try:
            while True:
                await self._machine.sleep(self._step())
        finally:
            self._follower.close()

    @property
    def damaged(self) -> int:
        """Lines passed over because their checksum is wrong."""
        return self._follower.damaged()

    def _step(self) -> float:
        """Fold what there is; how many seconds to wait before the next look."""
        try:
            lines = self._follower.poll(LINES_AT_ONCE_MAX)
        except OSError as error:
            self._faulty(f"the journal cannot be read: {error}")
            return RETRY_SECONDS
        self.fault = None
        for line in lines:
            self._view.fold(line)
        self.lines += len(lines)
        if lines:
            return 0.0
        self.caught_up = True
        return POLL_SECONDS

    def _faulty(self, sentence: str) -> None:
        if self.fault is None:
            log.error(sentence)
        self.fault = sentence
