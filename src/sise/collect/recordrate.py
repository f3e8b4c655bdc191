"""The record rate: how many of the samples that were due have been written, by slot and minute.

Due is, on every moment of the grid in force (a moment that was missed counts too), a sample of each slot:
while the line is up, of those that it has said anything of; while it is down, of all. What nothing was ever
said of has no state to record: that is told by ``subscription_unconfirmed``, and is no loss of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from sise.collect.anomaly import RecordMinute, is_low
from sise.collect.diary import Diary
from sise.collect.slots import Slot
from sise.model.time import NS_PER_SECOND

_MINUTE_NS: Final = 60 * NS_PER_SECOND


class _Tally:
    """One slot's samples in the minute that is on."""

    __slots__ = ("expected", "samples", "slot")

    def __init__(self, slot: Slot) -> None:
        self.slot, self.samples, self.expected = slot, slot.samples, 0

    @property
    def recorded(self) -> int:
        """No more than expected: a sample besides the grid (a line that is lost) makes good for no other."""
        return min(self.slot.samples - self.samples, self.expected)


class RecordRate:
    """Counts samples against the grid. A minute that is too low is an event."""

    def __init__(self, slots: Mapping[str, Slot], diary: Diary, is_up: Callable[[], bool]) -> None:
        """``slots`` may change between two samples; ``is_up`` tells whether the line is."""
        self._slots, self._diary, self._is_up = slots, diary, is_up
        self._minute = -1
        self._last_ns: int | None = None
        self._tallies: dict[str, _Tally] = {}
        self._rates: dict[str, float] = {}

    def before(self, at_ns: int) -> None:
        """Call with each moment of the grid before its samples are written: a minute may be over."""
        if at_ns // _MINUTE_NS != self._minute:
            self._end_minute()
            self._minute = at_ns // _MINUTE_NS
        for symbol, slot in self._slots.items():
            tally = self._tallies.get(symbol)
            if tally is None or tally.slot is not slot:
                self._tallies[symbol] = _Tally(slot)

    def after(self, at_ns: int, period_ns: int) -> None:
        """Call with the same moment when they were written. ``period_ns``: of the grid in force."""
        last, self._last_ns = self._last_ns, at_ns
        moments = 1 if last is None else max(0, (at_ns - last) // period_ns)
        up = self._is_up()
        for symbol, slot in self._slots.items():
            if slot.heard or not up:
                self._tallies[symbol].expected += moments

    def pause(self) -> None:
        """The track's hours are over: until the next :meth:`before` nothing is due."""
        self._end_minute()
        self._minute, self._last_ns = -1, None

    def rate_of(self, symbol: str) -> float | None:
        """Recorded by expected of the last full minute; None where nothing was due."""
        return self._rates.get(symbol)

    def _end_minute(self) -> None:
        tallies, self._tallies = self._tallies, {}
        due = {symbol: tally for symbol, tally in tallies.items() if tally.expected}
        self._rates = {
            symbol: round(tally.recorded / tally.expected, 4)
            for symbol, tally in due.items()
            if self._slots.get(symbol) is tally.slot
        }
        row = RecordMinute(
            self._minute,
            sum(tally.expected for tally in due.values()),
            sum(tally.recorded for tally in due.values()),
        )
        if is_low(row):
            self._diary.write(
                "record_rate_low",
                f"{row.recorded} of {row.expected} samples were recorded in a minute",
                level="warning",
                **msgspec.structs.asdict(row),
            )
