"""GET a provider's answer: governed, retried within limits, tapped before it is understood.

What comes back is the body of an HTTP 200 that is JSON. Everything else is an error whose class
says whose fault it is: a refusal in the provider's own words, or the world (a line, a timeout, a
maintenance page). Every answer, good or bad, is first given to ``on_answer`` as it came.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, NamedTuple, Self

import aiohttp

from sise.model.errors import ProviderRefused, Unreachable
from sise.model.time import Clock
from sise.providers.address import shown
from sise.providers.contract import Answer, OnAnswer
from sise.providers.governor import Governor

log = logging.getLogger(__name__)

REQUEST_SECONDS_MAX: Final = 10.0
BODY_BYTES_MAX: Final = 16 * 1024 * 1024
TRIES_MAX: Final = 4
RETRY_WAIT_SECONDS: Final = (0.5, 1.0, 2.0)
"""Before the second, third and fourth try after a server error or no answer."""

CONNECTIONS_MAX: Final = 8
USER_AGENT: Final = "sise"


class Manners(NamedTuple):
    """How one provider says no. All three are pure."""

    refusal: Callable[[bytes], tuple[str, str] | None]
    """Name and message of an error body; ``None`` where it is no error of the provider's."""
    remaining: Callable[[Mapping[str, str]], int | None]
    """How many requests are left in this second, from the answer's headers."""
    block_seconds: Callable[[Mapping[str, str], bytes], float | None]
    """How long a block lasts, from headers or body."""


class RestSession:
    """An HTTP connection to one provider; an async context manager."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        clock: Clock,
        governor: Governor,
        manners: Manners,
        on_answer: OnAnswer,
    ) -> None:
        self._provider = provider
        self._base_url = base_url
        self._clock = clock
        self._governor = governor
        self._manners = manners
        self._on_answer = on_answer
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Made here and not by aiohttp at import, so that SSL_CERT_FILE is honoured whenever it was set.
        tls = ssl.create_default_context() if self._base_url.startswith("https:") else True
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, ssl=tls),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX),
            headers={"Accept": "application/json", "User-Agent": USER_AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def get(self, path: str, query: Mapping[str, str], group: str) -> bytes:
        """The JSON body of ``path``.

        Raises
        ------
        ProviderRefused
            The provider says no; a rate limit that lasts longer than our tries, or a block, too.
        Unreachable
            No answer, none of the provider's, or only server errors, in ``TRIES_MAX`` tries.
        """
        last: Exception = Unreachable(f"GET {path}: not tried")
        for attempt in range(TRIES_MAX):
            await self._governor.admit(group)
            try:
                answer, headers = await self._ask(path, query)
            except Unreachable as error:
                last = error
            else:
                self._on_answer(answer)
                if self._manners.remaining(headers) == 0:
                    self._governor.exhausted(group)
                if answer.status == 429:
                    # The next second first; if it is refused again, each time one second more.
                    self._governor.exhausted(group, 1.0 + attempt)
                    last = self._refused(path, answer)
                    continue
                if answer.status < 500:
                    return self._body(path, answer, headers)
                last = Unreachable(f"GET {path}: the server failed (HTTP {answer.status})")
            if attempt < len(RETRY_WAIT_SECONDS):
                log.info("%s; try %d of %d follows", last, attempt + 2, TRIES_MAX)
                await self._clock.sleep(RETRY_WAIT_SECONDS[attempt])
        raise last

    async def _ask(self, path: str, query: Mapping[str, str]) -> tuple[Answer, Mapping[str, str]]:
        if self._http is None:
            raise RuntimeError("the REST client is used outside its `async with` block")
        try:
            url = self._base_url + path
            async with self._http.get(url, params=query, allow_redirects=False) as response:
                body = await _read(response, path)
                answer = Answer(response.url.raw_path_qs, response.status, body, self._clock.now_ns())
                return answer, response.headers
        except TimeoutError:
            raise Unreachable(f"GET {path}: no answer within {REQUEST_SECONDS_MAX:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise Unreachable(f"GET {path}: no answer from {shown(self._base_url)}: {why}") from None

    def _body(self, path: str, answer: Answer, headers: Mapping[str, str]) -> bytes:
        if answer.status == 418:
            period = self._governor.block(self._manners.block_seconds(headers, answer.body))
            log.error("%s has blocked this address; no request is sent for %.0f s", self._provider, period)
            raise self._refused(path, answer)
        if answer.status != 200:
            raise self._refused(path, answer)
        if answer.body.lstrip()[:1] not in (b"[", b"{"):
            raise Unreachable(f"GET {path}: HTTP 200 with a page that is not JSON (maintenance page?)")
        refusal = self._manners.refusal(answer.body)
        if refusal is not None:
            raise ProviderRefused(self._provider, answer.status, *refusal)
        return answer.body

    def _refused(self, path: str, answer: Answer) -> Exception:
        refusal = self._manners.refusal(answer.body)
        if refusal is not None:
            return ProviderRefused(self._provider, answer.status, *refusal)
        if answer.status in (418, 429):
            name = "blocked" if answer.status == 418 else "too_many_requests"
            return ProviderRefused(self._provider, answer.status, name, "asked too often")
        return Unreachable(f"GET {path}: HTTP {answer.status} with a page that is not the provider's")


async def _read(response: aiohttp.ClientResponse, path: str) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise Unreachable(f"GET {path}: an answer of more than {BODY_BYTES_MAX} bytes")
    return bytes(body)
