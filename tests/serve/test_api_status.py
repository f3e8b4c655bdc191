"""What the API tells of collectors: who records, who rests, who is gone, and whom it believes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from sise.serve.app import ServeConfig, create_app
from tests.serve.asking import app_of, client_of, recorded, status_is
from tests.serve.recording import TestClock
from tests.serve.serving import STATUS, FakeCollector, write_address

__all__ = ["recorded"]
LONG = json.dumps(STATUS).encode() + b" " * 3_000_000


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
