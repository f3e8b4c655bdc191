"""``sise backup``: a day's journal on another machine, proven there, and put back.

``serve`` runs beside the journal; ``pull``, ``verify`` and ``restore`` where the backup lies, on Windows too
(so nothing of the collector's is imported here).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from sise.model.errors import BadInput
from sise.model.time import SystemClock
from sise.run.backup_view import is_well, print_pulled, print_report
from sise.run.lifetime import begin, stop_event
from sise.run.options import ForOption, JsonOption

if TYPE_CHECKING:
    import socket
    import ssl

    from aiohttp import web

    from sise.fleet.pull import Pulled

TOKEN_VARIABLE: Final = "SISE_BACKUP_TOKEN"
TOKEN_CHARACTERS_MIN: Final = 16
DEFAULT_PORT: Final = 8010
STOP_SECONDS: Final = 2.0

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

PathArgument = Annotated[Path, typer.Argument(help="A backup (the folder given to pull), or one day of it.")]


@app.callback()
def backup() -> None:
    """Keep the journal on another machine: serve, pull, verify, restore."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = DEFAULT_PORT,
    cert: Annotated[Path | None, typer.Option(help="TLS certificate (PEM), for https.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Plain http beyond this machine, inside a VPN.")
    ] = False,
    seconds: ForOption = None,
    as_json: JsonOption = False,
) -> None:
    """Offer the journal's days, read-only, to whom has the token SISE_BACKUP_TOKEN."""
    from sise.fleet.server import BackupServer
    from sise.run.clocks import clock_of
    from sise.run.serve import base_url, bind

    settings = begin()
    root, clock = settings.data_dir, clock_of(settings.clock)
    token = _token()
    if not root.is_dir():
        raise BadInput("data_dir (SISE_DATA_DIR)", str(root), "there is no such folder; name a journal's")
    tls = _tls(cert, key)
    if tls is None and not insecure and not _is_loopback(host):
        raise BadInput(
            "--host", host, "http would show the token: add --cert and --key, or --insecure in a VPN"
        )
    listening = bind(host, port)
    url = base_url(listening)
    url = url.replace("http:", "https:", 1) if tls else url
    server = BackupServer(root, token, clock, SystemClock())
    asyncio.run(_serve(server.app, listening, tls, seconds, lambda: _announce(url, root, as_json)))


@app.command()
def pull(
    url: Annotated[str, typer.Argument(help="The server: https://host:port")],
    to: Annotated[Path, typer.Option("--to", help="The folder that keeps the backup.")],
    day: Annotated[
        list[str] | None, typer.Option(help="Only this day, such as 20261120; may be given again.")
    ] = None,
    every_day_at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HH:MM", help="Stay, and pull at this time of Seoul's clock; may be given again."
        ),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="Certificate to trust (PEM), if it is the server's own.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Plain http beyond this machine, inside a VPN.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring days here, verify every file, mark them, tell the server. Exit code 1 where one is not whole."""
    from sise.fleet.schedule import every_day, parse_time
    from sise.journal.package import parse_day
    from sise.run.clocks import clock_of

    clock = clock_of(begin().clock)
    token = _token()
    days = [parse_day(each, "--day") for each in day] if day else None
    times = [parse_time(each) for each in every_day_at or []]
    _check_file("--ca", ca)

    async def once() -> list[Pulled]:
        from sise.fleet.pull import Puller
        from sise.fleet.source import Source

        async with Source(url, token, clock, ca=ca, insecure=insecure) as source:
            return await Puller(source, to, clock).pull(days)

    async def scheduled() -> bool:
        pulled = await once()
        print_pulled(pulled, as_json)
        return all(is_well(each) for each in pulled)

    def failed(sentence: str) -> None:
        if as_json:
            typer.echo(msgspec.json.encode({"ok": False, "error": sentence}))

    if times:
        with suppress(KeyboardInterrupt):
            asyncio.run(every_day(clock, times, scheduled, at_once=True, on_failure=failed))
        return
    pulled = asyncio.run(once())
    print_pulled(pulled, as_json)
    if not all(each.ok if days else is_well(each) for each in pulled):
        raise typer.Exit(1)


@app.command()
def verify(path: PathArgument, as_json: JsonOption = False) -> None:
    """Check every file, list, marker and day of a backup. Exit code 1 where anything is wrong."""
    from sise.fleet.verify import verify as check

    begin()
    print_report(check(path, SystemClock()), as_json, "verified")


@app.command()
def restore(
    path: PathArgument,
    to: Annotated[Path, typer.Option("--to", help="An empty or absent folder.")],
    as_json: JsonOption = False,
) -> None:
    """Put a backup back as a journal, verified file by file. Exit code 1 where a file is not right."""
    from sise.fleet.restore import restore as put_back

    begin()
    print_report(put_back(path, to, SystemClock()), as_json, "restored")


async def _serve(
    app: web.Application,
    listening: socket.socket,
    tls: ssl.SSLContext | None,
    seconds: float | None,
    announce: Callable[[], None],
) -> None:
    from aiohttp import web

    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
    with stop_event(seconds) as stop:
        await runner.setup()
        try:
            await web.SockSite(runner, listening, ssl_context=tls).start()
            announce()
            await stop.wait()
        finally:
            await runner.cleanup()


def _announce(url: str, root: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode({"url": url}))
    else:
        typer.echo(f"sise offers the days of {root} at {url}. Ctrl-C ends it.")


def _token() -> str:
    """The backup's own secret, from the environment or ``.env``: never a provider's key."""
    from dotenv import dotenv_values

    token = os.environ.get(TOKEN_VARIABLE) or dotenv_values(".env").get(TOKEN_VARIABLE) or ""
    if len(token) < TOKEN_CHARACTERS_MIN or not token.isascii() or not token.isprintable() or " " in token:
        remedy = (
            f"set at least {TOKEN_CHARACTERS_MIN} characters, the same on both machines: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
        raise BadInput(TOKEN_VARIABLE, "(hidden)" if token else "", remedy)
    return token


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise BadInput("--cert and --key", "", "give both, or none for http on this machine")
    import ssl

    _check_file("--cert", cert)
    _check_file("--key", key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError):
        raise BadInput("--cert", str(cert), "it and --key are no pair of PEM files") from None
    return context


def _check_file(option: str, path: Path | None) -> None:
    if path is not None and not path.is_file():
        raise BadInput(option, str(path), "there is no such file")


def _is_loopback(host: str) -> bool:
    from sise.fleet.source import is_loopback

    return is_loopback(host)
