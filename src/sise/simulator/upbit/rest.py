"""The HTTP side: limits, headers, errors and faults around :class:`Quotation`'s answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from email.utils import formatdate
from typing import Final, Literal

import msgspec
from aiohttp import hdrs, web

from sise.model.time import NS_PER_SECOND, Clock
from sise.simulator.faults import FaultBoard
from sise.simulator.restfaults import cut, dripped, is_cut
from sise.simulator.upbit.accounts import ACCOUNTS, TokenCheck
from sise.simulator.upbit.limits import RULES, RateLimiter, Verdict
from sise.simulator.upbit.parameters import RestError, no_route
from sise.simulator.upbit.quotation import Quotation

TooManyBody = Literal["json", "text"]

JSON_TYPE: Final = "application/json;charset=UTF-8"
HTML_TYPE: Final = "text/html; charset=utf-8"
TOO_MANY_TEXT: Final = "Too many API requests."
"""The text that pyupbit looks for; whether Upbit still sends it so is not known."""
MAINTENANCE_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="ko"><head><meta charset="utf-8"><title>Upbit</title></head>'
    "<body><h1>서비스 점검 중입니다</h1><p>더 나은 서비스를 위해 점검하고 있습니다.</p></body></html>\n"
).encode()
_ACCOUNTS_PATH: Final = "/v1/accounts"


class Rest:
    """Answers every request that is not the WebSocket's."""

    def __init__(
        self,
        quotation: Quotation,
        limiter: RateLimiter,
        board: FaultBoard,
        clock: Clock,
        too_many_body: TooManyBody,
        feed_now_ns: Callable[[], int],
    ) -> None:
        self._quotation, self._limiter, self._board = quotation, limiter, board
        self._clock, self._too_many_body = clock, too_many_body
        self._feed_now_ns = feed_now_ns
        self._tokens = TokenCheck()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, one answer; or none, where a fault says so."""
        if await is_cut(request, self._board, self._clock):
            return cut(request)
        if self._board.take("html", "rest"):
            return web.Response(body=MAINTENANCE_PAGE, headers=self._headers(HTML_TYPE, cached=True))
        response = self._answer(request)
        if request.method == hdrs.METH_GET and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            response.enable_compression(web.ContentCoding.gzip)
        if self._board.take("drip", "rest"):
            return await dripped(request, response, self._board, self._clock)
        return response

    def too_many(self, verdict: Verdict) -> web.Response:
        """The answer to a request over its limit: 429, or 418 which says for how long."""
        headers = self._headers(JSON_TYPE, remaining=verdict.remaining)
        if verdict.status == 418:
            message = f"Too many API requests. You are blocked for {verdict.blocked_seconds} seconds."
            body = {"error": {"name": 418, "message": message}}
            return web.Response(status=418, body=msgspec.json.encode(body), headers=headers)
        if self._too_many_body == "text":
            headers[hdrs.CONTENT_TYPE] = "text/plain;charset=UTF-8"
            return web.Response(status=429, body=TOO_MANY_TEXT.encode(), headers=headers)
        body = {"error": {"name": "too_many_requests", "message": TOO_MANY_TEXT}}
        return web.Response(status=429, body=msgspec.json.encode(body), headers=headers)

    def _answer(self, request: web.Request) -> web.Response:
        path = request.path.rstrip("/")
        group = "default" if path == _ACCOUNTS_PATH else self._quotation.group_of(path)
        if group is None or request.method != hdrs.METH_GET:
            return self._error(no_route(), None)
        if group != "default" and hdrs.ORIGIN in request.headers:
            group = "origin"
        verdict = self._verdict(request, group)
        if verdict.status != 200:
            return self.too_many(verdict)
        try:
            body = self._body(request, path)
        except RestError as error:
            return self._error(error, verdict.remaining)
        headers = self._headers(JSON_TYPE, remaining=verdict.remaining, cached=True)
        headers["ETag"] = f'W/"0{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        if group != "default":
            headers["Limit-By-Ip"] = "Yes"
        return web.Response(body=body, headers=headers)

    def _verdict(self, request: web.Request, group: str) -> Verdict:
        if fault := self._board.take("rest_418", "rest"):
            return Verdict(
                418, f"group={group}; min={RULES[group].shown_min}; sec=0", int(fault.seconds or 10)
            )
        if self._board.take("rest_429", "rest"):
            return Verdict(429, f"group={group}; min={RULES[group].shown_min}; sec=0")
        return self._limiter.take(request.remote or "", group)

    def _body(self, request: web.Request, path: str) -> bytes:
        if path == _ACCOUNTS_PATH:
            self._tokens.check(request.headers.get(hdrs.AUTHORIZATION))
            return ACCOUNTS
        answer = self._quotation.answer(path, request.query, self._feed_now_ns(), self._board.offset_ns())
        return answer.encode()

    def _error(self, error: RestError, remaining: str | None) -> web.Response:
        headers = self._headers(JSON_TYPE, remaining=remaining)
        return web.Response(status=error.status, body=error.body(), headers=headers)

    def _headers(
        self, content_type: str, *, remaining: str | None = None, cached: bool = False
    ) -> dict[str, str]:
        now = (self._clock.now_ns() + self._board.offset_ns()) / NS_PER_SECOND
        headers: dict[str, str] = {
            hdrs.CONTENT_TYPE: content_type,
            hdrs.DATE: formatdate(now, usegmt=True),
        }
        if remaining is not None:
            headers["Remaining-Req"] = remaining
        if cached:
            headers[hdrs.CACHE_CONTROL] = "no-cache, no-store, max-age=0, must-revalidate"
        return headers
