"""What cryptofeed makes of the simulator, as JSON: ``client_cryptofeed.py REST_URL WS_URL CA_FILE``.

It takes wss only, and asks REST with ``requests``, which finds the certificate by the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from typing import Any, Final

from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import L2_BOOK, TRADES
from cryptofeed.exchanges import Upbit

TRADES_WANTED: Final = 8
BOOKS_WANTED: Final = 3
PATIENCE_SECONDS: Final = 30.0

trades: list[dict[str, Any]] = []
books: list[dict[str, Any]] = []
enough: Final = asyncio.Event()


async def on_trade(trade: Any, received: float) -> None:
    trades.append(
        {"id": trade.id, "price": str(trade.price), "amount": str(trade.amount), "side": trade.side}
    )
    stop_when_enough()


async def on_book(book: Any, received: float) -> None:
    bid, bid_size = book.book.bids.index(0)
    ask, ask_size = book.book.asks.index(0)
    best = {"bid": [float(bid), float(bid_size)], "ask": [float(ask), float(ask_size)]}
    books.append({"timestamp": round(book.timestamp * 1000), **best})
    stop_when_enough()


def stop_when_enough() -> None:
    if len(trades) >= TRADES_WANTED and len(books) >= BOOKS_WANTED:
        enough.set()


async def main(rest: str, ws: str, ca: str) -> dict[str, Any]:
    os.environ["REQUESTS_CA_BUNDLE"] = ca
    context = ssl.create_default_context(cafile=ca)
    Upbit.websocket_endpoints = [WebsocketEndpoint(ws, options={"ssl": context})]
    Upbit.rest_endpoints = [RestEndpoint(rest, routes=Routes("/v1/market/all"))]
    Upbit.api = f"{rest}/v1/"
    handler = FeedHandler(config={"log": {"disabled": True}, "uvloop": False})
    callbacks = {TRADES: on_trade, L2_BOOK: on_book}
    feed = Upbit(symbols=["BTC-KRW"], channels=[TRADES, L2_BOOK], callbacks=callbacks)
    handler.add_feed(feed)
    handler.run(start_loop=False, install_signal_handlers=False)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await enough.wait()
    await handler.stop_async(loop=asyncio.get_running_loop())
    return {"markets": feed.symbols(), "ws_trades": trades, "ws_books": books}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(*sys.argv[1:]))))
