"""Two ends of a connection in one memory: ordered, whole, paused and ended as TCP does it.

What is written arrives in a later turn of the loop, in one piece with what was written in the same turn.
An end that does not read holds its writer back, as a full socket would.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

HIGH_WATER_BYTES: Final = 256 * 1024
"""Written and not read: the writer's protocol is asked to pause, and goes on below a quarter of it."""
HOST: Final = "127.0.0.1"


class MemorySocket:
    """What libraries ask of a socket beside reading and writing: its address, options without effect."""

    family = 2

    def __init__(self, port: int) -> None:
        self._port = port

    def fileno(self) -> int:
        """No descriptor: who writes past the transport is refused, and comes back to it."""
        return -1

    def getsockname(self) -> tuple[str, int]:
        return HOST, self._port

    def getpeername(self) -> tuple[str, int]:
        return HOST, self._port

    def setsockopt(self, *_: Any) -> None:
        """There is nothing to set."""

    def getsockopt(self, *_: Any) -> int:
        return 0


class MemoryTransport(asyncio.Transport):
    """One end. Made in pairs by :func:`connect_pair`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol, port: int) -> None:
        super().__init__({"socket": MemorySocket(port), "peername": (HOST, port), "sockname": (HOST, port)})
        self._loop = loop
        self._protocol = protocol
        self._peer: MemoryTransport | None = None
        self._incoming = bytearray()
        self._eof = False
        self._reading, self._held_back = True, False
        self._closing, self._lost, self._scheduled = False, False, False

    def join(self, peer: MemoryTransport) -> None:
        """From now on what one writes the other reads."""
        self._peer, peer._peer = peer, self

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._wake()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        peer = self._peer
        if self._closing or peer is None or peer._closing:
            return
        peer._incoming += data
        peer._wake()
        if len(peer._incoming) > HIGH_WATER_BYTES and not self._held_back:
            self._held_back = True
            self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        """Of what the other end has not taken, what goes beyond what a socket would hold."""
        waiting = len(self._peer._incoming) if self._peer else 0
        return max(0, waiting - HIGH_WATER_BYTES)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is one limit."""

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if self._peer is not None:
            self._peer._eof = True
            self._peer._wake()

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self.write_eof()
        self._loop.call_soon(self._lose)

    def abort(self) -> None:
        self.close()

    def _wake(self) -> None:
        if not self._scheduled and not self._closing:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if not self._reading or self._closing:
            return
        if self._incoming:
            data = bytes(self._incoming)
            self._incoming.clear()
            self._let_peer_write()
            _feed(self._protocol, data)
        if self._eof and not self._incoming and not self._closing:
            kept = isinstance(self._protocol, asyncio.Protocol | asyncio.BufferedProtocol)
            if not (kept and self._protocol.eof_received()):  # type: ignore[attr-defined]
                self.close()

    def _let_peer_write(self) -> None:
        peer = self._peer
        if peer is not None and peer._held_back and not peer._lost:
            peer._held_back = False
            peer._protocol.resume_writing()

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            self._incoming.clear()
            self._protocol.connection_lost(None)


def connect_pair(
    loop: asyncio.AbstractEventLoop, client: asyncio.BaseProtocol, server: asyncio.BaseProtocol, port: int
) -> tuple[MemoryTransport, MemoryTransport]:
    """Both ends of a new connection to ``port``; the server's protocol hears of it first."""
    ours, theirs = MemoryTransport(loop, client, port), MemoryTransport(loop, server, port)
    ours.join(theirs)
    server.connection_made(theirs)
    client.connection_made(ours)
    return ours, theirs


def _feed(protocol: asyncio.BaseProtocol, data: bytes) -> None:
    if not isinstance(protocol, asyncio.BufferedProtocol):
        protocol.data_received(data)  # type: ignore[attr-defined]
        return
    left = memoryview(data)
    while left:
        buffer = memoryview(protocol.get_buffer(len(left)))
        count = min(len(buffer), len(left))
        buffer[:count] = left[:count]
        protocol.buffer_updated(count)
        left = left[count:]
