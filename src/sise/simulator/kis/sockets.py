"""The WebSocket side: the upgrade, registrations, one session per app key, keep-alive [wire/kis.md 4]."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Final

from aiohttp import WSMsgType, web

from sise.model.time import NS_PER_MS, NS_PER_SECOND, Clock
from sise.simulator.faults import FaultBoard
from sise.simulator.kis.hub import Hub
from sise.simulator.kis.keys import Keys
from sise.simulator.kis.line import Line
from sise.simulator.kis.records import hhmmss
from sise.simulator.kis.requests import (
    MAX_REGISTRATIONS,
    MAX_REQUEST_BYTES,
    MESSAGES,
    MOCK_NOTICE,
    REAL_NOTICE,
    Refused,
    Registration,
    Request,
    answer,
    is_pingpong,
    parse_request,
    pingpong,
)
from sise.simulator.kis.rules import KST_OFFSET_NS, day_of
from sise.simulator.line import Accepted, Outgoing
from sise.simulator.sent import SentLog

MAX_LINES: Final = 64
CLOSE_HANDSHAKE_SECONDS: Final = 2.0
PINGPONG_IDLE_SECONDS: Final = 10.0
PINGPONGS_UNANSWERED_MAX: Final = 6
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class Sockets:
    """Accepts lines and looks after them."""

    def __init__(
        self,
        hub: Hub,
        keys: Keys,
        board: FaultBoard,
        sent: SentLog,
        clock: Clock,
        maintenance: Callable[[], web.Response],
        *,
        seed: int,
        mock: bool,
    ) -> None:
        self._hub, self._keys, self._board, self._sent = hub, keys, board, sent
        self._clock, self._maintenance, self._mock = clock, maintenance, mock
        self._random = random.Random(f"lines-{seed}")
        self._accepted = 0

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """An upgrade on any path: the path does not select anything."""
        if self._board.take("html", "ws"):
            return self._maintenance()
        if len(self._hub.lines) >= MAX_LINES:
            return web.Response(status=503)
        socket = web.WebSocketResponse(
            autoping=False,
            autoclose=False,
            compress=False,
            max_msg_size=MAX_REQUEST_BYTES,
            timeout=CLOSE_HANDSHAKE_SECONDS,
        )
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        self._accepted += 1
        parts = self._clock, self._board, self._sent
        line = Line(Accepted(self._accepted, socket, request.transport, *parts))
        self._hub.add(line)
        sender = asyncio.create_task(line.send_forever())
        try:
            await self._listen(line, socket)
        finally:
            line.ending = True
            self._keys.release_session(line.number, cleanly=line.closed_cleanly)
            self._hub.remove(line)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
        return socket

    def tick(self) -> None:
        """What is due on each line by the clock: faults that hold, keep-alive."""
        now = self._clock.monotonic_ns()
        for line in list(self._hub.lines.values()):
            if line.ending or line.obey_faults():
                continue
            if (
                now - max(line.last_traffic_ns, line.last_pingpong_ns)
                >= PINGPONG_IDLE_SECONDS * NS_PER_SECOND
            ):
                self._ping(line, now)

    def cut_all(self) -> None:
        """Cut every line now."""
        for line in list(self._hub.lines.values()):
            line.cut()

    def _ping(self, line: Line, now: int) -> None:
        if line.unanswered_pingpongs >= PINGPONGS_UNANSWERED_MAX:
            line.cut()
            return
        line.unanswered_pingpongs += 1
        line.last_pingpong_ns = now
        moment = self._clock.now_ns() + self._board.offset_ns()
        line.say(pingpong(day_of(moment), hhmmss((moment + KST_OFFSET_NS) // NS_PER_MS)))

    async def _listen(self, line: Line, socket: web.WebSocketResponse) -> None:
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return
            if message.type is WSMsgType.CLOSE:
                line.closed_cleanly = not line.frozen
                with contextlib.suppress(ConnectionError, RuntimeError):
                    await socket.close()
                return
            if message.type is WSMsgType.PING:
                line.offer(Outgoing(bytes(message.data), opcode=WSMsgType.PONG))
            elif message.type is WSMsgType.PONG:
                line.unanswered_pingpongs = 0
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY) and not line.ending:
                self._understand(line, message.data)

    def _understand(self, line: Line, text: str | bytes) -> None:
        if is_pingpong(text):
            line.unanswered_pingpongs = 0
            return
        try:
            self._obey(line, parse_request(text, mock=self._mock))
        except Refused as refused:
            payload = refused.payload()
            if refused.code in ("OPSP8996", "OPSP0017"):
                line.refuse_and_drop(payload)
            else:
                line.say(payload)

    def _obey(self, line: Line, request: Request) -> None:
        what = request.what
        if not self._keys.approves(request.approval_key):
            raise Refused("OPSP0011", what, request.approval_key)
        if not request.register:
            self._unregister(line, what)
            return
        if self._board.take("session_busy", "ws") or not self._keys.hold_session(line.number):
            raise Refused("OPSP8996")
        if fault := self._board.take("register_error", "ws"):
            raise Refused(fault.code if fault.code in MESSAGES else "OPSP0007", what)
        if fault := self._board.take("null_header", "ws"):
            raise Refused(fault.code if fault.code in MESSAGES else "OPSP9993")
        is_notice = what.tr_id in (REAL_NOTICE, MOCK_NOTICE)
        if is_notice and what.tr_key != self._keys.credentials.hts_id:
            raise Refused("OPSP0017")
        if what in line.registered:
            raise Refused("OPSP0002", what)
        if len(line.registered) >= MAX_REGISTRATIONS:
            raise Refused("OPSP0008", what)
        cipher = self._new_cipher()
        line.registered[what] = cipher
        line.say(answer("OPSP0000", what, cipher=cipher, encrypt="Y" if is_notice else "N"))
        self._hub.reroute()

    def _unregister(self, line: Line, what: Registration) -> None:
        if line.registered.pop(what, None) is None:
            raise Refused("OPSP0003", what)
        line.say(answer("OPSP0001", what))
        self._hub.reroute()

    def _new_cipher(self) -> tuple[str, str]:
        iv = f"{self._random.getrandbits(64):016x}"
        return iv, "".join(self._random.choices(_LETTERS, k=32))
