"""The proof of a line: what was last proven heard, when to ask for more, and when silence is too long.

A line is believed only while something proves it. When nothing is heard for ``PROBE_AFTER_SECONDS``, the
line's probe is sent: a provider that is alive answers it (the market is quiet), one that is not stays
silent, and the line is given up.
"""

from __future__ import annotations

from typing import Final, Literal

from sise.collect.observe import Observer
from sise.model.time import NS_PER_SECOND
from sise.providers.contract import Line

CONFIRM_SECONDS: Final = 8
"""Within so long of a subscription the first data must be there."""
PROBE_AFTER_SECONDS: Final = 12
PROBE_ANSWER_SECONDS: Final = 8
"""A silent line is found after both together, well within 30 s."""
PING_EVERY_SECONDS: Final = 20


class Proof:
    """What proves that the provider is heard, over one socket after another."""

    def __init__(self, line: Line, observer: Observer, now_ns: int) -> None:
        self._line, self._observer = line, observer
        self._proven_at = now_ns
        self._asked: int | None = None
        """The signs of life when proof was asked for; None: it was not."""

    @property
    def proven_ns(self) -> int:
        """Where a hole would begin (UTC ns): the last data, confirmation or answer, or when we began.

        Not a pong: a provider may go on answering pings on a line that gives no data any more.
        """
        return max(self._observer.heard_at, self._proven_at)

    @property
    def signs(self) -> int:
        """Changes with everything that proves the line; answers by REST do not."""
        return self._observer.heard_at + self._line.answers

    def renew(self, at_ns: int) -> None:
        """The line was proven at ``at_ns``, or begins then: no hole begins before."""
        self._proven_at = at_ns

    def expect(self) -> None:
        """Proof was asked for: whatever comes from now on is it."""
        self._asked = self.signs

    def unanswered(self) -> bool:
        """Whether proof was asked for and nothing has come since; it is awaited no longer."""
        asked, self._asked = self._asked, None
        return asked == self.signs


class Watch:
    """When to ping a socket, when to ask for proof, and when to give it up. Times are monotonic ns."""

    def __init__(self, now: int) -> None:
        self.began = now
        self._events = -1
        self._changed = now
        self._probed: int | None = None
        self._pinged = now

    def look(self, now: int, events: int, *, subscribed: bool) -> Literal["", "ping", "probe", "silent"]:
        """``events`` is any number that changes with the data heard."""
        if events != self._events:
            if self._events >= 0:
                self._probed = None
            self._events, self._changed = events, now
        quiet = now - self._changed
        if not subscribed:
            return "silent" if quiet >= CONFIRM_SECONDS * NS_PER_SECOND else ""
        if self._probed is not None:
            return "silent" if now - self._probed >= PROBE_ANSWER_SECONDS * NS_PER_SECOND else ""
        if quiet >= PROBE_AFTER_SECONDS * NS_PER_SECOND:
            self._probed = self._pinged = now
            return "probe"
        if now - self._pinged >= PING_EVERY_SECONDS * NS_PER_SECOND:
            self._pinged = now
            return "ping"
        return ""

    def not_probed(self) -> None:
        """The line had nothing to ask: that proves nothing, and it is asked again at the next look."""
        self._probed = None
