"""Who gets a slot: a pure plan from who asks, who has one, and how many there are.

The rules, in the order in which they bind:

1. Never more than the limit: a register is planned only for a slot that is free now. Whoever must go is
   unregistered first, and holds its slot until that is confirmed (the caller keeps it in ``held`` and
   names it in ``leaving``).
2. Excluded by hand goes, pinned by hand stays and comes first.
3. No churn: a holder has its slot for a least time, and a challenger must beat by a margin its score, or
   what is remembered of it (``remembered``: what follows a surge is worth hearing too). A holder that nobody
   challenges keeps its slot: an empty one records nothing.
4. Whoever asks and gets nothing is named with the reason, for the overflow ledger.

Planned again with what came of it, the plan comes to rest: then it registers and unregisters nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Final, Literal

from msgspec import Struct, field

from sise.collect.triggers import Candidate
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND

DecisionReason = Literal["slot_full", "low_score", "manual_exclude", "min_hold", "margin", "slot_pending"]
"""Why a candidate has no slot (yet):

``manual_exclude``
    The operator keeps it out.
``low_score``
    Its score is below what a slot asks for.
``slot_pending``
    It is next: a slot is being freed for it.
``min_hold``
    It beats a holder that has not had its slot for the least time yet.
``margin``
    It beats a holder, but not by the margin.
``slot_full``
    No holder is weaker.
"""

SCORE_MARGIN: Final = 0.15
SLOT_SCORE_MIN: Final = 0.6
LEAST_HOLD_SECONDS: Final = 300.0
MEMORY_SECONDS: Final = 1_800.0


class SlotLimits(Struct, frozen=True):
    """How many registrations the provider allows, and what a slot costs and asks for."""

    registrations_max: int
    registrations_per_symbol: int = 1
    """2 where the book is registered beside the trades."""
    least_hold_seconds: float = LEAST_HOLD_SECONDS
    score_margin: float = SCORE_MARGIN
    score_min: float = SLOT_SCORE_MIN
    memory_seconds: float = MEMORY_SECONDS
    """The half life of what is remembered of a holder's score; 0: nothing is."""

    def __post_init__(self) -> None:
        if self.registrations_max < 0 or self.registrations_per_symbol < 1:
            raise BadInput("registrations", self.registrations_max, "give a limit of 0 or more")
        if not (self.score_margin > 0.0 and self.least_hold_seconds >= 0.0):
            raise BadInput("score_margin", self.score_margin, "give a margin above 0 and a hold of 0 or more")

    @property
    def slots(self) -> int:
        """How many symbols can be held."""
        return self.registrations_max // self.registrations_per_symbol


class Refused(Struct, frozen=True):
    """A candidate without a slot: its place among all that asked (1 is the best), and why."""

    symbol: str
    candidate_score: float
    rank: int
    cutoff_rank: int
    decision_reason: DecisionReason


class SlotPlan(Struct, frozen=True):
    """What to do now. ``register`` and ``unregister`` in the order in which to do it."""

    register: list[str] = field(default_factory=list)
    unregister: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    overflow: list[Refused] = field(default_factory=list)


class OverflowRecord(Struct, kw_only=True):
    """A line of the overflow ledger, with the fields of the source documents (2.14.1)."""

    timestamp: str
    provider: str
    market: str
    symbol: str
    candidate_score: float
    rank: int
    cutoff_rank: int
    mitigation_level: int
    decision_reason: DecisionReason
    session_id: str


def plan(
    wanted: Sequence[Candidate],
    held: Mapping[str, int],
    limits: SlotLimits,
    now_ns: int,
    *,
    leaving: Collection[str] = (),
    excluded: Collection[str] = (),
    remembered: Mapping[str, float] | None = None,
) -> SlotPlan:
    """What to register and unregister at ``now_ns``.

    ``wanted``: one candidate per symbol, equal scores in the order given. ``held``: all symbols that
    take a slot at the provider (registration sent or confirmed), with the moment since when. ``leaving``:
    those of them whose unregister was sent and not confirmed yet. ``remembered``: what a holder's slot is
    worth where it asks for less, or for nothing. Raises
    :class:`~sise.model.errors.BadInput` for a symbol wanted twice.
    """
    gone = frozenset(leaving) & held.keys()
    return _Planning(wanted, held, limits, now_ns, gone, excluded, remembered or {}).run()


class _Planning:
    """One plan in the making."""

    def __init__(
        self,
        wanted: Sequence[Candidate],
        held: Mapping[str, int],
        limits: SlotLimits,
        now_ns: int,
        leaving: frozenset[str],
        excluded: Collection[str],
        remembered: Mapping[str, float],
    ) -> None:
        self._ranked = sorted(wanted, key=lambda one: (not one.pinned, -one.score))
        self._asking = {one.symbol: one for one in self._ranked}
        if len(self._asking) != len(wanted):
            raise BadInput("wanted", "a symbol twice", "give one candidate for each symbol")
        self._held, self._limits, self._excluded = held, limits, excluded
        self._remembered = remembered
        self._now_ns = now_ns
        self._leaving = leaving
        self._free = limits.slots - len(held)
        self._coming = 0
        self._unregister: list[str] = []
        self._register: list[str] = []

    def run(self) -> SlotPlan:
        stay = self._must_stay_or_go()
        # Slots that will be free and are not yet: what is leaving, less what the limit is overdrawn by.
        self._coming = len(self._leaving) + len(self._unregister) + min(0, self._free)
        overflow = [
            Refused(one.symbol, one.score, rank, self._limits.slots, reason)
            for rank, one in enumerate(self._ranked, 1)
            if (reason := self._seat(one, stay)) is not None
        ]
        return SlotPlan(self._register, self._unregister, sorted(stay), overflow)

    def _must_stay_or_go(self) -> list[str]:
        """The holders that may stay, weakest first; those excluded or beyond a fallen limit are sent away."""
        present = [symbol for symbol in self._held if symbol not in self._leaving]
        self._unregister = sorted(symbol for symbol in present if symbol in self._excluded)
        stay = [symbol for symbol in present if symbol not in self._excluded]
        # Among equals the one that came last goes first, then by name: the order is total.
        stay.sort(key=lambda symbol: (*self._strength(symbol), -self._held[symbol], symbol))
        surplus = max(0, len(stay) - self._limits.slots)
        self._unregister += stay[:surplus]
        return stay[surplus:]

    def _strength(self, symbol: str) -> tuple[bool, float]:
        asking, remembered = self._asking.get(symbol), self._remembered.get(symbol, 0.0)
        return (asking.pinned, max(asking.score, remembered)) if asking else (False, remembered)

    def _seat(self, one: Candidate, stay: list[str]) -> DecisionReason | None:
        """Find a slot for a candidate; None where it has or gets one, else why not."""
        if one.symbol in self._excluded:
            return "manual_exclude"
        if one.symbol in stay:
            return None
        if one.score < self._limits.score_min and not one.pinned:
            return "low_score"
        if self._free > 0 and one.symbol not in self._held:
            self._free -= 1
            self._register.append(one.symbol)
            return None
        if self._coming > 0:
            self._coming -= 1
            return "slot_pending"
        return self._challenge(one, stay)

    def _challenge(self, one: Candidate, stay: list[str]) -> DecisionReason:
        # ``stay`` is weakest first: most candidates are weaker than all of it, and cost one comparison.
        weaker = list(takewhile(lambda symbol: self._strength(symbol) < (one.pinned, one.score), stay))
        beaten = [symbol for symbol in weaker if self._beats(one, symbol)]
        victim = next((symbol for symbol in beaten if one.pinned or self._held_long(symbol)), None)
        if victim is not None:
            stay.remove(victim)
            self._unregister.append(victim)
            return "slot_pending"
        return "min_hold" if beaten else "margin" if weaker else "slot_full"

    def _beats(self, one: Candidate, symbol: str) -> bool:
        pinned, score = self._strength(symbol)
        return not pinned and (one.pinned or one.score >= score + self._limits.score_margin)

    def _held_long(self, symbol: str) -> bool:
        return self._now_ns - self._held[symbol] >= self._limits.least_hold_seconds * NS_PER_SECOND


def overflow_records(
    refused: Iterable[Refused],
    *,
    timestamp: str,
    provider: str,
    market: str,
    mitigation_level: int,
    session_id: str,
) -> list[OverflowRecord]:
    """The ledger's lines of a plan. Who only waits for a confirmation was not refused, and is left out."""
    return [
        OverflowRecord(
            timestamp=timestamp,
            provider=provider,
            market=market,
            symbol=one.symbol,
            candidate_score=one.candidate_score,
            rank=one.rank,
            cutoff_rank=one.cutoff_rank,
            mitigation_level=mitigation_level,
            decision_reason=one.decision_reason,
            session_id=session_id,
        )
        for one in refused
        if one.decision_reason != "slot_pending"
    ]
