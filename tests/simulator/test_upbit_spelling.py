"""Numbers and frames are written exactly as Upbit writes them, and read back as the same numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.model.time import NS_PER_MS
from sise.simulator.feed import SimBook, SimTrade
from sise.simulator.upbit import spelling
from sise.simulator.upbit.depth import grouped, levels_of
from sise.simulator.upbit.frames import book_frame, ticker_frame, trade_frame
from tests.simulator.upbit_bench import a_book, a_ticker, a_trade

eight_decimals = st.integers(min_value=0, max_value=10**16).map(lambda units: units / 10**8)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (116_539_000.0, "1.16539E8"),
        (10_000_000.0, "1.0E7"),
        (9_999_999.0, "9999999.0"),
        (0.00079276, "7.9276E-4"),
        (0.0005, "5.0E-4"),
        (0.001, "0.001"),
        (0.0, "0.0"),
        (-98_000.0, "-98000.0"),
        (-1e-8, "-1.0E-8"),
    ],
)
def test_java_double(number: float, text: str) -> None:
    assert spelling.java_double(number) == text


def test_other_spellings() -> None:
    assert spelling.plain(116_606_000.0) == "116606000"
    assert spelling.plain(2.6e-07) == "0.00000026"
    assert spelling.small_as_java(25752275.55420627) == "25752275.55420627"
    assert spelling.small_as_java(10.0) == "10.0"
    assert spelling.eight(0.0007772) == "0.00077720"


@given(eight_decimals)
def test_every_spelling_reads_back_as_the_same_double(number: float) -> None:
    for spell in (spelling.java_double, spelling.plain, spelling.small_as_java, spelling.eight):
        assert json.loads(spell(number)) == number


def _sample_book(sample: dict[str, Any], names: tuple[str, ...]) -> SimBook:
    units, code, stamp, bid, bid_size, ask, ask_size = names
    levels = [(float(u[bid]), u[bid_size], float(u[ask]), u[ask_size]) for u in sample[units]]
    return SimBook(sample[code], sample[stamp] * NS_PER_MS, levels)


def _with_totals(frame: bytes, sample: str, ask: str, bid: str) -> str:
    """The samples' books were cut to two levels but kept their totals."""
    ours, theirs = json.loads(frame, parse_float=str), json.loads(sample, parse_float=str)
    text = frame.decode()
    for name in (ask, bid):
        text = text.replace(f'"{name}":{ours[name]}', f'"{name}":{theirs[name]}')
    return text


def test_books_are_the_measured_frames_byte_for_byte(shared: Path) -> None:
    lines = (shared / "wire/samples/upbit/ws_server_frames.jsonl").read_text().splitlines()
    default = ("orderbook_units", "code", "timestamp", "bid_price", "bid_size", "ask_price", "ask_size")
    for line, stream in ((lines[0], "SNAPSHOT"), (lines[1], "REALTIME")):
        book = _sample_book(json.loads(line), default)
        frame = book_frame(book, "DEFAULT", stream, 30, Decimal(0))  # type: ignore[arg-type]
        assert _with_totals(frame, line, "total_ask_size", "total_bid_size") == line
    book = _sample_book(json.loads(lines[2]), ("obu", "cd", "tms", "bp", "bs", "ap", "as"))
    frame = book_frame(book, "SIMPLE", "SNAPSHOT", 30, Decimal(0))
    assert _with_totals(frame, lines[2], "tas", "tbs") == lines[2]


def test_a_trade_has_the_documented_members_in_order(shared: Path) -> None:
    line = (shared / "wire/samples/upbit/ws_server_frames.jsonl").read_text().splitlines()[3]
    sample = json.loads(line)
    trade = SimTrade(
        code=sample["code"],
        trade_time_ns=sample["trade_timestamp"] * NS_PER_MS,
        publish_time_ns=sample["timestamp"] * NS_PER_MS,
        price=sample["trade_price"],
        size=sample["trade_volume"],
        taker_buy=True,
        sequential_id=sample["sequential_id"],
        prev_close=sample["prev_closing_price"],
        best_ask_price=float(sample["best_ask_price"]),
        best_ask_size=sample["best_ask_size"],
        best_bid_price=float(sample["best_bid_price"]),
        best_bid_size=sample["best_bid_size"],
    )
    ours = json.loads(trade_frame(trade, "DEFAULT", "SNAPSHOT"))
    assert list(ours.items()) == list(sample.items())


def test_a_ticker_has_the_documented_members(shared: Path) -> None:
    line = (shared / "wire/samples/upbit/ws_server_frames.jsonl").read_text().splitlines()[5]
    gone = {"trade_status", "market_state_for_ios"}
    documented = [name for name in json.loads(line) if name not in gone]
    ours = json.loads(ticker_frame(a_ticker(), "DEFAULT", "REALTIME", warning=False))
    assert list(ours) == documented
    assert ours["signed_change_price"] == 1_539_000.0
    assert ours["trade_date"] == "20261120"


def test_simple_names_the_date_of_a_ticker_unlike_that_of_a_trade() -> None:
    ticker = json.loads(ticker_frame(a_ticker(), "SIMPLE", "REALTIME", warning=True))
    trade = json.loads(trade_frame(a_trade(1), "SIMPLE", "REALTIME"))
    assert (ticker["tdt"], ticker["ttm"], ticker["mw"]) == ("20261120", "120000", "CAUTION")
    assert (trade["td"], trade["ttm"], trade["cp"]) == ("2026-11-20", "12:00:00", 1_539_000)
    assert b'"tp":116539000,"tv":7.772E-4' in trade_frame(a_trade(1), "SIMPLE", "REALTIME")
    assert b'"trade_price":1.16539E8,"trade_volume":0.00077720' in trade_frame(
        a_trade(1), "DEFAULT", "REALTIME"
    )


def test_list_formats_wrap_each_message_in_a_list() -> None:
    for form in ("JSON_LIST", "SIMPLE_LIST"):
        (message,) = json.loads(trade_frame(a_trade(1), form, "REALTIME"))
        assert message.get("cd", message.get("code")) == "KRW-BTC"


def test_levels_are_those_recorded_for_bitcoin() -> None:
    recorded = ["0", "10000", "100000", "1000000", "10000000", "100000000"]
    assert [format(level, "f") for level in levels_of("KRW-BTC", 103_460_000.0)] == recorded
    assert levels_of("BTC-ETH", 0.041) == [Decimal(0)]


def test_a_grouped_book_loses_no_size() -> None:
    book = a_book()
    coarse = grouped(book, Decimal(10_000))
    assert [level[2] for level in coarse.levels[:2]] == [116_540_000.0, 116_550_000.0]
    assert [level[0] for level in coarse.levels[:2]] == [116_530_000.0, 116_520_000.0]
    for side in (1, 3):
        before = sum(level[side] for level in book.levels)
        assert sum(level[side] for level in coarse.levels) == pytest.approx(before, abs=1e-9)
