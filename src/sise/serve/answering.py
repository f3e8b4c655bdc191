"""How an answer is made and documented: one type says both what is sent and what OpenAPI promises."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sise.model.errors import BadInput
from sise.serve import answers, ledgers, observed
from sise.serve.answers import Problem

REF: Final = "#/components/schemas/{name}"
_encode = msgspec.json.Encoder().encode


def encoded(answer: Struct, status: int = 200) -> Response:
    """``answer`` as JSON, never to be cached: the next second it may be another."""
    headers = {"Cache-Control": "no-store"}
    return Response(_encode(answer), status, headers, media_type="application/json")


def problem(status: int, what: Problem) -> Response:
    """Why a request was not answered."""
    return encoded(what, status)


def documented(answer: type[Struct], *problems: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that answers ``answer``, or a :class:`Problem` with these statuses."""
    found: dict[int | str, dict[str, Any]] = {200: _content(answer, "OK")}
    return found | {status: _content(Problem, HTTPStatus(status).phrase) for status in problems}


def _content(answer: type[Struct], description: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=answer.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def describe(app: FastAPI) -> None:
    """Make the app's OpenAPI from the answers' own types."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            shapes = vars(answers) | vars(observed) | vars(ledgers)
            types = [each for each in shapes.values() if _is_answer(each)]
            _, components = msgspec.json.schema_components(types, ref_template=REF)
            schemas = make().setdefault("components", {}).setdefault("schemas", {})
            schemas.update(components)
        return make()

    app.openapi = openapi  # type: ignore[method-assign]


def _is_answer(each: object) -> bool:
    return isinstance(each, type) and issubclass(each, Struct) and each is not Struct


def explain_refusals(app: FastAPI) -> None:
    """Every refusal has the same shape: a sentence, and for bad input field, value and remedy."""

    async def on_bad_input(request: Request, error: Exception) -> Response:
        assert isinstance(error, BadInput)
        return problem(422, Problem(str(error), error.field, str(error.value), error.remedy))

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        wrong = BadInput(name, first.get("input"), first["msg"][:1].lower() + first["msg"][1:])
        return await on_bad_input(request, wrong)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == HTTPStatus.NOT_FOUND:
            return problem(
                404, Problem(f"there is no {request.url.path} here; /api/docs lists what there is")
            )
        return problem(error.status_code, Problem(str(error.detail)))

    async def on_unreadable(request: Request, error: Exception) -> Response:
        return problem(503, Problem(f"the journal cannot be read: {error}; ask again in a moment"))

    app.add_exception_handler(BadInput, on_bad_input)
    app.add_exception_handler(OSError, on_unreadable)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
