"""What python-kis makes of the simulator, printed as JSON.

    client_python_kis.py REST_URL WS_URL APPKEY APPSECRET ACCOUNT HTS_ID DAY

python-kis has its hosts as constants, which two of its modules take by name: there they are replaced.
``DAY`` (ISO) is the simulator's today.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import pykis
from pykis.api.stock.daily_chart import domestic_daily_chart
from pykis.api.stock.order_book import domestic_orderbook
from pykis.api.stock.quote import domestic_quote
from pykis.api.websocket.order_book import on_order_book
from pykis.api.websocket.price import on_price
from pykis.client import websocket

CODE: Final = "005930"
TRADES_WANTED: Final = 12
BOOKS_WANTED: Final = 5
PATIENCE_SECONDS: Final = 60.0


class Complaints(logging.Handler):
    """What python-kis logs about what it cannot read, where it goes on as if nothing were."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def point_at(rest: str, ws: str) -> None:
    pykis.kis.REAL_DOMAIN = rest
    websocket.WEBSOCKET_REAL_DOMAIN = ws


def heard(kis: Any, on: Callable[..., Any], wanted: int) -> list[Any]:
    """The first ``wanted`` events of a stream of the one issue."""
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    ticket = on(kis.websocket, "KRX", CODE, lambda _, event: told.put(event.response))
    try:
        return [told.get(timeout=PATIENCE_SECONDS) for _ in range(wanted)]
    finally:
        ticket.unsubscribe()


def _day(bar: Any) -> list[Any]:
    prices = (int(one) for one in (bar.open, bar.high, bar.low, bar.close))
    return [bar.time.strftime("%Y%m%d"), *prices, bar.volume]


def _book(book: Any) -> dict[str, Any]:
    return {"asks": _levels(book.asks), "bids": _levels(book.bids)}


def _levels(side: list[Any]) -> list[list[int]]:
    return [[int(each.price), each.volume] for each in side]


def _trade(told: Any) -> dict[str, Any]:
    return {
        "symbol": told.symbol,
        "time": told.time.strftime("%Y%m%d%H%M%S"),
        "price": int(told.price),
        "previous": int(told.prev_price),
        "volume": told.volume,
        "value": int(told.amount),
        "open_high_low": [int(told.open), int(told.high), int(told.low)],
        "best": [int(told.bid), int(told.ask)],
    }


def main(rest: str, ws: str, appkey: str, secret: str, account: str, hts_id: str, day: str) -> dict[str, Any]:
    point_at(rest, ws)
    complaints = Complaints()
    pykis.logging.logger.handlers = [complaints]
    kis = pykis.PyKis(
        id=hts_id, account=f"{account[:8]}-{account[8:]}", appkey=appkey, secretkey=secret, keep_token=False
    )
    today = date.fromisoformat(day)
    quote, book = domestic_quote(kis, CODE), domestic_orderbook(kis, CODE)
    chart = domestic_daily_chart(kis, CODE, end=today)
    got = {
        "token_expires": kis.token.expired_at.isoformat(),
        "quote": {
            "symbol": quote.symbol,
            "price": int(quote.price),
            "base": int(quote.base_price),
            "limits": [int(quote.low_limit), int(quote.high_limit)],
            "volume": quote.volume,
            "halted": quote.halt,
        },
        "days": [_day(bar) for bar in chart.bars],
        "book": _book(book),
        "ws_trades": [_trade(each) for each in heard(kis, on_price, TRADES_WANTED)],
        "ws_books": [_book(each) for each in heard(kis, on_order_book, BOOKS_WANTED)],
        "complaints": complaints.said,
    }
    kis.websocket.disconnect()
    return got


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
