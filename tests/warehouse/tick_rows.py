"""Rows of trades as the history keeps them, for its tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from sise.warehouse.history import History
from sise.warehouse.history_ticks import latest, rows_of
from sise.warehouse.history_ticks_form import FORMS

BEGIN: Final = datetime(2026, 11, 20, tzinfo=UTC)
Row = dict[str, Any]


def tick(number: int, **changed: Any) -> Row:
    at = BEGIN + timedelta(milliseconds=number * 700)
    row: Row = dict(zip(("provider", "market", "venue"), ("upbit", "crypto", "UPBIT"), strict=True))
    row |= {"symbol": "KRW-BTC", "event_time": at, "id": str(17_000_000_000_000_000 + number)}
    row |= {"price": 100.0 + number % 7, "size": round((number + 1) / 10**8, 8), "side": "buy"}
    row |= {"receive_time": at + timedelta(microseconds=20_123 + number), "session_id": "sess_a"}
    row |= {"schema_version": "1.0", "mitigation_level": 0, "quality_flag": "normal", "frame": number + 1}
    row |= {"notes": None, "raw_ref": f"scalp/upbit/crypto/20261120/00_00_00.jsonl:{number + 1}"}
    return row | changed


def frame(rows: list[Row], kind: str = "ticks") -> pl.DataFrame:
    return pl.DataFrame([{name: row[name] for name in FORMS[kind]} for row in rows], schema=FORMS[kind])


def ticks(count: int, **changed: Any) -> pl.DataFrame:
    return frame([tick(number, **changed) for number in range(count)])


def held(history: History, kind: str = "ticks") -> pl.DataFrame:
    """All rows that count."""
    entries = latest(history.entries(kind)).values()
    return pl.concat(rows for entry in entries for rows in rows_of(history, entry, pl.lit(True)))
