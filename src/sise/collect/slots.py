"""A slot is a symbol being listened to: its latest state, and how many events the next sample stands for."""

from __future__ import annotations

from typing import Final

from sise.collect.guard import TradeGuard
from sise.collect.validate import unusual
from sise.model.events import Book, Snapshot, Trade
from sise.model.records import SCHEMA_VERSION, SampleRecord
from sise.model.time import iso

SAMPLE_HZ: Final = (2.0, 1.0, 0.5)
"""Samples per second and slot, by mitigation level (O4)."""


class Slot:
    """The latest state of one symbol. ``None`` is what has not been heard on this connection."""

    __slots__ = (
        "ask_price", "ask_size", "bid_price", "bid_size", "crossed", "frame", "frames", "guard",
        "heard", "last_price", "prev_close", "symbol", "volume",
    )  # fmt: skip

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.guard = TradeGuard()
        self.frames = 0
        self.frame = 0
        self.forget()

    def forget(self) -> None:
        """The line was lost: nothing that was heard before it is known to be so still."""
        self.bid_price: float | None = None
        self.bid_size: float | None = None
        self.ask_price: float | None = None
        self.ask_size: float | None = None
        self.last_price: float | None = None
        self.volume: float | None = None
        self.prev_close: float | None = None
        self.crossed = False
        self.heard = False

    def on_book(self, book: Book, frame: int) -> None:
        self.bid_price, self.bid_size = book.bid_price, book.bid_size
        self.ask_price, self.ask_size = book.ask_price, book.ask_size
        self.crossed = unusual(book)
        self._count(frame)

    def on_snapshot(self, snapshot: Snapshot, frame: int) -> None:
        self.last_price = snapshot.last_price
        self.volume = snapshot.volume
        self.prev_close = snapshot.prev_close
        self._count(frame)

    def on_trade(self, trade: Trade) -> None:
        self.last_price = trade.price
        self.heard = True

    def _count(self, frame: int) -> None:
        self.frames += 1
        self.frame = frame
        self.heard = True

    def sample(self, at_ns: int, received_at: int, meta: SessionMeta) -> SampleRecord:
        """The slot's state on the grid moment ``at_ns``."""
        return SampleRecord(
            schema_version=SCHEMA_VERSION,
            event_time=iso(at_ns),
            receive_time=iso(received_at),
            session_id=meta.session_id,
            mitigation_level=meta.mitigation_level,
            quality_flag="normal" if meta.mitigation_level == 0 else "degraded",
            provider=meta.provider,
            market=meta.market,
            venue=meta.venue,
            symbol=self.symbol,
            frame=self.frame,
            notes=["crossed_book"] if self.crossed else [],
            bid_price=self.bid_price,
            ask_price=self.ask_price,
            bid_size=self.bid_size,
            ask_size=self.ask_size,
            last_price=self.last_price,
            volume=self.volume,
            prev_close=self.prev_close,
            frames=self.frames,
        )


class SessionMeta:
    """What is the same in every record of a session."""

    __slots__ = ("market", "mitigation_level", "provider", "session_id", "venue")

    def __init__(self, provider: str, market: str, venue: str, session_id: str) -> None:
        self.provider, self.market, self.venue = provider, market, venue
        self.session_id = session_id
        self.mitigation_level = 0
