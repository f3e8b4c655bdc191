"""The server's side of a backup as the puller sees it: lists, files from any byte on, and the receipt.

Nothing that comes is believed: a list must be whole and name only a journal's paths, a file may not be longer
or shorter than promised, and it is judged by its hash elsewhere. A cut line is taken up where it broke, as
long as something comes; a wrong token, a refusal and a full disk are said at once.
"""

from __future__ import annotations

import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct

from sise.fleet.part import Writing, is_complete, make_empty, part_size
from sise.journal.package import PACKAGE_BYTES_MAX, PackedFile
from sise.model.errors import BadInput, SiseError, Unreachable
from sise.model.time import Clock

log = logging.getLogger(__name__)

CHUNK_BYTES: Final = 256 * 1024
CONNECT_SECONDS_MAX: Final = 10.0
SILENCE_SECONDS_MAX: Final = 60.0
"""A server may have to seal and hash a day before it answers."""
RETRY_WAIT_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Between tries that brought nothing; after the last one the server counts as out of reach."""
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
USER_AGENT: Final = "sise-backup"


class Refused(SiseError):
    """The server says no, for a reason that trying again does not change."""


class Changed(SiseError):
    """The server does not have that (any more): the day's list is another one now."""


class Lied(SiseError):
    """What the server sends is not what its list promises."""


class DayThere(Struct):
    """A day as the server lists it."""

    day: str
    package: str
    finished: bool
    files: int
    bytes: int


class _Days(Struct):
    days: list[DayThere]


class _Said(Struct):
    error: str = ""


class Source:
    """A connection to a backup server; an async context manager.

    Raises
    ------
    BadInput
        The URL is none, or would send the token unprotected through a network.
    """

    def __init__(
        self, url: str, token: str, clock: Clock, *, ca: Path | None = None, insecure: bool = False
    ) -> None:
        self._url = _checked_url(url, insecure)
        self._token = token
        self._clock = clock
        self._ca = ca
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context(cafile=self._ca) if self._url.startswith("https:") else True
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS_MAX, sock_read=SILENCE_SECONDS_MAX
            ),
            headers={
                "Authorization": f"Bearer {self._token}",
                "User-Agent": USER_AGENT,
                "Accept-Encoding": "identity",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def days(self) -> list[DayThere]:
        """The days that the server has, oldest first."""
        body = await self._small("GET", "/days")
        try:
            return msgspec.json.decode(body, type=_Days).days
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Lied("the server's list of days cannot be understood") from None

    async def manifest(self, day: str) -> bytes:
        """The list of ``day``, as it came."""
        return await self._small("GET", f"/days/{day}", limit=PACKAGE_BYTES_MAX)

    async def send_receipt(self, facts: dict[str, object]) -> None:
        """Tell the server that a package is verified here."""
        await self._small("POST", "/receipts", body=facts)

    async def send_failure(self, day: str, findings: int, first: str) -> None:
        """Tell the server that ``day`` could not be brought whole, and the first reason."""
        await self._small("POST", "/failures", body={"day": day, "findings": findings, "first": first})

    async def fetch(self, day: str, file: PackedFile, part: Path) -> int:
        """Bring ``file`` to ``part``, from where ``part`` ends; answers how many bytes came.

        Raises
        ------
        Unreachable, Refused, Changed, Lied, LocalDisk
            See there. What came stays in ``part`` for the next try.
        """
        came, idle = 0, 0
        while not is_complete(part, file):
            have = part_size(part, file)
            try:
                await self._fetch_rest(day, file, part, have)
            except (aiohttp.ClientError, TimeoutError, Unreachable) as error:
                log.warning("%s: cut after %s bytes (%s)", file.path, part_size(part, file), _said(error))
                cause = error
            else:
                cause = Unreachable("the server sent less than it promised")
            gained = max(0, part_size(part, file) - have)
            came += gained
            if not gained and file.bytes and not await self._wait(idle):
                raise Unreachable(f"{file.path}: {_said(cause)}; {idle + 1} tries brought nothing") from None
            idle = 0 if gained else idle + 1
        return came

    async def _fetch_rest(self, day: str, file: PackedFile, part: Path, have: int) -> None:
        if not file.bytes:
            make_empty(part)
            return
        asked = {"Range": f"bytes={have}-{file.bytes - 1}"}
        async with self._ask("GET", f"/days/{day}/files/{file.path}", headers=asked) as answer:
            start = _start(answer, have, file)
            with Writing(part, start) as writing:
                async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                    if writing.end + len(chunk) > file.bytes:
                        raise Lied(
                            f"{file.path}: the server sends more than the {file.bytes:,} bytes promised"
                        )
                    writing.add(chunk)

    async def _small(
        self, method: str, path: str, *, body: dict[str, object] | None = None, limit: int = ANSWER_BYTES_MAX
    ) -> bytes:
        tries = 0
        while True:
            try:
                async with self._ask(method, path, body=body) as answer:
                    return await _read_up_to(answer, limit)
            except (aiohttp.ClientError, TimeoutError, Unreachable) as error:
                if not await self._wait(tries):
                    raise Unreachable(f"{self._url}: {_said(error)}; tried {tries + 1} times") from None
                tries += 1

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: dict[str, object] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._http is not None, "use `async with`"
        async with self._http.request(
            method, self._url + path, headers=headers, json=body, allow_redirects=False
        ) as answer:
            if answer.status not in (200, 201, 206):
                raise await _refusal(answer, path)
            yield answer

    async def _wait(self, tries: int) -> bool:
        """Wait before another try; False where there were enough."""
        if tries >= len(RETRY_WAIT_SECONDS):
            return False
        await self._clock.sleep(RETRY_WAIT_SECONDS[tries])
        return True


def _start(answer: aiohttp.ClientResponse, have: int, file: PackedFile) -> int:
    """From which byte on the answer is: where we asked, or the beginning."""
    if answer.status == 200:
        return 0
    stated = answer.headers.get("Content-Range", "")
    if not stated.startswith(f"bytes {have}-"):
        raise Lied(f"{file.path}: asked from byte {have}, the server answers {stated[:60]!r}")
    return have


async def _refusal(answer: aiohttp.ClientResponse, path: str) -> SiseError:
    try:
        said = msgspec.json.decode(await _read_up_to(answer, ANSWER_BYTES_MAX), type=_Said).error[:300]
    except (msgspec.MsgspecError, UnicodeDecodeError, Lied):
        said = ""
    if answer.status in (401, 403):
        return Refused("the server refuses the token; both sides must have the same SISE_BACKUP_TOKEN")
    if answer.status in (404, 409, 410):
        return Changed(f"{path}: {said or 'not there'}")
    if answer.status == 416:
        return Lied(f"{path}: the server's file is shorter than its list promises")
    if answer.status >= 500 or answer.status == 429:
        return Unreachable(f"HTTP {answer.status} {said}".strip())
    return Refused(f"the server refuses {path}: HTTP {answer.status} {said}".strip())


async def _read_up_to(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > limit:
            raise Lied(f"an answer longer than {limit:,} bytes")
    return bytes(body)


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _checked_url(url: str, insecure: bool) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = parts.scheme in ("http", "https") and host and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, host, usable = urlsplit(""), "", False
    if not usable or parts.username is not None or parts.query or parts.fragment:
        raise BadInput("URL", f"{parts.scheme}://{host}", "write https://host:port; the token has a setting")
    if parts.scheme == "http" and not insecure and not is_loopback(host):
        remedy = "http would show the token to the network: use https, or --insecure inside a VPN"
        raise BadInput("URL", f"http://{host}", remedy)
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
