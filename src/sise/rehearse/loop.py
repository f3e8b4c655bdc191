"""An event loop without time and without a network: it jumps to what is due next, and dials in memory.

Whatever runs on it, our collector, picows, aiohttp on both sides, is the code that runs elsewhere; only the
waiting is left out. Nothing depends on the machine's speed, so what happens is decided by the code
and its seeds alone.
"""

from __future__ import annotations

import asyncio
import errno
import os
import selectors
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from sise.model.time import NS_PER_SECOND, NS_PER_US
from sise.rehearse.transport import MemorySocket, connect_pair

FIRST_FREE_PORT: Final = 49_152

ResultT = TypeVar("ResultT")


class RehearsalLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can run, and then jumps. TCP on it reaches only servers on it.

    Work for an executor is done at once, in the loop's own thread: a thread would finish when it likes.
    """

    def __init__(self) -> None:
        self._now_seconds = 0.0
        self._listeners: dict[int, MemoryServer] = {}
        self._dialled: dict[socket.socket, int] = {}
        self._next_port = FIRST_FREE_PORT
        super().__init__(_Jump(self._jump))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_seconds

    def _jump(self, seconds: float) -> None:
        self._now_seconds += seconds

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: Any = None,
        port: Any = None,
        **_: Any,
    ) -> MemoryServer:
        """Listen in memory; port 0 takes a free one. TLS is not there, and not needed."""
        if not port:
            port = self._next_port
            self._next_port += 1
        if port in self._listeners:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        server = self._listeners[port] = MemoryServer(self, protocol_factory, port)
        return server

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: Any = None,
        port: Any = None,
        *,
        sock: socket.socket | None = None,
        **_: Any,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Dial a server of this loop; ``ConnectionRefusedError`` where none listens."""
        if sock is not None:
            port = self._dialled.pop(sock)
            sock.close()
        listener = self._listener(int(port))
        client, _server = connect_pair(self, protocol_factory(), listener.protocol_factory(), listener.port)
        return client, client.get_protocol()

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Note where ``sock`` wants to go: aiohttp makes the socket first and the connection of it then."""
        self._dialled[sock] = self._listener(int(address[1])).port

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., ResultT], *args: Any
    ) -> asyncio.Future[ResultT]:
        done: asyncio.Future[ResultT] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def _listener(self, port: int) -> MemoryServer:
        if port not in self._listeners:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        return self._listeners[port]

    def forget(self, port: int) -> None:
        """The server of ``port`` takes no one any more."""
        self._listeners.pop(port, None)


class MemoryServer(asyncio.AbstractServer):
    """What listens on a port of a :class:`RehearsalLoop`."""

    def __init__(
        self, loop: RehearsalLoop, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> None:
        self._loop, self.port = loop, port
        self.protocol_factory = protocol_factory
        self.sockets = (MemorySocket(port),)

    def close(self) -> None:
        if self.is_serving():
            self._loop.forget(self.port)
        self.sockets = ()  # type: ignore[assignment]

    def is_serving(self) -> bool:
        return bool(self.sockets)

    def get_loop(self) -> RehearsalLoop:
        return self._loop

    async def start_serving(self) -> None:
        """It does since it was made."""

    async def serve_forever(self) -> None:
        """Until cancelled."""
        await asyncio.Event().wait()

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""


class LoopClock:
    """The time of a :class:`RehearsalLoop`: from ``start_ns`` on (UTC ns), ``pace`` times as fast as it."""

    def __init__(self, start_ns: int, loop: RehearsalLoop, pace: float = 1.0) -> None:
        self._start_ns, self._loop, self._pace = start_ns, loop, pace

    def now_ns(self) -> int:
        return (self._start_ns + self.monotonic_ns()) // NS_PER_US * NS_PER_US

    def monotonic_ns(self) -> int:
        return round(self._loop.time() * self._pace * NS_PER_SECOND)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._pace)


def rehearse(work: Callable[[RehearsalLoop], Coroutine[Any, Any, ResultT]]) -> ResultT:
    """Run ``work`` to its end on a loop of its own."""
    loop = RehearsalLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work(loop))


class _Jump(selectors.SelectSelector):
    """Waits for nothing: tells how long the loop would have waited."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits for something that will never come")
        if timeout > 0:
            self._jump(timeout)
        return []
