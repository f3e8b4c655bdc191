"""A line to KIS: the shared line, with its registrations, keys and keep-alive."""

from __future__ import annotations

from aiohttp import WSMsgType

from sise.simulator.faults import Fault
from sise.simulator.kis.requests import Registration
from sise.simulator.line import Accepted, Outgoing
from sise.simulator.line import Line as AnyLine


class Line(AnyLine):
    """One client's connection."""

    def __init__(self, accepted: Accepted) -> None:
        super().__init__(accepted)
        self.registered: dict[Registration, tuple[str, str]] = {}
        """With the (iv, key) that its answer carried."""
        self.unanswered_pingpongs = 0
        self.last_pingpong_ns = self.last_traffic_ns
        self.closed_cleanly = False

    def offer(self, out: Outgoing) -> None:
        """As any line's; what is queued counts as traffic, so that no keep-alive overtakes it."""
        super().offer(out)
        if not self.frozen:
            self.heard()

    def say(self, payload: bytes) -> None:
        """Send text that is no data."""
        self.offer(Outgoing(payload, opcode=WSMsgType.TEXT))

    def refuse_and_drop(self, payload: bytes) -> None:
        """Send ``payload``, then end the connection without a close frame."""
        self.offer(Outgoing(payload, opcode=WSMsgType.TEXT, then_abort=True))
        self.ending = True

    def changed(self, payload: bytes, fault: Fault) -> bytes:
        """A record's columns changed: one more in each, or the second one no number any more."""
        head, _, rest = payload.rpartition(b"|")
        count = int(head[-3:]) if head[-3:].isdigit() else 1
        fields = rest.split(b"^")
        width = max(1, len(fields) // count)
        records = [fields[i : i + width] for i in range(0, len(fields), width)]
        for record in records:
            if fault.change == "add":
                record.append(b"new")
            elif fault.change == "retype" and width > 1:
                record[1] = b"none"
        return head + b"|" + b"^".join(b"^".join(record) for record in records)

    def state(self) -> dict[str, object]:
        """What people see of this line."""
        registered = [f"{one.tr_id} {one.tr_key}" for one in self.registered]
        return super().state() | {
            "registrations": registered,
            "unanswered_pingpongs": self.unanswered_pingpongs,
        }
