"""``sise simulate upbit``: the provider's side of the wire on loopback, until told to stop.

The market is made (``--seed``), or replayed from a recorded capture or from a file of candles
(``--replay``). Any client may be pointed at it; the table at the start says how.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sise.model.errors import BadInput
from sise.model.time import SystemClock, parse_iso
from sise.run.lifetime import begin, stop_event
from sise.run.options import ForOption, JsonOption, parse_speed

if TYPE_CHECKING:
    from sise.simulator.feed import Feed
    from sise.simulator.upbit.server import Addresses

CANDLE_ENDINGS: Final = (".csv", ".csv.gz", ".csv.zst")

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def simulate() -> None:
    """Play a provider on loopback, for tests and demos."""


@app.command()
def upbit(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="REST and WebSocket port; 0: any free one.")
    ] = 0,
    control_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the control API.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same market.")] = 7,
    markets: Annotated[int, typer.Option(min=1, max=60, help="How many KRW markets to make.")] = 60,
    tls: Annotated[bool, typer.Option("--tls", help="Speak https and wss.")] = False,
    replay: Annotated[
        Path | None, typer.Option(help="Replay this capture, or these candles (.csv).", metavar="FILE")
    ] = None,
    speed: Annotated[
        float, typer.Option(parser=parse_speed, metavar="N|max", help="Speed of the replay.")
    ] = 1.0,
    code: Annotated[str | None, typer.Option(help="Symbol of the candles, such as KRW-BTC.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone of times in FILE that name none.")] = "UTC",
    start: Annotated[str | None, typer.Option(metavar="ISO", help="Replay from here (included).")] = None,
    end: Annotated[str | None, typer.Option(metavar="ISO", help="Replay to here (excluded).")] = None,
    faults: Annotated[
        Path | None, typer.Option(help="Make the faults of this JSON plan.", metavar="FILE")
    ] = None,
    seconds: ForOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play Upbit: REST and WebSocket, as measured, with faults on demand."""
    begin()
    feed = (
        _live_market(seed, markets)
        if replay is None
        else _replay(replay, speed=speed, code=code, zone=zone, start=start, end=end)
    )
    options: dict[str, Any] = {
        "port": port,
        "control_port": control_port,
        "tls": tls,
        "seed": seed,
        "markets": markets,
    }
    asyncio.run(_simulate(feed, options, faults, seconds, as_json))


def _live_market(seed: int, markets: int) -> Feed:
    from sise.simulator.market import LiveMarket

    return LiveMarket(seed=seed, markets=markets)


def _replay(
    path: Path, *, speed: float, code: str | None, zone: str, start: str | None, end: str | None
) -> Feed:
    from sise.simulator.replay import CandleReplay, CaptureReplay

    if not path.is_file():
        raise BadInput("--replay", str(path), "name a file that exists")
    if not path.name.endswith(CANDLE_ENDINGS):
        return CaptureReplay(path, speed)
    if code is None:
        raise BadInput("--code", code, "say whose candles these are, for example --code KRW-BTC")
    return CandleReplay(path, code=code, speed=speed, start=_moment(start), end=_moment(end), zone=zone)


def _moment(text: str | None) -> int | None:
    return None if text is None else parse_iso(text)


async def _simulate(
    feed: Feed, options: dict[str, Any], faults: Path | None, seconds: float | None, as_json: bool
) -> None:
    from sise.simulator.faults import load_plan
    from sise.simulator.upbit.server import UpbitSimulator, UpbitSimulatorConfig

    plan = () if faults is None else load_plan(faults)
    with stop_event(seconds) as stop:
        simulator = UpbitSimulator(UpbitSimulatorConfig(**options, plan=plan), feed, SystemClock())
        addresses = await simulator.start()
        try:
            _announce(addresses, as_json)
            await stop.wait()
        finally:
            await simulator.stop()


def _announce(addresses: Addresses, as_json: bool) -> None:
    if as_json:
        names = {"rest": addresses.rest, "ws": addresses.ws, "control": addresses.control}
        authority = {"ca": str(addresses.ca)} if addresses.ca else {}
        typer.echo(json.dumps(names | authority))
    else:
        _print_table(addresses)


def _print_table(addresses: Addresses) -> None:
    from rich.console import Console
    from rich.table import Table

    rest, ws = addresses.rest, addresses.ws
    table = Table(title="Upbit is played here", title_justify="left", show_header=False)
    table.add_row("REST", f"{rest}/v1/market/all")
    table.add_row("WebSocket", ws)
    table.add_row("control", f"{addresses.control}/control/state")
    table.add_section()
    table.add_row("sise", f"SISE_UPBIT_REST_URL={rest} SISE_UPBIT_WS_URL={ws} sise collect")
    table.add_row("ccxt", f"exchange.urls['api'] = {{'public': '{rest}', 'private': '{rest}', 'ws': '{ws}'}}")
    table.add_row("cut the line", f"curl -X POST {addresses.control}/control/unplug -d '{{\"seconds\": 15}}'")
    if addresses.ca:
        table.add_row("certificate", f"SSL_CERT_FILE={addresses.ca}")
    Console(soft_wrap=True).print(table)
    typer.echo("Ctrl-C ends it.")
