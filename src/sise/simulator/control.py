"""The control API: faults, the plug, the state and the log of what was sent. Loopback, always plain HTTP.

=======================================  =========================================================
``POST /control/fault``                  begin a fault: ``{"kind": …, "seconds": …, "count": …, …}``
``DELETE /control/fault``                end all faults
``POST /control/unplug``                 cut every line and refuse new ones; ``{"seconds": 15}``
``POST /control/plug``                   plug it in again
``GET /control/state``                   lines, subscriptions, counts, faults
``GET /control/sent?after=N&limit=M``    the data frames handed to sockets, in order
=======================================  =========================================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from sise.model.errors import BadInput
from sise.simulator.faults import KINDS, Fault, KindRule, parse_fault
from sise.simulator.sent import MAX_SENT_ANSWERED, SentLog

MAX_CONTROL_BODY_BYTES: Final = 64 * 1024
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Controlled(Protocol):
    """A simulator as the control API sees it."""

    sent: SentLog

    async def begin(self, fault: Fault) -> int:
        """Begin a fault now; gives its number. Raises :class:`BadInput` where there are too many."""

    async def end(self, kind: str | None = None) -> int:
        """End all faults (of ``kind``); gives how many there were."""

    def state(self) -> dict[str, object]:
        """What people may know."""


def control_app(
    controlled: Controlled,
    kinds: Mapping[str, KindRule] = KINDS,
    more: Sequence[web.RouteDef] = (),
) -> web.Application:
    """The control API's application over ``controlled``, with the provider's ``kinds`` and routes."""
    api = _Api(controlled, kinds)
    app = web.Application(middlewares=[_bad_input_is_400], client_max_size=MAX_CONTROL_BODY_BYTES)
    app.add_routes(
        [
            web.post("/control/fault", api.begin),
            web.delete("/control/fault", api.end),
            web.post("/control/unplug", api.unplug),
            web.post("/control/plug", api.plug),
            web.get("/control/state", api.state),
            web.get("/control/sent", api.sent),
            *more,
        ]
    )
    return app


class _Api:
    def __init__(self, controlled: Controlled, kinds: Mapping[str, KindRule]) -> None:
        self._controlled, self._kinds = controlled, kinds

    async def begin(self, request: web.Request) -> web.Response:
        fault = parse_fault(await body_json(request), kinds=self._kinds)
        number = await self._controlled.begin(fault)
        return answer({"number": number, "fault": fault}, status=201)

    async def end(self, request: web.Request) -> web.Response:
        return answer({"ended": await self._controlled.end()})

    async def unplug(self, request: web.Request) -> web.Response:
        raw = await body_json(request)
        if not isinstance(raw, dict):
            raise BadInput("unplug", raw, 'write an object such as {"seconds": 15}, or nothing')
        fault = parse_fault({**raw, "kind": "unplug"}, "unplug")
        await self._controlled.end("unplug")
        await self._controlled.begin(fault)
        return answer({"unplugged": True, "seconds": fault.seconds})

    async def plug(self, request: web.Request) -> web.Response:
        await self._controlled.end("unplug")
        return answer({"unplugged": False})

    async def state(self, request: web.Request) -> web.Response:
        return answer(self._controlled.state())

    async def sent(self, request: web.Request) -> web.Response:
        after = _whole(request, "after", 0)
        rows = self._controlled.sent.after(after, _whole(request, "limit", MAX_SENT_ANSWERED))
        return answer({"rows": rows, "last_index": self._controlled.sent.last_index})


@web.middleware
async def _bad_input_is_400(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadInput as error:
        body = {"error": {"field": error.field, "message": str(error), "remedy": error.remedy}}
        return answer(body, status=400)


async def body_json(request: web.Request) -> Any:
    """The decoded body; an empty one is ``{}``. Raises :class:`BadInput` where it is no JSON."""
    try:
        return msgspec.json.decode(await request.read() or b"{}")
    except msgspec.DecodeError as error:
        raise BadInput("body", f"{error}", 'send JSON such as {"kind": "drop"}') from None


def _whole(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise BadInput(name, text, "use a whole number that is not negative")
    return int(text)


def answer(body: object, status: int = 200) -> web.Response:
    """``body`` as JSON."""
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
