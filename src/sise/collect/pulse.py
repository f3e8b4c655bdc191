"""The live trades of the slots, in buckets: what the triggers hear of them.

Nothing is done for a trade but what the slot counts anyway: the counts are read once a bucket, at its end.
A bucket that was not heard wholly (a hole, a symbol not carried yet, a step that came too late) is unknown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping

from sise.collect.gaps import Gaps
from sise.collect.slots import Slot
from sise.collect.windows import BUCKETS_REMEMBERED, Bucket, LiveWindow


class _Pulse:
    """One slot's buckets, and what it had counted at the end of the last one."""

    __slots__ = ("buckets", "carried", "slot", "traded", "trades")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.buckets: deque[Bucket | None] = deque(maxlen=BUCKETS_REMEMBERED)
        self.trades, self.traded = slot.trades, slot.traded
        self.carried = False

    def close(self, carried: bool, whole: bool) -> None:
        slot = self.slot
        trades, volume = slot.trades - self.trades, slot.traded - self.traded
        heard = whole and carried and self.carried
        self.buckets.append(Bucket(trades, volume, slot.last_price if trades else None) if heard else None)
        self.trades, self.traded, self.carried = slot.trades, slot.traded, carried


class Pulses:
    """All slots' buckets. ``slots`` may change between two of them."""

    def __init__(self, slots: Mapping[str, Slot], gaps: Gaps) -> None:
        self._slots, self._gaps = slots, gaps
        self._pulses: dict[str, _Pulse] = {}
        self._number: int | None = None
        self._holes = 0
        self._in_hole = True

    def close(self, number: int, carried: Collection[str]) -> None:
        """A bucket ends where bucket ``number`` begins; ``carried`` are the symbols that are listened to."""
        whole = self._number == number - 1 and not self._in_hole and self._gaps.count == self._holes
        self._in_hole = self._gaps.open is not None
        whole = whole and not self._in_hole
        self._number, self._holes = number, self._gaps.count
        self._pulses = {
            symbol: pulse for symbol, pulse in self._pulses.items() if self._slots.get(symbol) is pulse.slot
        }
        carried = frozenset(carried)
        for symbol, slot in self._slots.items():
            if symbol not in self._pulses:
                self._pulses[symbol] = _Pulse(slot)
            self._pulses[symbol].close(symbol in carried, whole)

    def window(self, symbol: str) -> LiveWindow:
        """The last buckets; none for a symbol that has just got its slot."""
        pulse = self._pulses.get(symbol)
        if pulse is None or self._slots.get(symbol) is not pulse.slot:
            return LiveWindow()
        return LiveWindow(tuple(pulse.buckets))
