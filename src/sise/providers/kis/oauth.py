"""The two requests that issue keys: token and approval key. Their answers are never tapped or logged."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from sise.model.errors import ProviderRefused, Undecodable
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, Clock, to_ns
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.rest import Request, RestSession

APPROVAL_SECONDS: Final = 86_400
"""An approval key is good for a day; it is looked at only when something is registered."""

EXPIRES_SECONDS_MAX: Final = 7 * 86_400
_TEXT_CHARACTERS_MAX: Final = 4096


class Issued(NamedTuple):
    """A key and the moment (UTC ns) at which it stops to be good."""

    key: Secret
    expires_at: int


class Issuer(Protocol):
    """Asks KIS for new keys. Both raise ``ProviderRefused``, ``Unreachable`` and ``Undecodable``."""

    async def token(self) -> Issued: ...

    async def approval(self) -> Issued: ...


class OAuth:
    """The issuer that speaks; ``session`` is a connection of the REST host. One try each."""

    def __init__(self, session: RestSession, keys: KisKeys, clock: Clock) -> None:
        self._session = session
        self._keys = keys
        self._clock = clock

    async def token(self) -> Issued:
        """``POST /oauth2/tokenP``."""
        answer = await self._post("/oauth2/tokenP", "appsecret")
        return Issued(_key(answer, "access_token"), _expiry(answer, self._clock.now_ns()))

    async def approval(self) -> Issued:
        """``POST /oauth2/Approval``; the answer names no expiry."""
        answer = await self._post("/oauth2/Approval", "secretkey")
        expires_at = self._clock.now_ns() + APPROVAL_SECONDS * NS_PER_SECOND
        return Issued(_key(answer, "approval_key"), expires_at)

    async def _post(self, path: str, secret_name: str) -> dict[str, Any]:
        body = {
            "grant_type": "client_credentials",
            "appkey": self._keys.app_key.reveal(),
            secret_name: self._keys.app_secret.reveal(),
        }
        request = Request(
            path,
            headers={"content-type": "application/json; charset=utf-8"},
            body=msgspec.json.encode(body),
            tries=1,
            tapped=False,
        )
        reply = await self._session.ask(request, "oauth")
        try:
            answer = msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise Undecodable(f"{path}: the answer is no JSON object")
        return answer


def _key(answer: dict[str, Any], name: str) -> Secret:
    value = answer.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_CHARACTERS_MAX or not value.isprintable():
        raise Undecodable(f"{name}: missing or no text")
    return Secret(value)


def _expiry(answer: dict[str, Any], now_ns: int) -> int:
    """When a token expires: KIS's own Korean time, or its count of seconds where that is missing.

    An expiry in the past was seen in the wild; with such a token every request would fail.
    """
    text, seconds = answer.get("access_token_token_expired"), answer.get("expires_in")
    if isinstance(text, str):
        try:
            zone = MARKET_ZONES["kr_stocks"]
            expires_at = to_ns(datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone))
        except ValueError:
            raise Undecodable("access_token_token_expired: no date and time") from None
    elif isinstance(seconds, int) and 0 < seconds <= EXPIRES_SECONDS_MAX:
        expires_at = now_ns + seconds * NS_PER_SECOND
    else:
        raise Undecodable("access_token_token_expired and expires_in: both missing")
    if expires_at <= now_ns:
        raise ProviderRefused(
            "kis", 200, "expired_token", f"the new token expired at {text} Korean time; is this clock right?"
        )
    return min(expires_at, now_ns + EXPIRES_SECONDS_MAX * NS_PER_SECOND)
