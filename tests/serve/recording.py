"""A journal for tests, written line by line as a collector would, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sise.journal.line import close_line
from sise.model.records import SCHEMA_VERSION, CandleRecord, GapMarker, SampleRecord, SystemEvent, TradeRecord
from sise.model.time import NS_PER_SECOND, iso, parse_iso

T0 = parse_iso("2026-11-20T00:00:00Z")
SECOND = NS_PER_SECOND
SLOTS = [
    {"symbol": "KRW-BTC", "name_ko": "비트코인", "name_en": "Bitcoin"},
    {"symbol": "KRW-ETH", "name_ko": "이더리움", "name_en": "Ethereum"},
]


class TestClock:
    """A clock that stands where the test puts it; sleeping takes real time, but little."""

    __test__ = False

    def __init__(self, second: float = 0.0) -> None:
        self.ns = at(second)

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


def at(second: float) -> int:
    return T0 + int(second * SECOND)


class Recording:
    """Writes records and events of one session; every moment is in seconds after ``T0``."""

    def __init__(self, root: Path, session: str = "sess_a") -> None:
        self.root = root
        self.session = session
        self.frame = 0
        self.scalp = "scalp/upbit/crypto/20261120/09_00_00.jsonl"
        self.events = "system/events/upbit/20261120.jsonl"

    def start(self, second: float, slots: Sequence[dict[str, str]] = SLOTS) -> None:
        self.event("session_start", second, restart=False)
        self.event("slots", second, slots=list(slots))
        self.event("connected", second)

    def event(self, event_type: str, second: float, **detail: Any) -> None:
        event = SystemEvent(
            event_type=event_type,
            timestamp=iso(at(second)),
            session_id=self.session,
            provider="upbit",
            market="crypto",
            detail=detail,
        )
        self.write(self.events, event)

    def disconnected(self, since: float, second: float, reason: str = "ws_disconnect") -> None:
        self.event("disconnected", second, scope="scalp", reason=reason, gap_start_ts=iso(at(since)))

    def gap(self, start: float, end: float, reason: str = "ws_disconnect") -> None:
        marker = GapMarker(
            gap_start_ts=iso(at(start)),
            gap_end_ts=iso(at(end)),
            gap_seconds=end - start,
            scope="scalp",
            reason=reason,
            session_id=self.session,
            timestamp=iso(at(end)),
            provider="upbit",
            market="crypto",
        )
        self.write(self.events, marker)

    def trade(
        self, second: float, price: float, size: float = 1.0, symbol: str = "KRW-BTC", **more: Any
    ) -> None:
        received = more.pop("received", second + 0.1)
        self.frame += 1
        facts = {"price": price, "size": size, "side": "buy", "trade_id": str(self.frame), **more}
        self.write(self.scalp, TradeRecord(**self._meta(second, received, symbol), **facts))

    def sample(self, second: float, last: float | None, symbol: str = "KRW-BTC", **more: Any) -> None:
        facts: dict[str, Any] = {
            "bid_price": None,
            "ask_price": None,
            "bid_size": None,
            "ask_size": None,
            "last_price": last,
            "volume": None,
            "prev_close": None,
            "frames": 1,
        }
        self.write(self.scalp, SampleRecord(**self._meta(second, second, symbol), **(facts | more)))

    def candle(self, second: float, close: float, symbol: str = "KRW-BTC") -> None:
        facts: dict[str, Any] = {
            "open": close,
            "high": close,
            "low": close,
            "close": close,
            "volume": 1.0,
            "value": close,
        }
        record = CandleRecord(**self._meta(second, 0.0, symbol), size="1m", bar_time=iso(at(second)), **facts)
        self.write("swing/upbit/crypto/20261120/09_00.jsonl", record)

    def write(self, path: str, record: Struct) -> None:
        self.write_raw(path, close_line(msgspec.json.encode(record)))

    def write_raw(self, path: str, line: bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as out:
            out.write(line)

    def _meta(self, second: float, received: float, symbol: str) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "event_time": iso(at(second)),
            "receive_time": iso(at(received)),
            "session_id": self.session,
            "mitigation_level": 0,
            "quality_flag": "normal",
            "provider": "upbit",
            "market": "crypto",
            "venue": "UPBIT",
            "symbol": symbol,
            "frame": self.frame,
        }
