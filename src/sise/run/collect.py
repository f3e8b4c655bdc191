"""``sise collect``: record one provider until told to stop.

Beside the collector itself run its health and the operator's door (:mod:`sise.run.collector_server`), a look
at the backups now and then, and, after each turn of a partition, ``sise journal seal`` as a process of its
own, so that compressing never delays a frame.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sise.model.errors import BadInput
from sise.run.lifetime import begin, stop_event
from sise.run.options import ForOption, JsonOption

if TYPE_CHECKING:
    from sise.collect.collector import CollectConfig, Collector
    from sise.providers.contract import Provider
    from sise.run.backup_watch import BackupWatch
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
    from sise.run.backup_watch import BackupWatch
    from sise.run.clocks import clock_of
    from sise.run.collector_server import CollectorServer
    from sise.run.providers import make_provider

    provider = make_provider(name, settings)
    with stop_event(seconds) as stop, _alone(settings.data_dir, name):
        backups = BackupWatch(settings.data_dir, clock_of(settings.clock))
        collector = _make(settings, provider, backups)
        async with backups, CollectorServer(settings.data_dir, name, collector.status, collector.override):
            return await collector.run(stop) | {"url": provider.ws_url}


def _make(settings: Settings, provider: Provider, backups: BackupWatch) -> Collector:
    from sise.collect.collector import Collector
    from sise.journal.disk import OsDisk
    from sise.model.time import SystemClock
    from sise.providers.socket import Socket
    from sise.run.calendars import calendar_of
    from sise.run.clocks import clock_of
    from sise.run.etl_watch import etl_failed

    clock = clock_of(settings.clock)
    return Collector(
        config_of(settings, provider.slots_max),
        provider,
        lambda on_frame: Socket.connect(provider.ws_url, on_frame=on_frame, clock=clock),
        disk=OsDisk(),
        clock=clock,
        machine=SystemClock(),
        rng=SystemRandom(),
        on_rotated=_Sealer(settings.data_dir).start,
        backup_failed=backups.failed,
        etl_failed=etl_failed(settings.data_dir),
        calendar=calendar_of(provider.market, settings),
    )


def config_of(settings: Settings, slots_max: int) -> CollectConfig:
    """What to listen to, as the settings have it, at a provider of ``slots_max`` slots."""
    from sise.collect.collector import CollectConfig
    from sise.collect.ratios import TriggerSettings

    return CollectConfig(
        data_dir=settings.data_dir,
        symbols=tuple(settings.symbols),
        markets=min(settings.markets, slots_max),
        pins=tuple(settings.pins),
        excluded=tuple(settings.excluded),
        least_hold_seconds=settings.slot_hold_seconds,
        score_margin=settings.slot_margin,
        score_min=settings.slot_score_min,
        memory_seconds=settings.slot_memory_seconds,
        triggers=TriggerSettings(rank_value_min=settings.rank_value_min),
        rank_every_seconds=settings.rank_seconds,
        history_candles=0 if settings.symbols else min(settings.history_candles, 200),
        sample_hz=settings.sample_hz,
        swing=settings.swing,
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
