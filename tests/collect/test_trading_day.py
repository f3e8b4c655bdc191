"""The provider's own word on whether today is a trading day: asked once, believed, remembered."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

from sise.collect.hours import TrackHours
from sise.collect.tradingday import TradingDays
from sise.model.calendar import Calendar
from sise.model.overrides import parse_overrides
from sise.model.time import parse_iso
from tests.collect.floor import read
from tests.collect.stage import Stage
from tests.collect.venue import Venue

CLOSED_FRIDAY = """
[[day]]
date = 2026-11-20
closed = true
reason = "a holiday that was taken back"
source = "test"
"""
SELDOM_HZ = 0.05


def at(clock: str) -> str:
    return f"2026-11-20T{clock}:00+09:00"


def rest_lines(root: Path) -> list[str]:
    return [line["url"] for line in read(root, "wire") if line["conn"] == "rest"]


async def test_a_day_that_both_call_open_is_asked_for_once_before_the_open(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("06:50"))
    stage.opens = True
    stage.open(sample_hz=SELDOM_HZ)
    await stage.run_to(at("09:31"))
    assert stage.collector.status()["state"] == "recording"
    (said,) = stage.events("trading_day")
    assert said["timestamp"] == "2026-11-19T22:30:00.100000Z", "07:30, before slots and universe are due"
    assert (said["detail"]["day"], said["detail"]["open"]) == ("2026-11-20", True)
    assert stage.events("calendar_differs") == []
    await stage.close()
    assert rest_lines(tmp_path).count("/chk-holiday") == 1
    frames = {line["n"]: line for line in read(tmp_path, "wire") if "n" in line}
    assert frames[said["detail"]["frame"]]["url"] == "/chk-holiday", "the evidence is named"


async def test_a_sudden_holiday_is_believed_and_said_and_nobody_listens(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("07:00"))
    stage.opens = False
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("10:00"))
    status = stage.collector.status()
    assert (status["state"], status["reason"]) == ("off_hours", "closed_day")
    assert status["next_start"] == "2026-11-23T00:30:00.000000Z"
    assert (stage.wires, stage.events("swing_sweep"), stage.events("sweep_missed")) == ([], [], [])
    (differs,) = stage.events("calendar_differs")
    assert differs["level"] == "error"
    assert (differs["detail"]["open"], differs["detail"]["calendar"]["open"]) == (False, True)
    await stage.close()


async def test_a_late_start_on_a_closed_day_opens_no_line(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("11:03"))
    stage.opens = False
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run(120)
    assert (stage.wires, stage.collector.status()["reason"]) == ([], "closed_day")
    await stage.close()
    assert rest_lines(tmp_path)[0] == "/chk-holiday", "the first question of all"


async def test_a_restart_on_the_same_day_asks_nobody_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("07:40"))
    stage.opens = False
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("08:10"))
    await stage.close()
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("10:00"))
    assert len(stage.days_asked) == 1
    assert stage.collector.status()["reason"] == "closed_day"
    assert (stage.wires, stage.events("sweep_missed"), len(stage.events("calendar_differs"))) == ([], [], 1)
    await stage.close()


async def test_a_day_that_only_the_provider_calls_open_is_listened_to(tmp_path: Path) -> None:
    calendar = Calendar("krx", overrides=parse_overrides(CLOSED_FRIDAY))
    stage = Stage(tmp_path, korean=True, start=at("07:00"), parts={"calendar": calendar})
    stage.opens = True
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("07:10"))
    assert stage.collector.status()["next_start"] == "2026-11-23T00:30:00.000000Z"
    await stage.run_to(at("09:35"))
    assert stage.collector.status()["state"] == "recording"
    assert stage.collector.status()["sweeps"]["done"] == 4, "09:00, 09:10, 09:20, 09:30"
    assert len(stage.events("calendar_differs")) == 1
    await stage.close()


async def test_an_own_exception_alone_closes_the_day(tmp_path: Path) -> None:
    calendar = Calendar("krx", overrides=parse_overrides(CLOSED_FRIDAY))
    stage = Stage(tmp_path, korean=True, start=at("08:50"), parts={"calendar": calendar})
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("09:45"))
    assert stage.collector.status()["reason"] == "closed_day"
    assert (stage.wires, stage.events("swing_sweep")) == ([], [])
    await stage.close()


async def test_a_failure_is_said_delays_nothing_and_is_asked_again_an_hour_later(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("09:20"))
    stage.opens = True
    stage.open(symbols=("KRW-A",), sample_hz=SELDOM_HZ)
    stage.answers = False
    await stage.run_to(at("09:31"))
    assert stage.collector.status()["state"] == "recording", "our own calendar holds"
    assert len(stage.events("trading_day_failed")) == 1
    await stage.run_to(at("10:05"))
    stage.answers = True
    await stage.run_to(at("10:35"))
    moments = [(ns - stage.days_asked[0]) // 10**9 for ns in stage.days_asked]
    assert moments == [0, 3600]
    assert len(stage.events("trading_day")) == 1
    await stage.close()


async def test_a_late_answer_ends_the_hours_that_have_begun(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("09:40"))
    stage.opens = False
    stage.answers = False
    stage.open(symbols=("KRW-A",), sample_hz=SELDOM_HZ)
    await stage.run_to(at("10:00"))
    assert stage.collector.status()["state"] == "recording"
    stage.answers = True
    await stage.run_to(at("10:45"))
    assert stage.collector.status()["reason"] == "closed_day"
    assert len(stage.events("hours_over")) == 1
    await stage.close()


async def test_each_day_is_asked_for_once() -> None:
    venue, asked = Venue(), list[date]()

    class Always:
        async def trading_day(self, day: date) -> bool | None:
            asked.append(day)
            return day.weekday() < 5

    days = TradingDays(
        Always(), TrackHours(Calendar("krx")), venue.diary, venue.clock, answer_frame=lambda: (0, 7)
    )
    venue.clock.ns = parse_iso(at("15:10"))
    task = asyncio.create_task(days.run())
    await venue.clock.run(4 * 86_400)
    task.cancel()
    assert [day.isoformat()[8:] for day in asked] == ["20", "21", "22", "23", "24"]
    assert venue.lines.events("calendar_differs") == []


async def test_nobody_waits_for_an_answer_that_does_not_come() -> None:
    venue = Venue()

    class Never:
        async def trading_day(self, day: date) -> bool | None:
            await asyncio.Event().wait()
            return None

    days = TradingDays(
        Never(), TrackHours(Calendar("krx")), venue.diary, venue.clock, answer_frame=lambda: (0, 7)
    )
    venue.clock.ns = parse_iso(at("09:10"))
    task = asyncio.create_task(days.run())
    await venue.clock.run(121)
    assert len(venue.lines.events("trading_day_failed")) == 1
    task.cancel()


async def test_outside_the_hours_it_is_said_why_and_until_when(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("08:50"))
    stage.open(symbols=("KRW-A",), sample_hz=SELDOM_HZ)
    await stage.run_to(at("09:05"))
    early = stage.collector.status()
    assert (early["state"], early["reason"]) == ("off_hours", "before_hours")
    assert early["next_start"] == "2026-11-20T00:30:00.000000Z"
    await stage.run_to(at("09:31"))
    now = stage.collector.status()
    assert (now["state"], now["reason"], now["next_start"]) == ("recording", None, None)
    await stage.close()
    evening = Stage(tmp_path / "evening", korean=True, start=at("14:58"))
    evening.open(symbols=("KRW-A",), sample_hz=SELDOM_HZ)
    await evening.run_to(at("15:05"))
    late = evening.collector.status()
    assert (late["state"], late["reason"]) == ("off_hours", "after_hours")
    assert late["next_start"] == "2026-11-23T00:30:00.000000Z"
    await evening.close()


async def test_a_market_that_never_shuts_is_not_asked(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.opens = False
    stage.open()
    await stage.run(120)
    assert (stage.days_asked, stage.collector.status()["state"]) == ([], "recording")
    await stage.close()
