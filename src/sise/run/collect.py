"""``sise collect``: record one provider until told to stop.

Beside the collector itself run its health (``GET /status`` on loopback, found through
``run/collect-<provider>.json``), and, after each turn of a partition, ``sise journal seal`` as a
process of its own, so that compressing never delays a frame.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sise.model.errors import BadInput
from sise.run.lifetime import begin, stop_event
from sise.run.options import ForOption, JsonOption

if TYPE_CHECKING:
    from aiohttp import web

    from sise.collect.collector import Collector
    from sise.run.settings import Settings


def collect(
    provider: Annotated[str, typer.Option(help="Whom to listen to: upbit or kis.")] = "upbit",
    symbols: Annotated[
        str | None, typer.Option(help="Exactly these, such as KRW-BTC,KRW-ETH; no list is asked for then.")
    ] = None,
    markets: Annotated[
        int | None, typer.Option(min=1, max=500, help="The so many markets with the highest traded value.")
    ] = None,
    seconds: ForOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record a provider: frames, trades, samples and holes, into the journal."""
    settings = begin(symbols=symbols, markets=markets)
    ledger = asyncio.run(_collect(settings, provider, seconds))
    if as_json:
        typer.echo(json.dumps(ledger, ensure_ascii=False))
    else:
        _print_ledger(ledger, settings.data_dir)


async def _collect(settings: Settings, name: str, seconds: float | None) -> dict[str, Any]:
    from sise.run.providers import make_provider

    provider = make_provider(name, settings)
    with stop_event(seconds) as stop, _alone(settings.data_dir, name):
        collector = _make(settings, provider)
        async with _Health(settings.data_dir, name, collector.status):
            return await collector.run(stop) | {"url": provider.ws_url}


def _make(settings: Settings, provider: Any) -> Collector:
    from sise.collect.collector import CollectConfig, Collector
    from sise.journal.disk import OsDisk
    from sise.model.time import SystemClock
    from sise.providers.socket import Socket
    from sise.run.clocks import clock_of

    clock = clock_of(settings.clock)
    return Collector(
        CollectConfig(
            data_dir=settings.data_dir,
            symbols=tuple(settings.symbols),
            markets=min(settings.markets, provider.slots_max),
            history_candles=0 if settings.symbols else min(settings.history_candles, 200),
            sample_hz=settings.sample_hz,
            swing=settings.swing,
        ),
        provider,
        lambda on_frame: Socket.connect(provider.ws_url, on_frame=on_frame, clock=clock),
        disk=OsDisk(),
        clock=clock,
        machine=SystemClock(),
        rng=SystemRandom(),
        on_rotated=_Sealer(settings.data_dir).start,
    )


@contextmanager
def _alone(data_dir: Path, provider: str) -> Iterator[None]:
    """One collector a provider and data folder: two would write over each other."""
    import fcntl  # POSIX only; the commands of the backup run on Windows too

    folder = data_dir / "run"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / f"collect-{provider}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BadInput(
            "data_dir (SISE_DATA_DIR)", str(data_dir), f"it cannot be written: {error.strerror}"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BadInput(
            "data_dir (SISE_DATA_DIR)",
            str(data_dir),
            f"another collector records {provider} there; stop it, or name another folder",
        ) from None
    try:
        yield
    finally:
        os.close(lock)


class _Sealer:
    """Starts ``sise journal seal`` for a data folder, one at a time."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._seal())

    async def _seal(self) -> None:
        from sise.journal.seal import QUIET_SECONDS

        await asyncio.sleep(QUIET_SECONDS + 5)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sise",
            "journal",
            "seal",
            "--json",
            env={**os.environ, "SISE_DATA_DIR": str(self._data_dir)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await process.wait()


class _Health:
    """``GET /status`` on loopback, and the file that says where."""

    def __init__(self, data_dir: Path, provider: str, status: Callable[[], dict[str, Any]]) -> None:
        self._path = data_dir / "run" / f"collect-{provider}.json"
        self._status = status
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> None:
        from aiohttp import web

        async def answer(_: web.Request) -> web.Response:
            return web.json_response(self._status())

        app = web.Application()
        app.router.add_get("/status", answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/status"
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"pid": os.getpid(), "url": url}))
        temporary.rename(self._path)

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self._path.unlink(missing_ok=True)
        await self._runner.cleanup()


def _print_ledger(ledger: dict[str, Any], data_dir: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    frames, events = ledger["frames"], ledger["events"]
    table = Table(title=f"The ledger of this session ({data_dir})", title_justify="left")
    for column, style in (("", ""), ("came in", ""), ("recorded", "green"), ("not recorded", "yellow")):
        table.add_column(column, justify="right" if column else "left", style=style)
    lost = ", ".join(f"{count:,} {reason}" for reason, count in frames["lost"].items())
    refused = ", ".join(f"{count:,} {reason}" for reason, count in events["refused"].items())
    table.add_row("frames", f"{frames['received']:,}", f"{frames['recorded']:,}", lost or "0")
    table.add_row("events", f"{events['decoded']:,}", f"{events['recorded']:,}", refused or "0")
    console = Console(soft_wrap=True)
    console.print(table)
    for gap in ledger["gaps"]:
        console.print(f"gap  {gap['start']} – {gap['end'] or '(open)'}  {gap['scope']}  {gap['reason']}")
