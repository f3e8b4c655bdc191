"""Real market data through simulator, socket, collector and journal: nothing lost, nothing changed."""

from __future__ import annotations

import ast
import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sise.model.records import TradeRecord, record_decoder
from sise.model.time import iso, parse_iso
from sise.warehouse.bars import BarSeries
from tests.acceptance.processes import finish, lines, pointed_at, process, simulator, sise_json, until

CAPTURE = "data/upbit_ws/upbit_ws_20210417_raw.txt.gz"
CANDLES = "data/upbit_candles/upbit_KRW-BTC_1m_202509.csv.gz"
DAYS = ("2025-09-01T00:00:00Z", "2025-09-03T00:00:00Z")


def captured_frames(path: Path) -> list[bytes]:
    """The capture's data frames, parsed without our code (a line is ``epoch: b'…'``)."""
    with gzip.open(path, "rt") as file:
        return [ast.literal_eval(line.split(": ", 1)[1].strip()) for line in file if ": b'" in line]


@pytest.fixture(scope="module")
def replayed(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of the real capture of 2021, replayed at ten times its speed."""
    data = tmp_path_factory.mktemp("capture")
    frames = captured_frames(shared / CAPTURE)
    codes = sorted({json.loads(frame)["cd"] for frame in frames})
    with simulator(data, "--replay", str(shared / CAPTURE), "--speed", "10") as addresses:
        command = ("collect", "--symbols", ",".join(codes), "--json")
        with process(data, *command, **pointed_at(addresses)) as collector:
            until(lambda: len(lines(data, "wire")) >= len(frames))
            ledger = finish(collector)
    assert ledger["frames"] == {"received": 449, "recorded": 449, "lost": {}}
    assert ledger["events"] == {"decoded": 449, "recorded": 449, "refused": {}}
    return data


def test_every_frame_of_the_capture_is_in_the_wire_log_once_and_in_order(
    shared: Path, replayed: Path
) -> None:
    frames = captured_frames(shared / CAPTURE)
    assert len(frames) == 449
    assert [line["frame"].encode() for line in lines(replayed, "wire")] == frames


def test_every_trade_of_the_capture_is_a_record_with_its_numbers(shared: Path, replayed: Path) -> None:
    sent = [json.loads(frame) for frame in captured_frames(shared / CAPTURE)]
    trades = [frame for frame in sent if frame["ty"] == "trade"]
    assert len(trades) == 304
    recorded = [record for record in lines(replayed, "scalp") if record["kind"] == "trade"]
    assert [_facts_of_record(record) for record in recorded] == [_facts_of_frame(trade) for trade in trades]


def test_the_journal_of_the_capture_verifies_and_balances(replayed: Path) -> None:
    assert sise_json(replayed, "journal", "verify", "--json")["ok"]
    assert sise_json(replayed, "journal", "stat", "--json")["balanced"]


def _facts_of_record(record: dict[str, Any]) -> tuple[object, ...]:
    side = {"buy": "BID", "sell": "ASK"}[record["side"]]
    at = parse_iso(record["event_time"]) // 1_000_000
    return record["symbol"], record["trade_id"], record["price"], record["size"], side, at


def _facts_of_frame(frame: dict[str, Any]) -> tuple[object, ...]:
    return frame["cd"], str(frame["sid"]), frame["tp"], frame["tv"], frame["ab"], frame["ttms"]


@pytest.fixture(scope="module")
def two_days(shared: Path) -> dict[int, tuple[float, ...]]:
    """The file's candles of two days: OHLCV by start (epoch seconds), read without our code."""
    start, end = (parse_iso(day) // 1_000_000_000 for day in DAYS)
    rows = {}
    with gzip.open(shared / CANDLES, "rt", newline="") as file:
        for row in csv.DictReader(file):
            at = parse_iso(row["timestamp"].replace(" ", "T") + "+00:00") // 1_000_000_000
            if start <= at < end:
                rows[at] = tuple(float(row[name]) for name in ("open", "high", "low", "close", "volume"))
    return rows


def test_real_candles_come_back_as_bars_made_of_recorded_trades(
    shared: Path, tmp_path: Path, two_days: dict[int, tuple[float, ...]]
) -> None:
    """Two days served as trades, recorded, and rebuilt from the journal: equal to the file."""
    options = ("--code", "KRW-BTC", "--speed", "max", "--start", DAYS[0], "--end", DAYS[1])
    with simulator(tmp_path, "--replay", str(shared / CANDLES), *options) as addresses:
        command = ("collect", "--symbols", "KRW-BTC", "--json")
        with process(tmp_path, *command, **pointed_at(addresses)) as collector:
            last_minute = iso(max(two_days) * 1_000_000_000)[:16]
            until(lambda: any(_is_trade_of(record, last_minute) for record in lines(tmp_path, "scalp")[-50:]))
            finish(collector)
    series = BarSeries({60: 5_000})
    for line in _scalp_bodies(tmp_path):
        record = record_decoder.decode(line)
        if isinstance(record, TradeRecord):
            series.add(record)
    rebuilt = {
        row.time: (row.open, row.high, row.low, row.close, row.exact_volume) for row in series.traded(60)
    }
    assert len(two_days) in range(2_870, 2_881)
    assert rebuilt == two_days


def test_the_simulator_serves_the_same_candles_by_rest(
    shared: Path, tmp_path: Path, two_days: dict[int, tuple[float, ...]]
) -> None:
    import asyncio

    options = ("--code", "KRW-BTC", "--speed", "max", "--start", DAYS[0], "--end", DAYS[1])
    with simulator(tmp_path, "--replay", str(shared / CANDLES), *options) as addresses:
        served = asyncio.run(_ask_candles(addresses["rest"]))
    assert served == two_days


async def _ask_candles(rest: str) -> dict[int, tuple[float, ...]]:
    from sise.model.time import SystemClock
    from sise.providers.registry import provider

    upbit = provider("upbit", rest_url=rest, ws_url=None)
    async with upbit.rest(SystemClock(), lambda answer: None) as client:
        candles = await client.candles_between("KRW-BTC", "1m", parse_iso(DAYS[0]), parse_iso(DAYS[1]))
    return {c.bar_time // 1_000_000_000: (c.open, c.high, c.low, c.close, c.volume) for c in candles}


def _is_trade_of(record: dict[str, Any], minute: str) -> bool:
    return record["kind"] == "trade" and str(record["event_time"]).startswith(minute)


def _scalp_bodies(data: Path) -> list[bytes]:
    return [
        line for path in sorted((data / "scalp").rglob("*.jsonl")) for line in path.read_bytes().splitlines()
    ]
