"""python-kis against the simulator: what it understood is what the market did.

The market is seeded, so a second one of the same seed knows every trade of the day. python-kis 2.1.6
reads 46 columns of a trade and 59 of a book, and drops the 47 and 63 that KIS sends since 2026-09-14: it
is given the old ones.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import aiohttp

from sise.model.time import NS_PER_SECOND, parse_iso
from sise.run.clocks import FastClock
from sise.simulator.kis.issue import Fill, Issue
from sise.simulator.kis.market import Market
from sise.simulator.kis.rules import day_of
from sise.simulator.kis.server import KisSimulator, KisSimulatorConfig
from tests.simulator.other_clients import run

CODE: Final = "005930"
DAY: Final = "2036-03-12"
"""A Wednesday so far ahead that a token of that day has not expired by the client's own clock."""

START_NS: Final = parse_iso(f"{DAY}T09:10:00+09:00")
SEED, ISSUES = 7, 120


def trades_until(now_ns: int) -> dict[int, dict[str, Any]]:
    """Every trade since the start as KIS tells it, by its cumulative volume."""
    market = Market(SEED, ISSUES)
    market.start(START_NS)
    happened: dict[int, dict[str, Any]] = {}

    def hear(issue: Issue, fill: Fill) -> None:
        if fill.venue == "KRX":
            tape = issue.krx
            second = fill.ms // 1_000
            happened[tape.volume] = {
                "symbol": CODE,
                "time": f"{day_of(START_NS)}{second // 3_600:02d}{second // 60 % 60:02d}{second % 60:02d}",
                "price": fill.price,
                "previous": issue.base,
                "value": tape.value,
                "open_high_low": [tape.open, tape.high, tape.low],
            }

    market.hear(CODE, hear)
    market.step(now_ns)
    market.issue(CODE)
    return happened


async def test_python_kis() -> None:
    clock = FastClock(START_NS, 1.0)
    simulator = KisSimulator(
        KisSimulatorConfig(seed=SEED, issues=ISSUES, trade_width=46, book_width=59), clock
    )
    where = await simulator.start()
    try:
        ours = where.credentials
        mine = (ours.appkey, ours.appsecret, ours.account, ours.hts_id)
        got = await run("client_python_kis.py", where.rest, where.ws, *mine, DAY)
        async with asyncio.timeout(10), aiohttp.ClientSession() as http:
            truth = await (await http.get(f"{where.control}/control/market", params={"code": CODE})).json()
    finally:
        await simulator.stop()
    assert got["complaints"] == []
    assert got["token_expires"].startswith("2036-03-13T09:10:")
    quote = got["quote"]
    assert (quote["symbol"], quote["base"], quote["halted"]) == (CODE, truth["base"], False)
    assert quote["limits"] == [truth["lower"], truth["upper"]]
    assert 0 < quote["volume"] <= truth["sums"]["J"]["volume"]
    check_days(got["days"], quote)
    for book in (got["book"], *got["ws_books"]):
        check_book(book)
    happened = trades_until(clock.now_ns() + NS_PER_SECOND)
    heard = {each.pop("volume"): each for each in got["ws_trades"]}
    for volume, trade in heard.items():
        bid, ask = trade.pop("best")
        assert bid < ask
        assert trade == happened[volume]
    between = [volume for volume in happened if min(heard) <= volume <= max(heard)]
    assert list(heard) == between, "none is missing, none is told twice"


def check_days(days: list[list[Any]], quote: dict[str, Any]) -> None:
    """Every trading day once, from a page and more; the last is today, with the price of the quote."""
    dates = [row[0] for row in days]
    assert len(dates) > 700, "all pages"
    assert dates == sorted(set(dates))
    assert dates[-1] == "20360312"
    assert days[-2][4] == quote["base"], "yesterday's close"
    for _, opened, high, low, close, volume in days:
        assert low <= min(opened, close) <= max(opened, close) <= high
        assert volume > 0


def check_book(book: dict[str, list[list[int]]]) -> None:
    asks, bids = ([price for price, _ in book[side]] for side in ("asks", "bids"))
    assert (len(asks), len(bids)) == (10, 10)
    assert asks == sorted(set(asks))
    assert bids == sorted(set(bids), reverse=True)
    assert bids[0] < asks[0]
    assert all(size > 0 for side in book.values() for _, size in side)
