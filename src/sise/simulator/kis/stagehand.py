"""What the control API can do to KIS's market beyond faults: surges, notices, and the truth for a check.

==================================  ==============================================================
``POST /control/surge``             ``{"code", "seconds", "rate", "move_percent"}`` from now on
``POST /control/holiday``           ``{"day": "20261123"}``: the exchange stays closed on that later day
``POST /control/notice``            an encrypted notice to who registered for them: ``{"code", …}``
``GET /control/market?code=005930``  what has happened to an issue today, whoever heard it
``GET /control/issues``             all issues with base price, group, flags
==================================  ==============================================================
"""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from sise.model.errors import BadInput
from sise.simulator.control import answer, body_json
from sise.simulator.kis.arrivals import Surge
from sise.simulator.kis.hub import Hub
from sise.simulator.kis.issue import Issue
from sise.simulator.kis.keys import Credentials
from sise.simulator.kis.market import Market
from sise.simulator.kis.notices import encrypted, parse_notice, plaintext
from sise.simulator.kis.records import hhmmss
from sise.simulator.kis.requests import MOCK_NOTICE, REAL_NOTICE
from sise.simulator.kis.tape import Tape

SURGE_SECONDS_MAX: Final = 3_600.0
SURGE_RATE_MAX: Final = 1_000.0
SURGE_MOVE_PERCENT_MAX: Final = 60.0


class SurgeAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """A surge as asked for."""

    code: str
    seconds: float = 120.0
    rate: float = 20.0
    move_percent: float = 0.0


class Stagehand:
    """The routes of KIS's own control calls."""

    def __init__(self, market: Market, hub: Hub, credentials: Credentials) -> None:
        self._market, self._hub, self._credentials = market, hub, credentials

    def routes(self) -> list[web.RouteDef]:
        """To be added to the control API."""
        return [
            web.post("/control/surge", self.surge),
            web.post("/control/holiday", self.holiday),
            web.post("/control/notice", self.notice),
            web.get("/control/market", self.market),
            web.get("/control/issues", self.issues),
        ]

    async def surge(self, request: web.Request) -> web.Response:
        """Make an issue busy."""
        asked = _surge(await body_json(request))
        issue, now_ms = self._issue(asked.code), self._market.now_ms
        end_ms = now_ms + 1 + int(asked.seconds * 1000)
        if not issue.surge(Surge(now_ms + 1, end_ms, asked.rate, asked.move_percent / 100)):
            raise BadInput("code", asked.code, "choose an issue that still trades today and has no surge yet")
        return answer({"code": asked.code, "until": hhmmss(end_ms)}, status=201)

    async def holiday(self, request: web.Request) -> web.Response:
        """Close the exchange on a day to come."""
        asked = await body_json(request)
        day = asked.get("day") if isinstance(asked, dict) else None
        if not isinstance(day, str):
            raise BadInput("day", day, 'write {"day": "20261123"}')
        self._market.declare_holiday(day)
        return answer({"day": day}, status=201)

    async def notice(self, request: web.Request) -> web.Response:
        """Send a notice to every line that registered for them."""
        notice = parse_notice(await body_json(request))
        name = self._issue(notice.code).listing.name
        ours = self._credentials
        text = plaintext(notice, ours.hts_id, ours.account, name, hhmmss(self._market.now_ms))
        sent = 0
        for line in list(self._hub.lines.values()):
            for about, (iv, key) in list(line.registered.items()):
                if about.tr_id in (REAL_NOTICE, MOCK_NOTICE):
                    self._hub.notify(line, about, encrypted(text, key, iv))
                    sent += 1
        return answer({"sent": sent, "plaintext": text}, status=201)

    async def market(self, request: web.Request) -> web.Response:
        """The truth about one issue, as of the market's last step."""
        issue = self._issue(request.query.get("code", ""))
        sums = {
            division: _sums(tape)
            for division in ("J", "NX", "UN")
            if (tape := issue.tape(division)) is not None
        }
        return answer(
            {
                "code": issue.listing.code,
                "name": issue.listing.name,
                "day": issue.day.date,
                "time": hhmmss(self._market.now_ms),
                "base": issue.base,
                "lower": issue.quotes.lower,
                "upper": issue.quotes.upper,
                "halted": issue.listing.halted,
                "in_vi": issue.in_vi,
                "vis": len(issue.vis),
                "close": issue.close,
                "sums": sums,
            }
        )

    async def issues(self, request: web.Request) -> web.Response:
        """What is listed today."""
        rows = [
            {
                "code": issue.listing.code,
                "name": issue.listing.name,
                "market": issue.listing.market,
                "group": issue.listing.group,
                "base": issue.base,
                "halted": issue.listing.halted,
                "warning": issue.listing.warning,
                "nxt": issue.listing.nxt,
                "trades_per_day": round(issue.listing.trades_per_day, 1),
            }
            for issue in self._market.all_unmoved()
        ]
        return answer({"issues": rows})

    def _issue(self, code: str) -> Issue:
        issue = self._market.issue(code)
        if issue is None:
            raise BadInput("code", code, "name a listed issue, such as 005930")
        return issue


def _surge(raw: object) -> SurgeAsked:
    try:
        asked = msgspec.convert(raw, SurgeAsked)
    except msgspec.ValidationError as error:
        raise BadInput("surge", raw, f'write an object such as {{"code": "005930"}} ({error})') from None
    for name, value, low, high in (
        ("seconds", asked.seconds, 1.0, SURGE_SECONDS_MAX),
        ("rate", asked.rate, 0.0, SURGE_RATE_MAX),
        ("move_percent", asked.move_percent, -SURGE_MOVE_PERCENT_MAX, SURGE_MOVE_PERCENT_MAX),
    ):
        if not low <= value <= high:
            raise BadInput(f"surge.{name}", value, f"it must lie between {low:g} and {high:g}")
    return asked


def _sums(tape: Tape) -> dict[str, object]:
    return {
        "trades": tape.trades,
        "volume": tape.volume,
        "value": tape.value,
        "open": tape.open,
        "high": tape.high,
        "low": tape.low,
        "last": tape.last,
    }
