"""A slot is a symbol being listened to: its latest state, and how many events the next sample stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sise.collect.guard import TradeGuard
from sise.collect.validate import unusual
from sise.model.events import Book, Snapshot, Trade
from sise.model.records import SCHEMA_VERSION, SampleRecord
from sise.model.time import iso

SAMPLE_HZ: Final = (2.0, 1.0, 0.5)
"""Samples per second and slot, by mitigation level (O4)."""
_NO_BOOK: Final = Book("", 0, None, None, None, None, 0)


class Slot:
    """The latest state of one symbol. ``None`` is what has not been heard on this connection."""

    __slots__ = (
        "book", "frame", "frames", "guard", "heard", "last_price", "samples", "snapshot", "symbol", "traded",
        "trades",
    )  # fmt: skip

    def __init__(self, symbol: str, guard: TradeGuard | None = None) -> None:
        self.symbol = symbol
        self.guard = guard or TradeGuard()
        self.trades = 0
        """Trades recorded since the slot was taken."""
        self.traded = 0.0
        """Their volume, in base units."""
        self.frames = 0
        """Quote events since the last sample."""
        self.frame = 0
        """The wire line of the last one."""
        self.samples = 0
        """Samples written since the slot was taken."""
        self.forget()

    def forget(self) -> None:
        """The line was lost: nothing that was heard before it is known to be so still."""
        self.book: Book | None = None
        self.snapshot: Snapshot | None = None
        self.last_price: float | None = None
        self.heard = False

    def on_book(self, book: Book, frame: int) -> None:
        self.book = book
        self.frames += 1
        self.frame = frame
        self.heard = True

    def on_snapshot(self, snapshot: Snapshot, frame: int) -> None:
        self.snapshot = snapshot
        self.last_price = snapshot.last_price
        self.frames += 1
        self.frame = frame
        self.heard = True

    def on_trade(self, trade: Trade) -> None:
        self.last_price = trade.price
        self.trades += 1
        self.traded += trade.size
        self.heard = True

    def on_trades(self, trades: Sequence[Trade]) -> None:
        """:meth:`on_trade` for each."""
        self.last_price = trades[-1].price
        self.trades += len(trades)
        traded = self.traded
        for trade in trades:  # in their order, as one by one: the same to the last bit
            traded += trade.size
        self.traded = traded
        self.heard = True

    def sample(self, at_ns: int, received_at: int, meta: SessionMeta) -> SampleRecord:
        """The slot's state on the grid moment ``at_ns``."""
        book = self.book or _NO_BOOK
        snapshot = self.snapshot
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
            notes=["crossed_book"] if unusual(book) else [],
            bid_price=book.bid_price,
            ask_price=book.ask_price,
            bid_size=book.bid_size,
            ask_size=book.ask_size,
            last_price=self.last_price,
            volume=snapshot.volume if snapshot else None,
            prev_close=snapshot.prev_close if snapshot else None,
            frames=self.frames,
        )


class SessionMeta:
    """What is the same in every record of a session."""

    __slots__ = ("market", "mitigation_level", "provider", "session_id", "venue")

    def __init__(self, provider: str, market: str, venue: str, session_id: str) -> None:
        self.provider, self.market, self.venue = provider, market, venue
        self.session_id = session_id
        self.mitigation_level = 0
