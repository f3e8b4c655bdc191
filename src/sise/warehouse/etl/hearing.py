"""When a symbol was listened to on a day: what its own lines prove, its slots, and the holes.

A symbol's own lines are its proof. Two of them, at most ``SILENCE_SECONDS`` apart, prove that all trades
between them were heard; a line comes for every slot at least every two seconds. Time counts only while the
symbol had a slot (the events ``slots``), not in a hole (``gap_marker``, or a ``disconnected`` that no
marker ended yet), and not while the track rested (from ``hours_over`` to the next ``connected``): lines that
are written then say nothing of trades. The page's live bars follow the same rules, by session instead of by
symbol.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from sise.journal.files import Line, read_lines
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.warehouse.bars import Span
from sise.warehouse.etl.days import MarketDay, event_file

log = logging.getLogger(__name__)

SILENCE_SECONDS: Final = 15
SILENCE_NS: Final = SILENCE_SECONDS * NS_PER_SECOND
SLOTS_DAYS_BACK: Final = 14
"""So many days before, a session may have chosen its slots for the last time."""
SCOPES_WITHOUT_TRADES: Final = frozenset({"swing"})
FOR_EVER_NS: Final = 1 << 62


class Event(Struct):
    """A system event as far as the ETL reads it."""

    event_type: str
    timestamp: str
    session_id: str = ""
    provider: str = ""
    market: str = ""
    gap_start_ts: str = ""
    gap_end_ts: str = ""
    gap_seconds: float | None = None
    scope: str = ""
    reason: str = ""
    detail: Raw = Raw(b"{}")


class _Slot(Struct):
    symbol: str


class _Detail(Struct):
    slots: list[_Slot] = []
    scope: str = ""
    gap_start_ts: str = ""


class _TradingDay(Struct):
    day: date
    open: bool


event_decoder: Final = msgspec.json.Decoder(Event)


class Hearing:
    """The slots, holes and trading days of one provider's market, folded from its events in their order."""

    def __init__(self) -> None:
        self._slots: dict[str, list[list[int]]] = {}
        self._told = False
        self._holes: dict[tuple[str, int], list[Any]] = {}
        """Scope and start: its end, and the session that told of it."""
        self._rests: list[list[int]] = []
        self.told: dict[date, bool] = {}
        """What the provider answered to whether a day is a trading day (True: open)."""

    def fold(self, event: Event) -> None:
        """Take an event; what is no news of slots, holes, hours or trading days is passed over."""
        match event.event_type:
            case "slots":
                detail = msgspec.json.decode(event.detail, type=_Detail)
                self._on_slots({slot.symbol for slot in detail.slots}, parse_iso(event.timestamp))
            case "gap_marker":
                start, end = parse_iso(event.gap_start_ts), parse_iso(event.gap_end_ts)
                self._holes[event.scope, start] = [end, event.session_id]
            case "disconnected":
                detail = msgspec.json.decode(event.detail, type=_Detail)
                start = parse_iso(detail.gap_start_ts or event.timestamp)
                self._holes[detail.scope or "scalp", start] = [FOR_EVER_NS, event.session_id]
            case "session_start":
                self._on_session(event.session_id, parse_iso(event.timestamp))
            case "hours_over":
                self._rests.append([parse_iso(event.timestamp), FOR_EVER_NS])
            case "connected":
                self._on_connected(parse_iso(event.timestamp))
            case "trading_day":
                answer = msgspec.json.decode(event.detail, type=_TradingDay)
                self.told[answer.day] = answer.open

    def _on_connected(self, at_ns: int) -> None:
        for rest in self._rests:
            if rest[1] == FOR_EVER_NS and rest[0] <= at_ns:
                rest[1] = at_ns

    def _on_slots(self, symbols: set[str], at_ns: int) -> None:
        self._told = True
        for symbol, windows in self._slots.items():
            if symbol not in symbols and windows[-1][1] == FOR_EVER_NS:
                windows[-1][1] = at_ns
        for symbol in symbols:
            windows = self._slots.setdefault(symbol, [])
            if not windows or windows[-1][1] != FOR_EVER_NS:
                windows.append([at_ns, FOR_EVER_NS])

    def _on_session(self, session: str, at_ns: int) -> None:
        """What an earlier session left open ends here: from now on this one tells of its own holes."""
        for (_, start), hole in self._holes.items():
            if hole[0] == FOR_EVER_NS and hole[1] != session and start <= at_ns:
                hole[0] = at_ns

    def holes(self) -> list[Span]:
        """Spans in which trades may have been missed."""
        return [
            (start, hole[0])
            for (scope, start), hole in self._holes.items()
            if scope not in SCOPES_WITHOUT_TRADES
        ]

    def deaf(self) -> list[Span]:
        """The holes, and when the track rested."""
        return [*self.holes(), *((start, end) for start, end in self._rests)]

    def windows(self, symbol: str) -> list[Span] | None:
        """When a symbol had a slot; ``None`` where nothing tells of slots."""
        if not self._told:
            return None
        return [(start, end) for start, end in self._slots.get(symbol, [])]


def read_events(root: Path, day: MarketDay) -> Iterator[tuple[Event, Line]]:
    """The events of a provider's day that concern the market, with their lines. Others are passed over."""
    file = event_file(root, day)
    for line in read_lines(root, file) if file is not None else ():
        event = event_of(line, day)
        if event is not None:
            yield event, line


def event_of(line: Line, day: MarketDay) -> Event | None:
    """None: of another market, or not understood (which is said in the log)."""
    try:
        event = event_decoder.decode(line.body)
    except msgspec.MsgspecError as error:
        log.warning("a system event is not understood", extra={"ref": line.ref, "why": str(error)})
        return None
    return event if event.market in ("", day.market) else None


def fold_events(hearing: Hearing, root: Path, day: MarketDay) -> int:
    """Fold a day's events; how many there were."""
    count = 0
    for event, line in read_events(root, day):
        count += 1
        fold_safely(hearing, event, line)
    return count


def fold_safely(hearing: Hearing, event: Event, line: Line) -> None:
    """Fold an event whose facts may not be what they should."""
    try:
        hearing.fold(event)
    except (msgspec.MsgspecError, BadInput) as error:
        log.warning("a system event is not understood", extra={"ref": line.ref, "why": str(error)})


def hearing_before(root: Path, day: MarketDay) -> Hearing:
    """What is known when the day begins: the slots as last chosen, and holes that are still open."""
    for back in range(1, SLOTS_DAYS_BACK + 1):
        first = day.beside(-back)
        if any(event.event_type == "slots" for event, _ in read_events(root, first)):
            break
    else:
        first = day.beside(-1)
    hearing = Hearing()
    while first.day < day.day:
        fold_events(hearing, root, first)
        first = first.beside(1)
    return hearing
