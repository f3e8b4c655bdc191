"""A server on a real socket, and a collector's ``GET /status``, for tests."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from aiohttp import web
from fastapi import FastAPI

STATUS: dict[str, Any] = {
    "provider": "upbit",
    "market": "crypto",
    "session_id": "sess_a",
    "now": "2026-11-20T00:01:00.000000Z",
    "started_at": "2026-11-20T00:00:00.000000Z",
    "state": "recording",
    "reason": None,
    "since": "2026-11-20T00:00:01.000000Z",
    "connection": {
        "state": "connected",
        "since": "2026-11-20T00:00:01.000000Z",
        "attempt": 0,
        "reconnects": 0,
        "seconds_disconnected": 0.0,
        "last_frame_at": None,
        "unconfirmed": [],
    },
    "slots": {"limit": 41, "held": [{"symbol": "KRW-BTC", "name_ko": "비트코인", "name_en": "Bitcoin"}]},
    "ledger": {
        "frames": {"received": 10, "recorded": 10, "lost": {}},
        "events": {"decoded": 9, "recorded": 8, "refused": {"duplicate": 1}},
        "control": 1,
        "quarantined": 0,
    },
    "rate": {"frames_per_second": 12.5, "records_per_second": 11.0},
    "delay_ms": {"durable_p50": 20.0, "durable_p99": 45.0},
    "journal": {
        "state": "ok",
        "fault": None,
        "since": "2026-11-20T00:00:00.000000Z",
        "pending_bytes": 0,
        "written_bytes": 4096,
    },
    "disk": {"free_bytes": 10**12, "bytes_per_day": 10**9, "days_left": 1000.0},
    "process": {"pid": 1, "cpu_percent": 3.0, "rss_bytes": 10**8},
    "gap_open": None,
}


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The app behind uvicorn on a free port of loopback; gives ``127.0.0.1:<port>``."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, timeout_graceful_shutdown=1, ws_per_message_deflate=False, lifespan="on"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve(sockets=[listening]))
    while not server.started:
        if serving.done():
            serving.result()
        await asyncio.sleep(0.005)
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


class FakeCollector:
    """Answers ``/status`` with ``body``; ``hang`` makes it never answer."""

    def __init__(self) -> None:
        self.body: bytes = json.dumps(STATUS).encode()
        self.hang = False
        self.posted: list[tuple[str, Any]] = []

    async def _status(self, request: web.Request) -> web.StreamResponse:
        """In two pieces, as an answer that is longer than a packet comes."""
        if self.hang:
            await asyncio.sleep(3600)
        answer = web.StreamResponse()
        await answer.prepare(request)
        half = len(self.body) // 2
        await answer.write(self.body[:half])
        await asyncio.sleep(0.005)
        await answer.write(self.body[half:])
        await answer.write_eof()
        return answer

    async def _control(self, request: web.Request) -> web.Response:
        self.posted.append((request.path, await request.json()))
        return web.json_response({})

    @asynccontextmanager
    async def listening(self, data_dir: Path, provider: str = "upbit") -> AsyncIterator[str]:
        """Listens on a free port, and has written its address as a collector does."""
        app = web.Application()
        app.router.add_get("/status", self._status)
        app.router.add_post("/control/{what}", self._control)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        write_address(data_dir, f"http://{host}:{port}/status", provider)
        try:
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()


def write_address(data_dir: Path, url: str, provider: str = "upbit") -> None:
    folder = data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"collect-{provider}.json").write_text(json.dumps({"pid": 1, "url": url}))
