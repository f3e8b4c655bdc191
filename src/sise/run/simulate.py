"""``sise simulate upbit | kis``: the provider's side of the wire on loopback, until told to stop.

The market is made (``--seed``); Upbit's can be replayed from a recorded capture or from a file of
candles (``--replay``), KIS's can be put on any day and run faster (``--day``, ``--speed``). Any client may
be pointed at it; the table at the start says how.
"""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sise.model.errors import BadInput
from sise.model.time import Clock, SystemClock, parse_iso
from sise.run.clocks import clock_of
from sise.run.lifetime import begin, stop_event
from sise.run.options import ForOption, JsonOption, parse_speed

if TYPE_CHECKING:
    from sise.simulator.feed import Feed
    from sise.simulator.kis.server import Addresses as KisAddresses
    from sise.simulator.upbit.server import Addresses

CANDLE_ENDINGS: Final = (".csv", ".csv.gz", ".csv.zst")
BEAT_SECONDS: Final = 0.02
"""Of the market's time, between two looks at it …"""
BEAT_SECONDS_MIN: Final = 0.005
"""… and of the machine's, where the market runs faster."""

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


@app.command()
def kis(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of REST, WebSocket and masters.")] = 0,
    control_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the control API.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same market.")] = 7,
    issues: Annotated[int, typer.Option(min=50, max=5000, help="How many issues to list.")] = 2_700,
    activity: Annotated[
        float, typer.Option(min=0.01, max=20.0, help="Multiplies how many trades there are.")
    ] = 1.0,
    day: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Play this day; without it, today as it is now.")
    ] = None,
    start: Annotated[str, typer.Option("--from", metavar="HH:MM", help="KST, with --day.")] = "07:50",
    speed: Annotated[
        float, typer.Option(parser=parse_speed, metavar="N", help="So many times faster.")
    ] = 1.0,
    mock: Annotated[bool, typer.Option("--mock", help="Play the mock host (모의투자).")] = False,
    widths: Annotated[
        str | None, typer.Option(metavar="T,B", help="Columns of trades and books, such as 46,62.")
    ] = None,
    expected_as_trades: Annotated[
        bool, typer.Option("--expected-as-trades", help="Send auctions' expected trades on H0STCNT0 too.")
    ] = False,
    sticky: Annotated[float, typer.Option(min=0, help="Seconds a cut session keeps its place.")] = 15.0,
    faults: Annotated[
        Path | None, typer.Option(help="Make the faults of this JSON plan.", metavar="FILE")
    ] = None,
    seconds: ForOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play KIS: REST, WebSocket and master files of a Korean trading day, with faults on demand."""
    settings = begin()
    trade_width, book_width = _widths(widths)
    options: dict[str, Any] = {
        "port": port,
        "control_port": control_port,
        "seed": seed,
        "issues": issues,
        "activity": activity,
        "mock": mock,
        "trade_width": trade_width,
        "book_width": book_width,
        "sticky_seconds": sticky,
        "expected_as_trades": expected_as_trades,
    }
    clock = clock_of(settings.clock) if settings.clock else _clock(day, start, speed)
    fast = float(settings.clock.split("@")[1]) if settings.clock else speed
    options["beat_seconds"] = max(BEAT_SECONDS, BEAT_SECONDS_MIN * fast)
    asyncio.run(_simulate_kis(clock, options, faults, seconds, as_json))


def _widths(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise BadInput("--widths", text, "write the columns of trades and of books, such as 47,63")
    return int(parts[0]), int(parts[1])


def _clock(day: str | None, start: str, speed: float) -> Clock:
    from sise.run.clocks import FastClock

    if math.isinf(speed):
        raise BadInput("--speed", "max", "give a number: clients live on the same time")
    if day is not None:
        return FastClock(parse_iso(f"{day}T{start}:00+09:00"), speed)
    system = SystemClock()
    return system if speed == 1.0 else FastClock(system.now_ns(), speed)


async def _simulate_kis(
    clock: Clock, options: dict[str, Any], faults: Path | None, seconds: float | None, as_json: bool
) -> None:
    from sise.simulator.faults import KIS_KINDS, load_plan
    from sise.simulator.kis.server import KisSimulator, KisSimulatorConfig

    plan = () if faults is None else load_plan(faults, KIS_KINDS)
    with stop_event(seconds) as stop:
        simulator = KisSimulator(KisSimulatorConfig(**options, plan=plan), clock)
        addresses = await simulator.start()
        try:
            _announce_kis(addresses, as_json)
            await stop.wait()
        finally:
            await simulator.stop()


def _announce_kis(addresses: KisAddresses, as_json: bool) -> None:
    ours = addresses.credentials
    credentials = {
        "appkey": ours.appkey,
        "appsecret": ours.appsecret,
        "account": ours.account,
        "hts_id": ours.hts_id,
    }
    places = {
        "rest": addresses.rest,
        "ws": addresses.ws,
        "masters": addresses.masters,
        "control": addresses.control,
    }
    if as_json:
        typer.echo(json.dumps(places | {"credentials": credentials}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="KIS is played here", title_justify="left", show_header=False)
    for name, text in (places | credentials).items():
        table.add_row(name, text)
    table.add_section()
    table.add_row("sise", f"SISE_KIS_REST_URL={addresses.rest} SISE_KIS_WS_URL={addresses.ws}")
    table.add_row("cut the line", f"curl -X POST {addresses.control}/control/unplug -d '{{\"seconds\": 15}}'")
    Console(soft_wrap=True).print(table)
    typer.echo("The credentials are valid here only. Ctrl-C ends it.")


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
