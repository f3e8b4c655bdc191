"""Rows for the tables, ordinary and nasty."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from sise.model.time import NS_PER_SECOND, NS_PER_US, parse_iso
from sise.warehouse.tables.types import number_fault

NOON: Final = parse_iso("2026-11-20T12:00:00.000000Z")
NOVEMBER: Final = parse_iso("2026-11-01T00:00:00Z")
TICK: Final = (
    *("provider", "market", "venue", "symbol", "event_time", "id", "kind", "last_price", "volume", "side"),
    *("receive_time", "session_id", "schema_version", "mitigation_level", "quality_flag", "raw_ref"),
)
BAR: Final = (
    *(
        "provider",
        "market",
        "venue",
        "symbol",
        "bar_time",
        "open",
        "close",
        "volume",
        "trades",
        "coverage_ratio",
    ),
    *("state", "source", "session_id", "schema_version", "mitigation_level", "quality_flag", "raw_ref"),
)

Rows = list[tuple[Any, ...]]


def tick(number: int, **changed: Any) -> tuple[Any, ...]:
    """An ordinary trade, the ``number``-th of its second."""
    values = {
        "provider": "upbit",
        "market": "crypto",
        "venue": "upbit",
        "symbol": "KRW-BTC",
        "event_time": NOON + number * NS_PER_US,
        "id": str(number),
        "kind": "trade",
        "last_price": 151_000_000.5,
        "volume": 0.00000001,
        "side": "buy",
        "receive_time": NOON,
        "session_id": "sess_1",
        "schema_version": "1.0",
        "mitigation_level": 0,
        "quality_flag": "normal",
        "raw_ref": f"scalp/upbit/crypto/20261120/21_00_00.jsonl:{number}",
    }
    return tuple((values | changed)[name] for name in TICK)


def bar(minute: int, **changed: Any) -> tuple[Any, ...]:
    """An ordinary one-minute bar."""
    values = {
        "provider": "kis",
        "market": "kr_stocks",
        "venue": "KRX",
        "symbol": "005930",
        "bar_time": NOON + minute * 60 * NS_PER_SECOND,
        "open": 70_000,
        "close": Decimal("70100"),
        "volume": 12_345,
        "trades": 17,
        "coverage_ratio": 1.0,
        "state": "traded",
        "source": "live",
        "session_id": "sess_1",
        "schema_version": "1.0",
        "mitigation_level": 0,
        "quality_flag": "normal",
        "raw_ref": None,
    }
    return tuple((values | changed)[name] for name in BAR)


def texts(limit: int) -> st.SearchStrategy[str]:
    """Any text that every database holds, those that a file's form might break among them."""
    plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=limit)
    nasty = (
        "\\N",
        "\\",
        "\t",
        "a\nb",
        "a\r\nb",
        "\\t",
        "'",
        '"',
        "삼성전자",
        "🦉",
        "a ",
        "A",
        "a",
        "\x1a",
        "%s",
        "NULL",
    )
    return plain | st.sampled_from(nasty)


def numbers() -> st.SearchStrategy[Any]:
    """Ints, floats and Decimals that can be stored, up to the edges of what can."""
    found = st.one_of(
        st.integers(-(10**18) + 1, 10**18 - 1),
        st.floats(-1e15, 1e15, allow_subnormal=False),
        st.decimals(-(10**12), 10**12, places=3),
        st.sampled_from(
            (
                0,
                -0.0,
                1e-18,
                0.1,
                1e17,
                3.263760056189837e16,
                123456789.12345678,
                Decimal("0E+3"),
                Decimal("1.50"),
            )
        ),
    )
    return found.filter(lambda value: number_fault(value) is None)


def moments() -> st.SearchStrategy[int]:
    """Microseconds of two months beside each other, their first and last among them."""
    edges = (NOVEMBER - NS_PER_US, NOVEMBER, NOON, NOON + 1000)
    return st.sampled_from(edges) | st.integers(0, 10**13).map(lambda us: NOVEMBER - 10**15 + us * NS_PER_US)


def ticks() -> st.SearchStrategy[Rows]:
    """Rows for ``scalp_ticks`` in the columns of ``TICK``; some share a key."""
    row = st.tuples(
        *(st.just("upbit"), st.just("crypto"), texts(20), texts(32), moments(), texts(40)),
        *(st.sampled_from(("trade", "sample")), st.none() | numbers(), st.none() | numbers()),
        *(st.none() | texts(10), st.none() | moments(), texts(60), st.just("1.0"), st.integers(0, 2)),
        *(st.sampled_from(("normal", "degraded", "gap")), st.none() | texts(200)),
    )
    return st.lists(row, max_size=30)
