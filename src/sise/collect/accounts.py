"""The accounts of the slots: what was heard of each symbol's day against the provider's own volume (B2).

Nothing is done for a trade but what the slot counts anyway: after each sample its sums are read, and a
cumulative volume that is new is a check (:mod:`sise.collect.completeness`). An account is for one slot and
one day of the provider's volume. When the slot is given away, the day is over, the hours or the session end,
it is closed: one event ``completeness``.

After a clean restart the account of a symbol that had its slot all along goes on from the last check of the
session before: what was traded in between is missing, by the gap ``process_restart``, and nothing that was
recorded is missing. A session that was killed closed no account: then what came before is ``before`` and
claimed by nobody, and ``ratio_of_day`` is a lower bound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct

from sise.collect.completeness import Completeness, NamedGap, VolumeCounter
from sise.collect.daycount import read_counted
from sise.collect.session import RESTART, Session
from sise.collect.slots import Slot
from sise.model.events import Snapshot
from sise.model.records import GapMarker, SystemEvent
from sise.model.time import MARKET_ZONES, in_zone, iso, parse_iso

GAPS_NAMED_MAX: Final = 1_000
HOLES_TOLD_MAX: Final = 20
"""In an event, the first ones; their count and volume are of all."""

Why = Literal["slot_lost", "new_day", "hours_over", "session_end"]


class _Past(Struct):
    """What earlier accounts of the day say of a symbol."""

    heard: float = 0.0
    last: tuple[int, float] | None = None
    """Moment and cumulative volume of the last check, where a session's end closed the account."""


class _Account:
    """One slot's volume of one day so far."""

    def __init__(self, slot: Slot, day: date, since_ns: int, after: tuple[int, float] | None) -> None:
        self.slot, self.day, self.since_ns = slot, day, since_ns
        self.counter = VolumeCounter(slot.symbol, after=after)
        self._trades, self._traded = slot.trades, slot.traded
        self._seen: Snapshot | None = None

    def look(self, at_ns: int, day_of: Callable[[int], date]) -> None:
        """Take what the slot has counted since the last look, and a volume that is new."""
        slot = self.slot
        if slot.trades != self._trades:
            self.counter.on_trades(slot.traded - self._traded, slot.trades - self._trades)
            self._trades, self._traded = slot.trades, slot.traded
        told = slot.snapshot
        if told is self._seen:
            return
        self._seen = told
        # What was said on the day before, of that day, is no check of this one.
        if told is not None and told.volume is not None and day_of(told.event_time) == self.day:
            self.counter.on_cumulative(at_ns, told.volume)


class Accounts:
    """The accounts of all slots of a session."""

    def __init__(self, root: Path, session: Session, day_of: Callable[[int], date], now_ns: int) -> None:
        """``day_of`` tells the provider's volume day of a moment. Reads back the day's closed accounts."""
        self._session, self._day_of = session, day_of
        self._open: dict[str, _Account] = {}
        self._gaps: deque[NamedGap] = deque(maxlen=GAPS_NAMED_MAX)
        self._day = day_of(now_ns)
        self._past: dict[str, _Past] = {}
        self._going_on = True
        """Until the first slots are there, an account of the last session may go on."""
        today = in_zone(now_ns, MARKET_ZONES[session.meta.market]).date()
        for day in (today - timedelta(days=1), today):  # a volume day of UTC lies in two partitions
            for event in read_counted(root, session.meta.provider, day):
                if isinstance(event, SystemEvent) and event.event_type == "completeness":
                    self._remember(event.detail)
        session.diary.listeners.append(self._hear)

    def _remember(self, detail: dict[str, Any]) -> None:
        """A closed account of the day, of this session or of one before."""
        if detail["day"] != self._day.isoformat():
            return
        past = self._past.setdefault(detail["symbol"], _Past())
        past.heard += detail["heard"]
        past.last = None
        if detail["why"] == "session_end" and detail["checked_at"] is not None:
            past.last = (parse_iso(detail["checked_at"]), detail["last_cumulative"])

    def _hear(self, event: Struct) -> None:
        if isinstance(event, GapMarker):
            self._gaps.append(
                NamedGap(parse_iso(event.gap_start_ts), parse_iso(event.gap_end_ts), event.reason)
            )

    def look(self, at_ns: int) -> None:
        """Call after each sample, while the track listens."""
        day = self._day_of(at_ns)
        if day != self._day:
            self.close(at_ns, "new_day")
            self._day, self._past = day, {}
        slots = self._session.slots
        lost = [account for symbol, account in self._open.items() if slots.get(symbol) is not account.slot]
        self._close(lost, at_ns, "slot_lost")
        for symbol, slot in slots.items():
            if symbol not in self._open:
                self._open[symbol] = _Account(slot, day, at_ns, self._before(symbol))
            self._open[symbol].look(at_ns, self._day_of)
        self._going_on = self._going_on and not slots

    def _before(self, symbol: str) -> tuple[int, float] | None:
        past = self._past.get(symbol)
        return past.last if past is not None and self._going_on else None

    def close(self, at_ns: int, why: Why) -> None:
        """Close all accounts, each with its event."""
        self._close(list(self._open.values()), at_ns, why)

    def _close(self, accounts: Iterable[_Account], at_ns: int, why: Why) -> None:
        for account in accounts:
            if account.day == self._day_of(at_ns):
                account.look(at_ns, self._day_of)
            del self._open[account.slot.symbol]
            detail = self._detail(account, at_ns, why)
            share = "unknown" if detail["ratio"] is None else f"{detail['ratio']:.4%}"
            self._session.diary.write(
                "completeness", f"{account.slot.symbol}: {share} of the volume was heard", **detail
            )
            self._remember(detail)

    def _result(self, account: _Account, now_ns: int) -> Completeness:
        """The account so far, with the gaps that touch it; one that is open has lasted until now."""
        still = self._session.gaps.open
        gaps = [*self._gaps] + ([NamedGap(still.start_ns, now_ns, still.reason)] if still else [])
        # What lay before the slot was taken is none of its holes, but for the account that goes on.
        return account.counter.result(
            [gap for gap in gaps if gap.end_ns > account.since_ns or gap.reason == RESTART]
        )

    def _detail(self, account: _Account, now_ns: int, why: Why) -> dict[str, Any]:
        found = self._result(account, now_ns)
        past = self._past.get(found.symbol, _Past())
        return {
            "symbol": found.symbol,
            "day": account.day.isoformat(),
            "since": iso(account.since_ns),
            "until": iso(now_ns),
            "why": why,
            "status": found.status,
            "heard": found.heard,
            "missing": found.missing,
            "ratio": found.ratio,
            "ratio_of_day": _of_day(past.heard + found.heard, found.last_cumulative),
            "heard_before": past.heard,
            "before": found.before,
            "last_cumulative": found.last_cumulative,
            "checked_at": iso(found.checked_ns) if found.checked_ns else None,
            "unchecked": found.unchecked,
            "trades": found.trades,
            "checks": found.checks,
            "backwards": found.backwards,
            "holes": len(found.holes),
            "first_holes": [
                {
                    "after": iso(hole.after_ns),
                    "by": iso(hole.by_ns),
                    "volume": hole.volume,
                    "reasons": hole.reasons,
                }
                for hole in found.holes[:HOLES_TOLD_MAX]
            ],
        }

    def facts(self, now_ns: int) -> list[dict[str, Any]] | None:
        """For the status: each slot's account so far; None where nothing is listened to."""
        if not self._open:
            return None
        found = [self._result(account, now_ns) for account in self._open.values()]
        return [
            {"symbol": one.symbol}
            | {name: getattr(one, name) for name in ("heard", "missing", "ratio", "status")}
            for one in found
        ]


def _of_day(heard: float, cumulative: float | None) -> float | None:
    """The part of the provider's volume of the day that the journal is known to hold."""
    if cumulative is None:
        return None
    return min(1.0, heard / cumulative) if cumulative > 0.0 else 1.0
