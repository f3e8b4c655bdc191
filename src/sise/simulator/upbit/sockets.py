"""The WebSocket side: the upgrade, what clients say, and the timers of a line [wire/upbit.md 7]."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Final

from aiohttp import WSMsgType, web

from sise.model.time import NS_PER_SECOND, Clock
from sise.simulator.faults import FaultBoard
from sise.simulator.line import Accepted, Outgoing
from sise.simulator.sent import SentLog
from sise.simulator.upbit.hub import Hub
from sise.simulator.upbit.limits import RateLimiter
from sise.simulator.upbit.line import Line
from sise.simulator.upbit.requests import (
    INVALID_AUTH,
    MAX_REQUEST_BYTES,
    TOO_MANY_REQUESTS,
    Subscribe,
    WireError,
    parse_request,
    subscriptions_payload,
)
from sise.simulator.upbit.rest import HTML_TYPE, MAINTENANCE_PAGE, Rest

MAX_LINES: Final = 256
CLOSE_HANDSHAKE_SECONDS: Final = 2.0
STATUS_EVERY_NS: Final = 10 * NS_PER_SECOND
STATUS_FIRST_SECONDS: Final = (6.0, 7.5)
STATUS_UP: Final = b'{"status":"UP"}'


class Sockets:
    """Accepts lines and looks after them."""

    def __init__(
        self,
        hub: Hub,
        rest: Rest,
        limiter: RateLimiter,
        board: FaultBoard,
        sent: SentLog,
        clock: Clock,
        idle_close_seconds: float,
        seed: int,
    ) -> None:
        self._hub, self._rest, self._limiter = hub, rest, limiter
        self._board, self._sent, self._clock = board, sent, clock
        self._idle_ns = int(idle_close_seconds * NS_PER_SECOND)
        self._random = random.Random(f"lines-{seed}")
        self._accepted = 0

    async def public(self, request: web.Request) -> web.StreamResponse:
        """``/websocket/v1``."""
        return await self._accept(request, private=False)

    async def private(self, request: web.Request) -> web.StreamResponse:
        """``/websocket/v1/private``: nobody has keys here."""
        return await self._accept(request, private=True)

    def tick(self) -> None:
        """What is due on each line by the clock: faults that hold, status, idle end."""
        now, monotonic = self._clock.now_ns(), self._clock.monotonic_ns()
        for line in list(self._hub.lines.values()):
            idle = monotonic - line.last_traffic_ns >= self._idle_ns
            if line.ending and not idle:
                continue
            if line.obey_faults():
                continue
            if idle:
                line.hang_up()
            elif line.status_due_ns is not None and now >= line.status_due_ns:
                line.status_due_ns += STATUS_EVERY_NS
                line.offer(Outgoing(STATUS_UP))

    def cut_all(self) -> None:
        """Cut every line now."""
        for line in list(self._hub.lines.values()):
            line.cut()

    async def _accept(self, request: web.Request, *, private: bool) -> web.StreamResponse:
        if self._board.take("html", "ws"):
            return web.Response(body=MAINTENANCE_PAGE, headers={"Content-Type": HTML_TYPE})
        verdict = self._limiter.take(request.remote or "", "websocket")
        if verdict.status != 200:
            return self._rest.too_many(verdict)
        if len(self._hub.lines) >= MAX_LINES:
            return web.Response(status=503)
        socket = web.WebSocketResponse(
            autoping=False, compress=True, max_msg_size=MAX_REQUEST_BYTES, timeout=CLOSE_HANDSHAKE_SECONDS
        )
        socket.headers["Remaining-Req"] = verdict.remaining
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        self._accepted += 1
        parts = self._clock, self._board, self._sent
        line = Line(Accepted(self._accepted, socket, request.transport, *parts))
        await self._serve(line, socket, private=private)
        return socket

    async def _serve(self, line: Line, socket: web.WebSocketResponse, *, private: bool) -> None:
        self._hub.add(line)
        sender = asyncio.create_task(line.send_forever())
        try:
            if private:
                line.fail(WireError(*INVALID_AUTH))
            await self._listen(line, socket)
        finally:
            line.ending = True
            self._hub.remove(line)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender

    async def _listen(self, line: Line, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            line.heard()
            if line.ending:
                continue
            if message.type is WSMsgType.PING:
                line.offer(Outgoing(bytes(message.data), opcode=WSMsgType.PONG))
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._understand(line, message.data)

    def _understand(self, line: Line, text: str | bytes) -> None:
        try:
            if not line.messages.allows():
                raise WireError(*TOO_MANY_REQUESTS)
            if text in ("PING", b"PING"):
                self._begin_status(line)
                return
            request = parse_request(text)
            if isinstance(request, Subscribe):
                self._hub.subscribe(line, request)
                return
            line.form = request.form
            line.offer(Outgoing(subscriptions_payload(request, self._hub.streams_of(line))))
        except WireError as error:
            line.fail(error)

    def _begin_status(self, line: Line) -> None:
        """A cycle from now on, not an answer: the first one comes some seconds after the opening."""
        if line.status_due_ns is None:
            due = line.opened_ns + int(self._random.uniform(*STATUS_FIRST_SECONDS) * NS_PER_SECOND)
            late = max(0, self._clock.now_ns() - due)
            line.status_due_ns = due + -(-late // STATUS_EVERY_NS) * STATUS_EVERY_NS
