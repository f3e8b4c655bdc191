"""The swing track: on the grid, the whole universe, each sweep told; and the universe of a day, fixed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from sise.collect.choosing import UniverseOfDay
from sise.collect.hours import TrackHours
from sise.collect.swing import SwingTrack, next_sweep
from sise.collect.universe import read_universe, universe_path
from sise.model.calendar import Calendar
from sise.model.errors import ProviderRefused, Unreachable
from sise.model.events import Instrument, Quote, Snapshot
from sise.model.time import NS_PER_SECOND, iso, parse_iso
from tests.collect.venue import Venue
from tests.collect.virtual import START_NS

DAY = date(2026, 11, 20)


class Source:
    """A provider that answers as told; each request takes ``seconds``."""

    quotes_per_request = 2

    def __init__(self, venue: Venue, seconds: float = 1.0) -> None:
        self._venue = venue
        self.seconds = seconds
        self.fail: Exception | None = None
        self.silent: set[str] = set()
        self.halted: set[str] = set()
        self.asked: list[tuple[int, tuple[str, ...]]] = []
        self.listed = [Instrument("KRW-A", value_24h=2e9), Instrument("KRW-B", value_24h=1e6)]

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        self.asked.append((self._venue.clock.now_ns(), tuple(symbols)))
        await self._venue.clock.sleep(self.seconds)
        if self.fail is not None:
            raise self.fail
        now = self._venue.clock.now_ns()
        return [
            Quote(symbol=symbol, halted=True)
            if symbol in self.halted
            else Quote(symbol=symbol, snapshot=Snapshot(symbol, now, 100.0, open=90.0), halted=False)
            for symbol in symbols
            if symbol not in self.silent
        ]

    async def listings(self) -> list[Instrument]:
        if self.fail is not None:
            raise self.fail
        return self.listed


def swing_of(venue: Venue, source: Source) -> SwingTrack:
    return SwingTrack(
        source, venue.observer, venue.diary, venue.clock, answer_frame=lambda: (venue.clock.now_ns(), 7)
    )


async def test_sweeps_stand_on_the_wall_clocks_grid_while_the_market_is_open() -> None:
    venue = Venue()
    source = Source(venue)
    swing = swing_of(venue, source)
    hours = TrackHours(Calendar("krx"))

    async def universe(at_ns: int) -> Sequence[str]:
        return ("000001", "000002", "000003") if hours.universe_due_at(at_ns) else ()

    venue.clock.ns = parse_iso("2026-11-20T08:55:30+09:00")
    task = asyncio.create_task(swing.run(universe, hours.sweeps_at))
    await venue.clock.run(9 * 3600)
    task.cancel()
    sweeps = [event["detail"] for event in venue.lines.events("swing_sweep")]
    assert len(sweeps) == 40, "09:00 to 15:30 every ten minutes, both ends"
    assert sweeps[0]["planned"] == iso(parse_iso("2026-11-20T09:00:00+09:00"))
    assert sweeps[-1]["planned"] == iso(parse_iso("2026-11-20T15:30:00+09:00"))
    assert {(sweep["asked"], sweep["answered"], sweep["left"]) for sweep in sweeps} == {(3, 3, 0)}
    assert len(venue.lines.streams["swing"]) == 120
    assert {record["frame"] for record in venue.lines.streams["swing"]} == {7}
    assert (swing.facts()["planned"], swing.counts.done, swing.counts.late) == (40, 40, 0)


async def test_a_sweep_that_cannot_end_in_its_slot_stops_and_says_so() -> None:
    venue = Venue()
    swing = swing_of(venue, Source(venue, seconds=250))
    task = asyncio.create_task(swing.sweep([f"S{n}" for n in range(10)], START_NS))
    await venue.clock.run(3000)
    sweep = await task
    assert (sweep.asked, sweep.answered, sweep.left, sweep.late) == (10, 6, 4, True)
    (event,) = venue.lines.events("swing_sweep")
    assert event["level"] == "warning"
    assert "4 could not be asked" in event["message"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unreachable("cut"), "unreachable"),
        (ProviderRefused("kis", 500, "EGW00201", "too often"), "provider_refused EGW00201"),
    ],
)
async def test_what_is_not_answered_is_counted_by_reason(error: Exception, reason: str) -> None:
    venue = Venue()
    source = Source(venue)
    source.fail = error
    task = asyncio.create_task(swing_of(venue, source).sweep(["A", "B", "C"], START_NS))
    await venue.clock.run(10)
    sweep = await task
    assert dict(sweep.refused) == {reason: 3}
    assert sweep.answered == 0
    assert venue.lines.streams["swing"] == []


async def test_a_halted_symbol_is_recorded_without_a_price_and_a_missing_one_is_said() -> None:
    venue = Venue()
    source = Source(venue)
    source.halted, source.silent = {"A"}, {"B"}
    task = asyncio.create_task(swing_of(venue, source).sweep(["A", "B"], START_NS))
    await venue.clock.run(10)
    sweep = await task
    assert dict(sweep.refused) == {"not_answered": 1}
    (record,) = venue.lines.streams["swing"]
    assert (record["symbol"], record["last_price"], record["halted"]) == ("A", None, True)
    assert venue.ledger.events_decoded == venue.ledger.events_recorded == 1


def test_the_grid_is_the_wall_clocks() -> None:
    nine = parse_iso("2026-11-20T09:00:00+09:00")
    assert next_sweep(nine - 1) == nine
    assert next_sweep(nine) == nine + 600 * NS_PER_SECOND


def universes(venue: Venue, source: Source, root: Path) -> UniverseOfDay:
    hours = TrackHours(Calendar("crypto"))
    return UniverseOfDay(root, source, venue.diary, hours, venue.clock, answer_frame=lambda: (0, 9))


async def test_the_universe_is_made_once_and_a_late_start_uses_the_same(tmp_path: Path) -> None:
    venue = Venue()
    source = Source(venue)
    made = await universes(venue, source, tmp_path).of(DAY)
    assert made is not None
    assert made.symbols == ("KRW-A",)
    source.listed = [Instrument("KRW-Z", value_24h=9e9)]
    again = await universes(venue, source, tmp_path).of(DAY)
    assert again == made == read_universe(universe_path(tmp_path, "upbit", "crypto", DAY))


async def test_a_provider_that_is_down_leads_to_the_last_good_universe_said_aloud(tmp_path: Path) -> None:
    venue = Venue()
    source = Source(venue)
    made = await universes(venue, source, tmp_path).of(DAY)
    source.fail = Unreachable("maintenance page")
    next_day = universes(venue, source, tmp_path)
    assert await next_day.of(date(2026, 11, 21)) == made
    (said,) = venue.lines.events("universe_old")
    assert said["level"] == "warning"
    source.fail = None
    fresh = await next_day.of(date(2026, 11, 21))
    assert fresh is not None
    assert fresh.day == date(2026, 11, 21)


async def test_a_changed_universe_file_is_not_believed(tmp_path: Path) -> None:
    venue = Venue()
    source = Source(venue)
    await universes(venue, source, tmp_path).of(DAY)
    path = universe_path(tmp_path, "upbit", "crypto", DAY)
    path.write_bytes(path.read_bytes().replace(b"KRW-A", b"KRW-Z"))
    assert await universes(venue, source, tmp_path).of(DAY) is None
    assert venue.lines.events("universe_damaged")


@pytest.mark.parametrize(
    ("at", "sweeps", "scalps"),
    [
        ("2026-11-18T08:59:59+09:00", False, False),
        ("2026-11-18T09:00:00+09:00", True, False),
        ("2026-11-18T09:30:00+09:00", True, True),
        ("2026-11-18T15:00:00+09:00", True, False),
        ("2026-11-18T15:30:00+09:00", True, False),
        ("2026-11-18T15:30:01+09:00", False, False),
        ("2026-11-19T09:40:00+09:00", False, False),  # CSAT day: 10:00 to 16:30
        ("2026-11-19T10:30:00+09:00", True, True),
        ("2026-11-19T15:59:00+09:00", True, True),
        ("2026-11-21T11:00:00+09:00", False, False),
    ],
)
def test_the_tracks_hours_are_the_markets(at: str, sweeps: bool, scalps: bool) -> None:
    hours = TrackHours(Calendar("krx"))
    assert (hours.sweeps_at(parse_iso(at)), hours.scalps_at(parse_iso(at))) == (sweeps, scalps)
