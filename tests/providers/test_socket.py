"""Every message reaches the handler once, whole and in order, and every end has its reason."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSCloseCode, web

from sise.model.errors import BadInput, Unreachable
from sise.model.time import SystemClock
from sise.providers.socket import Socket
from tests.providers.stand_ins import serving

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]
CLOCK = SystemClock()
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""


class Heard:
    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.times: list[int] = []

    def __call__(self, payload: bytes, received_at: int) -> None:
        self.messages.append(payload)
        self.times.append(received_at)


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        await talk(ws)
        return ws

    async with serving(handle) as host:
        yield f"ws://{host}/websocket/v1"


@asynccontextmanager
async def raw_server(after_upgrade: bytes, *later: bytes, then_close: bool) -> AsyncIterator[str]:
    """Sends hand-made frames: what no library would send."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        named = (line.partition(": ") for line in head.split("\r\n"))
        key = next(value for name, _, value in named if name.lower() == "sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(f"{key}{GUID}".encode()).digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + after_upgrade)
        await writer.drain()
        with contextlib.suppress(ConnectionError):  # the client may have hung up by then
            for part in later:
                await asyncio.sleep(0.05)
                writer.write(part)
            if not then_close:
                await reader.read()
        writer.close()
        done.set()

    done = asyncio.Event()
    served = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{served.sockets[0].getsockname()[1]}/"
    finally:
        async with asyncio.timeout(5):
            await done.wait()
        served.close()
        await served.wait_closed()


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    assert len(payload) < 126
    return bytes((opcode | (0x80 if fin else 0), len(payload))) + payload


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - the socket has no event to wait for
            await asyncio.sleep(0.005)


async def ended(socket: Socket) -> str:
    async with asyncio.timeout(5):
        return await socket.closed


async def test_binary_and_text_arrive_once_in_order_with_their_time() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        for number in range(2000):
            await (ws.send_bytes(b"%d" % number) if number % 3 else ws.send_str(str(number)))

    heard, began = Heard(), CLOCK.now_ns()
    async with server(talk) as url:
        socket = await Socket.connect(url, on_frame=heard, clock=CLOCK)
        assert await ended(socket) == "closed by server 1000"
    assert heard.messages == [b"%d" % number for number in range(2000)]
    assert began <= heard.times[0]
    assert heard.times == sorted(heard.times)
    assert socket.alive_at >= heard.times[-1]


async def test_fragments_are_joined_and_what_comes_between_does_not_disturb() -> None:
    sent = b"".join(
        [
            frame(2, b"one"),
            *(frame(2, b"tw", fin=False), frame(9, b"ping"), frame(0, b"", fin=False), frame(0, b"o")),
            frame(1, b"three"),
        ]
    )
    heard = Heard()
    async with raw_server(sent, then_close=True) as url:
        socket = await Socket.connect(url, on_frame=heard, clock=CLOCK)
        assert await ended(socket) == "connection lost: the line was cut without a close frame"
    assert heard.messages == [b"one", b"two", b"three"]


@pytest.mark.parametrize("sent", [frame(0, b"x"), frame(2, b"x", fin=False) + frame(2, b"y")])
async def test_fragments_out_of_order_are_no_message(sent: bytes) -> None:
    heard = Heard()
    async with raw_server(sent + frame(2, b"after"), then_close=False) as url:
        socket = await Socket.connect(url, on_frame=heard, clock=CLOCK)
        assert "fragments out of order" in await ended(socket)
    assert heard.messages == []


@pytest.mark.parametrize(
    "sent",
    [frame(2, b"x" * 101), frame(2, b"x" * 60, fin=False) + frame(0, b"x" * 60)],
    ids=("frame", "fragments"),
)
async def test_a_message_over_the_limit_closes_with_a_reason_and_is_not_given(sent: bytes) -> None:
    heard = Heard()
    async with raw_server(frame(2, b"x" * 100) + sent, frame(2, b"after"), then_close=False) as url:
        socket = await Socket.connect(url, on_frame=heard, clock=CLOCK, frame_bytes_max=100)
        reason = await ended(socket)
    assert reason.startswith("closed by us")
    assert "100" in reason
    assert heard.messages == [b"x" * 100]


async def test_a_failing_handler_ends_the_socket_and_its_exception_is_delivered() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        for number in range(5):
            await ws.send_bytes(b"%d" % number)
        async for _ in ws:
            pass

    seen = []

    def fail(payload: bytes, received_at: int) -> None:
        seen.append(payload)
        if payload == b"2":
            raise ZeroDivisionError("ours")

    async with server(talk) as url:
        socket = await Socket.connect(url, on_frame=fail, clock=CLOCK)
        with pytest.raises(ZeroDivisionError, match="ours"):
            await ended(socket)
    assert seen == [b"0", b"1", b"2"]


async def test_the_servers_reason_is_told() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.send_bytes(b"last")
        await ws.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"maintenance")

    heard = Heard()
    async with server(talk) as url:
        socket = await Socket.connect(url, on_frame=heard, clock=CLOCK)
        assert await ended(socket) == "closed by server 1013 maintenance"
    assert heard.messages == [b"last"]
    before = socket.alive_at
    socket.send("into the void")
    socket.ping()
    await socket.close()
    assert socket.alive_at == before


async def test_pings_are_answered_and_signs_of_life_noted() -> None:
    pongs = asyncio.Event()

    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.ping(b"are you there")
        async for message in ws:
            if message.type == web.WSMsgType.PONG:
                assert message.data == b"are you there"
                pongs.set()
            elif message.type == web.WSMsgType.PING:
                await ws.pong(message.data)
            elif message.type == web.WSMsgType.TEXT:
                await ws.send_bytes(message.data.encode())

    heard = Heard()
    async with server(talk) as url:
        socket = await Socket.connect(url, on_frame=heard, clock=CLOCK)
        async with asyncio.timeout(5):
            await pongs.wait()
        for ask in (socket.ping, lambda: socket.send("한글")):
            before = socket.alive_at
            ask()
            await until(lambda before=before: socket.alive_at > before)  # type: ignore[misc]
        assert heard.messages == ["한글".encode()], "neither ping nor pong is a message"
        await socket.close()
        assert socket.closed.result() == "closed by us"


async def test_closing_a_line_whose_other_side_is_dead_does_not_hang() -> None:
    async with raw_server(b"", then_close=False) as url:
        socket = await Socket.connect(url, on_frame=Heard(), clock=CLOCK)
        async with asyncio.timeout(5):
            await socket.close()
        assert socket.closed.result() == "closed by us"


@pytest.mark.parametrize(
    ("status", "says"),
    [(200, "maintenance page"), (429, "too many connections"), (503, "HTTP 503"), (302, "302")],
)
async def test_an_answer_that_is_no_upgrade(status: int, says: str) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=status, text="<html>", headers={"Location": "/elsewhere"})

    async with serving(handle) as host:
        with pytest.raises(Unreachable, match=says) as refused:
            await Socket.connect(
                f"ws://{host}/?key=canary", on_frame=Heard(), clock=CLOCK, headers={"Authorization": "canary"}
            )
    assert "canary" not in str(refused.value)


async def test_nobody_there_nobody_answering_and_cut_at_once() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    for handler, says in ((never, "no answer within"), (cut, "before the upgrade")):
        served = await asyncio.start_server(handler, "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{served.sockets[0].getsockname()[1]}/"
        with pytest.raises(Unreachable, match=says):
            await Socket.connect(url, on_frame=Heard(), clock=CLOCK, connect_timeout_seconds=0.2)
        served.close()
        await served.wait_closed()
    with pytest.raises(Unreachable, match="Connection refused"):
        await Socket.connect(url, on_frame=Heard(), clock=CLOCK)


@pytest.mark.parametrize("url", ["http://host/", "ws://", "host", "ws://user:canary@host/", "ws://host:x/"])
async def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadInput, match="ws_url") as refused:
        await Socket.connect(url, on_frame=Heard(), clock=CLOCK)
    assert "canary" not in str(refused.value)
