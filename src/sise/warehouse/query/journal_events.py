"""What the journal's events say of listening: sessions, slots, holes and rests of a provider."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import polars as pl
from msgspec import Raw, Struct

from sise.journal.files import partitions, read_lines
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, NS_PER_US, parse_iso
from sise.warehouse.bars import Span as Stretch
from sise.warehouse.query import frames
from sise.warehouse.query.asked import Series, Span, Who

log = logging.getLogger(__name__)

SCOPES_WITHOUT_TRADES: Final = frozenset({"swing"})
"""A hole in these does not make a bar unknown."""
_EVENTS: Final = "system/events"
_NEVER_NS: Final = 1 << 62


class _Event(Struct):
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


class Heard:
    """The slots, holes and rests of a provider's market, folded from its events in their order."""

    def __init__(self) -> None:
        self._slots: list[tuple[int, frozenset[str]]] = []
        self._rests: list[list[int]] = []
        """From ``hours_over`` to the next ``connected``: lines that are written then prove nothing."""
        self._holes: dict[tuple[str, int], tuple[int, str]] = {}
        """By scope and start: the end, and the session that told of it."""

    def fold(self, event: _Event) -> None:
        """Take an event; what tells nothing of slots, holes or rests is passed over."""
        at = parse_iso(event.timestamp)
        match event.event_type:
            case "slots":
                held = msgspec.json.decode(event.detail, type=_Detail).slots
                self._slots.append((at, frozenset(slot.symbol for slot in held)))
            case "gap_marker":
                ended = parse_iso(event.gap_end_ts), event.session_id
                self._holes[event.scope, parse_iso(event.gap_start_ts)] = ended
            case "disconnected":
                detail = msgspec.json.decode(event.detail, type=_Detail)
                start = parse_iso(detail.gap_start_ts or event.timestamp)
                self._holes[detail.scope or "scalp", start] = _NEVER_NS, event.session_id
            case "session_start":
                # what an earlier session left open ends here: this one tells of its own holes
                for key, (end, session) in self._holes.items():
                    if end == _NEVER_NS and session != event.session_id and key[1] <= at:
                        self._holes[key] = at, session
            case "hours_over":
                self._rests.append([at, _NEVER_NS])
            case "connected":
                for rest in self._rests:
                    if rest[1] == _NEVER_NS and rest[0] <= at:
                        rest[1] = at

    @property
    def holes(self) -> list[Stretch]:
        """Spans in which trades may have been missed."""
        return [
            (start, end)
            for (scope, start), (end, _) in self._holes.items()
            if scope not in SCOPES_WITHOUT_TRADES
        ]

    @property
    def deaf(self) -> list[Stretch]:
        """Spans of which nothing is proven: holes, and rests after the track's hours."""
        return [*self.holes, *((start, end) for start, end in self._rests)]

    def windows(self, symbol: str) -> list[Stretch] | None:
        """When the symbol had a slot; None where no event tells of slots."""
        if not self._slots:
            return None
        found: list[Stretch] = []
        ends = [at for at, _ in self._slots[1:]] + [_NEVER_NS]
        for (at, held), end in zip(self._slots, ends, strict=True):
            if symbol in held:
                goes_on = bool(found) and found[-1][1] == at
                found.append((found.pop()[0] if goes_on else at, end))
        return found


class Events:
    """The events below a data folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def gaps(self, who: Who, span: Span) -> pl.DataFrame:
        """The markers of holes that touch the span, oldest first."""
        rows = [
            row
            for provider in self._providers(who.provider)
            for ref, event in self._read(provider)
            if event.event_type == "gap_marker" and who.market in (None, event.market)
            if (row := _gap_row(ref, event, span)) is not None
        ]
        return frames.made(frames.GAPS, {name: [row[name] for row in rows] for name in frames.GAPS})

    def heard(self, series: Series) -> Heard:
        """All that is told of the slots and holes of the symbol's market."""
        heard = Heard()
        for ref, event in self._read(series.provider):
            if event.market in ("", series.market):
                try:
                    heard.fold(event)
                except (msgspec.MsgspecError, BadInput) as error:
                    _not_understood(ref, error)
        return heard

    def _providers(self, named: str | None) -> list[str]:
        if named is not None:
            return [named]
        return sorted(path.name for path in (self._root / _EVENTS).glob("*") if path.is_dir())

    def _read(self, provider: str) -> Iterator[tuple[str, _Event]]:
        decode = msgspec.json.Decoder(_Event).decode
        for file in partitions(self._root, [f"{_EVENTS}/{provider}"]):
            for line in read_lines(self._root, file):
                try:
                    yield line.ref, decode(line.body)
                except msgspec.MsgspecError as error:
                    _not_understood(line.ref, error)


def _not_understood(ref: str, error: Exception) -> None:
    log.warning("a system event is not understood", extra={"ref": ref, "why": str(error)})


def _gap_row(ref: str, event: _Event, span: Span) -> dict[str, object] | None:
    """None: it does not touch the span, or is not understood."""
    try:
        start_ns, end_ns = parse_iso(event.gap_start_ts), parse_iso(event.gap_end_ts)
    except BadInput as error:
        _not_understood(ref, error)
        return None
    if start_ns >= span.end_ns or end_ns <= span.start_ns:
        return None
    seconds = event.gap_seconds if event.gap_seconds is not None else (end_ns - start_ns) / NS_PER_SECOND
    detail = msgspec.json.decode(event.detail)
    return {
        "provider": event.provider,
        "market": event.market,
        "start": start_ns // NS_PER_US,
        "end": end_ns // NS_PER_US,
        "seconds": seconds,
        "scope": event.scope,
        "reason": event.reason,
        "detail": detail if isinstance(detail, str) and detail else None,
        "session_id": event.session_id,
        "raw_ref": ref,
    }
