"""The peer: cryptofeed's own connection, Upbit handler and symbols, with callbacks that only count.

It stores nothing. Prices become Decimal and symbols are normalised, as it does for its users. Its
connection class insists on ``wss://``: the address is set after that check, so that both sides
speak plain text. The clock stops at the last event: closing is not counted.

    python -m benchmarks.record.peer CORE URL FRAMES_FOLDER asyncio|uvloop
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

from cryptofeed.connection_handler import ConnectionHandler
from cryptofeed.defines import L2_BOOK, TRADES
from cryptofeed.exchanges.upbit import Upbit
from cryptofeed.symbols import Symbols

from benchmarks.record.measure import Meter, Result, answer, pin
from benchmarks.record.mix import Facts, facts_of

WAIT_SECONDS_MAX: Final = 300.0


def main() -> None:
    core, url, folder, loop = sys.argv[1:]
    pin(int(core))
    if loop == "uvloop":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    result = asyncio.run(_receive(url, facts_of(Path(folder)), f"cryptofeed ({loop})"))
    answer(result)
    sys.stdout.flush()
    os._exit(0)  # its exit handlers wait for a loop that is gone


async def _receive(url: str, facts: Facts, name: str) -> Result:
    rows = [{"market": symbol} for symbol in facts.symbols]
    Symbols.set(Upbit.id, *Upbit._parse_symbol_data(rows))
    meter, done, left = Meter(), asyncio.Event(), facts.frames

    async def count(event: object, received_at: float) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    symbols = [f"{symbol.partition('-')[2]}-KRW" for symbol in facts.symbols]
    feed = Upbit(
        config={"log": {"filename": os.devnull, "level": "ERROR"}},
        symbols=symbols,
        channels=[L2_BOOK, TRADES],
        callbacks={L2_BOOK: count, TRADES: count},
    )
    [(connection, subscribe, handler, authenticate)] = feed.connect()
    connection.address = url

    async def subscribe_metered(conn: Any) -> None:
        meter.start()
        await subscribe(conn)

    ConnectionHandler(connection, subscribe_metered, handler, authenticate, 0).start(
        asyncio.get_running_loop()
    )
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        await done.wait()
    return meter.stop(name, facts.frames)


if __name__ == "__main__":
    main()
