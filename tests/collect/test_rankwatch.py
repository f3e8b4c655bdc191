"""The rank call: asked through the scalp hours, written down, and heard by the triggers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.collect.rankwatch import FRESH_SECONDS, RankWatch
from sise.collect.ratios import TriggerSettings
from sise.model.events import Ranked, Snapshot
from sise.model.time import NS_PER_SECOND
from tests.collect.floor import read
from tests.collect.stage import Stage
from tests.collect.virtual import START_NS

MINUTE = 60 * NS_PER_SECOND
SESSION_SECONDS = 23_400.0


def place(symbol: str, at_ns: int, volume: float, prev_volume: float | None = None, rank: int = 1) -> Ranked:
    snapshot = Snapshot(symbol, at_ns, 10_000.0, volume=volume)
    return Ranked(symbol=symbol, rank=rank, snapshot=snapshot, prev_volume=prev_volume)


def watch() -> RankWatch:
    return RankWatch(TriggerSettings(), SESSION_SECONDS)


def test_the_pace_between_two_calls_is_held_against_the_day_before() -> None:
    """Usual: one a second. 9 a second in the last minute: r = 9, score 0.8."""
    ranks = watch()
    ranks.on_ranked([place("A", MINUTE, 50_000.0, SESSION_SECONDS * 100)], MINUTE)
    assert ranks.calling(MINUTE) == [], "named for the first time: no pace yet"
    ranks.on_ranked([place("A", 2 * MINUTE, 104_000.0, SESSION_SECONDS * 100)], 2 * MINUTE)
    (trigger,) = ranks.calling(2 * MINUTE)
    assert (trigger.kind, trigger.basis) == ("volume_surge", "rank")
    assert trigger.ratio == pytest.approx(9.0)
    assert trigger.score == pytest.approx(0.8)


def test_without_a_usual_volume_the_calls_before_are_what_is_usual() -> None:
    ranks = watch()
    volumes = [0.0, 6_000.0, 12_000.0, 18_000.0, 36_000.0]
    for minute, volume in enumerate(volumes, 1):
        ranks.on_ranked([place("A", minute * MINUTE, volume)], minute * MINUTE)
    (trigger,) = ranks.calling(5 * MINUTE)
    assert trigger.ratio == pytest.approx(3.0)


def test_little_value_is_no_surge() -> None:
    ranks = watch()
    ranks.on_ranked([place("A", MINUTE, 0.0, SESSION_SECONDS)], MINUTE)
    ranks.on_ranked([place("A", 2 * MINUTE, 4_000.0, SESSION_SECONDS)], 2 * MINUTE)  # 40,000,000 won
    (trigger,) = ranks.calling(2 * MINUTE)
    assert trigger.score == 0.0


def test_what_a_ranking_said_gets_old_and_who_is_not_named_any_more_is_silent() -> None:
    ranks = watch()
    for minute in (1, 2):
        rows = [place(symbol, minute * MINUTE, minute * 60_000.0, SESSION_SECONDS) for symbol in "AB"]
        ranks.on_ranked(rows, minute * MINUTE)
    assert len(ranks.calling(2 * MINUTE)) == 2
    assert ranks.calling(2 * MINUTE + (FRESH_SECONDS + 1) * NS_PER_SECOND) == []
    ranks.on_ranked([place("A", 3 * MINUTE, 180_000.0, SESSION_SECONDS)], 3 * MINUTE)
    assert [trigger.symbol for trigger in ranks.calling(3 * MINUTE)] == ["A"]


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=30), st.one_of(st.none(), st.floats(0, 1e9)))
def test_scores_lie_between_0_and_1_and_memory_is_bounded(volumes: list[float], prev: float | None) -> None:
    ranks = watch()
    for minute, volume in enumerate(volumes, 1):
        rows = [place("A", minute * MINUTE, volume, prev), place(f"X{minute}", minute * MINUTE, volume, prev)]
        ranks.on_ranked(rows, minute * MINUTE)
        assert all(0.0 <= trigger.score <= 1.0 for trigger in ranks.calling(minute * MINUTE))
    assert len(ranks._places) <= 15


async def test_a_symbol_that_the_ranking_names_gets_a_slot_within_minutes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, start="2026-11-20T03:00:00Z")

    def ranking(now_ns: int) -> list[Ranked]:
        seconds = (now_ns - START_NS) / NS_PER_SECOND
        rows = [place("KRW-C", now_ns, seconds * 900.0, prev_volume=86_400.0 * 100)]
        return [*rows, place("KRW-FUND", now_ns, seconds * 9_000.0, prev_volume=86_400.0 * 100)]

    stage.ranking = ranking
    stage.open(swing=True)
    await stage.run(110)
    assert "KRW-C" not in stage.collector.session.slots, "named once, it has no pace yet"
    await stage.run(290)
    assert "KRW-C" in stage.collector.session.slots
    assert "KRW-FUND" not in stage.collector.session.slots, "it is not of the universe"
    assert stage.ranked_by == ["surge"] * len(stage.ranked_by)
    asked = [line for line in read(tmp_path, "wire") if line.get("url") == "/rank"]
    assert len(asked) == len(stage.ranked_by) == 6, "each minute, each in the wire log"
    await stage.close()


async def test_a_ranking_that_fails_is_said_once_and_again_when_it_answers(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.ranking = lambda now_ns: []
    stage.open()
    await stage.run(90)
    stage.answers = False
    await stage.run(300)
    stage.answers = True
    await stage.run(90)
    assert len(stage.events("rank_failed")) == len(stage.events("rank_answered")) == 1
    await stage.close()


async def test_it_is_not_asked_outside_the_hours_nor_where_it_is_switched_off(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "a", korean=True, start="2026-11-20T06:00:10Z")
    stage.ranking = lambda now_ns: []
    stage.open()
    await stage.run(200)
    await stage.close()
    stage.clock.ns = START_NS
    stage.root, stage.korean = tmp_path / "b", False
    stage.open(rank_every_seconds=0.0)
    await stage.run(200)
    await stage.close()
    assert stage.ranked_by == []
