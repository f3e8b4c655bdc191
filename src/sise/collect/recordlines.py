"""What the observer knows -> the line of a record. Pure; trades, which are many, have :mod:`tradeline`."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec

from sise.collect.slots import SessionMeta
from sise.model.events import Candle, Instrument, MarketEvent, Quote
from sise.model.records import SCHEMA_VERSION, CandleRecord, Refusal, SwingRecord
from sise.model.time import iso

_encode = msgspec.json.Encoder().encode


class RecordLines:
    """Spells the records of one session; each method gives a JSON object. Times are UTC ns."""

    def __init__(self, meta: SessionMeta) -> None:
        self._meta = meta

    def candle(self, candle: Candle, received_at: int, frame: int) -> bytes:
        """A candle that the provider made."""
        return _encode(
            CandleRecord(
                **self._meta_of(candle.symbol, candle.event_time, received_at, frame),
                venue=self._meta.venue,
                size=candle.size,
                bar_time=iso(candle.bar_time),
                open=candle.open,
                high=candle.high,
                low=candle.low,
                close=candle.close,
                volume=candle.volume,
                value=candle.value,
            )
        )

    def swing(
        self,
        quote: Quote,
        planned_ns: int,
        received_at: int,
        frame: int,
        sweep: str,
        listed: Instrument | None,
    ) -> bytes:
        """A symbol's answer in a sweep; ``listed`` has the flags that the answer itself does not tell."""
        snapshot, book = quote.snapshot, quote.book
        return _encode(
            SwingRecord(
                **self._meta_of(quote.symbol, planned_ns, received_at, frame),
                venue=(snapshot.venue if snapshot else "") or self._meta.venue,
                notes=["halted"] if quote.halted else [],
                sweep=sweep,
                last_price=snapshot.last_price if snapshot else None,
                open=snapshot.open if snapshot else None,
                high=snapshot.high if snapshot else None,
                low=snapshot.low if snapshot else None,
                volume=snapshot.volume if snapshot else None,
                value=snapshot.value if snapshot else None,
                prev_close=snapshot.prev_close if snapshot else None,
                bid_price=book.bid_price if book else None,
                ask_price=book.ask_price if book else None,
                halted=quote.halted,
                **_flags(quote, listed),
            )
        )

    def refusal(self, event: MarketEvent, received_at: int, frame: int, reason: str) -> bytes:
        """An event that is not recorded, and why."""
        return _encode(
            Refusal(
                timestamp=iso(received_at),
                receive_time=iso(received_at),
                session_id=self._meta.session_id,
                provider=self._meta.provider,
                market=self._meta.market,
                symbol=event.symbol,
                reason=reason,
                frame=frame,
                event={"kind": type(event).__name__.lower(), **_plain(event)},
            )
        )

    def quarantined(self, payload: bytes, received_at: int, frame: int, reason: str) -> bytes:
        """A frame that could not be decoded, and why."""
        return _encode(
            {
                "frame": frame,
                "t": iso(received_at),
                "session_id": self._meta.session_id,
                "provider": self._meta.provider,
                "reason": reason,
                "b64": b64encode(payload).decode(),
            }
        )

    def _meta_of(self, symbol: str, event_time: int, received_at: int, frame: int) -> dict[str, Any]:
        """The common meta of a record (all but its venue and notes)."""
        meta = self._meta
        return {
            "schema_version": SCHEMA_VERSION,
            "event_time": iso(event_time),
            "receive_time": iso(received_at),
            "session_id": meta.session_id,
            "mitigation_level": meta.mitigation_level,
            "quality_flag": "normal" if meta.mitigation_level == 0 else "degraded",
            "provider": meta.provider,
            "market": meta.market,
            "symbol": symbol,
            "frame": frame,
        }


def _flags(quote: Quote, listed: Instrument | None) -> dict[str, Any]:
    """Flags of the provider's list of the day, with their source; the answer's own warning goes before."""
    if listed is None or not listed.flags_source:
        return {"warning": quote.warning}
    return {
        "warning": listed.warning if quote.warning is None else quote.warning,
        "managed": listed.managed,
        "liquidation": listed.liquidation,
        "flags_source": listed.flags_source,
    }


def _plain(event: MarketEvent) -> dict[str, object]:
    facts: dict[str, object] = msgspec.structs.asdict(event)
    # JSON knows no infinity: such a number is kept as its text.
    return {
        name: value if not isinstance(value, float) or abs(value) < float("inf") else repr(value)
        for name, value in facts.items()
    }
