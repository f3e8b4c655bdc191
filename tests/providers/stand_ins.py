"""A clock whose waits take no time, and a REST server that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web


class FastClock:
    """``sleep`` moves the clock and lets the others run; nothing else moves it."""

    def __init__(self, now_ns: int = 1_790_000_000 * 10**9) -> None:
        self.began_ns = self._now_ns = now_ns
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic_ns(self) -> int:
        return self._now_ns - self.began_ns

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now_ns += round(seconds * 10**9)
        await asyncio.sleep(0)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """``host:port`` of a loopback server that answers every path with ``handler``."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
