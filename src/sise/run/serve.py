"""``sise serve``: API and page on a socket that this process binds itself.

Binding first means that a busy port is said in one sentence before anything heavy is loaded, and
that port 0 can be announced.
"""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sise.model.errors import BadInput, SiseError
from sise.model.time import NS_PER_SECOND, Clock, SystemClock
from sise.run.lifetime import begin, stop_event
from sise.run.options import ForOption, JsonOption

if TYPE_CHECKING:
    import uvicorn

    from sise.run.settings import Settings

STOP_SECONDS: Final = 2
"""How long open requests may go on after the signal to stop."""
BACKLOG_CONNECTIONS: Final = 256
SECONDS_PER_HOUR: Final = 3_600


class NotStarted(SiseError):
    """The application behind the socket did not come up."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0: any free one.", show_default="8001")
    ] = None,
    seconds: ForOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the read-only API and the page from the journal."""
    settings = begin(host=host, port=port)
    listening = bind(settings.host, settings.port)
    asyncio.run(_serve(settings, listening, seconds, as_json))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises
    ------
    BadInput
        The port is busy, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG_CONNECTIONS)
    except OSError as error:
        listening.close()
        raise _not_bound(error, host, port) from None
    return listening


def base_url(listening: socket.socket) -> str:
    """Where a browser on this machine finds what listens there."""
    host, port = listening.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


def _not_bound(error: OSError, host: str, port: int) -> BadInput:
    if error.errno == errno.EADDRINUSE:
        return BadInput("port", port, "another program listens there: end it, or choose another with --port")
    if error.errno == errno.EACCES:
        return BadInput("port", port, "ports below 1024 need rights: choose another with --port")
    return BadInput("host", host, "it is no address of this machine: try --host 127.0.0.1")


async def _serve(settings: Settings, listening: socket.socket, seconds: float | None, as_json: bool) -> None:
    import uvicorn

    from sise.run.calendars import exceptions_of
    from sise.run.clocks import clock_of
    from sise.serve.app import ServeConfig, create_app

    clock = clock_of(settings.clock)
    config = ServeConfig(
        data_dir=settings.data_dir,
        demo_control=settings.demo_control,
        history_hours=settings.history_hours + _hours_ahead(clock),
        host=settings.host,
        calendar_exceptions=exceptions_of(settings),
    )
    server = _make_server(
        uvicorn.Config(
            create_app(config, clock, SystemClock()),
            log_config=None,
            access_log=settings.log_level == "debug",
            timeout_graceful_shutdown=STOP_SECONDS,
            ws_per_message_deflate=False,  # one encoding for all viewers, and loopback needs no packing
        ),
        when_started=lambda: _announce(base_url(listening), as_json),
    )
    with stop_event(seconds) as stop:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        await serving
    if not server.started:
        raise NotStarted("the server did not start; the lines above say why")


def _hours_ahead(clock: Clock) -> float:
    """How far ``clock`` is ahead of the machine's, by which files are dated; 0 where it is not."""
    ahead = clock.now_ns() - SystemClock().now_ns()
    return max(0, ahead) / NS_PER_SECOND / SECONDS_PER_HOUR


def _announce(url: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"url": f"{url}/dashboard", "api": f"{url}/api"}))
    else:
        typer.echo(f"sise serves {url}/dashboard (API: {url}/api/docs). Ctrl-C ends it.")


def _make_server(config: uvicorn.Config, when_started: Callable[[], None]) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        """Says when it has started, and leaves the signals to us: uvicorn raises them again at its end."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                when_started()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(config)
