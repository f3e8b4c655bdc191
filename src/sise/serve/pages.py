"""The page and its files, and a page that lists the API; no request of theirs leaves the machine."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC: Final = Path(__file__).parent / "static"
OBSERVER_DAY: Final = "/dashboard/observer/{provider}/{day}"
CHECK_EACH_TIME: Final = "no-cache"
FOR_EVER: Final = "public, max-age=31536000, immutable"
HEADERS: Final = {
    # Styles: the chart library sets them by script, which needs 'unsafe-inline' for styles only.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FRAME: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>sise</title><style>body{{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem;color-scheme:light dark}}code{{font-size:.95em}}td,th{{text-align:left;"
    "padding:.2rem 1rem .2rem 0;vertical-align:top}}</style>{body}</html>"
)
_NOT_BUILT: Final = (
    "<h1>The page is not built</h1><p>This installation of sise lacks the page's files. Install it again "
    "with <code>./run</code>, or build them: <code>cd ui && npm ci && node build.mjs</code>.</p>"
    '<p>All else works: <a href="/api/status">recording state</a>, <a href="/api/docs">the API</a>.</p>'
)


class PageFiles(StaticFiles):
    """Static files. One that is asked for by its content's hash (``?v=…``) never changes."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        is_stamped = b"v=" in scope["query_string"] and answer.status_code == HTTPStatus.OK
        answer.headers["Cache-Control"] = FOR_EVER if is_stamped else CHECK_EACH_TIME
        return answer


class SafeHeaders:
    """Puts ``HEADERS`` on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_safe if scope["type"] == "http" else send)


def add_pages(app: FastAPI, static: Path = STATIC) -> None:
    """``/dashboard`` with the addresses of its views, ``/static/…`` and ``/api/docs``."""

    async def dashboard() -> Response:
        page = static / "index.html"
        if not page.is_file():
            return HTMLResponse(_FRAME.format(body=_NOT_BUILT), HTTPStatus.SERVICE_UNAVAILABLE)
        return FileResponse(page, headers={"Cache-Control": CHECK_EACH_TIME})

    async def docs() -> Response:
        return HTMLResponse(_FRAME.format(body=_listing(app.openapi())))

    for path in ("/dashboard", "/dashboard/{symbol}", "/dashboard/{symbol}/{size}", OBSERVER_DAY):
        app.add_api_route(path, dashboard, include_in_schema=False)
    for path in ("/api/docs", "/api/v1/docs"):
        app.add_api_route(path, docs, include_in_schema=False)
    if static.is_dir():
        app.mount("/static", PageFiles(directory=static))


def _listing(openapi: dict[str, Any]) -> str:
    """The paths of OpenAPI as a table."""
    rows = [
        f"<tr><td><code>{method.upper()}</code><td><code>{escape(path)}</code><td>{escape(facts['summary'])}"
        f"<td>{escape(_parameters(facts))}"
        for path, methods in openapi["paths"].items()
        for method, facts in methods.items()
        if not path.startswith("/api/v1")
    ]
    return (
        f"<h1>sise {escape(openapi['info']['version'])}: API</h1><p>Every path is there under "
        '<code>/api/v1</code> too. For programs: <a href="/api/openapi.json">openapi.json</a>. '
        "Live: WebSocket <code>/ws/live</code>.</p>"
        f"<table><tr><th>method<th>path<th>what<th>parameters{''.join(rows)}</table>"
    )


def _parameters(facts: dict[str, Any]) -> str:
    return ", ".join(each["name"] for each in facts.get("parameters", []))
