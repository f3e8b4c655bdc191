"""One WebSocket line of any provider: its bounded queue, and the task that empties it.

Everything that goes out, pongs and the close too, goes through the queue, so that no two writers meet
in the middle of a frame. Frame faults strike here, at the last moment, so that every line has its own.
A frame is in the :class:`~sise.simulator.sent.SentLog` if and only if its bytes went to the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from typing import Final, NamedTuple

from aiohttp import WSMsgType, web
from msgspec import Struct, structs

from sise.model.time import Clock, iso
from sise.simulator.faults import Fault, FaultBoard
from sise.simulator.mangle import changed, garbage, not_utf8, truncated
from sise.simulator.sent import SentLog

MAX_QUEUED_BYTES: Final = 16 * 1024 * 1024
ROOM_BYTES: Final = 4 * 1024 * 1024
"""A replay waits while a line has more than this queued."""
CLOSE_AFTER_ERROR_SECONDS: Final = 0.15
CLOSE_OK: Final = 1000


class Outgoing(Struct):
    """A frame to send. ``kind`` is empty where it is no data (pong, status, error)."""

    payload: bytes
    kind: str = ""
    code: str = ""
    mark: int | None = None
    """What tells this frame from others of its kind and code: a sequence number, a cumulative volume."""
    records: int = 1
    opcode: WSMsgType = WSMsgType.BINARY
    then_close: bool = False
    then_abort: bool = False


class Accepted(NamedTuple):
    """A connection just accepted, and the parts of its server that a line needs."""

    number: int
    socket: web.WebSocketResponse
    transport: asyncio.Transport
    clock: Clock
    board: FaultBoard
    sent: SentLog


class Line:
    """One client's connection, from the upgrade to its end."""

    def __init__(self, accepted: Accepted) -> None:
        self.number, self._socket, self._transport, self._clock, self._board, self._sent = accepted
        self.opened_ns = self._clock.now_ns()
        self.last_traffic_ns = self._clock.monotonic_ns()
        self.frozen = self.ending = False
        self.queued_bytes = self.sent_frames = self.left_out_frames = 0
        self._queue: deque[tuple[Outgoing, int]] = deque()
        """With the moment (UTC ns) at which it was due."""
        self._wake = asyncio.Event()
        self._held: tuple[Outgoing, int] | None = None

    def offer(self, out: Outgoing) -> None:
        """Queue ``out``. A silent or half-open line leaves it out; a line that does not read is cut."""
        now_ns = self._clock.now_ns()
        if self.ending or self.frozen or self._is_silenced(out):
            self._leave_out(out, now_ns)
            return
        if self.queued_bytes + len(out.payload) > MAX_QUEUED_BYTES:
            self._leave_out(out, now_ns)
            if self._board.active("drip", "ws") is None:
                self.cut()
            return
        self._queue.append((out, now_ns))
        self.queued_bytes += len(out.payload)
        self._wake.set()

    def cut(self) -> None:
        """End the TCP connection now, without a close frame and without what is queued."""
        self.ending = True
        self._leave_out_what_waits()
        self._transport.abort()

    def hang_up(self) -> None:
        """End the TCP connection without a close frame, after what was handed over."""
        self.ending = True
        self._transport.close()

    def freeze(self) -> None:
        """Half-open: neither read nor write any more, and send no FIN."""
        if not self.frozen and not self._transport.is_closing():
            self.frozen = True
            self._transport.pause_reading()

    def obey_faults(self) -> bool:
        """Do what the faults of the moment ask of a line; whether it was cut or frozen by that."""
        half_open = self._board.active("half_open", "ws") is not None
        unplugged = self._board.active("unplug") is not None
        if unplugged or (self.frozen and not half_open) or self._board.take("drop", "ws"):
            self.cut()
        elif half_open:
            self.freeze()
        return half_open or self.ending

    def heard(self) -> None:
        """Note traffic, for the idle time."""
        self.last_traffic_ns = self._clock.monotonic_ns()

    def state(self) -> dict[str, object]:
        """What people see of this line."""
        return {
            "number": self.number,
            "opened": iso(self.opened_ns),
            "queued_bytes": self.queued_bytes,
            "sent_frames": self.sent_frames,
            "left_out_frames": self.left_out_frames,
            "half_open": self.frozen,
        }

    def _is_silenced(self, out: Outgoing) -> bool:
        silent = self._board.active("silent", "ws")
        return silent is not None and not (silent.pong and out.opcode is WSMsgType.PONG)

    def _leave_out(self, out: Outgoing, due_ns: int) -> None:
        self.left_out_frames += 1
        if out.kind:
            self._sent.leave_out(due_ns)

    def _leave_out_what_waits(self) -> None:
        held = [self._held] if self._held is not None else []
        for out, due_ns in (*held, *self._queue):
            self._leave_out(out, due_ns)
        self._held = None
        self._queue.clear()
        self.queued_bytes = 0

    async def send_forever(self) -> None:
        """Empty the queue into the socket until the line ends; what then waits was never sent."""
        try:
            with contextlib.suppress(ConnectionError):
                await self._send_what_comes()
        finally:
            self._leave_out_what_waits()

    async def _send_what_comes(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            out, due_ns = self._queue.popleft()
            self.queued_bytes -= len(out.payload)
            if self.frozen:
                self._leave_out(out, due_ns)
                continue
            for one, fault, one_due_ns in self._struck(out, due_ns):
                await self._write(one, fault, one_due_ns)
            if out.then_abort:
                await self._clock.sleep(CLOSE_AFTER_ERROR_SECONDS)
                self._transport.abort()
                return
            if out.then_close:
                await self._clock.sleep(CLOSE_AFTER_ERROR_SECONDS)
                await self._socket.close(code=CLOSE_OK)
                return

    def changed(self, payload: bytes, fault: Fault) -> bytes:
        """``payload`` with a field changed, in the provider's form; here JSON."""
        return changed(payload, fault, self._board.random)

    def _struck(self, out: Outgoing, due_ns: int) -> list[tuple[Outgoing, str, int]]:
        """What is sent instead of ``out``, and when that was due: usually just that."""
        if not out.kind:
            return [(out, "", due_ns)]
        take, rng = self._board.take, self._board.random
        one, name = out, ""
        if change := take("change_fields", "ws"):
            one, name = structs.replace(one, payload=self.changed(one.payload, change)), "change_fields"
        if take("truncate", "ws"):
            one, name = structs.replace(one, payload=truncated(one.payload, rng)), "truncate"
        if take("invalid_utf8", "ws"):
            one, name = structs.replace(one, payload=not_utf8(one.payload, rng)), "invalid_utf8"
        if self._held is None and take("reorder", "ws"):
            self._held = one, due_ns
            return []
        going = [(one, name, due_ns)]
        if self._held is not None:
            held, held_due_ns = self._held
            going.append((held, "reorder", held_due_ns))
            self._held = None
        if take("duplicate", "ws"):
            going.append((one, "duplicate", due_ns))
        if take("garbage", "ws"):
            going.append((Outgoing(garbage(rng), kind="garbage", opcode=one.opcode), "garbage", due_ns))
        return going

    async def _write(self, out: Outgoing, fault: str, due_ns: int) -> None:
        if self._transport.is_closing():
            self._leave_out(out, due_ns)
            raise ConnectionResetError
        self.heard()
        if self._board.active("drip", "ws"):
            whole = False
            try:
                whole = await self._drip(_frame_bytes(out))
            finally:
                if whole:
                    self._note(out, fault)
                else:
                    self._leave_out(out, due_ns)
        else:
            self._note(out, fault)
            await self._socket.send_frame(out.payload, out.opcode)

    def _note(self, out: Outgoing, fault: str) -> None:
        if not out.kind:
            return
        self.sent_frames += 1
        self._sent.add(
            now_ns=self._clock.now_ns(),
            connection=self.number,
            kind=out.kind,
            code=out.code,
            mark=out.mark,
            records=out.records,
            payload=out.payload,
            fault=fault,
        )

    async def _drip(self, data: bytes) -> bool:
        """A byte at a time while the fault lasts; the rest at once. Whether the line took the whole frame.

        The pause comes before the byte: with its last one a frame may be heard, and is sent.
        """
        for i in range(len(data)):
            drip = self._board.active("drip", "ws")
            if drip is not None:
                await self._clock.sleep(drip.delay_ms / 1000)
            if self._transport.is_closing():
                break
            self._transport.write(data[i : i + 1] if drip else data[i:])
            if drip is None:
                break
        return not self._transport.is_closing()


def _frame_bytes(out: Outgoing) -> bytes:
    """The frame as on the wire, uncompressed and unmasked (RFC 6455, 5.2)."""
    first, length = 0x80 | out.opcode, len(out.payload)
    if length < 126:
        head = struct.pack("!BB", first, length)
    elif length < 65_536:
        head = struct.pack("!BBH", first, 126, length)
    else:
        head = struct.pack("!BBQ", first, 127, length)
    return head + out.payload
