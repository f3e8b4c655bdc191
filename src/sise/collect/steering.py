"""The steering: triggers choose who has a slot, while the scalp track listens.

On each moment of a grid of its own the sweeps and the live trades are looked at, a plan is made
(:mod:`sise.collect.slotplan`), and what it says is asked of the line. A symbol that must go keeps its slot
until the line says that it carries it no longer; only then its place is given away. So there are never
more slots than places, and no frame comes for a symbol that has none.

Every change is an event, and whoever asked and got nothing stands in the overflow ledger, with the reason,
once for each decision about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from sise.collect.observe import Sink
from sise.collect.pulse import Pulses
from sise.collect.rankwatch import RankWatch
from sise.collect.ratios import TriggerSettings
from sise.collect.session import Session
from sise.collect.slotplan import SlotLimits, SlotPlan, overflow_records, plan
from sise.collect.triggers import Candidate, Trigger, evaluate, manual, rank
from sise.collect.windows import BUCKET_SECONDS, SweepHistory, SweepPoint, SwingWindow
from sise.model.events import Instrument, Quote, Ranked
from sise.model.hours import SWEEP_EVERY_SECONDS
from sise.model.time import NS_PER_SECOND, iso

STEER_SECONDS: Final = BUCKET_SECONDS
"""Of the market's clock: each step closes one bucket of live trades."""
STALE_SECONDS: Final = 2 * SWEEP_EVERY_SECONDS
"""What a sweep said counts for so long."""
REFUSAL_SECONDS: Final = 600
"""A symbol that the provider did not take asks for nothing for so long."""
SYMBOLS_MAX: Final = 10_000
"""Whose sweeps are remembered."""
ASKING_SHOWN: Final = 20
"""Candidates without a slot in the facts, the best first; the ledger has them all."""

_STEER_NS: Final = STEER_SECONDS * NS_PER_SECOND
_encode = msgspec.json.Encoder().encode


class Watcher(Protocol):
    """Who is told what is wanted, and knows what is carried (:class:`sise.collect.link.Link`)."""

    @property
    def carried(self) -> tuple[str, ...]: ...

    @property
    def refused(self) -> Mapping[str, str]: ...

    def watch(self, symbols: Sequence[str]) -> None: ...


class Holder(Struct):
    """Why a symbol has its slot, and since when. No trigger: it was among the busiest at the start."""

    since_ns: int
    trigger: str = ""
    score: float = 0.0
    leaving: bool = False
    peak: float = 0.0
    """The highest score that still counts, of the moment ``peak_ns``."""
    peak_ns: int = 0

    def remembered(self, at_ns: int, half_life_seconds: float) -> float:
        """What the slot is worth by what was seen of it: half as much after each half life."""
        if half_life_seconds <= 0.0:
            return 0.0
        age = (at_ns - self.peak_ns) / NS_PER_SECOND
        return float(self.peak * 0.5 ** (age / half_life_seconds))

    def note(self, at_ns: int, score: float, half_life_seconds: float) -> None:
        """It asks with ``score`` now."""
        self.score = score
        if score >= self.remembered(at_ns, half_life_seconds):
            self.peak, self.peak_ns = score, at_ns


class Steering:
    """Gives the slots of a session to those who deserve them most. All methods belong to the loop."""

    def __init__(
        self,
        session: Session,
        line: Watcher,
        sink: Sink,
        *,
        limits: SlotLimits,
        pins: Sequence[str] = (),
        excluded: Sequence[str] = (),
        settings: TriggerSettings | None = None,
        session_seconds: float | None = None,
    ) -> None:
        """``session_seconds``: how long a trading day is, for what a usual volume means a second."""
        self._session, self._line, self._sink = session, line, sink
        self._limits = limits
        self.obey(pins, excluded)
        self._settings = settings or TriggerSettings()
        self._ranks = RankWatch(self._settings, session_seconds)
        self._instruments: dict[str, Instrument] = {}
        self._sweeps: dict[str, SweepHistory] = {}
        self._calling: dict[str, list[Trigger]] = {}
        self._pulses = Pulses(session.slots, session.gaps)
        self._refused: dict[str, int] = {}
        self._decided: dict[str, str] = {}
        self._asking: list[dict[str, Any]] = []
        self._number: int | None = None
        self._refusals_written = 0
        self.holders: dict[str, Holder] = {}
        """Every symbol with a slot: also one whose end is not confirmed yet."""
        self.swaps = 0
        """How many slots were taken from one symbol for another."""

    def obey(self, pins: Sequence[str], excluded: Sequence[str]) -> None:
        """The operator's word, from the next step on."""
        self._pins, self._excluded = dict.fromkeys(pins), frozenset(excluded)

    def begin(self, chosen: Iterable[Instrument], now_ns: int) -> None:
        """The slots of the start, or of a new day, while no line is up.

        The pins, then ``chosen``, the busiest first, as far as there are slots. What the day before said of
        anybody is forgotten.
        """
        chosen = list(chosen)
        self.know(chosen)
        symbols = [*self._pins, *(each.symbol for each in chosen if each.symbol not in self._pins)]
        seated = [symbol for symbol in symbols if symbol not in self._excluded][: self._limits.slots]
        # Of holders that nobody asks for, the one that came last goes first: the least busy.
        self.holders = {symbol: Holder(now_ns + place) for place, symbol in enumerate(seated)}
        self._session.watch([self._instrument(symbol) for symbol in seated])
        self._line.watch(seated)
        self._sweeps, self._calling, self._refused, self._decided = {}, {}, {}, {}
        self._asking, self._number = [], None
        self._ranks.forget()

    def knows(self, symbol: str) -> bool:
        """Whether the provider has named the symbol in this session."""
        return symbol in self._instruments or symbol in self._sweeps

    def know(self, instruments: Iterable[Instrument]) -> None:
        """Names of what may get a slot."""
        for each in instruments:
            if len(self._instruments) < SYMBOLS_MAX or each.symbol in self._instruments:
                self._instruments[each.symbol] = each

    def on_quote(self, quote: Quote, received_at: int) -> None:
        """A sweep has asked for a symbol; one that is halted asks for nothing."""
        snapshot = quote.snapshot
        if snapshot is None or snapshot.volume is None or quote.halted:
            self._calling.pop(quote.symbol, None)
            return
        if quote.symbol not in self._sweeps and len(self._sweeps) >= SYMBOLS_MAX:
            return
        history = self._sweeps.setdefault(quote.symbol, SweepHistory())
        history.on_sweep(SweepPoint(received_at, snapshot.last_price, snapshot.volume))
        called = evaluate(quote.symbol, received_at, swing=history.window(), settings=self._settings)
        if rank(called, self._settings):
            self._calling[quote.symbol] = called
        else:
            self._calling.pop(quote.symbol, None)
        if quote.name and quote.symbol not in self._instruments:
            self.know([Instrument(quote.symbol, name_ko=quote.name)])

    def on_ranked(self, rows: Sequence[Ranked], at_ns: int) -> None:
        """The provider's own ranking, as far as its symbols may have a slot."""
        self._ranks.on_ranked(rows, at_ns)
        self.know([Instrument(row.symbol, row.name) for row in rows if not self.knows(row.symbol)])

    def step(self, at_ns: int) -> None:
        """Call directly after every sample, while the scalp track listens: no slot holds events then."""
        gone = self._confirmed_gone()
        number = at_ns // _STEER_NS
        if number == self._number and not gone:
            return
        if number != self._number:
            self._number = number
            self._pulses.close(number, self._line.carried)
        for symbol in gone:
            del self.holders[symbol]
        self._steer(at_ns, gone)

    def _confirmed_gone(self) -> list[str]:
        leaving = [symbol for symbol, holder in self.holders.items() if holder.leaving]
        if not leaving:
            return []
        carried, slots = set(self._line.carried), self._session.slots
        # Where memory was full no sample was taken: then the slot waits for the next one.
        return [symbol for symbol in leaving if symbol not in carried and not slots[symbol].frames]

    def _steer(self, at_ns: int, gone: Sequence[str]) -> None:
        self._note_refusals(at_ns)
        ranked = rank(self._triggers(at_ns), self._settings)
        wanted = [each for each in ranked if each.symbol not in self._refused]
        asking = {each.symbol: each for each in wanted}
        half_life = self._limits.memory_seconds
        for symbol, holder in self.holders.items():
            asks = asking.get(symbol)
            holder.trigger = asks.trigger if asks else ""
            holder.note(at_ns, asks.score if asks else 0.0, half_life)
        made = plan(
            wanted,
            {symbol: holder.since_ns for symbol, holder in self.holders.items()},
            self._limits,
            at_ns,
            leaving=[symbol for symbol, holder in self.holders.items() if holder.leaving],
            excluded=self._excluded,
            remembered={
                symbol: holder.remembered(at_ns, half_life)
                for symbol, holder in self.holders.items()
                if symbol not in self._refused
            },
        )
        self._obey(made, wanted, at_ns)
        if gone or made.register:
            self._session.change_slots(gone, [self._instrument(symbol) for symbol in made.register])
        if made.register or made.unregister:
            self._line.watch([symbol for symbol, holder in self.holders.items() if not holder.leaving])
        self._write_overflow(made, at_ns)

    def _obey(self, made: SlotPlan, wanted: Sequence[Candidate], at_ns: int) -> None:
        """Note who goes and who comes, and write down why."""
        ranks = {each.symbol: (place, each) for place, each in enumerate(wanted, 1)}
        for symbol in made.unregister:
            holder = self.holders[symbol]
            holder.leaving = True
            self._say("unregister", symbol, holder, ranks, at_ns)
        for symbol in made.register:
            asks = ranks[symbol][1]
            holder = self.holders[symbol] = Holder(
                at_ns, asks.trigger, asks.score, peak=asks.score, peak_ns=at_ns
            )
            self._say("register", symbol, holder, ranks, at_ns)
        self.swaps += len(made.unregister)

    def _say(
        self,
        action: str,
        symbol: str,
        holder: Holder,
        ranks: Mapping[str, tuple[int, Candidate]],
        at_ns: int,
    ) -> None:
        staying = [each.score for each in self.holders.values() if not each.leaving]
        why = f"{holder.trigger} {holder.score:.2f}" if holder.trigger else "nothing asks for it"
        self._session.diary.write(
            "slot_change",
            f"{action} {symbol}: {why}" + (", excluded by hand" if symbol in self._excluded else ""),
            action=action,
            symbol=symbol,
            trigger=holder.trigger,
            score=holder.score,
            rank=ranks[symbol][0] if symbol in ranks else None,
            cutoff_rank=self._limits.slots,
            cutoff_score=min(staying, default=0.0),
            held_seconds=round((at_ns - holder.since_ns) / NS_PER_SECOND, 1),
        )

    def _triggers(self, at_ns: int) -> list[Trigger]:
        """What speaks for each symbol: its sweeps, and, where it is listened to, its trades."""
        found = [manual(symbol, at_ns) for symbol in self._pins]
        found += self._ranks.calling(at_ns)
        fresh_ns = at_ns - STALE_SECONDS * NS_PER_SECOND
        for symbol, called in list(self._calling.items()):
            if called[0].at_ns < fresh_ns:
                del self._calling[symbol]
            elif symbol not in self.holders:
                found += called
        for symbol in self.holders:
            window = self._sweeps[symbol].window() if symbol in self._sweeps else SwingWindow()
            if window.points and window.points[-1].at_ns < fresh_ns:
                window = SwingWindow()
            live = self._pulses.window(symbol)
            found += evaluate(symbol, at_ns, swing=window, live=live, settings=self._settings)
        return found

    def _note_refusals(self, at_ns: int) -> None:
        """Whom the provider does not take asks for nothing for a while: others may have its slot."""
        self._refused = {symbol: until for symbol, until in self._refused.items() if until > at_ns}
        refused = self._line.refused
        if refused:
            carried = self._line.carried
            for symbol in refused:
                if symbol in self.holders and symbol not in carried:
                    self._refused.setdefault(symbol, at_ns + REFUSAL_SECONDS * NS_PER_SECOND)

    def _write_overflow(self, made: SlotPlan, at_ns: int) -> None:
        meta = self._session.meta
        decided = {one.symbol: one.decision_reason for one in made.overflow}
        new = [one for one in made.overflow if self._decided.get(one.symbol) != one.decision_reason]
        self._decided = dict(decided)
        for record in overflow_records(
            new,
            timestamp=iso(at_ns),
            provider=meta.provider,
            market=meta.market,
            mitigation_level=meta.mitigation_level,
            session_id=meta.session_id,
        ):
            self._sink.append("overflow", _encode(record), at_ns, always=True)
            self._refusals_written += 1
        self._asking = [
            msgspec.structs.asdict(one) | self._names(one.symbol) for one in made.overflow[:ASKING_SHOWN]
        ]

    def _names(self, symbol: str) -> dict[str, str]:
        """Empty where the provider has not named the symbol."""
        each = self._instrument(symbol)
        return {"name_ko": each.name_ko, "name_en": each.name_en}

    def _instrument(self, symbol: str) -> Instrument:
        return self._instruments.get(symbol) or Instrument(symbol)

    @property
    def limit(self) -> int:
        """How many symbols can have a slot."""
        return self._limits.slots

    def facts(self) -> dict[str, Any]:
        """For the status: the slots, who asks in vain, and how often something changed."""
        return {
            "limit": self.limit,
            "held": [
                msgspec.structs.asdict(each) | _facts(self.holders[each.symbol])
                for each in self._session.instruments
                if each.symbol in self.holders
            ],
            "swaps": self.swaps,
            "overflow": {
                "asking": len(self._decided),
                "written": self._refusals_written,
                "first": self._asking,
            },
        }


def _facts(holder: Holder) -> dict[str, Any]:
    return {
        "since": iso(holder.since_ns),
        "trigger": holder.trigger,
        "score": round(holder.score, 3),
        "leaving": holder.leaving,
    }
