"""A provider's candles as bars: none lost, none made, none that is still forming."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sise.model.events import Candle
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.warehouse.candles import SCHEMA
from sise.warehouse.candles_backfill import bars_of, store_backfill
from sise.warehouse.history import History
from sise.warehouse.query.asked import Series

SHARE = Series("kis", "kr_stocks", "KRX", "005930")
MINUTE_NS = 60 * NS_PER_SECOND
BEGIN = parse_iso("2026-11-19T09:00:00+09:00")
NOBODY_TRADED = 0.0


def candle(start_ns: int, price: float = 100.0, volume: float = 3.0, high: float | None = None) -> Candle:
    top = price if high is None else high
    return Candle(*(SHARE.symbol, start_ns, start_ns, "1m", price, top, price, price, volume, price * volume))


@given(
    minutes=st.dictionaries(st.integers(0, 400), st.integers(1, 10**9), max_size=40),
    now=st.integers(0, 400 * 60),
)
def test_each_finished_candle_is_one_bar(minutes: dict[int, int], now: int) -> None:
    told = [candle(BEGIN + at * MINUTE_NS, volume=volume) for at, volume in sorted(minutes.items())]
    bars = bars_of(told, SHARE, "1m", BEGIN + now * NS_PER_SECOND)
    finished = [(at, volume) for at, volume in sorted(minutes.items()) if (at + 1) * 60 <= now]
    assert dict(bars.schema) == SCHEMA
    assert [
        ((moment.timestamp() - BEGIN / NS_PER_SECOND) / 60, volume)
        for moment, volume in bars.select("start", "volume").iter_rows()
    ] == finished
    assert set(bars["state"]) <= {"traded"}


def test_a_day_is_over_at_midnight_of_the_market() -> None:
    days = [candle(parse_iso(f"2026-11-{day}T00:00:00+09:00")) for day in (18, 19)]
    midnight = parse_iso("2026-11-20T00:00:00+09:00")
    assert bars_of(days, SHARE, "1d", midnight - 1000).height == 1
    assert bars_of(days, SHARE, "1d", midnight).height == 2


def test_a_halted_day_is_empty_and_one_that_moved_is_not() -> None:
    told = [
        candle(BEGIN, volume=NOBODY_TRADED),
        candle(BEGIN + MINUTE_NS, volume=NOBODY_TRADED, high=101.0),
    ]
    first, second = bars_of(told, SHARE, "1m", BEGIN + 9 * MINUTE_NS).iter_rows(named=True)
    assert (first["state"], first["open"], first["close"], first["volume"]) == ("empty", None, 100.0, 0.0)
    assert (second["state"], second["high"]) == ("traded", 101.0)  # sise candles check tells of it


def test_a_newer_word_of_the_provider_counts(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    # told, told otherwise, and then as at first again
    for number, price in enumerate((100.0, 200.0, 100.0, 200.0), 1):
        bars = bars_of([candle(BEGIN, price)], SHARE, "1m", BEGIN + MINUTE_NS)
        assert len(store_backfill(history, bars, "1m", BEGIN + number * NS_PER_SECOND)) == 1
        assert store_backfill(history, bars, "1m", BEGIN + 9 * NS_PER_SECOND) == []
        assert history.bars("005930", "1m", source="provider")["close"].to_list() == [price]
        assert len(history.entries()) == number
    assert store_backfill(history, bars.clear(), "1m", BEGIN) == []


def test_what_is_held_within_a_longer_span_is_not_kept_again(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    told = [candle(BEGIN + at * MINUTE_NS, 100.0 + at) for at in range(5)]
    now = BEGIN + 9 * MINUTE_NS
    assert store_backfill(history, bars_of(told, SHARE, "1m", now), "1m", now)
    assert store_backfill(history, bars_of(told[1:3], SHARE, "1m", now), "1m", now) == []
    longer = bars_of([*told[3:], candle(now - MINUTE_NS)], SHARE, "1m", now)
    assert store_backfill(history, longer, "1m", now)
    other_venue = Series("kis", "kr_stocks", "NXT", "005930")
    assert store_backfill(history, bars_of(told, other_venue, "1m", now), "1m", now)
