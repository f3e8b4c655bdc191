"""The collector's own door on loopback: ``GET /status``, and ``POST /slots`` for the operator.

Where it is stands in ``run/collect-<provider>.json``. A post needs the header ``X-Sise: 1``, which a foreign
web page cannot send, and a host name of this machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from sise.collect.manual import TEXT_MAX, Action
from sise.model.errors import BadInput, SiseError
from sise.run.collector_address import HEADER, address_file

HOSTS: Final = ("127.0.0.1", "localhost")
BODY_BYTES_MAX: Final = 4_096

Override = Callable[..., Awaitable[dict[str, Any]]]


class SlotWord(Struct, forbid_unknown_fields=True):
    """What the operator says: the body of ``POST /slots``."""

    symbol: str
    action: Action
    by: str = ""
    why: str = ""


class CollectorServer:
    """Serves while it is entered."""

    def __init__(
        self, data_dir: Path, provider: str, status: Callable[[], dict[str, Any]], override: Override
    ) -> None:
        self._path = address_file(data_dir, provider)
        self._status, self._override = status, override
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> None:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_get("/status", self._answer_status)
        app.router.add_post("/slots", self._take_word)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/status"
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"pid": os.getpid(), "url": url}))
        temporary.rename(self._path)

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self._path.unlink(missing_ok=True)
        await self._runner.cleanup()

    async def _answer_status(self, _: web.Request) -> web.Response:
        return web.json_response(self._status())

    async def _take_word(self, request: web.Request) -> web.Response:
        if request.headers.get(HEADER) != "1" or request.host.rpartition(":")[0] not in HOSTS:
            return _refusal(403, f"only this machine's operator may do this: send the header {HEADER}: 1")
        try:
            word = msgspec.json.decode(await request.read(), type=SlotWord)
            standing = await self._override(word.action, word.symbol, by=word.by[:TEXT_MAX], why=word.why)
        except msgspec.DecodeError as error:
            return _refusal(400, str(error))
        except BadInput as error:
            named = {"field": error.field, "value": str(error.value), "remedy": error.remedy}
            return web.json_response({"error": str(error)} | named, status=400)
        except SiseError as error:
            return _refusal(503, str(error))
        return web.json_response(standing)


def _refusal(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
