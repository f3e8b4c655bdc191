"""How these tests ask the API: over the app's own interface, about a small recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from sise.serve.app import ServeConfig, create_app
from tests.serve.recording import Recording, TestClock


@asynccontextmanager
async def client_of(app: FastAPI, host: str = "127.0.0.1:8001") -> AsyncIterator[httpx2.AsyncClient]:
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            yield client


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - what is waited for lies behind the API
            await asyncio.sleep(0.01)


async def caught_up(client: httpx2.AsyncClient) -> None:
    async def is_read() -> bool:
        what = (await client.get("/api/health")).json()["checks"]["following"]["what"]
        return "more to come" not in what

    await until(is_read)


async def status_is(client: httpx2.AsyncClient, state: str, reason: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def is_so() -> bool:
        found.update((await client.get("/api/status")).json())
        return (found["state"], found["reason"]) == (state, reason)

    await until(is_so)
    return found


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    recording = Recording(tmp_path)
    recording.start(0)
    recording.candle(-60, 40.0)
    for second in range(181):
        recording.sample(second, 100.0, prev_close=80.0, volume=1.5)
    recording.trade(10, 101.0)
    recording.gap(130, 140)
    return tmp_path


def app_of(data_dir: Path, **more: Any) -> FastAPI:
    return create_app(ServeConfig(data_dir=data_dir, **more), TestClock(181))
