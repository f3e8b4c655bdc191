"""Small journals for the ETL's tests, written line by line as a collector would."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, Table, delete

from sise.journal.line import close_line
from sise.model.records import GapMarker, SampleRecord, SwingRecord, SystemEvent, TradeRecord
from sise.model.time import iso, parse_iso
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.run import Etl
from sise.warehouse.hashing import hash_rows
from sise.warehouse.schema import metadata

DAY = MarketDay("upbit", "crypto", date(2026, 11, 20))
KRX = MarketDay("kis", "kr_stocks", date(2026, 11, 20))
NOW = parse_iso("2026-11-25T00:00:00Z")
TABLES = (
    *("scalp_ticks", "scalp_1m_bars", "scalp_5m_bars", "scalp_gaps", "swing_bars_10m", "swing_bars_1h"),
    *("eod_prices", "rejects", "findings"),
)
_encode = msgspec.json.Encoder().encode


def seconds(day: MarketDay, at: float) -> int:
    """UTC ns, so many seconds after the day's first moment."""
    return day.start_ns + round(at * 1_000_000) * 1_000


def _meta(day: MarketDay, at: float, received: float | None, changed: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": "1.0",
        "event_time": iso(seconds(day, at)),
        "receive_time": iso(seconds(day, at + 0.05 if received is None else received)),
        "session_id": "sess_a",
        "mitigation_level": 0,
        "quality_flag": "normal",
        "provider": day.provider,
        "market": day.market,
        "venue": "UPBIT",
        "symbol": "KRW-BTC",
        "frame": 1,
        **changed,
    }


def trade(day: MarketDay, at: float, number: int, *, received: float | None = None, **changed: Any) -> bytes:
    """A trade ``at`` so many seconds of the day; its price and size come from its number."""
    numbers = {
        "price": 100.0 + number % 7,
        "size": 0.25 + number % 3,
        "side": "buy",
        "trade_id": f"t{number}",
    }
    return _encode(TradeRecord(**_meta(day, at, received, {**numbers, "frame": number + 1, **changed})))


def sample(day: MarketDay, at: float, *, volume: float | None = None, **changed: Any) -> bytes:
    state = {
        "bid_price": 99.0,
        "ask_price": 101.0,
        "bid_size": 1.5,
        "ask_size": 2.0,
        "last_price": 100.0,
        "volume": volume,
        "prev_close": 98.0,
        "frames": 1,
    }
    return _encode(SampleRecord(**_meta(day, at, at, {**state, **changed})))


def swing(day: MarketDay, at: float, price: float | None, volume: float | None, **changed: Any) -> bytes:
    state = {
        "sweep": "s",
        "last_price": price,
        "open": 90.0,
        "high": 110.0,
        "low": 80.0,
        "volume": volume,
        "value": None,
        "prev_close": 95.0,
        "bid_price": None,
        "ask_price": None,
    }
    return _encode(SwingRecord(**_meta(day, at, at + 1, {**state, **changed})))


def slots(day: MarketDay, at: float, *symbols: str) -> bytes:
    return event(day, at, "slots", slots=[{"symbol": symbol} for symbol in symbols])


def event(day: MarketDay, at: float, kind: str, /, **detail: object) -> bytes:
    return _encode(
        SystemEvent(
            event_type=kind,
            timestamp=iso(seconds(day, at)),
            session_id="sess_a",
            provider=day.provider,
            market=day.market,
            detail=detail,
        )
    )


def gap(day: MarketDay, start: float, end: float, scope: str = "scalp") -> bytes:
    return _encode(
        GapMarker(
            gap_start_ts=iso(seconds(day, start)),
            gap_end_ts=iso(seconds(day, end)),
            gap_seconds=end - start,
            scope=scope,
            reason="ws_disconnect",
            session_id="sess_a",
            timestamp=iso(seconds(day, end)),
            provider=day.provider,
            market=day.market,
            detail="",
        )
    )


def write(root: Path, path: str, lines: Iterable[bytes]) -> None:
    """Append lines to a partition."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        for line in lines:
            out.write(close_line(line))


def scalp(root: Path, day: MarketDay, lines: Iterable[bytes], name: str = "00_00_00") -> None:
    write(root, f"{day.folder('scalp')}/{name}.jsonl", lines)


def etl(engine: Engine, root: Path, *, patience: float = 0) -> Etl:
    return Etl(engine, root, lambda: NOW, Patience(patience, wait=lambda _: None))


def hashes(engine: Engine) -> dict[str, tuple[int, str]]:
    """Rows and hash of every table that the ETL fills."""
    with engine.connect() as connection:
        found = {name: hash_rows(connection, metadata.tables[name]) for name in TABLES}
    return {name: (one.rows, one.sha256) for name, one in found.items()}


def empty(engine: Engine) -> None:
    """Take all rows out, so that one database serves many examples."""
    tables: list[Table] = [metadata.tables[name] for name in (*TABLES, "etl_cursor", "etl_runs")]
    with engine.begin() as connection:
        for table in tables:
            connection.execute(delete(table))
