"""Ask a provider: governed, retried within limits, tapped before it is understood.

What comes back is the body of an HTTP 200 that is JSON. Everything else is an error whose class
says whose fault it is: a refusal in the provider's own words, or the world (a line, a timeout, a
maintenance page). Every answer, good or bad, is first given to ``on_answer`` as it came, except
where the request says that its answer holds a secret.
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


class Request(NamedTuple):
    """One question. Neither ``headers`` nor ``body`` is ever logged, shown or tapped."""

    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    """Sent with POST; without it the request is a GET."""
    tries: int = TRIES_MAX
    tapped: bool = True
    """False where the answer holds a secret: then ``on_answer`` does not hear it."""
    json: bool = True
    """False where the answer is a file."""

    @property
    def name(self) -> str:
        """How an error calls it."""
        return f"{'GET' if self.body is None else 'POST'} {self.path}"


class Reply(NamedTuple):
    """An answer that is no error."""

    body: bytes
    headers: Mapping[str, str]


class Manners(NamedTuple):
    """How one provider says no. All of it is pure, but for the dice that ``busy_seconds`` may throw."""

    refusal: Callable[[bytes], tuple[str, str] | None]
    """Name and message of an error body; ``None`` where it is no error of the provider's."""
    remaining: Callable[[Mapping[str, str]], int | None]
    """How many requests are left in this second, from the answer's headers."""
    block_seconds: Callable[[Mapping[str, str], bytes], float | None]
    """How long a block lasts, from headers or body."""
    busy: Callable[[int, bytes], bool] = lambda status, _: status == 429
    """Whether status and body say: asked too often."""
    busy_seconds: Callable[[int], float] = lambda attempt: 1.0 + attempt
    """How long its group then rests, before the second try, the third and so on (0, 1, ...)."""
    refuses_with_server_errors: bool = False
    """Whether HTTP 5xx with a refusal in its body is the provider's word, not to be tried again."""


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
        """The JSON body of ``path``; raises what :meth:`ask` raises."""
        return (await self.ask(Request(path, query), group)).body

    async def ask(self, request: Request, group: str) -> Reply:
        """Body and headers of the answer to ``request``.

        Raises
        ------
        ProviderRefused
            The provider says no; a rate limit that lasts longer than our tries, or a block, too.
        Unreachable
            No answer, none of the provider's, or only server errors, in ``request.tries`` tries.
        """
        last: Exception = Unreachable(f"{request.name}: not tried")
        for attempt in range(request.tries):
            await self._governor.admit(group)
            try:
                answer, headers = await self._ask(request)
            except Unreachable as error:
                last = error
            else:
                if request.tapped:
                    self._on_answer(answer)
                if self._manners.remaining(headers) == 0:
                    self._governor.exhausted(group)
                if self._manners.busy(answer.status, answer.body):
                    # The next second first; if it is refused again, each time later.
                    self._governor.exhausted(group, self._manners.busy_seconds(attempt))
                    last = self._refused(request, answer)
                    continue
                if answer.status < 500 or self._is_refusal(answer):
                    return Reply(self._body(request, answer, headers), headers)
                last = Unreachable(f"{request.name}: the server failed (HTTP {answer.status})")
            if attempt + 1 < request.tries:
                wait = RETRY_WAIT_SECONDS[min(attempt, len(RETRY_WAIT_SECONDS) - 1)]
                log.info("%s; try %d of %d follows", last, attempt + 2, request.tries)
                await self._clock.sleep(wait)
        raise last

    async def _ask(self, request: Request) -> tuple[Answer, Mapping[str, str]]:
        if self._http is None:
            raise RuntimeError("the REST client is used outside its `async with` block")
        try:
            async with self._http.request(
                "GET" if request.body is None else "POST",
                self._base_url + request.path,
                params=request.query,
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
            ) as response:
                body = await _read(response, request.name)
                answer = Answer(response.url.raw_path_qs, response.status, body, self._clock.now_ns())
                return answer, response.headers
        except TimeoutError:
            raise Unreachable(f"{request.name}: no answer within {REQUEST_SECONDS_MAX:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise Unreachable(f"{request.name}: no answer from {shown(self._base_url)}: {why}") from None

    def _body(self, request: Request, answer: Answer, headers: Mapping[str, str]) -> bytes:
        if answer.status == 418:
            period = self._governor.block(self._manners.block_seconds(headers, answer.body))
            log.error("%s has blocked this address; no request is sent for %.0f s", self._provider, period)
            raise self._refused(request, answer)
        if answer.status != 200:
            raise self._refused(request, answer)
        if not request.json:
            return answer.body
        if answer.body.lstrip()[:1] not in (b"[", b"{"):
            raise Unreachable(f"{request.name}: HTTP 200 with a page that is not JSON (maintenance page?)")
        refusal = self._manners.refusal(answer.body)
        if refusal is not None:
            raise ProviderRefused(self._provider, answer.status, *refusal)
        return answer.body

    def _is_refusal(self, answer: Answer) -> bool:
        return self._manners.refuses_with_server_errors and self._manners.refusal(answer.body) is not None

    def _refused(self, request: Request, answer: Answer) -> Exception:
        refusal = self._manners.refusal(answer.body)
        if refusal is not None:
            return ProviderRefused(self._provider, answer.status, *refusal)
        if answer.status in (418, 429):
            name = "blocked" if answer.status == 418 else "too_many_requests"
            return ProviderRefused(self._provider, answer.status, name, "asked too often")
        return Unreachable(f"{request.name}: HTTP {answer.status} with a page that is not the provider's")


async def _read(response: aiohttp.ClientResponse, name: str) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise Unreachable(f"{name}: an answer of more than {BODY_BYTES_MAX} bytes")
    return bytes(body)
