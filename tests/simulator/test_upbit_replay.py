"""Replays over a real socket: everything exactly once, in order, unchanged, however fast."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from sise.model.time import SystemClock, parse_iso
from sise.simulator.capture import read_capture
from sise.simulator.replay import CandleReplay, CaptureReplay
from tests.simulator.upbit_bench import PATIENCE_SECONDS, bench

CANDLE_NAMES: Final = (
    "opening_price",
    "high_price",
    "low_price",
    "trade_price",
    "candle_acc_trade_volume",
)
TWO_DAYS: Final = (parse_iso("2025-09-02T00:00:00Z"), parse_iso("2025-09-04T00:00:00Z"))


@pytest.mark.parametrize("name", ["upbit_ws_20210417_raw.txt.gz", "upbit_ws_20210417_v3.jsonl.zst"])
async def test_a_real_capture_arrives_byte_for_byte_exactly_once(shared: Path, name: str) -> None:
    path = shared / "data/upbit_ws" / name
    recorded = [frame.payload for frame in read_capture(path).frames]
    feed = CaptureReplay(path, math.inf)
    codes = [market.code for market in feed.markets()]
    async with bench(feed, SystemClock(), replay=None) as here:
        socket = await here.subscribed(
            {"format": "SIMPLE"}, {"type": "trade", "codes": codes}, {"type": "orderbook", "codes": codes}
        )
        heard = [(await socket.receive(PATIENCE_SECONDS)).data for _ in recorded]
        assert heard == recorded
        kinds = Counter(json.loads(frame)["ty"] for frame in heard)
        assert kinds == {"trade": 304, "orderbook": 145}
        assert here.simulator.state()["finished"]
        assert [row["crc32"] for row in await here.sent()] == [f"{zlib.crc32(one):08x}" for one in recorded]


async def test_two_days_of_candles_arrive_as_trades_that_make_exactly_these_candles(shared: Path) -> None:
    path = shared / "data/upbit_candles/upbit_KRW-BTC_1m_202509.csv.gz"
    feed = CandleReplay(path, "KRW-BTC", math.inf, *TWO_DAYS, zone="UTC")
    async with bench(feed, SystemClock(), replay=None) as here:
        rest: list[dict[str, Any]] = []
        to = "2025-09-04T00:00:00Z"
        while page := await here.rows(f"/v1/candles/minutes/1?market=KRW-BTC&count=200&to={to}"):
            rest += page
            to = f"{page[-1]['candle_date_time_utc']}Z"
            await asyncio.sleep(0.11)  # ten requests a second are allowed
        socket = await here.subscribed({"type": "trade", "codes": ["KRW-BTC"]})
        bars: dict[int, list[float]] = {}
        last_id = 0
        heard = 0
        while not (feed.finished() and here.simulator.sent.last_index == heard):
            heard += 1
            trade = json.loads((await socket.receive(PATIENCE_SECONDS)).data)
            assert trade["sequential_id"] > last_id
            last_id = trade["sequential_id"]
            price = trade["trade_price"]
            bar = bars.setdefault(trade["trade_timestamp"] // 60_000, [price, price, price, price, 0])
            bar[1], bar[2], bar[3] = max(bar[1], price), min(bar[2], price), price
            bar[4] += trade["trade_volume"]
        made = [[*bar[:4], round(bar[4], 8)] for _, bar in sorted(bars.items())]
        assert made == _rows_of_the_file(path)
        assert made == [[row[name] for name in CANDLE_NAMES] for row in reversed(rest)]
        starts = [row["candle_date_time_utc"] for row in reversed(rest)]
        assert starts == [
            f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%dT%H:%M:%S}" for minute in sorted(bars)
        ]


def _rows_of_the_file(path: Path) -> list[list[float]]:
    with gzip.open(path, "rt") as lines:
        rows = [line.strip().split(",") for line in lines][1:]
    two_days = [row for row in rows if "2025-09-02" <= row[0][:10] < "2025-09-04"]
    return [[float(value) for value in row[1:6]] for row in two_days]
