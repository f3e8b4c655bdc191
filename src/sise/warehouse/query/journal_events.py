"""What the journal's events say of listening: sessions, slots and holes of a provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import polars as pl
from msgspec import Raw, Struct

from sise.journal.files import partitions, read_lines
from sise.model.time import NS_PER_US, parse_iso
from sise.warehouse.bars import Span as Stretch
from sise.warehouse.query import frames
from sise.warehouse.query.asked import Series, Span, Who

SCOPES_WITHOUT_TRADES: Final = frozenset({"swing"})
"""A hole in these does not make a bar unknown."""
_EVENTS: Final = "system/events"
_NEVER_NS: Final = 1 << 62


class _Event(Struct):
    event_type: str
    timestamp: str
    session_id: str
    provider: str
    market: str
    gap_start_ts: str = ""
    gap_end_ts: str = ""
    gap_seconds: float = 0.0
    scope: str = ""
    reason: str = ""
    detail: Raw = Raw(b"null")


class _Slot(Struct):
    symbol: str


class _Detail(Struct):
    slots: list[_Slot] = []
    scope: str = ""
    gap_start_ts: str = ""


class Heard:
    """The slots and holes of a provider's market, folded from its events in their order."""

    def __init__(self) -> None:
        self._slots: list[tuple[int, frozenset[str]]] = []
        self._holes: dict[tuple[str, int], tuple[int, str]] = {}
        """By scope and start: the end, and the session that told of it."""

    def fold(self, event: _Event) -> None:
        """Take an event; what tells nothing of slots or holes is passed over."""
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

    @property
    def holes(self) -> list[Stretch]:
        """Spans in which trades may have been missed."""
        return [
            (start, end)
            for (scope, start), (end, _) in self._holes.items()
            if scope not in SCOPES_WITHOUT_TRADES
        ]

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
            _gap_row(ref, event)
            for provider in self._providers(who.provider)
            for ref, event in self._read(provider)
            if event.event_type == "gap_marker" and who.market in (None, event.market)
            if parse_iso(event.gap_start_ts) < span.end_ns and parse_iso(event.gap_end_ts) > span.start_ns
        ]
        return frames.made(frames.GAPS, {name: [row[name] for row in rows] for name in frames.GAPS})

    def heard(self, series: Series) -> Heard:
        """All that is told of the slots and holes of the symbol's market."""
        heard = Heard()
        for _, event in self._read(series.provider):
            if event.market in ("", series.market):
                heard.fold(event)
        return heard

    def _providers(self, named: str | None) -> list[str]:
        if named is not None:
            return [named]
        return sorted(path.name for path in (self._root / _EVENTS).glob("*") if path.is_dir())

    def _read(self, provider: str) -> Iterator[tuple[str, _Event]]:
        decode = msgspec.json.Decoder(_Event).decode
        for file in partitions(self._root, [f"{_EVENTS}/{provider}"]):
            for line in read_lines(self._root, file):
                yield line.ref, decode(line.body)


def _gap_row(ref: str, event: _Event) -> dict[str, object]:
    detail = msgspec.json.decode(event.detail)
    return {
        "provider": event.provider,
        "market": event.market,
        "start": parse_iso(event.gap_start_ts) // NS_PER_US,
        "end": parse_iso(event.gap_end_ts) // NS_PER_US,
        "seconds": event.gap_seconds,
        "scope": event.scope,
        "reason": event.reason,
        "detail": detail if isinstance(detail, str) and detail else None,
        "session_id": event.session_id,
        "raw_ref": ref,
    }
