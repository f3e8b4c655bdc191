"""The work of the benchmark: a day of trades as a journal, plain and sealed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

import msgspec
import zstandard

from sise.journal.line import close_line
from sise.model.records import TradeRecord
from sise.model.time import iso
from sise.warehouse.etl.days import MarketDay

DAY = MarketDay("upbit", "crypto", date(2026, 11, 18))
MARKETS = 200
TICKS_A_BAR = 9
ZSTD_LEVEL = 3
LINES_A_FILE = 100_000
_encode = msgspec.json.Encoder().encode


def make_journal(root: Path, ticks: int, *, times: int = 1, sealed: bool = False, seed: int = 7) -> None:
    """Trades of 200 markets, nine to a bar; ``times`` as many in the same minutes."""
    folder = root / DAY.folder("scalp")
    folder.mkdir(parents=True)
    minutes = max(1, ticks // (MARKETS * TICKS_A_BAR))
    ticks *= times
    lines = _lines(ticks, minutes, Random(seed))
    for start in range(0, ticks, LINES_A_FILE):
        body = b"".join(next(lines) for _ in range(min(LINES_A_FILE, ticks - start)))
        number = start // LINES_A_FILE
        name = f"{number // 3600:02d}_{number // 60 % 60:02d}_{number % 60:02d}.jsonl"
        if sealed:
            (folder / f"{name}.zst").write_bytes(zstandard.ZstdCompressor(ZSTD_LEVEL).compress(body))
        else:
            (folder / name).write_bytes(body)


def _lines(ticks: int, minutes: int, rng: Random) -> Iterator[bytes]:
    step_us = minutes * 60_000_000 // ticks
    prices = [rng.uniform(1, 50_000) for _ in range(MARKETS)]
    for number in range(ticks):
        at = DAY.start_ns + (number * step_us + rng.randrange(step_us + 1)) * 1_000
        market = int(MARKETS * rng.random() ** 2)
        prices[market] *= 1 + rng.gauss(0, 1e-4)
        record = TradeRecord(
            schema_version="1.0",
            event_time=iso(at),
            receive_time=iso(at + 20_000_000),
            session_id="sess_20261118_000000_000",
            mitigation_level=0,
            quality_flag="normal",
            provider="upbit",
            market="crypto",
            venue="UPBIT",
            symbol=f"KRW-{market:03d}",
            frame=number + 1,
            price=round(prices[market], 2),
            size=round(rng.expovariate(2), 8),
            side=rng.choice(("buy", "sell")),
            trade_id=str(17_000_000_000_000_000 + number),
        )
        yield close_line(_encode(record))
