"""Completeness of a symbol's day: the volume that we heard against the provider's own cumulative volume (B2).

Every trade adds to what was heard; every cumulative volume is a check. Their distance is the *deficit*: it
rises where trades were missed, and a rise that is never taken back is a hole, between the check before and
the check that showed it. A rise that a later check takes back was only a trade still on its way. The result
names the holes, and the recorded gap in which each lies. Where a provider sends volumes and trades out of
step (Upbit's ticker), the account is true to the trades on their way at its first and last check, no closer.

One counter is for one symbol, venue and day of the provider. A cumulative volume that runs backwards is an
answer that came late: it is counted and says nothing. Volumes are in base units (shares, coins).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

VOLUME_TOLERANCE_RATIO: Final = 1e-9
"""Of the cumulative volume: sums of floats differ by so much and mean the same."""
HOLES_MAX: Final = 1_000
"""Named per symbol and day; beyond, neighbours are merged: volume is never dropped."""

Status = Literal["complete", "incomplete", "unknown"]


class NamedGap(Struct, frozen=True):
    """A recorded hole in time, for the names of holes in volume."""

    start_ns: int
    end_ns: int
    reason: str


class VolumeHole(Struct, frozen=True):
    """Between two checks ``volume`` was traded and not heard; ``reasons`` of the recorded gaps there."""

    after_ns: int
    by_ns: int
    volume: float
    reasons: tuple[str, ...] = ()


class Completeness(Struct, frozen=True):
    """How much of a symbol's day was heard.

    ``ratio`` is heard / (heard + missing) since the first check; 1.0 where it is proven that nothing was
    traded; None where the provider gave no cumulative volume. ``ratio_of_day`` counts what was traded before
    we listened (``before``) as missing too. A gap after the last check (``unchecked`` has its reason) may
    hide trades: then nothing is called complete, and the status is unknown.
    """

    symbol: str
    status: Status
    heard: float
    missing: float | None
    ratio: float | None
    ratio_of_day: float | None
    before: float | None
    first_cumulative: float | None
    last_cumulative: float | None
    trades: int
    checks: int
    backwards: int
    holes: tuple[VolumeHole, ...]
    checked_ns: int = 0
    """The last check; 0: there was none."""
    unchecked: tuple[str, ...] = ()


class _Rise(Struct):
    after_ns: int
    by_ns: int
    low: float
    high: float


class VolumeCounter:
    """Counts one symbol's day. Feed it in the order of receipt."""

    def __init__(self, symbol: str, *, after: tuple[int, float] | None = None) -> None:
        """``after``: moment and cumulative volume of the check up to which somebody else has listened."""
        self.symbol = symbol
        self._heard = 0.0
        self._trades = self._checks = self._backwards = 0
        self._base = 0.0
        self._first: float | None = None
        self._last: float | None = None
        self._checked_ns = 0
        self._rises: list[_Rise] = []
        if after is not None:
            self._checked_ns, self._base = after
            self._first = self._last = self._base

    def on_trades(self, size: float, count: int) -> None:
        """``count`` trades were recorded, of ``size`` together."""
        self._heard += size
        self._trades += count

    def on_trade(self, at_ns: int, size: float, cumulative: float | None = None) -> None:
        """A trade was recorded; ``cumulative`` is the provider's volume after it, where the trade says so."""
        self.on_trades(size, 1)
        if cumulative is not None:
            self.on_cumulative(at_ns, cumulative)

    def on_cumulative(self, at_ns: int, cumulative: float) -> None:
        """The provider says how much was traded so far today."""
        if self._last is None:
            self._first = cumulative
            # What we heard is within it; less than nothing was not traded before.
            self._base = max(0.0, cumulative - self._heard)
        elif cumulative < self._last:
            self._backwards += 1
            return
        self._last = cumulative
        self._checks += 1
        self._check(at_ns, cumulative - self._base - self._heard, cumulative * VOLUME_TOLERANCE_RATIO)
        self._checked_ns = at_ns

    def _check(self, at_ns: int, deficit: float, tolerance: float) -> None:
        while self._rises and self._rises[-1].low >= deficit - tolerance:
            self._rises.pop()
        if self._rises and self._rises[-1].high > deficit:
            self._rises[-1].high = deficit
        level = self._rises[-1].high if self._rises else 0.0
        if deficit > level + tolerance:
            self._rises.append(_Rise(self._checked_ns, at_ns, level, deficit))
            self._merge()

    def _merge(self) -> None:
        if len(self._rises) > HOLES_MAX:
            last = self._rises.pop()
            self._rises[-1].by_ns, self._rises[-1].high = last.by_ns, last.high

    def result(self, gaps: Sequence[NamedGap] = ()) -> Completeness:
        """The account so far; ``gaps`` are the recorded ones that touched this symbol."""
        if self._last is None:
            return self._unknown()
        holes = tuple(
            VolumeHole(rise.after_ns, rise.by_ns, rise.high - rise.low, _reasons(rise, gaps))
            for rise in self._rises
        )
        missing = sum(hole.volume for hole in holes)
        unchecked = tuple(dict.fromkeys(gap.reason for gap in gaps if gap.end_ns > self._checked_ns))
        return Completeness(
            symbol=self.symbol,
            status="incomplete" if holes else "unknown" if unchecked else "complete",
            heard=self._heard,
            missing=missing,
            ratio=_share(self._heard, missing),
            ratio_of_day=_share(self._heard, missing + self._base),
            before=self._base,
            first_cumulative=self._first,
            last_cumulative=self._last,
            trades=self._trades,
            checks=self._checks,
            backwards=self._backwards,
            holes=holes,
            checked_ns=self._checked_ns,
            unchecked=unchecked,
        )

    def _unknown(self) -> Completeness:
        return Completeness(
            symbol=self.symbol,
            status="unknown",
            heard=self._heard,
            missing=None,
            ratio=None,
            ratio_of_day=None,
            before=None,
            first_cumulative=None,
            last_cumulative=None,
            trades=self._trades,
            checks=0,
            backwards=0,
            holes=(),
        )


def _share(heard: float, missing: float) -> float:
    return heard / (heard + missing) if heard + missing > 0.0 else 1.0


def _reasons(rise: _Rise, gaps: Sequence[NamedGap]) -> tuple[str, ...]:
    """The reasons of the gaps that touch the time of a hole, each once, in the order of the gaps."""
    touching = [gap.reason for gap in gaps if gap.start_ns <= rise.by_ns and rise.after_ns <= gap.end_ns]
    return tuple(dict.fromkeys(touching))
