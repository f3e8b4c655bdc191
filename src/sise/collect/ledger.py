"""The ledger of a session: what was received and what became of it. It balances at every moment.

``frames``: received = recorded + lost. ``events``: decoded = recorded + refused + *held*, where held
are quote events that wait for the next sample; a session that has ended holds none.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgspec import Struct, field


class Ledger(Struct):
    """Counts since the session began."""

    frames_received: int = 0
    frames_recorded: int = 0
    frames_lost: Counter[str] = field(default_factory=Counter)
    events_decoded: int = 0
    events_recorded: int = 0
    events_refused: Counter[str] = field(default_factory=Counter)
    control: int = 0
    """Messages about the line itself, and answers to requests whose content is not recorded as events."""
    quarantined: int = 0

    @property
    def held(self) -> int:
        """Quote events that the next sample will stand for."""
        return self.events_decoded - self.events_recorded - self.events_refused.total()

    @staticmethod
    def from_facts(facts: dict[str, Any]) -> Ledger:
        """The ledger of a checkpoint (see :meth:`facts`); empty facts give an empty ledger."""
        frames, events = facts.get("frames", {}), facts.get("events", {})
        return Ledger(
            frames_received=frames.get("received", 0),
            frames_recorded=frames.get("recorded", 0),
            frames_lost=Counter(frames.get("lost", {})),
            events_decoded=events.get("decoded", 0),
            events_recorded=events.get("recorded", 0),
            events_refused=Counter(events.get("refused", {})),
            control=facts.get("control", 0),
            quarantined=facts.get("quarantined", 0),
        )

    def facts(self) -> dict[str, object]:
        """The ledger as it is written, printed and served."""
        return {
            "frames": {
                "received": self.frames_received,
                "recorded": self.frames_recorded,
                "lost": dict(self.frames_lost),
            },
            "events": {
                "decoded": self.events_decoded,
                "recorded": self.events_recorded,
                "refused": dict(self.events_refused),
            },
            "control": self.control,
            "quarantined": self.quarantined,
        }
