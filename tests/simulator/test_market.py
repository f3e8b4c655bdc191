"""The live market: allowed prices, honest books, order and repeatability of what is published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.model.errors import BadInput
from sise.model.time import NS_PER_MS, NS_PER_SECOND, parse_iso
from sise.simulator.feed import Happening, SimBook, SimTicker, SimTrade
from sise.simulator.market import LiveMarket

NOON = parse_iso("2026-11-20T12:00:00.123456Z")

# Written down apart from the engine's own table: a shared mistake would not be found.
KRW_TICKS = [
    ("1000000", "1000"),
    ("500000", "500"),
    ("100000", "100"),
    ("50000", "50"),
    ("10000", "10"),
    ("5000", "5"),
    ("100", "1"),
    ("10", "0.1"),
    ("1", "0.01"),
    ("0.1", "0.001"),
    ("0.01", "0.0001"),
    ("0.001", "0.00001"),
    ("0.0001", "0.000001"),
    ("0.00001", "0.0000001"),
    ("0", "0.00000001"),
]
USDT_TICKS = [
    ("10", "0.01"),
    ("1", "0.001"),
    ("0.1", "0.0001"),
    ("0.01", "0.00001"),
    ("0.001", "0.000001"),
    ("0.0001", "0.0000001"),
    ("0", "0.00000001"),
]
TICKS = {"KRW": KRW_TICKS, "USDT": USDT_TICKS, "BTC": [("0", "0.00000001")]}


def run(market: LiveMarket, start_ns: int, seconds: float, step_ms: int = 50) -> list[Happening]:
    """All happenings of ``seconds`` from the start on."""
    market.start(start_ns)
    happenings: list[Happening] = []
    for step in range(1, int(seconds * 1_000 / step_ms) + 1):
        happenings += market.step(start_ns + step * step_ms * NS_PER_MS)
    return happenings


def on_ladder(code: str, price: float) -> bool:
    exact = Decimal(repr(price))
    tick = next(tick for floor, tick in TICKS[code.partition("-")[0]] if exact >= Decimal(floor))
    return exact > 0 and exact % Decimal(tick) == 0


def trades_of(happenings: Iterable[Happening]) -> dict[str, list[SimTrade]]:
    trades: dict[str, list[SimTrade]] = defaultdict(list)
    for happening in happenings:
        if isinstance(happening, SimTrade):
            trades[happening.code].append(happening)
    return trades


def size_is_exact(size: float) -> bool:
    return size > 0 and Decimal(repr(size)) == round(Decimal(repr(size)), 8)


def check_book(book: SimBook) -> None:
    assert 1 <= len(book.levels) <= 30
    bids = [(price, size) for price, size, _, _ in book.levels]
    asks = [(price, size) for _, _, price, size in book.levels]
    for side, worse in ((bids, -1), (asks, 1)):
        there = [level for level in side if level != (0.0, 0.0)]
        assert side[: len(there)] == there, "padding only behind the last order"
        assert all((after[0] - before[0]) * worse > 0 for before, after in pairwise(there)), "best first"
        assert all(on_ladder(book.code, price) and size > 0 for price, size in there)
    assert 0 < bids[0][0] < asks[0][0], "a side is never empty, the book never crossed"


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32), start_s=st.integers(1_700_000_000, 1_900_000_000))
def test_every_price_is_on_the_ladder_and_no_book_is_crossed(seed: int, start_s: int) -> None:
    market = LiveMarket(seed)
    for happening in run(market, start_s * NS_PER_SECOND, 30, step_ms=500):
        if isinstance(happening, SimTrade):
            assert on_ladder(happening.code, happening.price), happening
            assert size_is_exact(happening.size), happening
        elif isinstance(happening, SimBook):
            check_book(happening)
    for info in market.markets():
        book = market.book(info.code)
        assert book is not None
        check_book(book)


def test_one_seed_repeats_the_market_and_another_makes_another() -> None:
    first, again, other = (run(LiveMarket(seed, 20), NOON, 30) for seed in (7, 7, 8))
    assert len(first) > 200
    assert first == again
    assert first != other


def test_how_steps_are_cut_and_what_is_asked_changes_nothing() -> None:
    fine, coarse = LiveMarket(3, 20), LiveMarket(3, 20)
    coarse.start(NOON)
    for info in coarse.markets():
        coarse.ticker(info.code)
    assert run(fine, NOON, 30, step_ms=10) == run(coarse, NOON, 30, step_ms=3_000)


def test_happenings_come_in_the_order_of_publishing() -> None:
    market = LiveMarket(11, 10)
    happenings = run(market, NOON, 120)
    for per_market in trades_of(happenings).values():
        assert all(a.sequential_id < b.sequential_id for a, b in pairwise(per_market))
        assert all(a.trade_time_ns <= b.trade_time_ns for a, b in pairwise(per_market))
        for trade in per_market:
            assert trade.trade_time_ns % NS_PER_MS == 0
            assert trade.sequential_id // 10_000 == trade.trade_time_ns // NS_PER_MS
            assert 20 * NS_PER_MS <= trade.publish_time_ns - trade.trade_time_ns <= 150 * NS_PER_MS
    published = [trade.publish_time_ns for trade in happenings if isinstance(trade, SimTrade)]
    assert published == sorted(published)


def test_nothing_is_published_before_its_time() -> None:
    market = LiveMarket(5, 10)
    market.start(NOON)
    for step in range(1, 600):
        now_ns = NOON + step * 50 * NS_PER_MS
        due_ns = market.next_ns()
        assert due_ns is not None
        happenings = market.step(now_ns)
        assert not happenings or due_ns <= now_ns
        assert all(trade.publish_time_ns <= now_ns for trade in happenings if isinstance(trade, SimTrade))
        assert market.next_ns() > now_ns  # type: ignore[operator]


def test_a_trade_pays_the_best_price_of_the_side_it_hits() -> None:
    trades = trades_of(run(LiveMarket(2, 15), NOON, 120))
    assert sum(map(len, trades.values())) > 500
    for per_market in trades.values():
        for trade in per_market:
            paid = trade.best_ask_price if trade.taker_buy else trade.best_bid_price
            there = trade.best_ask_size if trade.taker_buy else trade.best_bid_size
            assert trade.price == paid
            assert there is not None
            assert trade.size <= there


def test_busy_books_change_on_the_grid_of_100_ms_and_thin_ones_are_padded() -> None:
    market = LiveMarket(4)
    books = [book for book in run(market, NOON, 120) if isinstance(book, SimBook)]
    busy = [book.time_ns for book in books if book.code == "KRW-BTC"]
    assert len(busy) > 300
    assert all(time_ns % (100 * NS_PER_MS) == 0 for time_ns in busy)
    assert busy == sorted(set(busy))
    assert any((0.0, 0.0) in (level[:2], level[2:]) for book in books for level in book.levels)


def test_the_market_is_lively_bursty_and_long_tailed() -> None:
    trades = trades_of(run(LiveMarket(7, 30), NOON, 600, step_ms=500))
    counts = {code: len(found) for code, found in trades.items()}
    assert counts["KRW-BTC"] > 600
    assert counts["KRW-BTC"] > 5 * counts["KRW-SOL"] > 5 * counts["KRW-ALGO"]
    seconds: dict[int, int] = defaultdict(int)
    for trade in trades["KRW-BTC"]:
        seconds[trade.trade_time_ns // NS_PER_SECOND] += 1
    mean = counts["KRW-BTC"] / 600
    variance = (
        sum((seconds[at] - mean) ** 2 for at in range(NOON // NS_PER_SECOND, NOON // NS_PER_SECOND + 600))
        / 600
    )
    assert variance > 2 * mean, "a Poisson flow would have variance = mean"
    sizes = sorted(trade.size for trade in trades["KRW-BTC"])
    assert sizes[-len(sizes) // 100] > 5 * sizes[len(sizes) // 2]


def test_takers_push_the_price_where_they_lean() -> None:
    agree = 0
    for trades in trades_of(run(LiveMarket(9, 6), NOON, 1_800, step_ms=1_000)).values():
        minutes: dict[int, list[SimTrade]] = defaultdict(list)
        for trade in trades:
            minutes[trade.trade_time_ns // (60 * NS_PER_SECOND)].append(trade)
        for found in minutes.values():
            lean = sum(1 if trade.taker_buy else -1 for trade in found)
            agree += (lean * (found[-1].price - found[0].price) > 0) - (
                lean * (found[-1].price - found[0].price) < 0
            )
    assert agree > 20


def exact(number: float) -> Decimal:
    return Decimal(repr(number))


def test_cumulative_figures_are_sums_of_the_trades_of_the_utc_day() -> None:
    midnight = parse_iso("2026-11-21T00:00:00Z")
    market = LiveMarket(13, 8)
    last: dict[str, SimTrade] = {}
    close: dict[str, float] = {}
    today: dict[str, list[SimTrade]] = defaultdict(list)
    tickers_after_midnight = 0
    for happening in run(market, midnight - 60 * NS_PER_SECOND, 180):
        if isinstance(happening, SimTrade):
            last[happening.code] = happening
            if happening.trade_time_ns >= midnight:
                today[happening.code].append(happening)
            else:
                close[happening.code] = happening.price
        if not isinstance(happening, SimTicker):
            continue
        ticker, trade = happening, last[happening.code]
        assert (ticker.last, ticker.last_size) == (trade.price, trade.size)
        assert ticker.prev_close == trade.prev_close
        assert round(exact(ticker.acc_ask_volume) + exact(ticker.acc_bid_volume), 5) == round(
            exact(ticker.acc_volume), 5
        )
        assert ticker.low_52w <= ticker.low <= ticker.last <= ticker.high <= ticker.high_52w
        assert ticker.acc_volume <= ticker.acc_volume_24h
        if trades := today[ticker.code]:
            tickers_after_midnight += 1
            assert ticker.open == trades[0].price
            assert ticker.high == max(trade.price for trade in trades)
            assert ticker.low == min(trade.price for trade in trades)
            assert exact(ticker.acc_volume) == sum(exact(trade.size) for trade in trades)
            if ticker.code in close:
                assert ticker.prev_close == close[ticker.code]
    assert tickers_after_midnight > 100


def test_24_hour_figures_are_those_of_the_last_1440_minutes() -> None:
    market = LiveMarket(17, 4)
    now_ns = NOON + 300 * NS_PER_SECOND
    run(market, NOON, 300, step_ms=1_000)
    for info in market.markets():
        ticker = market.ticker(info.code)
        assert ticker is not None
        from_ns = (
            ticker.last_trade_ns // (60 * NS_PER_SECOND) * (60 * NS_PER_SECOND) - 1_439 * 60 * NS_PER_SECOND
        )
        minutes = [row for row in market.candles(info.code, "1m", now_ns, 2_000) if row.start_ns >= from_ns]
        assert exact(ticker.acc_volume_24h) == sum(exact(row.volume) for row in minutes)
        assert ticker.acc_value_24h == pytest.approx(sum(row.value for row in minutes), rel=1e-12)


def test_a_sleeping_machine_finds_a_market_that_slept() -> None:
    market = LiveMarket(19, 5)
    run(market, NOON, 30)
    asleep_ns, awake_ns = NOON + 30 * NS_PER_SECOND, NOON + 3_630 * NS_PER_SECOND
    woken = market.step(awake_ns)
    for trade in (happening for happening in woken if isinstance(happening, SimTrade)):
        assert not asleep_ns + NS_PER_SECOND < trade.trade_time_ns < awake_ns - 2 * NS_PER_SECOND
    later = [
        happening for step in range(1, 200) for happening in market.step(awake_ns + step * 50 * NS_PER_MS)
    ]
    assert trades_of(later)["KRW-BTC"]
    assert all(
        book.time_ns % (100 * NS_PER_MS) == 0
        for book in later
        if isinstance(book, SimBook) and book.code == "KRW-BTC"
    )


def test_a_clock_that_steps_back_repeats_nothing() -> None:
    market = LiveMarket(19, 5)
    before = run(market, NOON, 10)
    assert market.step(NOON + 5 * NS_PER_SECOND) == []
    after = market.step(NOON + 20 * NS_PER_SECOND)
    ids = [(trade.code, trade.sequential_id) for trade in [*before, *after] if isinstance(trade, SimTrade)]
    assert len(ids) == len(set(ids))


def test_trades_are_paged_by_id_and_bounded() -> None:
    market = LiveMarket(23, 1)
    emitted = trades_of(run(market, NOON, 900, step_ms=1_000))["KRW-BTC"]
    assert len(emitted) > 2_000
    kept = market.trades("KRW-BTC", before_id=None, to_ns=None, count=10_000)
    assert kept == emitted[::-1][:2_000]
    page = market.trades("KRW-BTC", before_id=kept[99].sequential_id, to_ns=None, count=100)
    assert page == kept[100:200]
    until = market.trades("KRW-BTC", before_id=None, to_ns=kept[500].trade_time_ns, count=1)
    assert until[0].trade_time_ns < kept[500].trade_time_ns
    assert market.last_trade("KRW-BTC") == kept[0]


def test_an_opened_market_can_be_asked_before_its_first_trade() -> None:
    market = LiveMarket(29)
    assert market.next_ns() is None
    assert market.step(NOON) == []
    market.start(NOON)
    for info in market.markets():
        trade, ticker, book = market.last_trade(info.code), market.ticker(info.code), market.book(info.code)
        assert trade is not None
        assert ticker is not None
        assert book is not None
        assert trade.trade_time_ns < NOON
        assert ticker.last == trade.price
        assert ticker.prev_close > 0
    assert not market.finished()
    assert len(market.markets()) == len({info.code for info in market.markets()}) == 66


def test_unknown_codes_get_nothing() -> None:
    market = LiveMarket(1, 1)
    market.start(NOON)
    assert market.book("KRW-NONE") is None
    assert market.ticker("krw-btc") is None
    assert market.last_trade("KRW-ETH") is None
    assert market.trades("KRW-NONE", before_id=None, to_ns=None, count=1) == []
    assert market.candles("KRW-NONE", "1m", NOON, 1) == []


@pytest.mark.parametrize("markets", [0, 61])
def test_more_markets_than_listed_are_refused(markets: int) -> None:
    with pytest.raises(BadInput, match="markets"):
        LiveMarket(1, markets)
