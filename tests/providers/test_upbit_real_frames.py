"""Every frame and answer that was ever recorded for us decodes, and its numbers are unchanged."""

from __future__ import annotations

import ast
import base64
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import zstandard

from sise.model.events import Book, Control, Trade, UnknownFields
from sise.providers.upbit import answers
from sise.providers.upbit.decode import decode


def captured(shared: Path) -> Iterator[bytes]:
    with gzip.open(shared / "data/upbit_ws/upbit_ws_20210417_raw.txt.gz", "rt") as lines:
        for line in lines:
            if re.match(r"[\d.]+: b'", line):
                yield ast.literal_eval(line.split(": ", 1)[1])


def captured_again(shared: Path) -> Iterator[bytes]:
    with (shared / "data/upbit_ws/upbit_ws_20210417_v3.jsonl.zst").open("rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file)):
            message = json.loads(line)
            if message["t"] == "recv":
                yield base64.b64decode(message["b64"])


def test_the_capture_of_2021(shared: Path) -> None:
    frames = list(captured(shared))
    assert frames == list(captured_again(shared))
    kinds: Counter[str] = Counter()
    for frame in frames:
        (event,) = decode(frame, 1)
        written = json.loads(frame, parse_float=Decimal, parse_int=Decimal)
        kinds[type(event).__name__] += 1
        if isinstance(event, Trade):
            assert event.symbol == written["cd"]
            assert Decimal(repr(event.price)) == written["tp"]
            assert Decimal(repr(event.size)) == written["tv"]
            assert event.event_time == written["ttms"] * 10**6
            assert event.trade_id == str(written["sid"])
            assert event.side == {"BID": "buy", "ASK": "sell"}[written["ab"]]
        else:
            assert isinstance(event, Book)
            best = written["obu"][0]
            read = (event.bid_price, event.bid_size, event.ask_price, event.ask_size)
            assert [Decimal(repr(value)) for value in read] == [
                best[name] for name in ("bp", "bs", "ap", "as")
            ]
            assert event.event_time == written["tms"] * 10**6
            assert event.depth == len(written["obu"])
    assert kinds == {"Trade": 304, "Book": 145}


def test_every_sample_frame(shared: Path) -> None:
    kinds = []
    for frame in (shared / "wire/samples/upbit/ws_server_frames.jsonl").read_bytes().splitlines():
        events = decode(frame, 1)
        assert not any(isinstance(event, UnknownFields) for event in events), frame
        kinds += [type(event).__name__ for event in events]
    assert kinds == [*["Book"] * 3, "Trade", "Candle", "Snapshot", *["Control"] * 7]


SIZES = {"minutes": "1m", "days": "1d", "weeks": "1w", "months": "1mo", "seconds": "1s", "years": "1y"}


def test_every_quotation_answer(shared: Path) -> None:
    seen = 0
    for path in sorted((shared / "wire/samples/upbit").glob("rest_recorded_quotation_get_*.json")):
        kind = path.stem.removeprefix("rest_recorded_quotation_get_")
        for exchange in json.loads(path.read_text(), parse_float=lambda text: f"\0{text}\0"):
            # The numbers as they stand in the file, so that what is tested is not our own rewriting.
            body = re.sub(
                r'"\\u0000([^"]*?)\\u0000"', r"\1", json.dumps(exchange["response"]["body"])
            ).encode()
            rows = json.loads(body, parse_float=Decimal, parse_int=Decimal)
            read: list[Any]
            pairs: list[tuple[float | None, Decimal]]
            if kind == "trades":
                read, names = answers.trades(body)
                pairs = [(event.price, row["trade_price"]) for event, row in zip(read, rows, strict=True)]
                pairs += [(event.size, row["trade_volume"]) for event, row in zip(read, rows, strict=True)]
            elif kind.startswith("tickers"):
                read, names = answers.tickers(body)
                pairs = [
                    (event.last_price, row["trade_price"]) for event, row in zip(read, rows, strict=True)
                ]
                pairs += [
                    (event.value_24h, row["acc_trade_price_24h"])
                    for event, row in zip(read, rows, strict=True)
                ]
            elif kind == "orderbooks":
                read, names = answers.books(body)
                best = [row["orderbook_units"][0] for row in rows]
                pairs = [(event.bid_size, unit["bid_size"]) for event, unit in zip(read, best, strict=True)]
            elif kind.startswith("candles_"):
                read, names = answers.candles(body, SIZES[kind.removeprefix("candles_")])
                pairs = [(event.close, row["trade_price"]) for event, row in zip(read, rows, strict=True)]
                pairs += [
                    (event.volume, row["candle_acc_trade_volume"])
                    for event, row in zip(read, rows, strict=True)
                ]
            else:
                assert kind == "orderbook_instruments", f"{path.name}: a recording that nobody decodes"
                continue
            assert not names, path.name
            assert len(read) == len(rows) > 0
            assert all(Decimal(repr(value)) == written for value, written in pairs), path.name
            seen += 1
    assert seen >= 9


def test_every_refusal(shared: Path) -> None:
    for sample in json.loads((shared / "wire/samples/upbit/rest_errors.json").read_text()):
        body = sample["body"].get("error", sample["body"])
        assert answers.refusal(json.dumps(sample["body"]).encode()) == (str(body["name"]), body["message"])


def test_all_markets_of_2021(shared: Path) -> None:
    with gzip.open(shared / "data/upbit_ws/upbit_market_all_20210417_http.txt.gz", "rb") as file:
        body = file.readline().split(b": ", 1)[1]
    markets, names = answers.markets(body)
    assert not names
    assert len(markets) == len(json.loads(body))
    assert next(each for each in markets if each.symbol == "KRW-BTC").name_ko == "비트코인"


def test_control_frames_hold_no_event(shared: Path) -> None:
    frames = (shared / "wire/samples/upbit/ws_server_frames.jsonl").read_bytes().splitlines()[6:]
    assert all(isinstance(event, Control) for frame in frames for event in decode(frame, 1))
