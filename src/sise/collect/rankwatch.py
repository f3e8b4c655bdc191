"""What the provider's rankings have said: each symbol's places as points in time, and who asks for a slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sise.collect.ratios import TriggerSettings
from sise.collect.triggers import Trigger, ranked_surge
from sise.collect.windows import SWEEPS_REMEMBERED, SweepHistory, SweepPoint
from sise.model.events import Ranked
from sise.model.time import NS_PER_SECOND

FRESH_SECONDS: Final = 180
"""What a ranking said counts for so long."""
FORGOTTEN_SECONDS: Final = SWEEPS_REMEMBERED * 60
"""A symbol that no ranking named for so long begins anew."""


class RankWatch:
    """The last rankings."""

    def __init__(self, settings: TriggerSettings, session_seconds: float | None) -> None:
        """``session_seconds``: how long the day is over which a ranking's usual volume is traded."""
        self._settings, self._session_seconds = settings, session_seconds
        self._places: dict[str, tuple[int, SweepHistory]] = {}
        self._calling: list[Trigger] = []

    def forget(self) -> None:
        """A new day."""
        self._places, self._calling = {}, []

    def on_ranked(self, rows: Sequence[Ranked], at_ns: int) -> None:
        """An answer; a later one says anew who calls."""
        oldest = at_ns - FORGOTTEN_SECONDS * NS_PER_SECOND
        self._places = {symbol: seen for symbol, seen in self._places.items() if seen[0] >= oldest}
        called = [self._trigger(row, at_ns) for row in rows if row.snapshot.volume is not None]
        self._calling = [trigger for trigger in called if trigger is not None]

    def _trigger(self, row: Ranked, at_ns: int) -> Trigger | None:
        history = self._places[row.symbol][1] if row.symbol in self._places else SweepHistory()
        history.on_sweep(SweepPoint(at_ns, row.snapshot.last_price, row.snapshot.volume or 0.0))
        self._places[row.symbol] = (at_ns, history)
        return ranked_surge(row.symbol, at_ns, history.window(self._usual(row)), self._settings)

    def _usual(self, row: Ranked) -> float | None:
        """Volume per second of the day before; None where the ranking does not tell it."""
        if row.prev_volume is None or self._session_seconds is None:
            return None
        return row.prev_volume / self._session_seconds

    def calling(self, at_ns: int) -> list[Trigger]:
        """Whom the last ranking lets ask for a slot."""
        oldest = at_ns - FRESH_SECONDS * NS_PER_SECOND
        return [trigger for trigger in self._calling if trigger.at_ns >= oldest]
