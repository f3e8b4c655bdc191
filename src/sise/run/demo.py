"""``sise demo``: a market, its recorder and its page in one go, on this machine alone.

Three children: the simulator first, because the others need its addresses; then collector and
server at once. They end in the other order of the data's way: the collector first, so that its
ledger is whole while the market still plays, then the server, then the simulator.

Upbit is played now, until Ctrl-C. KIS is played on a trading day of its own time, which all three share,
and ends with the day (:mod:`sise.run.kis_day`),
or, at ``--speed max``, runs on simulated time (:mod:`sise.run.demo_max`).
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import time
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sise.model.errors import BadInput
from sise.run.children import Child, ChildFailed
from sise.run.demo_plan import DATA_VARIABLE, SIMULATED_MARKETS, Plan, make_plan
from sise.run.lifetime import stop_event
from sise.run.options import ForOption, JsonOption, parse_speed
from sise.run.redact import remember

if TYPE_CHECKING:
    from sise.run.demo_view import StatusLine

DEFAULT_PORT: Final = 8001
START_SECONDS: Final = 20.0
COLLECTOR_END_SECONDS: Final = 8.0
OTHERS_END_SECONDS: Final = 4.0


def demo(
    seconds: ForOption = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
    as_json: JsonOption = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; 0: any free one.")
    ] = DEFAULT_PORT,
    seed: Annotated[int, typer.Option(help="The same seed makes the same market.")] = 7,
    markets: Annotated[
        int, typer.Option(min=1, max=SIMULATED_MARKETS, help="How many markets to record.")
    ] = 41,
    faults: Annotated[
        Path | None, typer.Option(help="Make the faults of this JSON plan.", metavar="FILE")
    ] = None,
    provider: Annotated[str, typer.Option(help="Whom to play and record: upbit or kis.")] = "upbit",
    day: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="kis: the trading day; without it, the last one.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="HH:MM", help="kis: begin then, KST. [default: 08:50]")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="HH:MM", help="kis: end then, KST. [default: 10 min after the close]"),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(parser=parse_speed, metavar="N|max", help="kis: so many times faster. [default: 60]"),
    ] = None,
) -> None:
    """Record a simulated Upbit, or a KIS trading day, and show it: no account and no network needed."""
    _check_port(port)
    plan = make_plan(
        provider, port=port, seed=seed, markets=markets, seconds=seconds, faults=faults,
        day=day, start=start, end=end, speed=speed,
    )  # fmt: skip
    if plan.kis_day is not None and math.isinf(plan.kis_day.speed):
        from sise.run.demo_max import demo_max

        failure = demo_max(plan, plan.kis_day, as_json=as_json)
    else:
        failure = asyncio.run(_demo(plan, as_json=as_json, browser=not (no_browser or as_json)))
    if failure is not None:
        raise failure


def _check_port(port: int) -> None:
    """Say that the port is busy before anything is started."""
    from sise.run.serve import bind

    if port:
        try:
            bind("127.0.0.1", port).close()
        except BadInput as error:
            raise ChildFailed(f"{error}: sise demo --port 0 takes any free one") from None


async def _demo(plan: Plan, *, as_json: bool, browser: bool) -> ChildFailed | None:
    began = time.monotonic()
    stage = Stage(plan)
    with stop_event() as stop:
        try:
            await _unless_stopped(stage.start(), stop)
            if stage.url:
                ready = time.monotonic() - began
                typer.echo(f"sise demo: {stage.url} (ready in {ready:.1f} s; Ctrl-C ends it)", err=True)
                _open_browser(stage.url, browser)
                await stage.play(stop, _status_line(plan, stage, as_json))
        finally:
            await stage.end()
            plan.tidy()
    ledger = stage.ledger()
    if ledger is None:
        return stage.failure
    seconds = time.monotonic() - began
    failure = await _report(plan, ledger, seconds, as_json=as_json)
    return stage.failure or failure


async def _report(plan: Plan, ledger: dict[str, Any], seconds: float, *, as_json: bool) -> ChildFailed | None:
    """Say what was recorded; a KIS day is backed up first. Answers what failed of that."""
    from sise.run import demo_view

    if plan.kis_day is None:
        demo_view.report(ledger, plan.data, seconds, as_json=as_json)
        return None
    from sise.providers.kis.limits import SLOTS
    from sise.run.calendars import calendar_of
    from sise.run.day_report import day_report
    from sise.run.demo_backup import back_up, failure_of
    from sise.run.kis_day import MARKET
    from sise.run.settings import load

    backup = await back_up(plan.data, plan.kis_day)
    calendar = calendar_of(MARKET, load())
    facts = day_report(plan.data, plan.provider, MARKET, plan.kis_day.day, SLOTS[-1].count, calendar)
    facts |= {"backup": backup, "url": ledger["url"]}
    demo_view.report_day(facts, plan.data, seconds, as_json=as_json)
    return failure_of(backup)


class Stage:
    """The three children, in their order."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._children: dict[str, Child] = {}
        self.url = ""
        """Where the page is; empty until everything is ready."""
        self.failure: ChildFailed | None = None

    async def start(self) -> None:
        """Start all three; returns when the page can be used, while the collector chooses its markets.

        Raises
        ------
        ChildFailed
            One of them did not come up.
        """
        plan = self._plan
        simulator = await self._add("simulator", *plan.simulate())
        addresses = await simulator.ready(START_SECONDS)
        remember(addresses.get("credentials", {}).values())
        points = plan.collector_variables(addresses)
        control = {"SISE_DEMO_CONTROL": addresses["control"]}
        _, server = await asyncio.gather(
            self._add("collector", "collect", "--provider", plan.provider, **points),
            self._add("server", "serve", "--host", "127.0.0.1", "--port", str(plan.port), **control),
        )
        self.url = (await server.ready(START_SECONDS))["url"]

    async def play(self, stop: asyncio.Event, line: StatusLine | None) -> None:
        """Until told to stop, until the time is over, or until a child dies (then ``failure`` says so)."""
        asked = asyncio.create_task(stop.wait())
        watching = asyncio.create_task(line.run()) if line else None
        gone = {child.gone: child for child in self._children.values()}
        await asyncio.wait(
            {asked, *gone}, timeout=self._plan.seconds_left(), return_when=asyncio.FIRST_COMPLETED
        )
        self.failure = next((child.failure() for task, child in gone.items() if task.done()), None)
        for task in filter(None, (asked, watching)):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def end(self) -> None:
        """End all children: the collector first, with the time its last lines need."""
        for name in ("collector", "server", "simulator"):
            if name in self._children:
                wait = COLLECTOR_END_SECONDS if name == "collector" else OTHERS_END_SECONDS
                await self._children[name].end(wait)

    def ledger(self) -> dict[str, Any] | None:
        """What the collector counted, with the page's ``url``; ``None`` if nothing was recorded."""
        if not self.url:
            return None
        try:
            return self._children["collector"].result() | {"url": self.url}
        except ChildFailed as failure:
            self.failure = self.failure or failure
            return None

    def collector_pid(self) -> int:
        """The collector's process id."""
        return self._children["collector"].pid

    async def _add(self, name: str, *command: str, **env: str) -> Child:
        data = self._plan.data
        variables = {**self._plan.variables, **env, DATA_VARIABLE: str(data)}
        child = await Child.start(name, [*command, "--json"], variables, data / "run" / f"{name}.log")
        self._children[name] = child
        return child


async def _unless_stopped(work: Awaitable[None], stop: asyncio.Event) -> None:
    task, asked = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not task.done():
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _status_line(plan: Plan, stage: Stage, as_json: bool) -> StatusLine | None:
    if as_json or not sys.stderr.isatty():
        return None
    from sise.run.demo_view import StatusLine

    day = plan.kis_day
    return StatusLine(
        plan.data,
        plan.provider,
        stage.collector_pid(),
        (lambda: "") if day is None else (lambda: f"{day.day} {day.time_at(time.time_ns())}  "),
    )


def _open_browser(url: str, wanted: bool) -> None:
    has_display = sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if wanted and has_display:
        import webbrowser

        webbrowser.open(url)
