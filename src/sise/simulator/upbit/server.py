"""Upbit on loopback: one port for REST and WebSocket, one for control, and the pump between them.

The pump asks the feed what happened and hands it to the hub, some fifty times a second; timers and
faults are looked after on the same beat. A replay begins with the first active subscription and waits
for slow lines, so that every frame arrives; a live market waits for nobody and cuts who does not read.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from sise.model.time import Clock
from sise.simulator.control import control_app
from sise.simulator.faults import FaultBoard, Plan, PlannedFault
from sise.simulator.feed import Feed
from sise.simulator.listening import Listening, cancelled, start_pump
from sise.simulator.loopback import LoopbackSimulator
from sise.simulator.market import LiveMarket
from sise.simulator.sent import SentLog
from sise.simulator.tls import make_certificate, server_context
from sise.simulator.upbit.hub import Hub
from sise.simulator.upbit.limits import RateLimiter
from sise.simulator.upbit.quotation import Quotation
from sise.simulator.upbit.rest import Rest, TooManyBody
from sise.simulator.upbit.sockets import Sockets

PUMP_SECONDS: Final = 0.02
STOP_SECONDS: Final = 1.0
WS_PATH: Final = "/websocket/v1"
MEASURED_IDLE_CLOSE_SECONDS: Final = 60.5


@dataclass(frozen=True)
class UpbitSimulatorConfig:
    """What can be chosen. The defaults are what was measured.

    Parameters
    ----------
    host : the address to listen on; the control API is on 127.0.0.1 always.
    port, control_port : 0 takes a free one.
    tls : https and wss, with a certificate made at start.
    seed : decides delays and which frames faults strike.
    idle_close_seconds : after so long without traffic a line is ended without a close frame
        (measured; the documents say 120).
    too_many_requests_body : the form of 429 answers, which is not known for sure.
    snapshot_delay_ms : between what and what the first snapshots come after a request.
    markets : how many KRW markets the live market is to have; for whoever makes the feed.
    beat_seconds : of the clock, between two looks at the market.
    replay : begin the feed at the first active subscription, and wait for slow lines; ``None``: for
        every feed but the live market.
    plan : faults to come.
    """

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    tls: bool = False
    seed: int = 7
    idle_close_seconds: float = MEASURED_IDLE_CLOSE_SECONDS
    too_many_requests_body: TooManyBody = "json"
    snapshot_delay_ms: tuple[int, int] = (172, 354)
    markets: int = 60
    replay: bool | None = None
    beat_seconds: float = PUMP_SECONDS
    plan: tuple[PlannedFault, ...] = ()


@dataclass(frozen=True)
class Addresses:
    """Where the simulator listens. ``ca``: the certificate that clients must trust, with TLS only."""

    rest: str
    ws: str
    control: str
    ca: str | None


class UpbitSimulator(LoopbackSimulator[Addresses]):
    """Upbit on loopback."""

    def __init__(self, config: UpbitSimulatorConfig, feed: Feed, clock: Clock) -> None:
        super().__init__(config.host, config.port, config.control_port)
        self.sent = SentLog()
        self._config, self._feed, self._clock = config, feed, clock
        self._replay = not isinstance(feed, LiveMarket) if config.replay is None else config.replay
        self._board = FaultBoard(clock, config.seed)
        limiter = RateLimiter(clock)
        self._hub = Hub(feed, clock, self._board, config.snapshot_delay_ms, config.seed)
        rest = Rest(Quotation(feed), limiter, self._board, clock, config.too_many_requests_body, clock.now_ns)
        self._sockets = Sockets(
            self._hub,
            rest,
            limiter,
            self._board,
            self.sent,
            clock,
            config.idle_close_seconds,
            config.seed,
        )
        app = web.Application()
        app.router.add_get(WS_PATH, self._sockets.public)
        app.router.add_get(f"{WS_PATH}/private", self._sockets.private)
        app.router.add_route("*", "/{path:.*}", rest.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
        self._control = web.AppRunner(control_app(self), access_log=None, shutdown_timeout=STOP_SECONDS)
        self._context: ssl.SSLContext | None = None
        self._listening = Listening(self._runner, self._board, config.host, config.port)
        self._plan = Plan(config.plan, clock)
        self._feed_started = False

    def state(self) -> dict[str, object]:
        """Lines, counts and faults, for the control API."""
        lines = [line.state() for line in self._hub.lines.values()]
        return {
            "connections": lines,
            "subscriptions": sum(len(line.active) for line in self._hub.lines.values()),
            "sent": dict(self.sent.counts),
            "faults": self._board.state(),
            "unplugged": self._board.active("unplug") is not None,
            "listening": self._listening.is_open,
            "replay": self._replay,
            "started": self._feed_started,
            "finished": self._feed.finished(),
        }

    async def _start(self) -> Addresses:
        config, ca = self._config, None
        if config.tls:
            folder = Path(self._done.enter_context(tempfile.TemporaryDirectory(prefix="sise-simulator-")))
            certificate, key = make_certificate(folder, self._clock.now_ns())
            self._context, ca = server_context(certificate, key), str(certificate)
        for runner in (self._runner, self._control):
            await runner.setup()
            self._done.push_async_callback(runner.cleanup)
        self._done.callback(self._board.end)
        self._done.callback(self._sockets.cut_all)
        await self._listening.open(self._context)
        self._done.push_async_callback(self._listening.close)
        control = web.TCPSite(self._control, "127.0.0.1", config.control_port)
        await control.start()
        if not self._replay:
            self._begin_feed()
        self._plan.start()
        self._done.push_async_callback(cancelled, start_pump(self._pump()))
        secure = "s" if config.tls else ""
        control_port = self._control.addresses[0][1]
        return Addresses(
            rest=f"http{secure}://{config.host}:{self._listening.port}",
            ws=f"ws{secure}://{config.host}:{self._listening.port}{WS_PATH}",
            control=f"http://127.0.0.1:{control_port}",
            ca=ca,
        )

    async def _pump(self) -> None:
        while True:
            for fault in self._plan.due():
                await self._begin_planned(fault)
            await self._listening.obey_faults()
            self._sockets.tick()
            if self._replay and self._hub.anyone_subscribed():
                self._begin_feed()
            if self._feed_started and (not self._replay or self._hub.has_room()):
                self._hub.publish(self._feed.step(self._clock.now_ns()))
            self._hub.tick()
            await self._clock.sleep(self._config.beat_seconds)

    def _begin_feed(self) -> None:
        if not self._feed_started:
            self._feed_started = True
            self._feed.start(self._clock.now_ns())
