"""The server as an ASGI app: the parts are made here, and live as long as the app does."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.websockets import WebSocket

from sise import __version__
from sise.model.hours import SpecialDay
from sise.model.time import Clock
from sise.serve.answering import describe, documented, explain_refusals
from sise.serve.answers import Root
from sise.serve.api import Api, root
from sise.serve.collectors import Collectors
from sise.serve.days import Days
from sise.serve.demo import demo_router
from sise.serve.follow import Following
from sise.serve.hub import Hub
from sise.serve.live import LiveView
from sise.serve.machine import Machine
from sise.serve.observer import ObserverApi
from sise.serve.outgoing import Outgoing
from sise.serve.pages import SafeHeaders, add_pages
from sise.serve.socket import Viewers

log = logging.getLogger(__name__)

LOOPBACK_NAMES: Final = ["127.0.0.1", "localhost", "[::1]"]
PREFIXES: Final = ("/api", "/api/v1")


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """What the server needs to know.

    ``host`` is the address it is bound to: on loopback only loopback names are answered, so that no
    foreign name can be made to point here. ``demo_control`` is the simulator's control address.
    ``calendar_exceptions`` are this installation's own days.
    """

    data_dir: Path
    providers: tuple[str, ...] = ("upbit", "kis")
    demo_control: str | None = None
    history_hours: float = 6.0
    host: str = "127.0.0.1"
    calendar_exceptions: tuple[SpecialDay, ...] = ()


def create_app(config: ServeConfig, clock: Clock, machine: Clock | None = None) -> FastAPI:
    """The app. Following the journal and asking the collectors begin with its lifespan.

    ``clock`` is the market's time; ``machine`` this machine's own, where the market lives in a faster one.
    """
    machine = machine or clock
    demo = config.demo_control is not None
    view = LiveView()
    following = Following(view, config.data_dir, config.providers, config.history_hours, clock, machine)
    days = Days(config.data_dir, config.calendar_exceptions)
    collectors = Collectors(config.data_dir, clock, machine, days.last_event_ns())
    hub = Hub(view, following, lambda: collectors.status(demo=demo), clock, machine)
    viewers = Viewers(hub, demo=demo)
    observer = ObserverApi(config.data_dir, days, collectors, clock)
    api = Api(view, following, collectors, Machine(config.data_dir), observer, clock, demo=demo)
    outgoing = Outgoing()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with _running(
            api,
            {
                "collectors": collectors.run(outgoing),
                "hub": hub.run(),
                "following": following.run(),
            },
        ):
            yield
        days.close()
        await outgoing.close()

    app = FastAPI(
        title="sise",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.get("/", responses=documented(Root), summary="What this is")(root)
    for prefix in PREFIXES:
        app.include_router(api.router(), prefix=prefix)
        app.include_router(demo_router(config.demo_control, outgoing), prefix=prefix)
    add_pages(app)

    @app.websocket("/ws/live")
    async def live(socket: WebSocket) -> None:
        await viewers.serve(socket)

    explain_refusals(app)
    describe(app)
    app.add_middleware(SafeHeaders)
    if ipaddress.ip_address(config.host).is_loopback:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_NAMES, www_redirect=False)
    return app


@asynccontextmanager
async def _running(api: Api, parts: dict[str, Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run the parts beside the server; one that fails is said by the health page, and in the log."""

    def note(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            api.broken = f"{task.get_name()} ended by a fault of this program: restart it"
            log.critical(api.broken, exc_info=task.exception())

    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    for task in tasks:
        task.add_done_callback(note)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
