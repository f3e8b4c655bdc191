"""The API as a client sees it: bars, quotes, bad input, its description, whom it lets in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from fastapi import FastAPI

from sise.serve import answers, ledgers, observed
from sise.serve.pages import add_pages
from tests.serve.asking import app_of, caught_up, client_of, recorded, status_is
from tests.serve.serving import FakeCollector

__all__ = ["recorded"]
KEY = "canary-51c2a9"
SHAPES = vars(answers) | vars(observed) | vars(ledgers)


async def test_bars_say_what_is_known(recorded: Path) -> None:
    async with client_of(app_of(recorded)) as client:
        await caught_up(client)
        answer = (await client.get("/api/bars/KRW-BTC", params={"size": "1m"})).json()
        assert (answer["symbol"], answer["size"]) == ("KRW-BTC", "1m")
        found = [(b["state"], b["close"], b["volume"], b["coverage"], b["source"]) for b in answer["bars"]]
        assert found == [
            ("traded", 40.0, 1.0, 0.0, "provider"),
            ("traded", 101.0, 1.0, 1.0, "live"),
            ("empty", None, 0.0, 1.0, "live"),
            ("unknown", None, None, 0.833333, "live"),
        ]
        before = (await client.get("/api/bars/KRW-BTC?to=2026-11-20T09:01:00%2B09:00&limit=1")).json()
        assert before["bars"] == answer["bars"][1:2]


async def test_quotes_and_gaps(recorded: Path) -> None:
    async with client_of(app_of(recorded)) as client:
        await caught_up(client)
        quotes = (await client.get("/api/v1/quotes")).json()["quotes"]
        assert [(q["symbol"], q["last"], q["change_rate"], q["bid"]) for q in quotes] == [
            ("KRW-BTC", 100.0, 0.25, None),
            ("KRW-ETH", None, None, None),
        ]
        (gap,) = (await client.get("/api/gaps")).json()["gaps"]
        assert (gap["seconds"], gap["open"], gap["reason"]) == (10.0, False, "ws_disconnect")


@pytest.mark.parametrize(
    ("path", "status", "field", "word"),
    [
        ("/api/bars/KRW-BTC?size=2m", 422, "size", "'1m'"),
        ("/api/bars/KRW-BTC?limit=0", 422, "limit", "greater"),
        ("/api/bars/KRW-BTC?limit=all", 422, "limit", "integer"),
        ("/api/bars/KRW-BTC?to=2026-11-20T09:00:00", 422, "to", "offset"),
        ("/api/bars/KRW-BTC?to=yesterday", 422, "to", "+09:00"),
        ("/api/gaps?limit=100000", 422, "limit", "less"),
        ("/api/bars/KRW-NONE", 404, "symbol", "known"),
    ],
)
async def test_bad_input_is_told_field_value_and_remedy(
    recorded: Path, path: str, status: int, field: str, word: str
) -> None:
    async with client_of(app_of(recorded)) as client:
        await caught_up(client)
        answer = await client.get(path)
        problem = answer.json()
        assert answer.status_code == status
        assert problem["field"] == field
        assert word in problem["remedy"]
        assert field in problem["error"]
        assert str(problem["value"]) in problem["error"]
        if status == 404:
            assert problem["known"] == ["KRW-BTC", "KRW-ETH"]


async def test_openapi_is_true_to_every_answer(recorded: Path) -> None:
    """Each documented GET is asked, with a collector and without; what is sent is what is promised."""
    collector = FakeCollector()
    async with collector.listening(recorded), client_of(app_of(recorded)) as client:
        await status_is(client, "recording", None)
        await caught_up(client)
        await _check_every_get(client)
    async with client_of(app_of(recorded)) as client:
        await status_is(client, "not_recording", "collector_gone")
        await _check_every_get(client)


async def _check_every_get(client: httpx2.AsyncClient) -> None:
    openapi = (await client.get("/api/openapi.json")).json()
    paths = [path for path, methods in openapi["paths"].items() if "get" in methods]
    assert len(paths) == 1 + 2 * 14
    assert {path.removeprefix("/api/v1") for path in paths if path.startswith("/api/v1/")} == {
        path.removeprefix("/api") for path in paths if path.startswith("/api/") and "/v1/" not in path
    }
    for path in paths:
        for symbol in ("KRW-BTC", "KRW-NONE"):
            answer = await client.get(path.format(symbol=symbol))
            promised = openapi["paths"][path]["get"]["responses"][str(answer.status_code)]
            ref = promised["content"]["application/json"]["schema"]["$ref"]
            name = ref.removeprefix("#/components/schemas/")
            assert set(_refs(openapi["components"]["schemas"][name])) <= set(openapi["components"]["schemas"])
            read = msgspec.json.decode(answer.content, type=SHAPES[name])
            assert msgspec.json.encode(read) == answer.content, path


def _refs(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else []
        return own + [ref for each in schema.values() for ref in _refs(each)]
    return [ref for each in schema for ref in _refs(each)] if isinstance(schema, list) else []


async def test_a_foreign_name_is_refused_on_loopback(recorded: Path) -> None:
    async with client_of(app_of(recorded), host="rebound.example") as client:
        assert (await client.get("/api/quotes")).status_code == 400
    async with client_of(app_of(recorded, host="0.0.0.0"), host="desk.example") as client:
        assert (await client.get("/api/quotes")).status_code == 200
    async with client_of(app_of(recorded), host="[::1]:8001") as client:
        assert (await client.get("/api/quotes")).status_code == 200


async def test_the_market_can_be_unplugged_only_in_the_demo_and_by_our_own_page(recorded: Path) -> None:
    own = {"X-Sise": "1"}
    async with client_of(app_of(recorded)) as client:
        assert (await client.post("/api/demo/unplug", json={}, headers=own)).status_code == 404
    simulator = FakeCollector()
    async with simulator.listening(recorded) as url:
        app = app_of(recorded, demo_control=url)
        async with client_of(app) as client:
            assert (await client.post("/api/demo/unplug", json={"seconds": 5})).status_code == 403
            refused = await client.post("/api/demo/unplug", json={"seconds": 9999}, headers=own)
            assert (refused.status_code, refused.json()["field"]) == (422, "seconds")
            assert simulator.posted == []
            done = await client.post("/api/demo/unplug", json={"seconds": 5}, headers=own)
            assert (done.status_code, done.json()) == (200, {"ok": True, "seconds": 5.0})
            assert (await client.post("/api/v1/demo/plug", headers=own)).status_code == 200
            assert simulator.posted == [("/control/unplug", {"seconds": 5.0}), ("/control/plug", {})]
    async with client_of(app_of(recorded, demo_control=url)) as client:
        assert (await client.post("/api/demo/plug", headers=own)).status_code == 502


async def test_pages_carry_their_headers_and_say_when_they_are_not_built(tmp_path: Path) -> None:
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text("<!doctype html><title>sise</title>")
    (static / "app.js").write_text("1")
    app = FastAPI()
    add_pages(app, static)
    async with client_of(app) as client:
        page = await client.get("/dashboard/KRW-BTC/1m")
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
        assert (await client.get("/static/app.js")).headers["cache-control"] == "no-cache"
        stamped = await client.get("/static/app.js?v=abc")
        assert "immutable" in stamped.headers["cache-control"]
        (static / "index.html").unlink()
        page = await client.get("/dashboard")
        assert page.status_code == 503
        assert "not built" in page.text


async def test_every_answer_carries_the_safe_headers(recorded: Path) -> None:
    async with client_of(app_of(recorded)) as client:
        for path in ("/api/status", "/api/nope", "/dashboard", "/api/docs", "/static/../app.py"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            scripts = next(each for each in policy.split("; ") if each.startswith("script-src"))
            assert scripts == "script-src 'self'"
            assert answer.headers["x-content-type-options"] == "nosniff"
        listing = await client.get("/api/docs")
        assert "/api/bars/{symbol}" in listing.text
        assert "//" not in listing.text.replace("<!doctype html>", ""), "asks another server for something"


async def test_no_secret_of_the_environment_is_ever_told(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SISE_UPBIT_SECRET_KEY", KEY)
    async with client_of(app_of(recorded)) as client:
        openapi = (await client.get("/api/openapi.json")).json()
        for path in ["/dashboard", "/api/docs", *openapi["paths"]]:
            assert KEY not in (await client.get(path.format(symbol="KRW-BTC"))).text
