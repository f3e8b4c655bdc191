"""Sweeps that nobody did: each is an event, once, however often the collector begins again."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sise.collect.diary import Diary
from sise.collect.hours import TrackHours
from sise.collect.missed import planned_sweeps, tell_missed
from sise.collect.slots import SessionMeta
from sise.collect.streams import streams_of
from sise.collect.swing import SwingTrack
from sise.journal.disk import OsDisk
from sise.journal.writer import JournalWriter
from sise.model.calendar import Calendar
from sise.model.time import NS_PER_SECOND, iso, parse_iso
from tests.collect.stage import Stage
from tests.collect.test_swing import Source
from tests.collect.venue import Venue
from tests.collect.virtual import VirtualClock

SELDOM_HZ = 0.05
MINUTE_NS = 60 * NS_PER_SECOND
OPEN_NS = parse_iso("2026-11-20T09:00:00+09:00")


def at(clock: str, day: str = "2026-11-20") -> str:
    return f"{day}T{clock}:00+09:00"


def told(stage: Stage) -> list[tuple[str, str]]:
    """Clock in Seoul and reason of each missed sweep."""
    missed = [event["detail"] for event in stage.events("sweep_missed")]
    return [
        (f"{(int(one['planned'][11:13]) + 9) % 24:02d}{one['planned'][13:16]}", one["reason"])
        for one in missed
    ]


async def test_what_lies_between_two_sessions_is_missed_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("08:50"))
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("09:15"))
    await stage.close()
    await stage.run_to(at("09:35"))
    for _ in range(2):
        stage.open(swing=True, sample_hz=SELDOM_HZ)
        await stage.run(60)
        assert told(stage) == [("09:20", "collector_down"), ("09:30", "collector_down")]
        sweeps = stage.collector.status()["sweeps"]
        assert (sweeps["planned"], sweeps["done"], sweeps["late"]) == (4, 2, 0)
        await stage.close()


async def test_before_the_record_began_nothing_was_missed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("11:05"))
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("11:15"))
    assert (told(stage), stage.collector.status()["sweeps"]["planned"]) == ([], 1)
    await stage.close()


async def test_on_a_later_day_the_open_counts_and_the_rest_of_the_day_before(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("15:05", "2026-11-19"))
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("16:15", "2026-11-19"))
    await stage.close()
    await stage.run_to(at("09:15"))
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run(60)
    assert [clock for clock, _ in told(stage)] == ["16:20", "16:30", "09:00", "09:10"]
    await stage.close()


async def test_a_sweep_that_an_end_cut_off_is_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("09:05"))
    stage.listed = tuple(f"KRW-{n}" for n in range(9_000))
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run_to(at("09:10"))
    await stage.run(0.5)
    await stage.close()
    await stage.run_to(at("09:13"))
    stage.open(swing=True, sample_hz=SELDOM_HZ)
    await stage.run(60)
    assert told(stage) == [("09:10", "not_finished")]
    await stage.close()


async def test_given_symbols_miss_no_sweeps(tmp_path: Path) -> None:
    stage = Stage(tmp_path, korean=True, start=at("08:50"))
    for clock in ("09:15", "09:45"):
        stage.open(symbols=("KRW-A",), swing=True, sample_hz=SELDOM_HZ)
        await stage.run_to(at(clock))
        await stage.close()
    assert told(stage) == []


async def test_a_late_sweep_does_not_cost_the_next_one() -> None:
    venue = Venue()
    swing = SwingTrack(
        Source(venue, seconds=250), venue.observer, venue.diary, venue.clock, answer_frame=lambda: (0, 7)
    )

    async def universe(at_ns: int) -> list[str]:
        return [f"S{n}" for n in range(10)]

    venue.clock.ns = OPEN_NS - MINUTE_NS
    task = asyncio.create_task(swing.run(universe, lambda at_ns: True))
    await venue.clock.run(3600)
    task.cancel()
    planned = [event["detail"]["planned"][14:16] for event in venue.lines.events("swing_sweep")]
    assert planned == ["00", "10", "20", "30", "40"]


async def test_a_sweep_without_a_universe_and_one_that_was_slept_through_are_missed() -> None:
    venue = Venue()
    swing = SwingTrack(Source(venue), venue.observer, venue.diary, venue.clock, answer_frame=lambda: (0, 7))

    async def universe(at_ns: int) -> list[str]:
        if at_ns == OPEN_NS:
            return []
        if at_ns == OPEN_NS + 10 * MINUTE_NS:
            venue.clock.ns += 35 * MINUTE_NS  # the machine was suspended
        return ["A"]

    venue.clock.ns = OPEN_NS - MINUTE_NS
    task = asyncio.create_task(swing.run(universe, lambda at_ns: True))
    await venue.clock.run(3600)
    task.cancel()
    missed = [
        (e["detail"]["planned"][14:16], e["detail"]["reason"]) for e in venue.lines.events("sweep_missed")
    ]
    assert missed == [("00", "no_universe"), ("20", "too_late"), ("30", "too_late")]
    assert swing.facts()["planned"] == swing.counts.done + swing.counts.late + 3


@settings(max_examples=40, deadline=None)
@given(
    lives=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90), st.booleans()), min_size=1, max_size=6),
)
def test_after_any_lives_each_planned_moment_is_told_exactly_once(lives: list[tuple[int, int, bool]]) -> None:
    """``lives``: minutes down, minutes up, and whether the last sweep of the life was finished."""
    hours, clock = TrackHours(Calendar("krx")), VirtualClock()
    clock.ns = began = OPEN_NS - 7 * MINUTE_NS
    alive: int | None = None
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        writer = JournalWriter(root, streams_of("kis", "kr_stocks"), disk=OsDisk(), clock=clock)
        diary = Diary(writer, SessionMeta("kis", "kr_stocks", "krx", "s"), clock)
        moments: list[str] = []
        diary.listeners.append(lambda event: moments.append(event.detail.get("planned", "")))  # type: ignore[attr-defined]
        for down, up, finishes in lives:
            diary.write("session_start", "")
            writer.flush()
            tell_missed(root, diary, hours, clock.ns, alive)
            due = list(planned_sweeps(hours, clock.ns + 1, clock.ns + up * MINUTE_NS))
            for planned in due if finishes else due[:-1]:
                diary.write("swing_sweep", "", planned=iso(planned), late=False)
            clock.ns += up * MINUTE_NS
            alive = clock.ns
            clock.ns += down * MINUTE_NS
            writer.flush()
        counts = tell_missed(root, diary, hours, clock.ns, alive)
        writer.close()
    seen = [moment for moment in moments if moment]
    grid = [iso(moment) for moment in planned_sweeps(hours, began + 1, clock.ns)]
    assert sorted(seen) == grid
    assert counts.done + counts.late + counts.missed == len(grid)
