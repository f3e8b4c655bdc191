"""The API as a client sees it, over the app's own interface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from fastapi import FastAPI

from sise.serve import answers, ledgers, observed
from sise.serve.app import ServeConfig, create_app
from sise.serve.pages import add_pages
from tests.serve.recording import Recording, TestClock
from tests.serve.serving import STATUS, FakeCollector, write_address

KEY = "canary-51c2a9"
SHAPES = vars(answers) | vars(observed) | vars(ledgers)
LONG = json.dumps(STATUS).encode() + b" " * 3_000_000


@asynccontextmanager
async def client_of(app: FastAPI, host: str = "127.0.0.1:8001") -> AsyncIterator[httpx2.AsyncClient]:
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            yield client


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - what is waited for lies behind the API
            await asyncio.sleep(0.01)


async def caught_up(client: httpx2.AsyncClient) -> None:
    async def is_read() -> bool:
        what = (await client.get("/api/health")).json()["checks"]["following"]["what"]
        return "more to come" not in what

    await until(is_read)


async def status_is(client: httpx2.AsyncClient, state: str, reason: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def is_so() -> bool:
        found.update((await client.get("/api/status")).json())
        return (found["state"], found["reason"]) == (state, reason)

    await until(is_so)
    return found


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    recording = Recording(tmp_path)
    recording.start(0)
    recording.candle(-60, 40.0)
    for second in range(181):
        recording.sample(second, 100.0, prev_close=80.0, volume=1.5)
    recording.trade(10, 101.0)
    recording.gap(130, 140)
    return tmp_path


def app_of(data_dir: Path, **more: Any) -> FastAPI:
    return create_app(ServeConfig(data_dir=data_dir, **more), TestClock(181))


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


async def test_health_is_200_only_while_recording(recorded: Path) -> None:
    collector = FakeCollector()
    async with client_of(app_of(recorded)) as client:
        assert (await client.get("/api/health")).status_code == 503
        async with collector.listening(recorded):
            await status_is(client, "recording", None)
            health = await client.get("/api/health")
            assert (health.status_code, health.json()["ok"]) == (200, True)
            fault = {"state": "fault", "fault": "No space left on device"}
            broken = STATUS | {"journal": STATUS["journal"] | fault}
            collector.body = msgspec.json.encode(broken | {"state": "degraded", "reason": "journal_fault"})
            await status_is(client, "degraded", "journal_fault")
            health = await client.get("/api/health")
            assert health.status_code == 503
            assert "No space left" in health.json()["checks"]["upbit.journal"]["what"]


async def test_a_collector_that_stops_answering_is_gone_and_not_shown_as_live(recorded: Path) -> None:
    collector = FakeCollector()
    clock = TestClock(181)
    app = create_app(ServeConfig(data_dir=recorded), clock)
    async with client_of(app) as client:
        async with collector.listening(recorded):
            before = await status_is(client, "recording", None)
            assert before["collectors"][0]["rate"]["frames_per_second"] == 12.5
            collector.hang = True
            clock.ns += 4 * 10**9
            gone = await status_is(client, "not_recording", "collector_gone")
            assert gone["stale_seconds"] == 4.0
            assert gone["since"] == "2026-11-20T00:03:01.000000Z"
            last = gone["collectors"][0]
            assert (last["state"], last["connection"]["state"]) == ("not_recording", "closed")
            assert last["rate"]["frames_per_second"] == 0.0
            assert last["ledger"] == STATUS["ledger"]
            collector.hang = False
            await status_is(client, "recording", None)
        await status_is(client, "not_recording", "collector_gone")
        (recorded / "run" / "collect-upbit.json").unlink()
        await status_is(client, "not_recording", "stopped")


async def test_a_living_collector_is_not_called_gone_where_the_market_runs_fast(recorded: Path) -> None:
    """At a thousand times the speed seconds of the market pass between two polls of the machine's time."""
    collector = FakeCollector()
    market, machine = TestClock(181), TestClock(181)
    app = create_app(ServeConfig(data_dir=recorded), market, machine)
    async with collector.listening(recorded), client_of(app) as client:
        await status_is(client, "recording", None)
        collector.hang = True
        market.ns += 500 * 10**9
        status = (await client.get("/api/status")).json()
        assert (status["state"], status["stale_seconds"]) == ("recording", 0.0)
        machine.ns += 3 * 10**9
        await status_is(client, "not_recording", "collector_gone")


async def test_off_hours_is_healthy_and_says_until_when(recorded: Path) -> None:
    collector = FakeCollector()
    resting = {"state": "off_hours", "reason": "after_hours", "next_start": "2026-11-23T00:30:00.000000Z"}
    collector.body = msgspec.json.encode(STATUS | resting)
    async with collector.listening(recorded), client_of(app_of(recorded)) as client:
        status = await status_is(client, "off_hours", "after_hours")
        assert status["next_start"] == resting["next_start"]
        answer = await client.get("/api/health")
        health = answer.json()
    assert (answer.status_code, health["ok"], health["state"]) == (200, True, "off_hours")
    assert "2026-11-23T00:30" in health["checks"]["collector"]["what"]


async def test_who_rests_does_not_hide_who_records(recorded: Path) -> None:
    resting, recording = FakeCollector(), FakeCollector()
    off = {
        "provider": "kis",
        "state": "off_hours",
        "reason": "closed_day",
        "next_start": "2026-11-23T00:30:00Z",
    }
    resting.body = msgspec.json.encode(STATUS | off)
    async with (
        resting.listening(recorded, "kis"),
        recording.listening(recorded),
        client_of(app_of(recorded)) as client,
    ):
        status = await status_is(client, "recording", None)
        assert (len(status["collectors"]), status["next_start"]) == (2, None)


async def test_what_an_older_collector_does_not_tell_is_not_known(recorded: Path) -> None:
    collector = FakeCollector()
    async with collector.listening(recorded), client_of(app_of(recorded)) as client:
        (told,) = (await status_is(client, "recording", None))["collectors"]
    later = ("universe", "sweeps", "mitigation", "anomalous", "pins", "excluded", "completeness")
    assert {name: told[name] for name in later} == dict.fromkeys(later)
    assert (told["slots"]["held"][0]["score"], told["slots"]["overflow"]) == (None, None)


async def test_what_a_collector_tells_is_passed_on_as_it_is(recorded: Path) -> None:
    held = {"symbol": "005930", "name_ko": "삼성전자", "name_en": "", "since": "2026-11-20T00:30:00.000000Z"}
    why = {"trigger": "volume_surge", "score": 0.8, "leaving": False, "record_rate": 0.99}
    asking = {
        "symbol": "000660",
        "candidate_score": 0.5,
        "rank": 42,
        "cutoff_rank": 41,
        "decision_reason": "margin",
    }
    named = {"name_ko": "에스케이하이닉스", "name_en": ""}
    overflow = {
        "asking": 1,
        "written": 3,
        "first": [asking | named | {"trigger": None, "cutoff_score": None}],
    }
    made = {"rule": "prev_close >= 4,000 KRW", "source": "provider", "made_at": None, "last_good_of": None}
    last = {"slot": "2026-11-20T00:20:00.000000Z", "asked": 9, "answered": 8, "refused": 1, "seconds": 3.6}
    met = {"condition": "ws_reconnects", "value": 20.0, "limit": 20.0, "unit": "reconnects"}
    more = {
        "slots": {"limit": 41, "held": [held | why], "swaps": 3, "overflow": overflow},
        "universe": {"day": "2026-11-20", "symbols": 1265, **made},
        "sweeps": {"planned": 4, "done": 3, "late": 1, "last": last},
        "mitigation": {
            "level": 1,
            "hz": 1.0,
            "since": "2026-11-20T00:40:00.000000Z",
            "reason": "cpu is high",
        },
        "anomalous": {"day": "2026-11-20", "conditions": [met]},
        "pins": ["005930"],
        "excluded": [],
        "completeness": [
            {"symbol": "005930", "status": "complete", "heard": 9.0, "missing": 0.0, "ratio": 1.0}
        ],
    }
    collector = FakeCollector()
    collector.body = msgspec.json.encode(STATUS | more)
    async with collector.listening(recorded), client_of(app_of(recorded)) as client:
        (told,) = (await status_is(client, "recording", None))["collectors"]
    assert {name: told[name] for name in more} == more


@pytest.mark.parametrize("body", [b"", b"[]", b'{"provider": "upbit"}', b"<html>down</html>", LONG])
async def test_what_is_no_status_is_not_believed(recorded: Path, body: bytes) -> None:
    collector = FakeCollector()
    collector.body = body
    async with collector.listening(recorded), client_of(app_of(recorded)) as client:
        status = await status_is(client, "not_recording", "collector_gone")
        assert status["collectors"] == []


async def test_only_addresses_of_this_machine_are_asked(recorded: Path) -> None:
    write_address(recorded, "http://192.0.2.1:80/status")
    async with client_of(app_of(recorded)) as client:
        await status_is(client, "not_recording", "collector_gone")


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
