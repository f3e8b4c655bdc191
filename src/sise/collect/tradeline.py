"""A trade's line in the journal: a head that trades in a row share, and a tail that is one trade's own."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

import msgspec

from sise.collect.slots import SessionMeta
from sise.model.events import Trade
from sise.model.records import SCHEMA_VERSION, TradeHead, TradeTail
from sise.model.time import iso

PARTS_MAX: Final = 2_000
"""Heads of trades' lines that are kept: of so many symbols, levels and sessions."""

_encoder: Final = msgspec.json.Encoder()
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines


def tails_of(trades: Sequence[Trade], frame: int) -> list[bytes] | None:
    """What is each trade's own in its line, up to the closing brace.

    None, where they share no head, or one is a snapshot or cannot be true (see :mod:`validate`).
    """
    first = trades[0]
    symbol, event_time, venue = first.symbol, first.event_time, first.venue
    tails = []
    for trade in trades:
        price, size = trade.price, trade.size
        if trade.symbol != symbol or trade.event_time != event_time or trade.venue != venue:
            return None
        if trade.snapshot or not (0.0 < price < inf and 0.0 < size < inf):
            return None
        tails.append(TradeTail(frame, price, size, trade.side, trade.trade_id))
    return _encode_lines(tails)[1:-2].split(b"}\n{")  # a text has no newline in JSON


class TradeLines:
    """Spells the lines of one session's trades."""

    def __init__(self, meta: SessionMeta) -> None:
        self._meta = meta
        self._parts: dict[tuple[str, str, int, str], tuple[str, str, str]] = {}
        self._event_time = -1
        self._event_text = ""

    def line(self, trade: Trade, received_text: str, frame: int, notes: list[str]) -> bytes:
        """The whole line; ``notes`` say what is unusual about the trade."""
        tail = _encode(TradeTail(frame, trade.price, trade.size, trade.side, trade.trade_id))[1:]
        return self.head_of(trade, received_text) + (_with_notes(tail, notes) if notes else tail)

    def head_of(self, trade: Trade, received_text: str) -> bytes:
        """The beginning of a trade's line, up to what is its own."""
        meta = self._meta
        if trade.event_time != self._event_time:
            self._event_time, self._event_text = trade.event_time, iso(trade.event_time)
        key = (trade.symbol, trade.venue, meta.mitigation_level, meta.session_id)
        before, between, after = self._parts.get(key) or self._parts_of(trade)
        return f'{before}"{self._event_text}"{between}"{received_text}"{after}'.encode()

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


def _with_notes(tail: bytes, notes: list[str]) -> bytes:
    """``tail`` with ``notes`` where a :class:`~sise.model.records.TradeRecord` has them."""
    frame, rest = tail.split(b",", 1)
    return b'%b,"notes":%b,%b' % (frame, _encode(notes), rest)
