"""A day's sessions at both venues, as phases in which everything stays as it is [wire/kis.md 6].

KRX is ``shut``, in a ``call`` auction, or ``open``; NXT is open or not. What the sources leave open is
decided here: on the examination day KRX's after-market and NXT's begin an hour later and end at 20:00.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from sise.simulator.kis import rules

MS_PER_MINUTE: Final = 60_000
MS_PER_HOUR: Final = 60 * MS_PER_MINUTE

KrxState = Literal["shut", "call", "open"]


class Phase(Struct, frozen=True):
    """From ``start_ms`` to ``end_ms``. ``market_class``: 1 pre, 2 regular, 3 after (the wire's last column).

    ``hour_class`` is the wire's HOUR_CLS_CODE: B before the opening, A before the closing auction, else 0.
    """

    start_ms: int
    end_ms: int
    krx: KrxState
    nxt: bool
    market_class: str
    hour_class: str = "0"


class Day(Struct, frozen=True):
    """A Korean date and its phases, none on a closed day."""

    date: str
    midnight_ns: int
    phases: tuple[Phase, ...]
    fund_phases: tuple[Phase, ...]
    """As ``phases``, but KRX's after-market trades no ETF and ETN."""
    open_ms: int
    close_ms: int
    """Regular session: when the opening auction is due, and the closing one."""

    def phase_at(self, ms: int) -> Phase | None:
        """The phase that holds ``ms``."""
        return next((phase for phase in self.phases if phase.start_ms <= ms < phase.end_ms), None)


_KrxSession = tuple[int, int, KrxState, str, str]
_NxtSession = tuple[int, int, str]


def clock_ms(text: str) -> int:
    """``09:00`` or ``09:00:30`` in milliseconds since midnight."""
    parts = [int(part) for part in text.split(":")]
    hour, minute, second = (*parts, 0)[:3]
    return (hour * 3_600 + minute * 60 + second) * 1_000


def day_sessions(date: str, *, closed: bool = False) -> Day:
    """The sessions of ``date``; ``closed``: by a sudden decision."""
    late_ms = MS_PER_HOUR if date in rules.CSAT_DAYS else 0
    open_ms = clock_ms("10:00" if late_ms or rules.is_first_trading_day(date) else "09:00")
    close_ms = clock_ms("15:30") + late_ms
    midnight = rules.midnight_ns(date)
    if closed or not rules.is_trading_day(date):
        return Day(date, midnight, (), (), open_ms, close_ms)
    call_ms = close_ms - 10 * MS_PER_MINUTE
    krx: list[_KrxSession] = [
        (open_ms - 30 * MS_PER_MINUTE, open_ms, "call", "1", "B"),
        (open_ms, call_ms, "open", "2", "0"),
        (call_ms, close_ms, "call", "2", "A"),
    ]
    if date >= rules.AFTER_MARKET_SINCE:
        krx.append((close_ms + 30 * MS_PER_MINUTE, clock_ms("20:00"), "open", "3", "0"))
    nxt: list[_NxtSession] = [
        (open_ms + MS_PER_MINUTE // 2, call_ms, "2"),
        (close_ms + 10 * MS_PER_MINUTE, clock_ms("20:00"), "3"),
    ]
    if open_ms == clock_ms("09:00"):
        nxt.insert(0, (clock_ms("08:00"), clock_ms("08:50"), "1"))
    phases = _phases(krx, nxt if date >= rules.NXT_SINCE else [])
    funds = tuple(
        replace(phase, krx="shut") if phase.krx == "open" and phase.market_class == "3" else phase
        for phase in phases
    )
    return Day(date, midnight, phases, funds, open_ms, close_ms)


def _phases(krx: list[_KrxSession], nxt: list[_NxtSession]) -> tuple[Phase, ...]:
    edges = {edge for one in krx for edge in one[:2]} | {edge for one in nxt for edge in one[:2]}
    phases = []
    for start, end in pairwise(sorted(edges)):
        ours = next((one for one in krx if one[0] <= start < one[1]), None)
        theirs = next((one for one in nxt if one[0] <= start < one[1]), None)
        phases.append(
            Phase(
                start_ms=start,
                end_ms=end,
                krx=ours[2] if ours else "shut",
                nxt=theirs is not None,
                market_class=ours[3] if ours else theirs[2] if theirs else "2",
                hour_class=ours[4] if ours else "0",
            )
        )
    return tuple(phases)


_BIN_MS: Final = 5 * MS_PER_MINUTE
_OPENING_RUSH, _OPENING_FADES, _CLOSING_RUSH, _CLOSING_FADES = 3.0, 0.07, 1.0, 0.06


class Intensity:
    """How busy the regular session is at a moment: a smile whose mean is 1, and its running share."""

    def __init__(self, day: Day) -> None:
        self._open_ms, self._close_ms = day.open_ms, day.close_ms
        count = max(1, (day.close_ms - day.open_ms) // _BIN_MS)
        raw = [
            0.55
            + _OPENING_RUSH * math.exp(-i / count / _OPENING_FADES)
            + _CLOSING_RUSH * math.exp(-(1 - i / count) / _CLOSING_FADES)
            for i in range(count)
        ]
        mean = sum(raw) / count
        self._bins = [value / mean for value in raw]
        self._before = [sum(self._bins[:i]) / count for i in range(count + 1)]

    def at(self, ms: int) -> float:
        """1 is the day's mean."""
        place = (ms - self._open_ms) // _BIN_MS
        return self._bins[min(max(place, 0), len(self._bins) - 1)]

    def share_until(self, ms: int) -> float:
        """The part of a usual day's volume that has been traded by ``ms``."""
        if ms >= self._close_ms:
            return 1.0
        place, rest = divmod(max(0, ms - self._open_ms), _BIN_MS)
        place = min(place, len(self._bins) - 1)
        return min(1.0, self._before[place] + self._bins[place] / len(self._bins) * rest / _BIN_MS)
