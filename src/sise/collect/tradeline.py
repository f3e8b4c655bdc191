"""A trade's line in the journal: a head that trades in a row share, joined to a tail that is one trade's own.

The observer keeps the last head and encodes each tail itself: that saves a call for every trade.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sise.collect.slots import SessionMeta
from sise.model.events import Trade
from sise.model.records import SCHEMA_VERSION, TradeHead
from sise.model.time import iso

PARTS_MAX: Final = 2_000
"""Heads of trades' lines that are kept: of so many symbols, levels and sessions."""

_encode = msgspec.json.Encoder().encode


class TradeHeads:
    """Spells the heads of one session's trades."""

    def __init__(self, meta: SessionMeta) -> None:
        self._meta = meta
        self._parts: dict[tuple[str, str, int, str], tuple[str, str, str]] = {}

    def head_of(self, trade: Trade, received_text: str) -> bytes:
        """The beginning of a trade's line, up to what is its own."""
        meta = self._meta
        key = (trade.symbol, trade.venue, meta.mitigation_level, meta.session_id)
        before, between, after = self._parts.get(key) or self._parts_of(trade)
        return f'{before}"{iso(trade.event_time)}"{between}"{received_text}"{after}'.encode()

    def _parts_of(self, trade: Trade) -> tuple[str, str, str]:
        """The head of a trade's line before, between and after its two times."""
        meta = self._meta
        if len(self._parts) >= PARTS_MAX:
            self._parts.clear()
        head = TradeHead(
            schema_version=SCHEMA_VERSION,
            event_time="",
            receive_time="",
            session_id=meta.session_id,
            mitigation_level=meta.mitigation_level,
            quality_flag="normal" if meta.mitigation_level == 0 else "degraded",
            provider=meta.provider,
            market=meta.market,
            venue=trade.venue or meta.venue,
            symbol=trade.symbol,
        )
        before, between, after = _encode(head).decode().split('""', 2)
        key = (trade.symbol, trade.venue, meta.mitigation_level, meta.session_id)
        parts = self._parts[key] = before, between, f"{after[:-1]},"
        return parts


def with_notes(tail: bytes, notes: list[str]) -> bytes:
    """``tail`` with ``notes`` where a :class:`~sise.model.records.TradeRecord` has them."""
    frame, rest = tail.split(b",", 1)
    return b'%b,"notes":%b,%b' % (frame, _encode(notes), rest)
