"""Our client and the simulator, which share no code, understand each other over real sockets and TLS."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sise.model.errors import ProviderRefused, Unreachable
from sise.model.events import Book, Candle, Control, Event, Snapshot, Trade
from sise.model.time import NS_PER_SECOND, SystemClock
from sise.providers.contract import Answer
from sise.providers.registry import provider
from sise.providers.socket import Socket
from sise.providers.upbit import encode
from sise.providers.upbit.provider import Upbit
from sise.simulator.market import LiveMarket
from sise.simulator.upbit.server import Addresses, UpbitSimulator, UpbitSimulatorConfig

CLOCK = SystemClock()


@asynccontextmanager
async def simulator(*, tls: bool = False) -> AsyncIterator[Addresses]:
    server = UpbitSimulator(UpbitSimulatorConfig(tls=tls), LiveMarket(seed=7, markets=20), CLOCK)
    try:
        yield await server.start()
    finally:
        await server.stop()


async def heard_until(where: Addresses, request: str, kinds: set[str]) -> list[Event]:
    """Events of a socket until each of ``kinds`` (names of event types) has come."""
    upbit = provider("upbit", rest_url=where.rest, ws_url=where.ws)
    events: list[Event] = []
    enough = asyncio.Event()

    def on_frame(payload: bytes, received_at: int) -> None:
        events.extend(upbit.decode(payload, received_at))
        if kinds <= {type(event).__name__ for event in events}:
            enough.set()

    socket = await Socket.connect(where.ws, on_frame=on_frame, clock=CLOCK)
    socket.send(request)
    async with asyncio.timeout(15):
        await asyncio.wait(
            (asyncio.create_task(enough.wait()), socket.closed), return_when=asyncio.FIRST_COMPLETED
        )
    if not socket.closed.done():
        await socket.close()
    socket.closed.result()
    return events


@pytest.mark.parametrize("form", ["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"])
async def test_every_format_of_every_type(form: encode.Format) -> None:
    async with simulator() as where:
        request = encode.subscription(["KRW-BTC", "KRW-ETH"], "t", encode.TYPES, 5, form)
        events = await heard_until(where, request, {"Trade", "Book", "Snapshot", "Candle"})
    kinds = Counter(type(event) for event in events)
    assert set(kinds) <= {Trade, Book, Snapshot, Candle}
    assert all(event.depth <= 5 for event in events if isinstance(event, Book))


async def test_an_error_and_its_close_arrive() -> None:
    async with simulator() as where:
        events = await heard_until(where, '[{"ticket":"t"}]', {"Control"})
    assert [event.name for event in events if isinstance(event, Control)] == ["NO_TYPE"]


async def test_every_question_of_rest() -> None:
    answers: list[Answer] = []
    async with simulator() as where:
        upbit = provider("upbit", rest_url=where.rest, ws_url=where.ws)
        async with upbit.rest(CLOCK, answers.append) as client:
            top = await client.top_markets(5)
            symbols = [each.symbol for each in top]
            values = [each.value_24h or 0.0 for each in top]
            assert values == sorted(values, reverse=True)
            assert [each.symbol for each in await client.tickers(symbols)] == symbols
            assert {each.symbol for each in await client.books(symbols)} == set(symbols)
            assert {each.symbol for each in await client.trades(symbols[0], count=5)} == {symbols[0]}
            for size in ("1s", "1m", "1h", "4h", "1d", "1w", "1mo", "1y"):
                page = await client.candles(symbols[0], size, count=3)
                starts = [each.bar_time for each in page]
                assert starts == sorted(starts, reverse=True), size
            now = CLOCK.now_ns()
            candles = await client.candles_between(symbols[0], "1m", now - 8 * 3600 * NS_PER_SECOND, now)
            assert len(candles) > 200, "more than one page"
            recent = client.all_trades(symbols[0], now - 3600 * NS_PER_SECOND)
            numbers = [trade.trade_id async for trade in recent]
            assert len(numbers) == len(set(numbers)) > 100
            with pytest.raises(ProviderRefused, match="Code not found"):
                await client.tickers(["KRW-NOPE"])
    assert all(answer.url.startswith("/v1/") for answer in answers)


async def test_tls_trusts_whom_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulator(tls=True) as where:
        upbit = Upbit(rest_url=where.rest, ws_url=where.ws)
        request = upbit.subscription(["KRW-BTC"], "t")
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await heard_until(where, request, {"Book"})
        monkeypatch.setenv("SSL_CERT_FILE", where.ca or "")
        assert await heard_until(where, request, {"Book"})
        async with upbit.rest(CLOCK, lambda _: None) as client:
            assert await client.markets()
