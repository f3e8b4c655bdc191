"""Requests that this server makes itself: to the collectors and the demo's simulator, on this machine.

The client's library is loaded beside the server's start, not before it: it would delay the first
answer by a fifth of a second.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_SECONDS: Final = 0.5
ANSWER_BYTES_MAX: Final = 1024 * 1024


class Reply(Struct, frozen=True):
    status: int
    body: bytes


class NoAnswer(Exception):
    """Nobody answered in time. ``refused``: nobody listens there."""

    def __init__(self, why: str, *, refused: bool) -> None:
        super().__init__(why)
        self.refused = refused


class Outgoing:
    """One HTTP client, made when it is first used."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    async def get(self, url: str) -> Reply:
        """The answer to ``GET url``; one that is too long is none.

        Raises
        ------
        NoAnswer
        """
        return await self._ask("GET", url, None)

    async def post(self, url: str, body: dict[str, Any]) -> Reply:
        """The answer to ``POST url`` with ``body`` as JSON.

        Raises
        ------
        NoAnswer
        """
        return await self._ask("POST", url, body)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _ask(self, method: str, url: str, body: dict[str, Any] | None) -> Reply:
        session = await self._opened()
        import aiohttp

        try:
            async with session.request(method, url, json=body, allow_redirects=False) as answer:
                return Reply(answer.status, await _limited(answer.content))
        except aiohttp.ClientConnectorError as error:
            raise NoAnswer(str(error), refused=True) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(str(error) or type(error).__name__, refused=False) from None

    async def _opened(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                await asyncio.to_thread(import_module, "aiohttp")
                import aiohttp

                timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
                self._session = aiohttp.ClientSession(timeout=timeout)
            return self._session


async def _limited(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise NoAnswer(f"the answer is longer than {ANSWER_BYTES_MAX} bytes", refused=False)
    return bytes(body)
