"""When a provider was heard, and its holes: sessions and gaps, from the journal's own lines.

A session was heard from its first proof of life (``connected``, or a record) to its last, as long as
no two of them are further apart than a silence (:mod:`sise.serve.proofs`); between sessions nothing
was. A gap that a ``disconnected`` event opens stays open until its ``gap_marker`` comes, or until a later
session begins: then the sessions themselves say what was not heard.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from sise.model.time import NS_PER_SECOND, iso
from sise.serve import answers
from sise.serve.changes import EarliestChange
from sise.serve.holding import Holding
from sise.serve.proofs import SILENCE_NS_MAX, Proofs
from sise.warehouse.bars import Listening, Span

SILENT_TICKS_MIN: Final = 5
"""No provider is silent that wrote within so many ticks of the machine: the market's time may be faster."""
SESSIONS_MAX: Final = 200
GAPS_MAX: Final = 1000
SCOPES_WITHOUT_TRADES: Final = frozenset({"swing"})
"""A hole in these does not make a bar unknown."""
NEVER_NS: Final = 1 << 62


class Hole(Struct):
    """A gap; ``end_ns`` is None while it is open. ``changed`` is the tick in which it last changed."""

    start_ns: int
    end_ns: int | None
    scope: str
    reason: str
    session: str
    raw_ref: str | None
    changed: int

    def told(self, now_ns: int) -> answers.Gap:
        end_ns = now_ns if self.end_ns is None else self.end_ns
        return answers.Gap(
            start=iso(self.start_ns),
            end=None if self.end_ns is None else iso(self.end_ns),
            seconds=round(max(0, end_ns - self.start_ns) / NS_PER_SECOND, 6),
            scope=self.scope,
            reason=self.reason,
            open=self.end_ns is None,
            raw_ref=self.raw_ref,
        )


class _Session:
    """The proof of life of one session; what lies before ``started_ns`` is not its own."""

    __slots__ = ("ended", "last_ns", "proofs", "rested_ns", "started_ns")

    def __init__(self) -> None:
        self.started_ns = 0
        self.ended = False
        self.rested_ns = 0
        """When its hours were last over."""
        self.last_ns = 0
        """The last proof that it listened."""
        self.proofs = Proofs()

    @property
    def resting(self) -> bool:
        """Its hours are over, and it has listened to nothing since: the last samples come a moment later."""
        return self.rested_ns > 0 and self.last_ns <= self.rested_ns + SILENCE_NS_MAX

    def spans(self) -> list[Span]:
        """When this session listened, as far as it is proven."""
        found = [(max(first_ns, self.started_ns), last_ns) for first_ns, last_ns in self.proofs.spans]
        return [span for span in found if span[0] < span[1]]


class Hearing:
    """Sessions and gaps of one provider. Lines may come in any order between the journal's tracks."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._holes: list[Hole] = []
        self._silence: Hole | None = None
        self._heard_until_ns = 0
        self._told_until_ns = 0
        self._is_current = False
        self._tick = self._heard_tick = 0
        self.changes = EarliestChange()

    def heard(self, session: str, at_ns: int, tick: int) -> None:
        """A line proves that ``session`` listened at ``at_ns``."""
        known = self._session(session)
        known.proofs.add(at_ns)
        known.last_ns = max(known.last_ns, at_ns)
        self._heard_tick = tick
        if at_ns > self._heard_until_ns:
            if at_ns - self._heard_until_ns > SILENCE_NS_MAX:
                self.changes.mark(tick, self._heard_until_ns)
            self._heard_until_ns = at_ns

    def alive(self, session: str, at_ns: int, tick: int) -> None:
        """The session goes on, which proves nothing where nothing was heard yet, or its hours are over."""
        known = self._session(session)
        if known.proofs.spans and not known.resting:
            self.heard(session, at_ns, tick)

    def rested(self, session: str, at_ns: int) -> None:
        """The hours are over: from here on nothing is heard, and nothing is missed."""
        known = self._session(session)
        known.rested_ns = max(known.rested_ns, at_ns)

    def began(self, session: str, at_ns: int, tick: int) -> None:
        """A session started at ``at_ns``: what earlier ones left open ends here."""
        self._session(session).started_ns = at_ns
        for hole in self._holes:
            if hole.end_ns is None and hole.session != session and hole.start_ns <= at_ns:
                hole.end_ns, hole.changed = at_ns, tick

    def ended(self, session: str) -> None:
        """A session ended, perhaps said later by another: that proves nothing about what was heard."""
        self._session(session).ended = True

    def opened(self, hole: Hole) -> None:
        """A gap begins, or one that an earlier session left open goes on."""
        for known in self._holes:
            if _same(known, hole):
                if known.session != hole.session:
                    known.end_ns, known.session, known.changed = None, hole.session, hole.changed
                return
        self._keep(hole)

    def closed(self, hole: Hole) -> None:
        """A gap's marker: it takes the place of the gap that was open."""
        for known in self._holes:
            if _same(known, hole):
                known.end_ns, known.raw_ref = hole.end_ns, hole.raw_ref
                known.reason, known.changed = hole.reason, hole.changed
                self.changes.mark(hole.changed, hole.start_ns)
                return
        self._keep(hole)

    def until_ns(self, now_ns: int) -> int:
        """How far our knowledge goes: to the last proof of life, or to now while nothing is heard."""
        return now_ns if self._has_open() or self._is_silent(now_ns) else self._heard_until_ns

    def listening(self, holding: Holding) -> Listening:
        """What was heard and what was not, for the bars of a symbol with these slots."""
        spans = [span for session in self._sessions.values() for span in session.spans()]
        gaps = [
            (hole.start_ns, NEVER_NS if hole.end_ns is None else hole.end_ns)
            for hole in self._holes
            if hole.scope not in SCOPES_WITHOUT_TRADES
        ]
        return Listening(holding.within(spans), gaps)

    def holes(self) -> list[Hole]:
        """All gaps, and the silence that no line speaks of because nobody is there to write one."""
        return self._holes if self._silence is None else [*self._holes, self._silence]

    def end_tick(self, now_ns: int, tick: int, *, is_current: bool) -> None:
        """Viewers are told what is known until here: after it, whatever comes is a change."""
        self.changes.mark(tick, self._told_until_ns)
        self._is_current, self._tick = is_current, tick
        self._told_until_ns = self.until_ns(now_ns)
        if is_current:
            self._watch_silence(now_ns, tick)

    def _watch_silence(self, now_ns: int, tick: int) -> None:
        """Notice that lines stopped coming without a word, and that they come again."""
        silence = self._silence
        silent = self._is_silent(now_ns) and not self._has_open()
        if silence is None:
            if silent and self._sessions:
                ended = next(reversed(self._sessions.values())).ended
                reason = "stopped" if ended else "collector_gone"
                self._silence = Hole(self._heard_until_ns, None, "scalp", reason, "", None, tick)
        elif silence.end_ns is not None:
            self._silence = None  # told once as ended; what it was is the journal's to say
        elif not silent:
            silence.end_ns, silence.changed = max(silence.start_ns, self._heard_until_ns), tick

    def _has_open(self) -> bool:
        return any(hole.end_ns is None for hole in self._holes)

    def _is_silent(self, now_ns: int) -> bool:
        """Nothing was heard for too long; of the past, and where the hours are over, that says nothing."""
        if self._sessions and next(reversed(self._sessions.values())).resting:
            return False
        lately = self._tick - self._heard_tick < SILENT_TICKS_MIN
        return self._is_current and not lately and now_ns - self._heard_until_ns > SILENCE_NS_MAX

    def _session(self, session: str) -> _Session:
        known = self._sessions.get(session)
        if known is None:
            known = self._sessions[session] = _Session()
            if len(self._sessions) > SESSIONS_MAX:
                del self._sessions[next(iter(self._sessions))]
        return known

    def _keep(self, hole: Hole) -> None:
        self._holes.append(hole)
        self.changes.mark(hole.changed, hole.start_ns)
        if len(self._holes) > GAPS_MAX:
            self._holes.sort(key=lambda each: each.start_ns)
            del self._holes[0]


def _same(known: Hole, hole: Hole) -> bool:
    return known.scope == hole.scope and known.start_ns == hole.start_ns
