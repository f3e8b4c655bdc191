"""Other people's clients against the simulator: what they understood is what the market did.

Each client runs in a process of its own (``client_*.py``), because two of them block, fork or warn; its
JSON is held against the feed's own trades and books, and against the control log.
"""

from __future__ import annotations

from typing import Any, Final

from sise.model.time import NS_PER_MS, SystemClock
from sise.simulator.feed import Happening, SimBook, SimTrade
from sise.simulator.market import LiveMarket
from tests.simulator.other_clients import run
from tests.simulator.upbit_bench import Bench, bench

CODE: Final = "KRW-BTC"


class WitnessedMarket(LiveMarket):
    """A live market that remembers all that it handed out of one code."""

    def __init__(self) -> None:
        super().__init__(seed=11, markets=6)
        self.happened: dict[int, SimTrade] = {}
        self.stood: dict[int, SimBook] = {}

    def step(self, now_ns: int) -> list[Happening]:
        happenings = super().step(now_ns)
        for one in happenings:
            if isinstance(one, SimTrade) and one.code == CODE:
                self.happened[one.sequential_id] = one
            elif isinstance(one, SimBook) and one.code == CODE:
                self.stood[one.time_ns // NS_PER_MS] = one
        return happenings

    def trade(self, sequential_id: int) -> SimTrade:
        """The trade, be it from before the start."""
        if sequential_id in self.happened:
            return self.happened[sequential_id]
        (found,) = self.trades(CODE, before_id=sequential_id + 1, count=1)
        assert found.sequential_id == sequential_id
        return found


def _check_book(market: WitnessedMarket, seen: dict[str, Any]) -> None:
    bid, bid_size, ask, ask_size = market.stood[seen["timestamp"]].levels[0]
    assert seen["bid"] == [bid, bid_size]
    assert seen["ask"] == [ask, ask_size]


def _check_candles(market: WitnessedMarket, seen: list[list[float]]) -> None:
    """Starts and opens of all, and all of the oldest (the others may still have grown)."""
    for start_ms, opened, *rest in seen:
        (bar,) = market.candles(CODE, "1m", int(start_ms) * NS_PER_MS + 1, 1)
        assert (bar.start_ns // NS_PER_MS, bar.open) == (start_ms, opened)
        if start_ms == min(row[0] for row in seen):
            assert rest == [bar.high, bar.low, bar.close, bar.volume]


def _check_trade(market: WitnessedMarket, seen: dict[str, Any]) -> None:
    trade = market.trade(int(seen["id"]))
    assert (float(seen["price"]), float(seen["amount"])) == (trade.price, trade.size)
    assert seen["side"] == ("buy" if trade.taker_buy else "sell")


async def _check_sent(here: Bench, ids: list[int]) -> None:
    """The stream's trades are those of the control log, none missing from the first to the last."""
    sent = [row["sequential_id"] for row in await here.sent() if row["kind"] == "trade"]
    live = [one for one in sent if ids[0] <= one <= ids[-1]]
    assert ids == list(dict.fromkeys(live))


async def test_ccxt_and_its_watchers() -> None:
    market = WitnessedMarket()
    async with bench(market, SystemClock()) as here:
        got = await run("client_ccxt.py", here.addresses.rest, here.addresses.ws)
        assert got["markets"] == sorted(listed.code for listed in market.markets())
        assert got["ticker"]["market"] == CODE
        assert (len(got["candles"]), len(got["candles_since"])) == (3, 2)
        _check_candles(market, got["candles"])
        _check_candles(market, got["candles_since"])
        assert got["balance"]["total"] == 50000.47088291
        for trade in (*got["trades"], *got["ws_trades"]):
            _check_trade(market, trade)
        for book in (got["orderbook"], *got["ws_books"]):
            _check_book(market, book)
        assert got["ws_ticker"] in {one.price for one in market.trades(CODE, count=200)}
        await _check_sent(here, [int(trade["id"]) for trade in got["ws_trades"]])


async def test_pyupbit() -> None:
    market = WitnessedMarket()
    async with bench(market, SystemClock()) as here:
        got = await run("client_pyupbit.py", here.addresses.rest, here.addresses.ws)
        assert got["markets"] == [listed.code for listed in market.markets()]
        assert set(got["prices"]) == {CODE, "KRW-ETH"}
        assert got["limit"]["group"] == "market"
        assert len(got["candles"]) == 3
        _check_candles(market, got["candles"])
        for message in (got["orderbook"], *got["ws_books"]):
            unit = message["orderbook_units"][0]
            best = {side: [unit[f"{side}_price"], unit[f"{side}_size"]] for side in ("bid", "ask")}
            _check_book(market, {"timestamp": message["timestamp"], **best})
        for message in got["ws_trades"]:
            side = "buy" if message["ask_bid"] == "BID" else "sell"
            seen = {"id": message["sequential_id"], "side": side}
            _check_trade(market, seen | {"price": message["trade_price"], "amount": message["trade_volume"]})
        assert {message["type"] for message in got["ws_tickers"]} == {"ticker"}
        await _check_sent(here, [message["sequential_id"] for message in got["ws_trades"]])


async def test_cryptofeed_over_tls() -> None:
    market = WitnessedMarket()
    async with bench(market, SystemClock(), tls=True) as here:
        assert here.addresses.ca is not None
        arguments = (here.addresses.rest, here.addresses.ws, here.addresses.ca)
        got = await run("client_cryptofeed.py", *arguments)
        assert "BTC-KRW" in got["markets"]
        assert len(got["markets"]) == len(market.markets())
        for trade in got["ws_trades"]:
            _check_trade(market, trade)
        for book in got["ws_books"]:
            _check_book(market, book)
        await _check_sent(here, [int(trade["id"]) for trade in got["ws_trades"]])
