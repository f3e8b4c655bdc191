"""Mitigation: by the table, held for five minutes, and down again only when it is really calm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.collect.mitigate import HOLD_SECONDS, THRESHOLDS, Change, Measure, Metrics, Mitigation, Threshold
from sise.model.time import NS_PER_SECOND

STEP_SECONDS = 10
CALM = {"cpu_percent": 10.0, "memory_percent": 20.0, "disk_write_ms": 1.0, "queue_delay_ms": 1.0}


class Machine:
    """Feeds measurements, one in so many seconds."""

    def __init__(self) -> None:
        self.mitigation = Mitigation()
        self.now = 0

    def run(self, seconds: int, /, **values: float | None) -> list[Change]:
        changes = []
        for _ in range(0, seconds, STEP_SECONDS):
            change = self.mitigation.feed(self.now * NS_PER_SECOND, Metrics(**{**CALM, **values}))
            changes += [change] if change else []
            self.now += STEP_SECONDS
        return changes


@pytest.mark.parametrize("row", THRESHOLDS, ids=lambda row: f"{row.measure}-{row.level}")
def test_each_threshold_held_for_five_minutes(row: Threshold) -> None:
    measure, level, value = row.measure, row.level, row.value
    machine = Machine()
    assert machine.run(HOLD_SECONDS, **{measure: value}) == []
    (change,) = machine.run(10, **{measure: value})
    assert (change.level_before, change.level, change.hz) == (0, level, (2.0, 1.0, 0.5)[level])
    assert (change.measure, change.value, change.threshold) == (measure, value, value)
    assert change.at_ns - change.since_ns == HOLD_SECONDS * NS_PER_SECOND


@pytest.mark.parametrize("row", THRESHOLDS, ids=lambda row: f"{row.measure}-{row.level}")
def test_just_below_a_threshold_is_not_its_level(row: Threshold) -> None:
    machine = Machine()
    machine.run(3_600, **{row.measure: row.value - 0.001})
    assert machine.mitigation.level == row.level - 1


def test_one_moment_of_calm_begins_the_hold_anew() -> None:
    machine = Machine()
    machine.run(290, cpu_percent=85.0)
    machine.run(10, cpu_percent=79.0)
    assert machine.run(300, cpu_percent=85.0) == []
    assert len(machine.run(10, cpu_percent=85.0)) == 1


def test_different_measures_do_not_add_up() -> None:
    machine = Machine()
    machine.run(200, cpu_percent=85.0)
    assert machine.run(200, memory_percent=90.0) == []


def test_from_one_to_two_when_it_gets_worse() -> None:
    machine = Machine()
    changes = machine.run(400, cpu_percent=85.0) + machine.run(400, cpu_percent=95.0)
    assert [change.level for change in changes] == [1, 2]


def test_down_one_level_at_a_time_each_after_five_calm_minutes() -> None:
    machine = Machine()
    machine.run(310, cpu_percent=95.0)
    calm_from = machine.now
    changes = machine.run(1_200)
    assert [(change.level_before, change.level, change.hz) for change in changes] == [
        (2, 1, 1.0),
        (1, 0, 2.0),
    ]
    seconds = [change.at_ns // NS_PER_SECOND - calm_from for change in changes]
    assert seconds[0] == HOLD_SECONDS
    assert HOLD_SECONDS <= seconds[1] - seconds[0] <= HOLD_SECONDS + 10


def test_from_two_to_one_while_the_load_is_still_that_of_one() -> None:
    machine = Machine()
    machine.run(310, cpu_percent=95.0)
    assert [change.level for change in machine.run(3_600, cpu_percent=80.5)] == [1]


def test_near_the_threshold_is_not_calm() -> None:
    machine = Machine()
    machine.run(310, cpu_percent=80.0)
    assert machine.run(3_600, cpu_percent=72.0) == []
    assert [change.level for change in machine.run(310, cpu_percent=71.9)] == [0]


def test_every_measure_must_be_calm() -> None:
    machine = Machine()
    machine.run(310, cpu_percent=80.0)
    assert machine.run(3_600, queue_delay_ms=1_900.0) == []


def test_a_load_that_swings_around_a_threshold_does_not_move_the_level() -> None:
    machine = Machine()
    machine.run(310, cpu_percent=82.0)
    for _ in range(50):
        assert machine.run(100, cpu_percent=81.0) == []
        assert machine.run(100, cpu_percent=75.0) == []
    assert machine.mitigation.level == 1


def test_what_is_not_measured_is_neither_load_nor_calm() -> None:
    machine = Machine()
    machine.run(290, cpu_percent=85.0)
    machine.run(10, cpu_percent=None)
    assert machine.run(300, cpu_percent=85.0) == []
    machine.run(20, cpu_percent=85.0)
    assert machine.mitigation.level == 1
    assert machine.run(3_600, cpu_percent=None) == []
    unmeasured = Mitigation()
    assert [unmeasured.feed(at * NS_PER_SECOND, Metrics()) for at in range(0, 3_600, 10)] == [None] * 360


def test_a_machine_without_a_measure_still_recovers() -> None:
    machine = Machine()
    assert machine.run(310, queue_delay_ms=None, cpu_percent=85.0)
    assert machine.run(310, queue_delay_ms=None)


def test_a_long_silence_or_a_clock_set_back_proves_nothing() -> None:
    machine = Machine()
    machine.run(20, cpu_percent=99.0)
    machine.now += 3_600
    assert machine.run(300, cpu_percent=99.0) == []
    machine.now -= 10_000
    assert machine.run(300, cpu_percent=99.0) == []
    assert len(machine.run(10, cpu_percent=99.0)) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 10, 59, 61, 300]),
            st.sampled_from([0.0, 70.0, 79.9, 80.0, 85.0, 90.0, 99.0]),
        ),
        max_size=80,
    )
)
def test_no_level_changes_twice_within_the_hold_downwards_and_none_without_cause(
    loads: list[tuple[int, float]],
) -> None:
    machine, last_down = Mitigation(), None
    now, level = 0, 0
    for seconds, cpu in loads:
        now += seconds
        change = machine.feed(now * NS_PER_SECOND, Metrics(cpu_percent=cpu))
        if change is None:
            assert machine.level == level
            continue
        assert change.level_before == level
        assert change.at_ns - change.since_ns >= HOLD_SECONDS * NS_PER_SECOND
        if change.level < level:
            assert change.level == level - 1
            assert last_down is None or now - last_down >= HOLD_SECONDS
            last_down = now
        level = change.level
        assert machine.hz == (2.0, 1.0, 0.5)[level]


def test_the_table_is_that_of_the_requirements() -> None:
    table: dict[Measure, list[float]] = {}
    for row in THRESHOLDS:
        table.setdefault(row.measure, []).append(row.value)
    assert table == {
        "cpu_percent": [80, 90],
        "memory_percent": [85, 95],
        "disk_write_ms": [500, 1_000],
        "queue_delay_ms": [2_000, 5_000],
    }
