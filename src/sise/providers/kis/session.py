"""One authorised GET to KIS: token in, too-often waited for, an expired token renewed once."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sise.model.errors import ProviderRefused
from sise.model.time import MARKET_ZONES, Clock, in_zone
from sise.providers.contract import OnAnswer
from sise.providers.governor import Governor
from sise.providers.kis import answers, limits
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.kis.oauth import OAuth
from sise.providers.kis.tokens import Tokens
from sise.providers.rest import Manners, Reply, Request, RestSession

BUSY_STEP_SECONDS: Final = 0.15
"""After "asked too often" KIS is asked again soon: its gateway refuses now and then below the limit."""

NO_SHARE: Final = 1.0
"""The share is taken in :func:`sise.providers.kis.limits.windows`."""


def governor(clock: Clock, group: str, on: date) -> Governor:
    """The one governor of an app key: REST (``group``), issues of keys, WebSocket connections."""
    groups = (group, "oauth", "ws-connect")
    rates = {each: limits.windows(each, on) for each in groups}
    return Governor("kis", rates, NO_SHARE, clock)


class KisSession:
    """The REST host, with the keys of one user. An async context manager."""

    def __init__(
        self,
        rest_url: str,
        clock: Clock,
        on_answer: OnAnswer,
        keys: KisKeys,
        tokens_dir: Path,
        *,
        customer_since: date | None,
        rng: random.Random,
    ) -> None:
        today = in_zone(clock.now_ns(), MARKET_ZONES["kr_stocks"]).date()
        self._group = limits.rest_group(mock=keys.mock, customer_since=customer_since, on=today)
        self.governor = governor(clock, self._group, today)
        self._keys = keys
        self._session = RestSession(
            "kis",
            rest_url,
            clock=clock,
            governor=self.governor,
            manners=Manners(
                answers.refusal,
                lambda _: None,
                lambda _, __: None,
                busy=answers.busy,
                busy_seconds=lambda attempt: BUSY_STEP_SECONDS * (attempt + 1 + rng.random()),
                refuses_with_server_errors=True,
            ),
            on_answer=on_answer,
        )
        self.tokens = Tokens(tokens_dir, keys, OAuth(self._session, keys, clock), clock)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.__aexit__(kind, error, trace)

    async def get(self, path: str, tr_id: str, query: Mapping[str, str], tr_cont: str = "") -> Reply:
        """The answer to ``tr_id``; an invalid or expired token is renewed once.

        Raises
        ------
        ProviderRefused, Unreachable, Undecodable
            See :class:`sise.providers.contract.RestClient`.
        """
        token = await self.tokens.token()
        try:
            return await self._ask(path, tr_id, query, tr_cont, token)
        except ProviderRefused as error:
            if error.name not in answers.TOKEN_REFUSED:
                raise
        token = await self.tokens.token(refused=token)
        return await self._ask(path, tr_id, query, tr_cont, token)

    async def _ask(
        self, path: str, tr_id: str, query: Mapping[str, str], tr_cont: str, token: Secret
    ) -> Reply:
        headers = {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {token.reveal()}",
            "appkey": self._keys.app_key.reveal(),
            "appsecret": self._keys.app_secret.reveal(),
            "tr_id": tr_id,
            "custtype": "P",
            "tr_cont": tr_cont,
        }
        return await self._session.ask(Request(path, query, headers), self._group)


class MasterHost:
    """The web server of the symbol masters: no key, no JSON."""

    def __init__(self, master_url: str, clock: Clock, on_answer: OnAnswer) -> None:
        today = in_zone(clock.now_ns(), MARKET_ZONES["kr_stocks"]).date()
        self._session = RestSession(
            "kis",
            master_url,
            clock=clock,
            governor=Governor("kis", {"master": limits.windows("master", today)}, NO_SHARE, clock),
            manners=Manners(lambda _: None, lambda _: None, lambda _, __: None),
            on_answer=on_answer,
        )

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.__aexit__(kind, error, trace)

    async def file(self, path: str) -> bytes:
        """The bytes of a file; raises ``Unreachable`` and ``ProviderRefused``."""
        return (await self._session.ask(Request(path, json=False), "master")).body
