"""The listening socket of a simulator, which faults open and close, and the pump beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Coroutine
from typing import Any, Final

from aiohttp import web

from sise.simulator.faults import FaultBoard

log: Final = logging.getLogger(__name__)


class Listening:
    """Listens for ``runner``, unless ``refuse`` or ``unplug`` is active.

    Parameters
    ----------
    port
        0 takes a free one, and keeps it when it listens again.
    """

    def __init__(self, runner: web.AppRunner, board: FaultBoard, host: str, port: int) -> None:
        self.port = port
        self._runner, self._board, self._host = runner, board, host
        self._context: ssl.SSLContext | None = None
        self._listener: asyncio.Server | None = None
        self._change = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether new connections are taken."""
        return self._listener is not None

    async def open(self, context: ssl.SSLContext | None = None) -> None:
        """Listen for the first time; ``OSError`` where the port is taken."""
        self._context = context
        await self._listen()

    async def close(self) -> None:
        """Take no new connections."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def obey_faults(self) -> None:
        """Listen or do not, as the faults that are active now demand."""
        async with self._change:
            deaf = self._board.active("refuse") or self._board.active("unplug")
            if deaf and self._listener is not None:
                await self.close()
            elif not deaf and self._listener is None:
                await self._listen_again()
            if self._board.active("unplug") and self._runner.server is not None:
                for connection in self._runner.server.connections:
                    connection.force_close()

    async def _listen(self) -> None:
        server = self._runner.server
        assert server is not None
        self._listener = await asyncio.get_running_loop().create_server(
            server, self._host, self.port, ssl=self._context
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _listen_again(self) -> None:
        try:
            await self._listen()
        except OSError as error:
            log.warning("port %d cannot be listened on again yet: %s", self.port, error)


def start_pump(beats: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task for ``beats``; should it break, the log says so."""
    pump = asyncio.create_task(beats)
    pump.add_done_callback(_say_why_it_ended)
    return pump


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel ``task`` and wait for its end."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _say_why_it_ended(pump: asyncio.Task[None]) -> None:
    if not pump.cancelled() and (error := pump.exception()):
        log.critical("the simulator's pump broke, nothing more will be sent", exc_info=error)
