"""What ccxt and ccxt.pro make of the simulator, printed as JSON: ``client_ccxt.py REST_URL WS_URL``."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

import ccxt.pro

SYMBOL: Final = "BTC/KRW"
TRADES_WANTED: Final = 8


async def main(rest: str, ws: str) -> dict[str, Any]:
    exchange = ccxt.pro.upbit({"apiKey": "any", "secret": "a secret long enough to sign with, 32 bytes"})
    exchange.urls["api"] = {"public": rest, "private": rest, "ws": ws}
    try:
        markets = await exchange.load_markets()
        candles = await exchange.fetch_ohlcv(SYMBOL, "1m", limit=3)
        since = await exchange.fetch_ohlcv(SYMBOL, "1m", since=candles[0][0], limit=2)
        got: dict[str, Any] = {
            "markets": sorted(market["id"] for market in markets.values()),
            "ticker": (await exchange.fetch_ticker(SYMBOL))["info"],
            "candles": candles,
            "candles_since": since,
            "orderbook": _book(await exchange.fetch_order_book(SYMBOL)),
            "trades": [_trade(trade) for trade in await exchange.fetch_trades(SYMBOL, limit=5)],
            "balance": (await exchange.fetch_balance())["KRW"],
        }
        trades, books, ticker = await asyncio.gather(
            _watched_trades(exchange), _watched_books(exchange), exchange.watch_ticker(SYMBOL)
        )
        return got | {"ws_trades": trades, "ws_books": books, "ws_ticker": ticker["last"]}
    finally:
        await exchange.close()


async def _watched_trades(exchange: Any) -> list[dict[str, Any]]:
    seen: dict[str, dict[str, Any]] = {}
    while len(seen) < TRADES_WANTED:
        for trade in await exchange.watch_trades(SYMBOL):
            seen[trade["id"]] = _trade(trade)
    return list(seen.values())


async def _watched_books(exchange: Any) -> list[dict[str, Any]]:
    return [_book(await exchange.watch_order_book(SYMBOL)) for _ in range(3)]


def _trade(trade: dict[str, Any]) -> dict[str, Any]:
    return {name: trade[name] for name in ("id", "price", "amount", "side", "timestamp")}


def _book(book: dict[str, Any]) -> dict[str, Any]:
    """The best of both sides; ccxt takes Upbit's 0/0 padding of thin sides for orders at a price of 0."""
    best = {side: next(row for row in book[f"{side}s"] if row[0] > 0) for side in ("bid", "ask")}
    return {"timestamp": book["timestamp"], **{side: row[:2] for side, row in best.items()}}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(*sys.argv[1:]))))
