"""The line: exactly one gap for each hole, waits as required, silence told from quiet."""

from __future__ import annotations

from random import Random

from sise.collect.link import JITTER, WAITS_SECONDS, wait_seconds
from sise.model.time import NS_PER_SECOND, parse_iso
from tests.collect.venue import Venue
from tests.collect.virtual import START_NS

HOUR = 3600.0


def seconds(text: str) -> float:
    return (parse_iso(text) - START_NS) / NS_PER_SECOND


async def test_a_working_line_has_no_gap_and_one_connection() -> None:
    venue = Venue("KRW-BTC", "KRW-ETH")
    await venue.play(end=600)
    assert len(venue.sockets) == 1
    assert venue.lines.events("gap_marker") == []
    assert venue.lines.events("reconnection_event") == []


async def test_a_lost_line_is_one_gap_from_the_last_sign_of_life_to_the_first_data() -> None:
    venue = Venue()
    await venue.play((10.4, venue.lose), end=30)
    (gap,) = venue.lines.events("gap_marker")
    assert seconds(gap["gap_start_ts"]) == 10
    assert 11.2 <= seconds(gap["gap_end_ts"]) <= 12
    assert (gap["scope"], gap["reason"]) == ("scalp", "ws_disconnect")
    (attempt,) = venue.lines.events("reconnection_event")
    assert (attempt["attempt_no"], attempt["result"]) == (1, "SUCCESS")
    assert attempt["recovered_slot_list"] == ["KRW-BTC"]


async def test_an_outage_of_eight_hours_is_one_gap_with_one_attempt_a_minute() -> None:
    venue = Venue()
    down, up = venue.set(up=False), venue.set(up=True)
    await venue.play((60.0, down), (60.0, venue.lose), (60 + 8 * HOUR, up), end=60 + 8.1 * HOUR)
    (gap,) = venue.lines.events("gap_marker")
    assert 8 * HOUR - 2 <= gap["gap_seconds"] <= 8 * HOUR + 75, "back within 60 s (and jitter)"
    waits = [event["backoff_seconds"] for event in venue.lines.events("reconnection_event")]
    for waited, step in zip(waits, WAITS_SECONDS, strict=False):
        assert step * (1 - JITTER) <= waited <= step * (1 + JITTER)
    assert all(60 * (1 - JITTER) <= waited <= 60 * (1 + JITTER) for waited in waits[6:])
    assert len(waits) <= 8 * 60 * 1.1
    assert len(venue.lines.events("recording_paused")) == 1
    assert len(venue.lines.events("recording_resumed")) == 1


async def test_five_minutes_without_success_are_said_once_and_not_before() -> None:
    venue = Venue()
    venue.up = False
    await venue.play(end=299)
    assert venue.lines.events("recording_paused") == []
    await venue.play(end=10)
    (paused,) = venue.lines.events("recording_paused")
    assert paused["level"] == "critical"


async def test_a_silent_socket_is_found_within_thirty_seconds() -> None:
    venue = Venue()
    silence = venue.set(answers=False, talks=False)
    await venue.play((100.0, silence), (131.0, venue.set(answers=True, talks=True)), end=200)
    assert len(venue.sockets) >= 2
    assert venue.sockets[0].closed.done()
    (gap,) = venue.lines.events("gap_marker")
    assert gap["reason"] == "silent_socket"
    assert 99 <= seconds(gap["gap_start_ts"]) <= 100
    disconnected = venue.lines.events("disconnected")[0]
    assert seconds(disconnected["timestamp"]) - seconds(gap["gap_start_ts"]) <= 30


async def test_a_line_cut_in_a_silence_is_a_hole_from_the_last_data() -> None:
    """A pong on the way proves nothing: a half-dead provider sends those too (seed 70048)."""
    venue = Venue()
    await venue.play((100.0, venue.set(answers=False, talks=False)), (109.0, venue.lose), end=112)
    await venue.play((0.0, venue.set(answers=True, talks=True)), end=60)
    (gap,) = venue.lines.events("gap_marker")
    assert gap["reason"] == "ws_disconnect"
    assert 99 <= seconds(gap["gap_start_ts"]) <= 100


async def test_a_quiet_market_is_no_gap_because_the_line_answers() -> None:
    venue = Venue()
    await venue.play((10.0, venue.set(talks=False)), end=600)
    assert len(venue.sockets) == 1, "a quiet market cost the socket"
    assert venue.lines.events("gap_marker") == []
    assert len(venue.sockets[0].sent) > 10, "quiet must be proven, again and again"


async def test_a_venue_that_accepts_but_never_speaks_is_no_success() -> None:
    venue = Venue()
    venue.answers = venue.talks = False
    await venue.play((100.0, venue.set(answers=True, talks=True)), end=200)
    (gap,) = venue.lines.events("gap_marker")
    attempts = venue.lines.events("reconnection_event")
    assert [attempt["result"] for attempt in attempts[:-1]] == ["FAIL"] * (len(attempts) - 1)
    assert attempts[-1]["result"] == "SUCCESS"
    assert gap["gap_seconds"] >= 90


async def test_a_line_that_breaks_again_and_again_is_not_hammered() -> None:
    venue = Venue()
    await venue.play(*[(float(at), venue.lose) for at in range(1, 601)], end=602)
    per_minute = [sum(1 for at in venue.attempts_at if 0 <= at - start < 60e9) for start in venue.attempts_at]
    assert max(per_minute) <= 8
    assert len(venue.lines.events("gap_marker")) == len(venue.sockets) - 1


async def test_a_symbol_without_data_is_said_and_not_hoped_for() -> None:
    venue = Venue("KRW-BTC", "KRW-NONE")
    venue.symbols = ("KRW-BTC",)
    await venue.play(end=30)
    (event,) = venue.lines.events("subscription_unconfirmed")
    assert event["detail"]["symbols"] == ["KRW-NONE"]
    assert venue.link.unconfirmed == ["KRW-NONE"]


async def test_what_a_lost_line_said_is_forgotten() -> None:
    venue = Venue()
    await venue.play((10.0, venue.set(up=False)), (10.1, venue.lose), end=20)
    before = len(venue.lines.streams["scalp"])
    venue.observer.sample(venue.clock.now_ns(), venue.clock.now_ns())
    assert len(venue.lines.streams["scalp"]) == before, "a sample of a dead line is an invented number"


def test_waits_are_jittered_by_a_fifth() -> None:
    rng = Random(3)
    waits = [wait_seconds(7, rng) for _ in range(1000)]
    assert min(waits) >= 48
    assert max(waits) <= 72
    assert max(waits) - min(waits) > 20
