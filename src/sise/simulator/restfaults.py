"""What the faults do to REST answers, whoever gives them."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from sise.model.time import Clock
from sise.simulator.faults import FaultBoard

_STILL_SILENT_SECONDS: Final = 0.05


async def is_cut(request: web.Request, board: FaultBoard, clock: Clock) -> bool:
    """Whether this request gets no answer: at once, or after a silence as long as the fault."""
    if board.take("drop", "rest"):
        return True
    silent = False
    while board.active("silent", "rest") and request.transport is not None:
        silent = True
        await clock.sleep(_STILL_SILENT_SECONDS)
    return silent


def cut(request: web.Request) -> web.Response:
    """End the connection without an answer (the one returned is never seen)."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
    return web.Response(status=503)


async def dripped(
    request: web.Request, whole: web.Response, board: FaultBoard, clock: Clock
) -> web.StreamResponse:
    """``whole``, a byte at a time while ``drip`` lasts and the rest at once."""
    body = whole.body
    assert isinstance(body, bytes)
    dripping = web.StreamResponse(status=whole.status, headers=dict(whole.headers))
    dripping.content_length = len(body)
    await dripping.prepare(request)
    for i in range(len(body)):
        drip = board.active("drip", "rest")
        if drip is None:
            await dripping.write(body[i:])
            break
        await dripping.write(body[i : i + 1])
        await clock.sleep(drip.delay_ms / 1000)
    return dripping
