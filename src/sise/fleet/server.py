"""The backup server: lists and files of a journal to whom has the token, and nothing else.

    GET  /days                      the days there are, with the hash of each one's package
    GET  /days/{day}                its package: one line, whose SHA-256 is that hash
    GET  /days/{day}/files/{path}   a file of that package, from any byte on (Range)
    POST /receipts                  a small note of who has verified which package
    POST /failures                  and one that a day could not be brought whole; nothing else is written

A path is looked up in the day's package and never joined from what was asked, so that no request can leave
the journal. Without the token every request is answered alike. Sealing and hashing run in a thread, one at a
time.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Struct

from sise.journal.pack import Packer
from sise.journal.package import Package, encode_package, is_day, is_hash, package_hash
from sise.journal.receipt import Failure, Receipt, write_failure, write_receipt
from sise.model.errors import BadInput
from sise.model.time import Clock, iso, parse_iso

log = logging.getLogger(__name__)

REQUEST_BYTES_MAX: Final = 4096
REFUSALS_LOGGED_MAX: Final = 100
"""After so many wrong tokens, only every hundredth is logged."""
PACKAGES_KEPT_MAX: Final = 400
SENTENCE_CHARACTERS_MAX: Final = 500
TIME_CHARACTERS_MAX: Final = 40


class ReceiptSent(Struct, kw_only=True):
    """What a puller posts."""

    day: str
    package: str
    files: int
    bytes: int
    verified_at: str


class FailureSent(Struct, kw_only=True):
    """What a puller posts of a day that it could not bring whole."""

    day: str
    findings: int
    first: str


class BackupServer:
    """The application; ``app`` is what aiohttp runs.

    Parameters
    ----------
    root
        The data folder.
    token
        Whoever sends it as a bearer token may read everything.
    file_clock
        What the times of files are of, where ``clock`` is that of a simulated day.
    """

    def __init__(self, root: Path, token: str, clock: Clock, file_clock: Clock | None = None) -> None:
        self._root = root
        self._token = hashlib.sha256(token.encode()).digest()
        self._clock = clock
        self._packer = Packer(root, clock, file_clock)
        self._packing = asyncio.Lock()
        self._given: dict[str, Package] = {}
        """The last package given of each day: what may be asked for by path."""
        self._refused = 0
        self.app = web.Application(middlewares=[self._guard()], client_max_size=REQUEST_BYTES_MAX)
        self.app.add_routes(
            [
                web.get("/days", self._days),
                web.get("/days/{day}", self._manifest),
                web.get("/days/{day}/files/{path:.+}", self._file),
                web.post("/receipts", self._receipt),
                web.post("/failures", self._failure),
            ]
        )

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self._may(request):
                return _refusal(401, "a token is needed", {"WWW-Authenticate": "Bearer"})
            try:
                return await handler(request)
            except web.HTTPException as error:
                return _refusal(error.status, error.reason)
            except ConnectionError:
                raise  # the puller is gone: it comes again
            except OSError as error:
                log.error("%s: %s", request.path, error)
                return _refusal(503, "the journal cannot be read at the moment")

        return guard

    def _may(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        digest = hashlib.sha256(token.strip().encode(errors="surrogateescape")).digest()
        if hmac.compare_digest(digest, self._token) and scheme.lower() == "bearer":
            return True
        self._refused += 1
        if self._refused <= REFUSALS_LOGGED_MAX or self._refused % REFUSALS_LOGGED_MAX == 0:
            log.warning(
                "a request from %s without the right token (%s so far)", request.remote, self._refused
            )
        return False

    async def _days(self, _: web.Request) -> web.Response:
        async with self._packing:
            days = await asyncio.to_thread(self._packer.days)
        packages = [await self._package(day) for day in days]
        listed = [
            {
                "day": package.day,
                "package": package_hash(encode_package(package)),
                "finished": package.finished,
                "files": len(package.files),
                "bytes": package.bytes,
            }
            for package in packages
        ]
        return web.json_response({"days": listed})

    async def _manifest(self, request: web.Request) -> web.Response:
        day = request.match_info["day"]
        async with self._packing:
            days = await asyncio.to_thread(self._packer.days)
        if not is_day(day) or day not in days:
            return _refusal(404, "there is no such day (or its raw tracks are removed)")
        line = encode_package(await self._package(day))
        return web.Response(body=line, content_type="application/json", headers={"ETag": package_hash(line)})

    async def _package(self, day: str) -> Package:
        async with self._packing:
            package = await asyncio.to_thread(self._packer.package, day)
        if len(self._given) >= PACKAGES_KEPT_MAX:
            self._given.clear()
        self._given[day] = package
        return package

    async def _file(self, request: web.Request) -> web.StreamResponse:
        day = request.match_info["day"]
        if day not in self._given and is_day(day):
            await self._package(day)
        package = self._given.get(day)
        file = package.by_path().get(request.match_info["path"]) if package else None
        if file is None:
            return _refusal(404, "no file of that day")
        content = await asyncio.to_thread(self._packer.content, file, day)
        if isinstance(content, bytes):
            return web.Response(body=content, content_type="application/octet-stream")
        if not content.is_file():
            return _refusal(404, "no longer there: sealed or removed since it was listed")
        return web.FileResponse(content, headers={"Content-Type": "application/octet-stream"})

    async def _receipt(self, request: web.Request) -> web.Response:
        try:
            sent = msgspec.json.decode(await request.read(), type=ReceiptSent)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _refusal(400, "a receipt is JSON with day, package, files, bytes and verified_at")
        if not is_day(sent.day) or not is_hash(sent.package) or not _is_time(sent.verified_at):
            return _refusal(400, "a receipt names a day, a package's hash and a time")
        package = await self._package(sent.day)
        if package_hash(encode_package(package)) != sent.package:
            return _refusal(409, "that is not the package that lies here now; pull the day again")
        if not package.finished:
            return _refusal(409, "the day is not finished")
        receipt = Receipt(
            day=sent.day,
            package=sent.package,
            files=len(package.files),
            bytes=package.bytes,
            verified_at=sent.verified_at,
            received_at=iso(self._clock.now_ns()),
            by=request.remote or "",
        )
        await asyncio.to_thread(write_receipt, self._root, receipt)
        log.info("%s is backed up: package %s, verified by %s", sent.day, sent.package[:12], request.remote)
        return web.json_response({"ok": True}, status=201)

    async def _failure(self, request: web.Request) -> web.Response:
        try:
            sent = msgspec.json.decode(await request.read(), type=FailureSent)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _refusal(400, "a failure is JSON with day, findings and first")
        too_long = len(sent.first) > SENTENCE_CHARACTERS_MAX
        if not is_day(sent.day) or sent.findings < 1 or too_long or not sent.first.isprintable():
            return _refusal(400, "a failure names a day, a count and a sentence")
        async with self._packing:
            days = await asyncio.to_thread(self._packer.days)
        if sent.day not in days:
            return _refusal(404, "there is no such day (or its raw tracks are removed)")
        failure = Failure(
            day=sent.day,
            findings=sent.findings,
            first=sent.first,
            told_at=iso(self._clock.now_ns()),
            by=request.remote or "",
        )
        await asyncio.to_thread(write_failure, self._root, failure)
        log.error("%s could not be backed up by %s: %s", sent.day, request.remote, sent.first)
        return web.json_response({"ok": True}, status=201)


def _is_time(text: str) -> bool:
    try:
        return len(text) <= TIME_CHARACTERS_MAX and parse_iso(text) > 0
    except BadInput:
        return False


def _refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, text=json.dumps({"error": sentence}), content_type="application/json", headers=headers
    )
