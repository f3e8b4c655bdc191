"""What pyupbit makes of the simulator, printed as JSON: ``client_pyupbit.py REST_URL WS_URL``.

pyupbit's addresses are written into its functions, so its ``requests`` and ``websockets.connect`` are
replaced by ones that go elsewhere; its WebSocket runs in a forked process, which inherits that.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import types
from datetime import datetime
from typing import Any, Final

import pyupbit
import requests
import websockets
from pyupbit import request_api, websocket_api

REAL_REST: Final = "https://api.upbit.com"
CODE: Final = "KRW-BTC"


def point_at(rest: str, ws: str) -> None:
    def get(url: str, **options: Any) -> requests.Response:
        return requests.get(url.replace(REAL_REST, rest), timeout=10, **options)

    def connect(_: str, **options: Any) -> Any:
        return websockets.connect(ws, **options)

    request_api.requests = types.SimpleNamespace(get=get)
    websocket_api.websockets = types.SimpleNamespace(
        connect=connect, ConnectionClosed=websockets.ConnectionClosed
    )


def stream(kind: str, count: int) -> list[dict[str, Any]]:
    manager = websocket_api.WebSocketManager(kind, [CODE])
    try:
        return [manager.get() for _ in range(count)]
    finally:
        manager.terminate()
        manager.join()


def _utc_ms(korean: datetime) -> int:
    """pyupbit's index is Korea's time without a zone."""
    return round(korean.timestamp() * 1000) - 9 * 3_600_000


def main(rest: str, ws: str) -> dict[str, Any]:
    multiprocessing.set_start_method("fork")
    point_at(rest, ws)
    candles = pyupbit.get_ohlcv(CODE, interval="minute1", count=3)
    rows = candles[["open", "high", "low", "close", "volume"]].to_numpy()
    return {
        "markets": pyupbit.get_tickers(),
        "prices": pyupbit.get_current_price([CODE, "KRW-ETH"]),
        "limit": pyupbit.get_tickers(fiat="KRW", limit_info=True)[1],
        "candles": [
            [_utc_ms(start), *map(float, row)] for start, row in zip(candles.index, rows, strict=True)
        ],
        "orderbook": pyupbit.get_orderbook(CODE),
        "ws_trades": stream("trade", 6),
        "ws_books": stream("orderbook", 3),
        "ws_tickers": stream("ticker", 2),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
