"""The demo's button "unplug the market": passed on to the simulator's control address.

The only requests that change anything. They need the header ``X-Sise``, which a foreign page cannot
send without asking first, and they are there only where the demo set a control address.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field
from starlette.responses import Response

from sise.serve.answering import documented, encoded, problem
from sise.serve.answers import Done, Problem
from sise.serve.outgoing import NoAnswer, Outgoing

SECONDS_MAX: Final = 300
SECONDS_DEFAULT: Final = 15
OWN_HEADER: Final = "1"
_DOCS: Final = documented(Done, 403, 404, 422, 502)

OwnPage = Annotated[str | None, Header(alias="X-Sise")]


class Unplug(BaseModel):
    """For how long the line stays cut."""

    seconds: float = Field(SECONDS_DEFAULT, ge=1, le=SECONDS_MAX)


def demo_router(control: str | None, outgoing: Outgoing) -> APIRouter:
    """``POST /demo/unplug`` and ``/demo/plug``; 404 where ``control`` is None."""
    router = APIRouter(prefix="/demo", tags=["demo"])

    @router.post("/unplug", responses=_DOCS, summary="Cut the simulated market's line for a while")
    async def unplug(body: Unplug, x_sise: OwnPage = None) -> Response:
        refusal = _refusal(control, x_sise)
        return refusal or await _pass_on(outgoing, f"{control}/control/unplug", {"seconds": body.seconds})

    @router.post("/plug", responses=_DOCS, summary="Join the simulated market's line again")
    async def plug(x_sise: OwnPage = None) -> Response:
        return _refusal(control, x_sise) or await _pass_on(outgoing, f"{control}/control/plug", {})

    return router


def _refusal(control: str | None, own_page: str | None) -> Response | None:
    if control is None:
        return problem(404, Problem("only the demo (`sise demo`) has a market that can be unplugged"))
    if own_page != OWN_HEADER:
        remedy = "send the header X-Sise: 1"
        return problem(403, Problem("only this server's own page may do this", "X-Sise", own_page, remedy))
    return None


async def _pass_on(outgoing: Outgoing, url: str, body: dict[str, float]) -> Response:
    try:
        answer = await outgoing.post(url, body)
    except NoAnswer:
        return problem(502, Problem("the simulator does not answer"))
    if answer.status >= HTTPStatus.BAD_REQUEST:
        return problem(502, Problem(f"the simulator answered {answer.status}"))
    return encoded(Done(True, body.get("seconds")))
