"""KIS on loopback: one port for REST, WebSocket and the master files, one for control, and the pump.

The pump moves the market on to the clock's now and sends what came of it. All waits and limits are in the
clock's time: on a clock that runs sixty times faster a day passes in minutes, and so do token lives,
rate limits and keep-alives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from sise.model.errors import BadInput
from sise.model.time import NS_PER_MS, Clock
from sise.simulator.control import control_app
from sise.simulator.faults import KIS_KINDS, Fault, FaultBoard, Plan, PlannedFault
from sise.simulator.kis import rules
from sise.simulator.kis.hub import Hub
from sise.simulator.kis.keys import Credentials, Keys, credentials_of
from sise.simulator.kis.market import Market
from sise.simulator.kis.quotation import Quotation
from sise.simulator.kis.records import BOOK_WIDTHS, TRADE_WIDTHS, Writer
from sise.simulator.kis.rest import Rest, maintenance
from sise.simulator.kis.sockets import Sockets
from sise.simulator.kis.stagehand import Stagehand
from sise.simulator.listening import Listening, cancelled, start_pump
from sise.simulator.loopback import LoopbackSimulator
from sise.simulator.sent import SentLog

STOP_SECONDS: Final = 1.0


@dataclass(frozen=True)
class KisSimulatorConfig:
    """What can be chosen. The defaults are what was measured.

    Parameters
    ----------
    host : the address to listen on; the control API is on 127.0.0.1 always.
    port, control_port : 0 takes a free one.
    seed : decides the market, the credentials, keys, and which frames faults strike.
    issues : how many issues are listed.
    activity : multiplies how many trades there are.
    mock : play the mock host: one call a second, fewer TRs.
    trade_width, book_width : columns of H0STCNT0 (46, 47) and H0STASP0 (59, 62, 63); ``None``: by the day.
    sticky_seconds : for so long a session that ended uncleanly keeps its place.
    beat_seconds : of the clock, between two looks at the market.
    expected_as_trades : send expected trades of auctions on H0STCNT0 too (whether KIS does is not known).
    holidays : days (``YYYYMMDD``) on which the exchange stays closed by a sudden decision.
    plan : faults to come.
    """

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    seed: int = 7
    issues: int = 2_700
    activity: float = 1.0
    mock: bool = False
    trade_width: int | None = None
    book_width: int | None = None
    sticky_seconds: float = 15.0
    beat_seconds: float = 0.02
    expected_as_trades: bool = False
    holidays: tuple[str, ...] = ()
    plan: tuple[PlannedFault, ...] = ()


@dataclass(frozen=True)
class Addresses:
    """Where the simulator listens, and who may come in. ``masters`` is where the symbol files lie."""

    rest: str
    ws: str
    masters: str
    control: str
    credentials: Credentials


class KisSimulator(LoopbackSimulator[Addresses]):
    """KIS on loopback."""

    def __init__(self, config: KisSimulatorConfig, clock: Clock) -> None:
        super().__init__(config.host, config.port, config.control_port)
        self.sent = SentLog("acml_vol")
        self._config, self._clock = config, clock
        self._board = FaultBoard(clock, config.seed)
        self._keys = Keys(
            credentials_of(config.seed, mock=config.mock), clock, config.sticky_seconds, config.seed
        )
        day = rules.day_of(clock.now_ns())
        trade_width = _width("trade_width", config.trade_width, TRADE_WIDTHS, _trade_width(day))
        book_width = _width("book_width", config.book_width, BOOK_WIDTHS, _book_width(day))
        market = self._market = Market(config.seed, config.issues, config.activity, config.holidays)
        market.start(clock.now_ns())
        writer = Writer(
            trade_width,
            book_width,
            lambda: self._board.offset_ns() // NS_PER_MS,
            lambda issue: market.history.previous(issue.listing).volume,
        )
        self._hub = Hub(market, writer, expected_as_trades=config.expected_as_trades)
        seed, mock = config.seed, config.mock
        rest = Rest(market, Quotation(market, writer), self._keys, self._board, clock, seed=seed, mock=mock)
        self._sockets: Sockets = Sockets(
            self._hub, self._keys, self._board, self.sent, clock, maintenance, seed=seed, mock=mock
        )
        self._rest = rest
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._any)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
        stagehand = Stagehand(market, self._hub, self._keys.credentials)
        control = control_app(self, KIS_KINDS, stagehand.routes())
        self._control = web.AppRunner(control, access_log=None, shutdown_timeout=STOP_SECONDS)
        self._listening = Listening(self._runner, self._board, config.host, config.port)
        self._plan = Plan(config.plan, clock)

    def _begun(self, fault: Fault) -> None:
        if fault.kind == "token_expired":
            self._keys.expire_all()
        if fault.kind == "sticky_slot":
            self._keys.stick(fault.seconds or 0.0)
            self._sockets.cut_all()

    def state(self) -> dict[str, object]:
        """Lines, counts and faults, for the control API."""
        lines = list(self._hub.lines.values())
        return {
            "connections": [line.state() for line in lines],
            "subscriptions": sum(len(line.registered) for line in lines),
            "sent": dict(self.sent.counts),
            "faults": self._board.state(),
            "unplugged": self._board.active("unplug") is not None,
            "listening": self._listening.is_open,
            "day": self._market.day.date,
            "keys": self._keys.state(),
        }

    def secrets(self) -> tuple[str, ...]:
        """What a client was given or holds, and may write down nowhere."""
        ours = self._keys.credentials
        return (ours.appkey, ours.appsecret, ours.account, ours.hts_id, *self._keys.issued())

    async def _any(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._sockets.accept(request)
        return await self._rest.handle(request)

    async def _start(self) -> Addresses:
        config = self._config
        for runner in (self._runner, self._control):
            await runner.setup()
            self._done.push_async_callback(runner.cleanup)
        self._done.callback(self._board.end)
        self._done.callback(self._sockets.cut_all)
        await self._listening.open()
        self._done.push_async_callback(self._listening.close)
        control = web.TCPSite(self._control, "127.0.0.1", config.control_port)
        await control.start()
        self._plan.start()
        self._done.push_async_callback(cancelled, start_pump(self._pump()))
        place = f"{config.host}:{self._listening.port}"
        return Addresses(
            rest=f"http://{place}",
            ws=f"ws://{place}",
            masters=f"http://{place}/common/master",
            control=f"http://127.0.0.1:{self._control.addresses[0][1]}",
            credentials=self._keys.credentials,
        )

    async def _pump(self) -> None:
        while True:
            for fault in self._plan.due():
                await self._begin_planned(fault)
            await self._listening.obey_faults()
            if self._market.step(self._clock.now_ns()):
                self._hub.step()
            self._sockets.tick()
            await self._clock.sleep(self._config.beat_seconds)


def _trade_width(day: str) -> int:
    return TRADE_WIDTHS[day >= rules.AFTER_MARKET_SINCE]


def _book_width(day: str) -> int:
    return BOOK_WIDTHS[(day >= rules.MID_PRICE_COLUMNS_SINCE) + (day >= rules.AFTER_MARKET_SINCE)]


def _width(name: str, asked: int | None, known: tuple[int, ...], usual: int) -> int:
    if asked is None:
        return usual
    if asked not in known:
        raise BadInput(name, asked, f"use one of {' '.join(map(str, known))}")
    return asked
