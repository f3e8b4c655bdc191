"""What is counted live is what is counted from the files: a restart changes no counter."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from sise.collect.daycount import DayCount, read_counted
from sise.collect.diary import Diary
from sise.collect.hours import TrackHours
from sise.collect.slots import SessionMeta
from sise.collect.streams import streams_of
from sise.journal.disk import OsDisk
from sise.journal.writer import JournalWriter
from sise.model.calendar import Calendar
from sise.model.records import GapMarker, ReconnectionEvent
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, iso
from tests.collect.virtual import START_NS, VirtualClock

DAY = date(2026, 11, 20)
MARKETS = {"crypto": "crypto", "kr_stocks": "krx"}
MINUTES_LEFT = 14 * 60
"""From nine in Seoul, where the test begins, to the last hour of the day."""


def gap(start_ns: int, end_ns: int, scope: str) -> GapMarker:
    return GapMarker(
        gap_start_ts=iso(start_ns),
        gap_end_ts=iso(end_ns),
        gap_seconds=(end_ns - start_ns) / NS_PER_SECOND,
        scope=scope,
        reason="ws_disconnect",
        session_id="s",
        timestamp=iso(end_ns),
        provider="p",
        market="m",
    )


def attempt(at_ns: int, result: str) -> ReconnectionEvent:
    return ReconnectionEvent(
        timestamp=iso(at_ns),
        attempt_no=1,
        backoff_seconds=1.0,
        result="SUCCESS" if result == "SUCCESS" else "FAIL",
        recovered_slot_list=[],
        mitigation_level_after=0,
        session_id="s",
        provider="p",
        market="m",
    )


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("gap"), st.integers(0, 40_000), st.sampled_from(["scalp", "all"])),
        st.tuples(st.just("attempt"), st.just(0), st.sampled_from(["SUCCESS", "FAIL"])),
        st.tuples(
            st.sampled_from(["recording_paused", "record_rate_low", "cpu_high", "checkpoint"]),
            st.integers(0, 99),
            st.just(""),
        ),
    ),
    max_size=25,
)


def write(diary: Diary, kind: str, minute: int, value: int) -> None:
    if kind == "record_rate_low":
        diary.write(kind, "said", minute=minute, expected=100, recorded=value)
    elif kind == "cpu_high":
        diary.write(kind, "said", minute=minute, percent=float(value))
    else:
        diary.write(kind, "said")


@settings(max_examples=40, deadline=None)
@given(happenings, st.sampled_from(sorted(MARKETS)))
def test_a_restart_changes_no_counter(happened: list[tuple[str, int, str]], market: str) -> None:
    clock = VirtualClock()
    hours = TrackHours(Calendar(MARKETS[market]))
    live = DayCount(DAY, MARKET_ZONES[market], hours)
    with TemporaryDirectory() as folder:
        writer = JournalWriter(Path(folder), streams_of("p", market), disk=OsDisk(), clock=clock)
        diary = Diary(writer, SessionMeta("p", market, "v", "s"), clock)
        heard: list[Struct] = []
        diary.listeners += [live.take, heard.append]
        for number, (kind, value, word) in enumerate(happened):
            clock.ns = START_NS + number * 60 * NS_PER_SECOND
            if kind == "gap":
                diary.record(gap(clock.ns - value * NS_PER_SECOND, clock.ns, word))
            elif kind == "attempt":
                diary.record(attempt(clock.ns, word))
            else:
                write(diary, kind, number, value)
        writer.close()
        read = DayCount(DAY, MARKET_ZONES[market], hours)
        for event in read_counted(Path(folder), "p", DAY):
            read.take(event)
        assert list(read_counted(Path(folder), "p", date(2026, 11, 19))) == []
    end = START_NS + MINUTES_LEFT * 60 * NS_PER_SECOND
    assert read.counters(end, []) == live.counters(end, [])
    assert len(heard) == len(happened)


def test_only_what_lies_in_the_day_and_in_the_hours_counts() -> None:
    krx = DayCount(DAY, MARKET_ZONES["kr_stocks"], TrackHours(Calendar("krx")))
    night = START_NS - 40 * 3_600 * NS_PER_SECOND
    krx.take(gap(night, START_NS + 31 * 60 * NS_PER_SECOND, "scalp"))  # until 09:31
    assert krx.counters(START_NS, []).disconnected_seconds == 60.0
    crypto = DayCount(DAY, MARKET_ZONES["crypto"], TrackHours(Calendar("crypto")))
    crypto.take(gap(night, START_NS, "scalp"))
    assert crypto.counters(START_NS, []).disconnected_seconds == 9 * 3_600
    crypto.take(gap(night, START_NS, "all"))
    counters = crypto.counters(START_NS, [])
    assert (counters.disconnected_seconds, len(counters.log_gap_seconds)) == (9 * 3_600, 2)
