"""A line to Upbit: the shared line, with what it is subscribed to and how it ends on an error."""

from __future__ import annotations

from sise.simulator.line import Accepted, Outgoing
from sise.simulator.line import Line as AnyLine
from sise.simulator.upbit.frames import Format
from sise.simulator.upbit.limits import MessageLimiter
from sise.simulator.upbit.requests import Stream, WireError


class Line(AnyLine):
    """One client's connection, from the upgrade to its end."""

    def __init__(self, accepted: Accepted) -> None:
        super().__init__(accepted)
        self.form: Format = "DEFAULT"
        self.active: tuple[Stream, ...] = ()
        self.pending: tuple[Stream, ...] = ()
        self.pending_due_ns: int | None = None
        self.status_due_ns: int | None = None
        self.messages = MessageLimiter(accepted.clock)

    def fail(self, error: WireError) -> None:
        """Send ``error`` and close with 1000 shortly after; nothing else is sent in between."""
        self.offer(Outgoing(error.payload(), then_close=True))
        self.ending = True

    def state(self) -> dict[str, object]:
        """What people see of this line."""
        subscriptions: dict[str, list[str]] = {}
        for stream in self.active:
            subscriptions.setdefault(stream.kind, []).append(stream.code)
        said: dict[str, object] = {
            "format": self.form,
            "subscriptions": subscriptions,
            "streams_waiting": len(self.pending),
        }
        return super().state() | said
