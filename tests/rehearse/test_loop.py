"""The loop without time: what runs on it is ordered by its own clock alone, and whole."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.model.time import NS_PER_SECOND, parse_iso
from sise.rehearse.loop import LoopClock, RehearsalLoop, rehearse
from sise.rehearse.transport import HIGH_WATER_BYTES

START = parse_iso("2026-11-20T09:00:00+09:00")


def test_a_day_passes_at_once_and_in_order() -> None:
    async def work(loop: RehearsalLoop) -> list[tuple[str, int]]:
        clock = LoopClock(START, loop)
        seen: list[tuple[str, int]] = []

        async def wait(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            seen.append((name, (clock.now_ns() - START) // NS_PER_SECOND))

        await asyncio.gather(wait("day", 86_400), wait("hour", 3_600), wait("now", 0))
        return seen

    assert rehearse(work) == [("now", 0), ("hour", 3_600), ("day", 86_400)]


def test_a_market_may_run_at_another_pace_than_the_machine() -> None:
    async def work(loop: RehearsalLoop) -> float:
        await LoopClock(START, loop, pace=60).sleep(600)
        return loop.time()

    assert rehearse(work) == pytest.approx(10)


def test_waiting_for_what_never_comes_is_said() -> None:
    async def work(_: RehearsalLoop) -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="never come"):
        rehearse(work)


def test_work_for_a_thread_is_done_at_once() -> None:
    async def work(loop: RehearsalLoop) -> tuple[int, float]:
        return await asyncio.to_thread(lambda: 41 + 1), loop.time()

    assert rehearse(work) == (42, 0.0)


def test_no_connection_where_nobody_listens() -> None:
    async def work(_: RehearsalLoop) -> None:
        async with aiohttp.ClientSession() as client:
            await client.get("http://127.0.0.1:9/")

    with pytest.raises(aiohttp.ClientConnectorError):
        rehearse(work)


def test_http_between_a_real_server_and_a_real_client() -> None:
    async def work(_: RehearsalLoop) -> tuple[int, bytes]:
        async def hello(request: web.Request) -> web.Response:
            return web.Response(body=await request.read() * 2)

        app = web.Application()
        app.router.add_post("/", hello)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"http://127.0.0.1:{port}/", data=b"x" * 1_000_000) as answer,
        ):
            body = await answer.read()
        await runner.cleanup()
        return answer.status, body

    status, body = rehearse(work)
    assert (status, len(body)) == (200, 2_000_000)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=HIGH_WATER_BYTES // 3), min_size=1, max_size=12),
    st.lists(st.booleans(), min_size=1, max_size=12),
)
def test_bytes_arrive_whole_and_in_order_through_pauses(parts: list[bytes], pauses: list[bool]) -> None:
    """However the reader pauses, it reads what was written and then the end; a writer is held back."""

    async def work(loop: RehearsalLoop) -> bytes:
        got = bytearray()
        ended = loop.create_future()

        class Reader(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                self.transport, self.count = transport, 0

            def data_received(self, data: bytes) -> None:
                got.extend(data)
                self.count += 1
                if pauses[self.count % len(pauses)]:
                    self.transport.pause_reading()
                    loop.call_later(1, self.transport.resume_reading)

            def connection_lost(self, error: Exception | None) -> None:
                ended.set_result(error)

        server = await loop.create_server(Reader, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for part in parts:
            writer.write(part)
            await writer.drain()
        writer.close()
        assert await ended is None
        return bytes(got)

    assert rehearse(work) == b"".join(parts)
