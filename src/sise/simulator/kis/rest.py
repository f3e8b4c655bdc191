"""The HTTP side: OAuth, the gateway's checks, the calls, the master files, and the faults around them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from sise.model.time import NS_PER_SECOND, Clock, iso
from sise.simulator.faults import FaultBoard
from sise.simulator.kis.answers import JSON_TYPE, Refused, error_response, json_response
from sise.simulator.kis.keys import TOKEN_SECONDS, KeyRefused, Keys
from sise.simulator.kis.limits import Calls, calls_per_second
from sise.simulator.kis.market import Market
from sise.simulator.kis.masters import FILES, master_zip
from sise.simulator.kis.quotation import Quotation
from sise.simulator.kis.rules import KST_OFFSET_NS
from sise.simulator.restfaults import cut, dripped, is_cut

MASTER_PATH: Final = "/common/master/"
MAINTENANCE_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="ko"><head><meta charset="utf-8"><title>한국투자증권</title></head>'
    "<body><h1>시스템 점검 중입니다</h1><p>이용에 불편을 드려 죄송합니다.</p></body></html>\n"
).encode()


def maintenance() -> web.Response:
    """The page that comes instead of JSON, with status 200."""
    return web.Response(body=MAINTENANCE_PAGE, content_type="text/html", charset="utf-8")


class Rest:
    """Answers every request that is no WebSocket's."""

    def __init__(
        self,
        market: Market,
        quotation: Quotation,
        keys: Keys,
        board: FaultBoard,
        clock: Clock,
        *,
        seed: int,
        mock: bool,
    ) -> None:
        self._market, self._quotation, self._keys = market, quotation, keys
        self._board, self._clock, self._mock = board, clock, mock
        self._calls = Calls(clock)
        self._random = Random(f"gt_uid {seed}")
        self._oauth: dict[str, Callable[[dict[str, Any]], web.Response]] = {
            "/oauth2/tokenP": self._token,
            "/oauth2/Approval": self._approval,
            "/oauth2/revokeP": self._revoke,
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, one answer; or none, where a fault says so."""
        if await is_cut(request, self._board, self._clock):
            return cut(request)
        if self._board.take("html", "rest"):
            return maintenance()
        try:
            response = await self._answer(request)
        except (Refused, KeyRefused) as refused:
            response = error_response(refused.code)
        if self._board.take("drip", "rest"):
            return await dripped(request, response, self._board, self._clock)
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.path
        if path.startswith(MASTER_PATH):
            return self._master(path.removeprefix(MASTER_PATH))
        if (oauth := self._oauth.get(path)) is not None and request.method == hdrs.METH_POST:
            return oauth(await _body(request))
        if path == "/uapi/hashkey" and request.method == hdrs.METH_POST:
            return await self._hashkey(request)
        call = self._quotation.calls.get(path)
        if call is None or request.method != hdrs.METH_GET:
            return web.Response(status=404, text="Not Found")
        self._admit(request.headers)
        if request.headers.get("tr_id") != call.tr_id:
            raise Refused("OPSQ0002")
        if self._mock and not call.mock:
            raise Refused("EGW00213")
        answer = call.answer({name.upper(): value for name, value in request.query.items()})
        headers = {"tr_id": call.tr_id, "tr_cont": answer.cont, "gt_uid": self._uid()}
        return json_response(answer.body(), headers=headers)

    def _admit(self, headers: Mapping[str, str]) -> None:
        """What the gateway looks at before anything else."""
        if fault := self._board.take("rest_error", "rest"):
            raise Refused(fault.code or "EGW00201")
        self._keys.check(headers.get("appkey"), headers.get("appsecret"))
        if not self._calls.allows(calls_per_second(self._market.day.date, mock=self._mock)):
            raise Refused("EGW00201")
        self._keys.check_token(headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer ").strip())
        if headers.get("custtype", "P") not in ("P", "B"):
            raise Refused("EGW00208")

    def _token(self, body: dict[str, Any]) -> web.Response:
        self._keys.check(body.get("appkey"), body.get("appsecret"))
        token = self._keys.token()
        expires = iso(token.expires_ns + KST_OFFSET_NS)
        return json_response(
            {
                "access_token": token.text,
                "access_token_token_expired": f"{expires[:10]} {expires[11:19]}",
                "token_type": "Bearer",
                "expires_in": min(TOKEN_SECONDS, (token.expires_ns - self._clock.now_ns()) // NS_PER_SECOND),
            }
        )

    def _approval(self, body: dict[str, Any]) -> web.Response:
        self._keys.check(body.get("appkey"), body.get("secretkey"))
        return json_response({"approval_key": self._keys.approval()})

    def _revoke(self, body: dict[str, Any]) -> web.Response:
        self._keys.check(body.get("appkey"), body.get("appsecret"))
        if not self._keys.revoke(body.get("token")):
            raise KeyRefused("EGW00121")
        return json_response({"code": 200, "message": "접근토큰 폐기에 성공하였습니다"})

    async def _hashkey(self, request: web.Request) -> web.Response:
        self._keys.check(request.headers.get("appkey"), request.headers.get("appsecret"))
        body = await _body(request)
        return json_response({"BODY": body, "HASH": hashlib.sha256(msgspec.json.encode(body)).hexdigest()})

    def _master(self, name: str) -> web.Response:
        stem = name.removesuffix(".zip")
        if stem not in FILES or not name.endswith(".zip"):
            return web.Response(status=404, text="Not Found")
        data = master_zip(stem, list(self._market.all_unmoved()), self._market.history)
        return web.Response(body=data, content_type="application/zip")

    def _uid(self) -> str:
        return uuid.UUID(int=self._random.getrandbits(128), version=4).hex


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type != JSON_TYPE.partition(";")[0]:
        raise Refused("EGW00132")
    try:
        body = msgspec.json.decode(await request.read())
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        raise Refused("EGW00002")
    return body
