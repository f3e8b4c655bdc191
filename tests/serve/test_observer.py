"""The observer's API over a day that the journal's own writer has written."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from sise.collect.universe import RULES, InputRef, Inputs, Listing, build_universe, write_universe
from sise.journal.line import close_line
from sise.journal.seal import seal
from sise.model.hours import SpecialDay
from sise.model.time import iso
from sise.serve.app import ServeConfig, create_app
from tests.serve.asking import client_of, status_is
from tests.serve.observing import KoreanDay, kst
from tests.serve.recording import TestClock
from tests.serve.serving import STATUS, FakeCollector

DAY = "2026-11-20"


@pytest.fixture
def day(tmp_path: Path) -> KoreanDay:
    """A session from 08:50 on that was cut off at noon, with two attempts to come back."""
    day = KoreanDay(tmp_path)
    day.event("session_start", kst("08:50"))
    day.event("connected", kst("09:30:02"))
    day.sweep("09:00")
    day.sweep("09:20", refused={"unreachable": 20}, answered=80)
    day.event(
        "disconnected", kst("12:00:10"), scope="scalp", reason="silent_socket", gap_start_ts=iso(kst("12:00"))
    )
    day.attempt(kst("12:00:20"), 1, back=False)
    day.attempt(kst("12:00:40"), 2, back=True)
    day.gap(kst("12:00"), kst("12:00:40"), "silent_socket")
    return day


async def _get(root: Path, now: str, path: str, **query: Any) -> dict[str, Any]:
    clock = TestClock()
    clock.ns = kst(now)
    async with client_of(create_app(ServeConfig(data_dir=root), clock)) as client:
        answer = await client.get(f"/api/{path}", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def test_a_day_tells_what_was_heard_missed_and_tried(day: KoreanDay) -> None:
    found = await _get(day.root, "13:05", "day", provider="kis")
    assert (found["day"], found["market"], found["zone"]) == (DAY, "kr_stocks", "Asia/Seoul")
    assert found["heard"] == [{"start": iso(kst("09:30:02")), "end": None}], (
        "from the first data on, not before"
    )
    assert found["known_until"] == iso(kst("12:00:40"))
    assert found["sessions"][0]["connected"] == iso(kst("09:30:02"))
    (gap,) = found["gaps"]
    assert (gap["seconds"], gap["reason"], gap["open"]) == (40.0, "silent_socket", False)
    assert gap["raw_ref"] == "system/events/kis/20261120.jsonl:8"
    assert [(each["result"], each["attempt"], each["detail"]) for each in found["reconnects"]] == [
        ("FAIL", 1, "refused"),
        ("SUCCESS", 2, ""),
    ]
    assert found["counts"] == {"gaps": 1, "reconnects": 1, "attempts_failed": 1, "slot_changes": 0}
    assert found["hours"]["scalp"] == {"start": iso(kst("09:30")), "end": iso(kst("15:00"))}


async def test_every_moment_of_the_sweeps_grid_is_told(day: KoreanDay) -> None:
    found = await _get(day.root, "09:35", "day", provider="kis")
    told = [(each["slot"], each["state"]) for each in found["sweeps"]]
    assert len(told) == 40, "09:00 to 15:30, every ten minutes"
    assert told[:5] == [
        (iso(kst("09:00")), "done"),
        (iso(kst("09:10")), "missing"),
        (iso(kst("09:20")), "done"),
        (iso(kst("09:30")), "due"),
        (iso(kst("09:40")), "due"),
    ]
    swept = found["sweeps"][2]
    assert (swept["asked"], swept["answered"], swept["refused"]) == (100, 80, {"unreachable": 20})
    assert (swept["seconds"], found["sweeps"][1]["asked"]) == (12.0, None)


async def test_a_missed_sweep_says_why_and_where_that_stands(day: KoreanDay) -> None:
    missed = {"planned": iso(kst("09:10")), "reason": "collector_down"}
    day.event("sweep_missed", kst("12:10"), **missed)
    day.event("sweep_missed", kst("12:10"), planned=iso(kst("15:30", "2026-11-19")), reason="collector_down")
    found = await _get(day.root, "13:05", "day", provider="kis")
    slot = found["sweeps"][1]
    assert (slot["slot"], slot["state"], slot["reason"]) == (iso(kst("09:10")), "missing", "collector_down")
    assert slot["raw_ref"] == "system/events/kis/20261120.jsonl:9"
    assert len(found["sweeps"]) == 40, "what was missed the day before is no part of this one"


async def test_where_the_provider_was_asked_its_word_makes_the_hours(day: KoreanDay) -> None:
    day.event("trading_day", kst("12:05"), day=DAY, open=False)
    found = await _get(day.root, "13:05", "day", provider="kis")
    hours = {"open": False, "why": "the provider says so", "source": "kis", "swing": None, "scalp": None}
    assert found["hours"] == hours
    assert [each["state"] for each in found["sweeps"]] == ["done", "done"], "none is due"


async def test_the_installations_own_days_are_in_the_hours(day: KoreanDay) -> None:
    clock = TestClock()
    clock.ns = kst("13:05")
    closed = SpecialDay(date(2026, 11, 20), "a temporary holiday", "the gazette", closed=True)
    config = ServeConfig(data_dir=day.root, calendar_exceptions=(closed,))
    async with client_of(create_app(config, clock)) as client:
        hours = (await client.get("/api/day", params={"provider": "kis"})).json()["hours"]
    assert (hours["open"], hours["why"], hours["source"]) == (False, "a temporary holiday", "the gazette")


async def test_without_a_collector_the_newest_day_of_the_record_is_told(day: KoreanDay) -> None:
    found = await _get(day.root, "11:00", "day")
    assert found["day"] == DAY
    clock = TestClock()
    clock.ns = kst("11:00", "2026-11-28")
    async with client_of(create_app(ServeConfig(data_dir=day.root), clock)) as client:
        for path in ("day", "overflow", "universe", "completeness"):
            assert (await client.get(f"/api/{path}")).json()["day"] == DAY, path
    collector = FakeCollector()
    collector.body = msgspec.json.encode({**STATUS, "provider": "kis"})
    async with (
        collector.listening(day.root, "kis"),
        client_of(create_app(ServeConfig(data_dir=day.root), clock)) as client,
    ):
        await status_is(client, "recording", None)
        assert (await client.get("/api/day")).json()["day"] == "2026-11-28", "it may hear at any moment"


async def test_without_a_collector_the_record_says_since_when(day: KoreanDay) -> None:
    clock = TestClock()
    clock.ns = kst("11:00", "2026-11-28")
    async with client_of(create_app(ServeConfig(data_dir=day.root), clock)) as client:
        status = await status_is(client, "not_recording", "stopped")
    assert status["since"] == iso(kst("12:00:40"))


async def test_before_the_record_began_nothing_is_missing(tmp_path: Path) -> None:
    day = KoreanDay(tmp_path)
    day.event("session_start", kst("11:05"))
    day.sweep("11:10")
    first = await _get(tmp_path, "11:30", "day")
    assert (first["began"], first["sweeps"][0]["slot"]) == (iso(kst("11:05")), iso(kst("11:10")))
    KoreanDay(tmp_path / "later").event("session_start", kst("09:00", "2026-11-18"))
    later = KoreanDay(tmp_path / "later")
    later.event("session_start", kst("11:05"))
    later.sweep("11:10")
    found = await _get(tmp_path / "later", "11:30", "day")
    assert (found["began"], found["sweeps"][0]["state"]) == (None, "missing")
    assert found["days"] == [DAY, "2026-11-18"]


async def test_listening_ends_with_the_hours_and_with_a_session(day: KoreanDay) -> None:
    day.event("hours_over", kst("15:00"), scope="scalp")
    day.event("session_end", kst("15:45"), how="clean")
    day.event("session_start", kst("16:00"))
    found = await _get(day.root, "16:10", "day")
    assert found["heard"] == [{"start": iso(kst("09:30:02")), "end": iso(kst("15:00"))}]
    day.event("connected", kst("16:01"))
    again = await _get(day.root, "16:10", "day")
    assert again["heard"][1:] == [{"start": iso(kst("16:01")), "end": None}]


async def test_a_killed_session_is_heard_until_it_was_last_alive(day: KoreanDay) -> None:
    day.event("session_end", kst("13:00"), how="recovered", alive=iso(kst("12:40")))
    found = await _get(day.root, "13:10", "day")
    assert found["heard"] == [{"start": iso(kst("09:30:02")), "end": iso(kst("12:40"))}]
    assert (found["sessions"][0]["end"], found["sessions"][0]["how"]) == (iso(kst("12:40")), "recovered")


async def test_an_open_gap_of_a_day_that_is_over_is_not_open(day: KoreanDay) -> None:
    day.event(
        "disconnected", kst("15:00"), scope="scalp", reason="ws_disconnect", gap_start_ts=iso(kst("14:59"))
    )
    now = await _get(day.root, "15:10", "day")
    assert [(gap["open"], gap["end"]) for gap in now["gaps"]] == [(False, iso(kst("12:00:40"))), (True, None)]
    clock = TestClock()
    clock.ns = kst("09:00", "2026-11-21")
    async with client_of(create_app(ServeConfig(data_dir=day.root), clock)) as client:
        later = (await client.get("/api/day", params={"day": DAY})).json()
    assert [gap["open"] for gap in later["gaps"]] == [False, False]


async def test_mitigation_is_told_in_bands(day: KoreanDay) -> None:
    facts: dict[str, Any] = {"measure": "cpu_percent", "value": 84.0, "threshold": 80.0}
    day.event("mitigation", kst("12:10"), level_before=0, level_after=1, hz=1.0, **facts)
    day.event("mitigation", kst("12:20"), level_before=1, level_after=2, hz=0.5, **facts)
    day.event("mitigation", kst("12:30"), level_before=2, level_after=1, hz=1.0)
    found = await _get(day.root, "12:31", "day")
    bands = [(each["start"], each["end"], each["level"], each["hz"]) for each in found["mitigation"]]
    assert bands == [
        (iso(kst("12:10")), iso(kst("12:20")), 1, 1.0),
        (iso(kst("12:20")), iso(kst("12:30")), 2, 0.5),
        (iso(kst("12:30")), None, 1, 1.0),
    ]


async def test_slot_changes_anomalies_and_pauses(day: KoreanDay) -> None:
    day.slot("register", "005930", kst("12:10:10"))
    day.slot("unregister", "000660", kst("12:10:50"), trigger="", score=0.0)
    day.slot("unregister", "005930", kst("12:20:10"), held_seconds=600.0)
    day.event("recording_paused", kst("12:30"), scope="scalp", reason="connect_failed")
    facts: dict[str, Any] = {"condition": "ws_disconnected", "value": 10.5, "limit": 10.0, "unit": "minutes"}
    day.event("anomalous_day", kst("12:31"), "cut off", **facts)
    day.event("recording_resumed", kst("12:40"))
    found = await _get(day.root, "13:00", "day")
    assert found["slot_changes"] == [
        {"minute": "2026-11-20T03:10:00Z", "registered": 1, "unregistered": 1},
        {"minute": "2026-11-20T03:20:00Z", "registered": 0, "unregistered": 1},
    ]
    decided = {each["symbol"]: (each["action"], each["held_seconds"]) for each in found["slot_decisions"]}
    assert decided == {"005930": ("unregister", 600.0), "000660": ("unregister", 0.0)}
    (pause,) = found["pauses"]
    assert (pause["start"], pause["end"]) == (iso(kst("12:30")), iso(kst("12:40")))
    (anomaly,) = found["anomalous"]
    assert (anomaly["condition"], anomaly["value"], anomaly["unit"]) == ("ws_disconnected", 10.5, "minutes")


async def test_a_day_is_read_on_while_it_is_written_and_after_it_is_sealed(day: KoreanDay) -> None:
    clock = TestClock()
    clock.ns = kst("12:30")
    async with client_of(create_app(ServeConfig(data_dir=day.root), clock)) as client:

        async def count() -> int:
            answer: dict[str, Any] = (await client.get("/api/day", params={"day": DAY})).json()
            return len(answer["reconnects"])

        assert await count() == 2
        day.attempt(kst("12:20"), 1, back=True)
        assert await count() == 3
        KoreanDay(day.root, "sess_l").event("session_start", kst("00:10", "2026-11-21"))
        day_file = day.root / "system/events/kis/20261120.jsonl"
        assert seal(day_file, kst("08:00", "2026-11-22")) is not None
        assert not day_file.exists()
        assert await count() == 3
    assert len((await _get(day.root, "12:30", "day", day=DAY))["reconnects"]) == 3


async def test_the_overflow_ledger_newest_first(day: KoreanDay) -> None:
    for minute in range(10, 15):
        day.asks(f"0000{minute}", kst(f"12:{minute}"))
    found = await _get(day.root, "13:00", "overflow", provider="kis", limit=2)
    assert (found["total"], [each["symbol"] for each in found["overflow"]]) == (5, ["000014", "000013"])
    assert found["overflow"][0]["raw_ref"] == "system/overflow/kis/20261120_overflow.jsonl:5"
    empty = await _get(day.root, "13:00", "overflow", provider="kis", day="2026-11-19")
    assert (empty["total"], empty["overflow"]) == (0, [])


async def test_the_universe_is_told_with_its_rule_and_whether_it_was_changed(day: KoreanDay) -> None:
    listings = [Listing(f"{number:06}", prev_close=1000.0 * number) for number in range(1, 11)]
    inputs = Inputs("kis", date(2026, 11, 19), listings, [InputRef("listings", "wire/kis n=4")])
    write_universe(day.root, build_universe(date(2026, 11, 20), RULES["kr_stocks"], inputs))
    found = await _get(day.root, "13:00", "universe", provider="kis", offset=1, limit=2)
    universe = found["universe"]
    assert (universe["count"], universe["listed"], universe["excluded"]) == (7, 10, {"below": 3})
    assert (universe["rule"]["minimum"], universe["intact"]) == (4000.0, True)
    assert found["symbols"] == ["000005", "000006"]
    path = day.root / universe["path"]
    path.write_bytes(path.read_bytes().replace(b'"000005"', b'"000015"'))
    changed = await _get(day.root, "13:00", "universe", provider="kis")
    assert changed["universe"]["intact"] is False
    older = await _get(day.root, "13:00", "universe", provider="kis", day="2026-11-18")
    assert older["universe"] is None


async def test_completeness_adds_up_the_slots_that_a_symbol_had(day: KoreanDay) -> None:
    def account(symbol: str, at: str, since: str, heard: float, missing: float | None, status: str) -> None:
        facts: dict[str, Any] = {
            "symbol": symbol,
            "since": iso(kst(since)),
            "status": status,
            "ratio": None,
            "ratio_of_day": 0.5,
        }
        day.event("completeness", kst(at), heard=heard, missing=missing, **facts)

    account("005930", "12:10", "09:30", 90.0, 10.0, "incomplete")
    account("005930", "12:20", "12:12", 100.0, 0.0, "complete")
    account("005930", "12:30", "12:12", 110.0, 0.0, "complete")  # the same slot, told again
    account("000660", "12:10", "09:30", 5.0, None, "unknown")
    found = await _get(day.root, "13:00", "completeness", provider="kis")
    unknown, samsung = found["completeness"]
    assert (samsung["heard"], samsung["missing"], samsung["accounts"]) == (200.0, 10.0, 2)
    assert samsung["status"] == "incomplete"
    assert samsung["ratio"] == pytest.approx(200 / 210)
    assert (unknown["symbol"], unknown["missing"], unknown["ratio"]) == ("000660", None, None)


async def test_what_a_collector_says_now_is_added_to_the_days_account(day: KoreanDay) -> None:
    facts: dict[str, Any] = {
        "symbol": "005930",
        "since": iso(kst("09:30")),
        "status": "complete",
        "heard": 90.0,
        "missing": 0.0,
    }
    day.event("completeness", kst("12:10"), **facts)
    collector = FakeCollector()
    now = [{"symbol": "005930", "heard": 10.0, "missing": 10.0, "ratio": 0.5, "status": "incomplete"}]
    told = STATUS | {"provider": "kis", "market": "kr_stocks", "completeness": now}
    collector.body = msgspec.json.encode(told)
    clock = TestClock()
    clock.ns = kst("12:30")
    app = create_app(ServeConfig(data_dir=day.root), clock)
    async with collector.listening(day.root), client_of(app) as client:
        await status_is(client, "recording", None)
        (row,) = (await client.get("/api/completeness")).json()["completeness"]
    assert (row["heard"], row["missing"], row["status"], row["live"]) == (100.0, 10.0, "incomplete", True)


async def test_backups_tell_each_days_keeping(day: KoreanDay) -> None:
    file = day.root / "wire/kis/20261120/09.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(close_line(b'{"n":1,"t":"2026-11-20T00:00:00.000000Z","conn":"ws-1","frame":"{}"}'))
    (row,) = (await _get(day.root, "13:00", "backups"))["backups"]
    assert (row["day"], row["provider"], row["raw_bytes"]) == (DAY, "kis", file.stat().st_size)
    assert (row["backup"], row["verified_at"], row["state"]) == ("not_due", None, "kept")
    assert (row["keep_until"], row["anomalous"]) == ("2026-11-23", [])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"day": "20th"}, "day"),
        ({"provider": "nobody"}, "provider"),
        ({"provider": "../kis"}, "provider"),
        ({"day": "1890-01-01"}, "day"),
    ],
)
async def test_a_day_that_is_none_is_refused(day: KoreanDay, query: dict[str, str], field: str) -> None:
    async with client_of(create_app(ServeConfig(data_dir=day.root), TestClock())) as client:
        answer: httpx2.Response = await client.get("/api/day", params=query)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_journal_that_cannot_be_read_is_said(day: KoreanDay) -> None:
    day_file = day.root / "system/events/kis/20261120.jsonl"
    clock = TestClock()
    clock.ns = kst("12:30")
    async with client_of(create_app(ServeConfig(data_dir=day.root), clock)) as client:
        assert (await client.get("/api/overflow")).status_code == 200
        day_file.unlink()
        day_file.symlink_to(day_file)  # whoever opens it goes in a circle
        answer = await client.get("/api/day", params={"day": DAY})
        assert answer.status_code == 503
        assert "cannot be read" in answer.json()["error"]


async def test_nothing_recorded_is_said_not_invented(tmp_path: Path) -> None:
    async with client_of(create_app(ServeConfig(data_dir=tmp_path), TestClock())) as client:
        answer = await client.get("/api/day")
        assert (answer.status_code, answer.json()["field"]) == (422, "provider")
        assert (await client.get("/api/backups")).json() == {"backups": []}
