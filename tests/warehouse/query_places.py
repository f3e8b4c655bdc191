"""The same small record in every kind of place: database, history, plain journal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl
from hypothesis import strategies as st
from sqlalchemy import Engine

from sise.journal.line import close_line
from sise.model.records import SampleRecord, TradeRecord
from sise.model.time import NS_PER_SECOND, NS_PER_US, iso, parse_iso
from sise.warehouse.candles import SCHEMA, shaped
from sise.warehouse.engine import writing
from sise.warehouse.history import History
from sise.warehouse.history_entry import Origin
from sise.warehouse.load import load
from sise.warehouse.query.database import Database
from sise.warehouse.query.reader import Reader
from sise.warehouse.query.store import Store
from sise.warehouse.query.universes import Universes
from sise.warehouse.schema import metadata, scalp_1m_bars, scalp_ticks

OPEN: Final = parse_iso("2026-11-20T09:00:00+09:00")
MINUTE_NS: Final = 60 * NS_PER_SECOND
META: Final = ("session_id", "schema_version", "mitigation_level", "quality_flag")
BAR: Final = (
    *("provider", "market", "venue", "symbol", "bar_time", "open", "high", "low", "close", "volume", "value"),
    *("trades", "state", "coverage_ratio", "source", *META),
)
TICK: Final = (
    *("provider", "market", "venue", "symbol", "event_time", "id", "kind", "bid_price", "ask_price"),
    *("bid_size", "ask_size", "last_price", "volume", "side", "day_volume", "frame", "notes"),
    *("receive_time", *META, "raw_ref"),
)
Record = TradeRecord | SampleRecord
BarRow = dict[str, Any]


def reader(*stores: Store) -> Reader:
    """A reader of these places alone."""
    return Reader(stores, Universes(None), lambda: None)


def empty(engine: Engine) -> None:
    with writing(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


def bar(minute: int, state: str = "traded", **changed: Any) -> BarRow:
    """A bar of Samsung, ``minute`` minutes after the open; what is not known in its state is None."""
    close = 70_000.0 + minute % 7 * 100
    row: BarRow = dict.fromkeys(SCHEMA)
    row |= {"provider": "kis", "market": "kr_stocks", "venue": "KRX", "symbol": "005930"}
    row |= {"start": OPEN + minute * MINUTE_NS, "state": state, "source": "journal"}
    row |= {"coverage_ratio": 0.5 if state == "unknown" else 1.0}
    if state == "traded":
        row |= {"open": close - 50, "high": close + 100, "low": close - 100, "close": close}
        row |= {"volume": float(10 + minute % 13), "value": close * 10, "trades": 3 + minute % 5}
    if state == "empty":
        row |= {"volume": 0.0, "value": 0.0, "trades": 0}
    return row | changed


def store_bars(engine: Engine, bars: Iterable[BarRow]) -> Database:
    """The bars in ``scalp_1m_bars``."""
    fixed = {"session_id": "s", "schema_version": "1.0", "mitigation_level": 0, "quality_flag": "normal"}
    rows = [tuple((row | fixed | {"bar_time": row["start"]})[name] for name in BAR) for row in bars]
    assert load(engine, scalp_1m_bars, BAR, rows).rejected == []
    return Database(engine)


def keep_bars(folder: Path, bars: Iterable[BarRow], size: str = "1m") -> History:
    """The bars in a history, each source an import."""
    history = History.at(str(folder))
    by_source: dict[str, list[BarRow]] = {}
    for row in bars:
        by_source.setdefault(row["source"], []).append(row)
    for number, (source, rows) in enumerate(sorted(by_source.items())):
        history.add(f"bars_{size}", frame_of(rows), Origin(source, str(number) * 64, 1), OPEN + number)
    return history


def frame_of(bars: Iterable[BarRow]) -> pl.DataFrame:
    rows = [row | {"start": row["start"] // NS_PER_US} for row in bars]
    schema = {name: pl.Int64() if name == "start" else kind for name, kind in SCHEMA.items()}
    return shaped(pl.DataFrame(rows, schema=schema, orient="row"))


def store_records(engine: Engine, records: Iterable[tuple[str, Record]]) -> Database:
    """Records with their ``path:line`` in ``scalp_ticks``; what is there twice stays as it was."""
    rows = [tuple(_tick(ref, record)[name] for name in TICK) for ref, record in records]
    assert load(engine, scalp_ticks, TICK, rows).rejected == []
    return Database(engine)


def _tick(ref: str, record: Record) -> dict[str, Any]:
    told = dict.fromkeys(TICK) | {name: getattr(record, name) for name in ("frame", *META, *_OWN)}
    told |= {"event_time": parse_iso(record.event_time), "receive_time": parse_iso(record.receive_time)}
    told |= {"raw_ref": ref, "notes": ",".join(record.notes) or None}
    if isinstance(record, TradeRecord):
        own = {"kind": "trade", "id": record.trade_id or ref, "last_price": record.price}
        return told | own | {"volume": record.size, "side": record.side}
    quoted = {name: getattr(record, name) for name in _QUOTED}
    return told | quoted | {"kind": "sample", "id": ref, "day_volume": record.volume}


_OWN: Final = ("provider", "market", "venue", "symbol")
_QUOTED: Final = ("bid_price", "ask_price", "bid_size", "ask_size", "last_price")


def write_journal(root: Path, records: Iterable[Record], day: str = "20261120") -> list[tuple[str, Record]]:
    """The records as lines of a day, in this order; each with its ``path:line``."""
    path = f"scalp/kis/kr_stocks/{day}/09_00_00.jsonl"
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    listed = list(records)
    file.write_bytes(b"".join(close_line(msgspec.json.encode(record)) for record in listed))
    return [(f"{path}:{number}", record) for number, record in enumerate(listed, 1)]


def trade(at_ns: int, **changed: Any) -> TradeRecord:
    """An ordinary trade."""
    values = _common(at_ns) | {"price": 70_000.0, "size": 3.0, "side": "buy", "trade_id": "1"}
    return TradeRecord(**(values | changed))


def sample(at_ns: int, **changed: Any) -> SampleRecord:
    """An ordinary sample."""
    values = _common(at_ns) | {"bid_price": 70_000.0, "ask_price": 70_100.0, "bid_size": 5.0, "ask_size": 6.0}
    values |= {"last_price": 70_000.0, "volume": 100.0, "prev_close": None, "frames": 1}
    return SampleRecord(**(values | changed))


def _common(at_ns: int) -> dict[str, Any]:
    who = {"provider": "kis", "market": "kr_stocks", "venue": "KRX", "symbol": "005930"}
    meta = {"session_id": "s", "schema_version": "1.0", "mitigation_level": 0, "quality_flag": "normal"}
    return {**who, **meta, "event_time": iso(at_ns), "receive_time": iso(at_ns + NS_PER_US), "frame": 7}


def bars() -> st.SearchStrategy[list[BarRow]]:
    """Bars of three trading days in any state, with holes between them."""
    minutes = st.integers(0, 390) | st.integers(4 * 24 * 60, 4 * 24 * 60 + 390) | st.integers(-30, 20)
    states = st.sampled_from(("traded", "traded", "empty", "unknown"))
    volumes = st.none() | st.sampled_from((0.1, 1e-8, 12_345_678.0, 3.00000001))
    row = st.tuples(minutes, states, volumes)
    return st.lists(row, min_size=1, max_size=40, unique_by=lambda each: each[0]).map(
        lambda rows: [
            bar(minute, state, **({"volume": volume} if volume and state == "traded" else {}))
            for minute, state, volume in rows
        ]
    )


def records() -> st.SearchStrategy[list[Record]]:
    """Trades and samples of an hour, late, disordered and doubled, of two symbols and two venues."""
    at = st.integers(0, 3_600 * 10).map(lambda tenths: OPEN + tenths * NS_PER_SECOND // 10)
    who = st.fixed_dictionaries({"symbol": st.sampled_from(("005930", "000660")), "frame": st.integers(1, 9)})
    prices = st.sampled_from((70_000.0, 70_100.5, 0.00012345, 123_456_789.125))
    trades = st.builds(
        lambda at, own, price, number: trade(at, **own, price=price, trade_id=number),
        at, who, prices, st.sampled_from(("", "1", "2", "삼")),
    )  # fmt: skip
    samples = st.builds(
        lambda at, own, price, venue: sample(at, **own, bid_price=price, venue=venue, notes=["late", "x"]),
        at, who, st.none() | prices, st.sampled_from(("KRX", "KRX", "NXT")),
    )  # fmt: skip
    return st.lists(trades | samples, min_size=1, max_size=40)
