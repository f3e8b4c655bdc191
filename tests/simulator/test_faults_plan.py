"""Faults as data: what may be asked for, how long it holds, and what it does to a frame."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from sise.model.errors import BadInput
from sise.simulator.faults import KINDS, MAX_ACTIVE_FAULTS, Fault, FaultBoard, load_plan, parse_fault
from sise.simulator.mangle import changed, garbage, truncated
from tests.simulator.upbit_bench import StillClock


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_is_bounded_even_if_nobody_says_how(kind: str) -> None:
    raw = {"kind": kind, "offset_seconds": 5} if kind == "clock_jump" else {"kind": kind}
    fault = parse_fault(raw)
    assert (fault.seconds is None) != (fault.count is None)


def test_drop_on_rest_means_the_next_request() -> None:
    assert parse_fault({"kind": "drop"}).seconds == 0
    assert parse_fault({"kind": "drop", "target": "rest"}).count == 1


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ([], "fault"),
        ({"kind": "explode"}, "fault.kind"),
        ({"kind": "drop", "colour": "red"}, "fault.colour"),
        ({"kind": "silent", "count": 3}, "fault.count"),
        ({"kind": "silent", "seconds": -1}, "fault.seconds"),
        ({"kind": "silent", "seconds": 1e9}, "fault.seconds"),
        ({"kind": "silent", "seconds": "long"}, "fault"),
        ({"kind": "duplicate", "count": 0}, "fault.count"),
        ({"kind": "duplicate", "share": 1.5}, "fault.share"),
        ({"kind": "duplicate", "target": "rest"}, "fault.target"),
        ({"kind": "rest_429", "target": "ws"}, "fault.target"),
        ({"kind": "refuse", "target": "ws"}, "fault.target"),
        ({"kind": "clock_jump"}, "fault.offset_seconds"),
        ({"kind": "change_fields", "change": "melt"}, "fault"),
    ],
)
def test_what_cannot_be_used_is_named_with_a_remedy(raw: object, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_fault(raw)
    assert caught.value.field == field
    assert caught.value.remedy


def test_a_plan_is_ordered_and_its_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('[{"at": 9, "kind": "drop"}, {"at": 0.5, "kind": "silent", "seconds": 2}]')
    assert [(entry.at_seconds, entry.fault.kind) for entry in load_plan(path)] == [
        (0.5, "silent"),
        (9.0, "drop"),
    ]
    for text, field in (
        ("{}", "faults file"),
        ("nonsense", "faults file"),
        ('[{"kind": "drop"}]', "faults[0].at"),
        ('[{"at": 1, "kind": "drop"}, {"at": -1, "kind": "drop"}]', "faults[1].at"),
        ('[{"at": true, "kind": "drop"}]', "faults[0].at"),
        ('[{"at": 1, "kind": "dorp"}]', "faults[0].kind"),
        ("[7]", "faults[0]"),
    ):
        path.write_text(text)
        with pytest.raises(BadInput) as caught:
            load_plan(path)
        assert caught.value.field == field
    with pytest.raises(BadInput):
        load_plan(tmp_path / "absent.json")


def test_a_board_forgets_what_is_over_by_time_or_by_count() -> None:
    clock = StillClock()
    board = FaultBoard(clock, seed=1)
    board.begin(parse_fault({"kind": "silent", "seconds": 5}))
    board.begin(parse_fault({"kind": "duplicate", "count": 2}))
    assert board.active("silent", "ws")
    assert not board.active("silent", "rest")
    assert [bool(board.take("duplicate", "ws")) for _ in range(3)] == [True, True, False]
    clock.move(5)
    assert not board.active("silent", "ws")
    assert board.state() == []


def test_html_concerns_both_sides_unless_said() -> None:
    board = FaultBoard(StillClock(), seed=1)
    board.begin(parse_fault({"kind": "html"}))
    assert board.active("html", "ws")
    assert board.active("html", "rest")
    assert board.end() == 1
    board.begin(parse_fault({"kind": "html", "target": "rest"}))
    assert not board.active("html", "ws")


def test_there_cannot_be_too_many() -> None:
    board = FaultBoard(StillClock(), seed=1)
    for _ in range(MAX_ACTIVE_FAULTS):
        board.begin(parse_fault({"kind": "silent"}))
    with pytest.raises(BadInput):
        board.begin(parse_fault({"kind": "silent"}))


def test_the_seed_decides_which_frames_are_struck() -> None:
    def strikes(seed: int) -> list[bool]:
        board = FaultBoard(StillClock(), seed)
        board.begin(parse_fault({"kind": "truncate", "seconds": 60, "share": 0.3}))
        return [bool(board.take("truncate", "ws")) for _ in range(300)]

    assert strikes(1) == strikes(1) != strikes(2)
    assert 50 < sum(strikes(1)) < 140


FRAME = b'{"type":"trade","trade_price":1.16539E8,"trade_volume":0.00077720}'


def test_truncated_is_shorter_and_never_empty() -> None:
    rng = random.Random(1)
    for _ in range(200):
        cut = truncated(FRAME, rng)
        assert 0 < len(cut) < len(FRAME)
        assert FRAME.startswith(cut)


def test_garbage_is_neither_json_nor_text() -> None:
    rng = random.Random(1)
    for _ in range(50):
        with pytest.raises(UnicodeDecodeError):
            garbage(rng).decode()


def test_changed_fields_leave_the_others_as_they_are_spelled() -> None:
    rng = random.Random(1)
    added = changed(FRAME, Fault(kind="change_fields"), rng)
    assert json.loads(added)["unheard_of"] == "new"
    assert b'"trade_price":1.16539E8' in added
    renamed = changed(FRAME, Fault(kind="change_fields", change="rename", field="trade_price"), rng)
    assert list(json.loads(renamed)) == ["type", "trade_price_renamed", "trade_volume"]
    retyped = changed(FRAME, Fault(kind="change_fields", change="retype", field="trade_price"), rng)
    assert json.loads(retyped)["trade_price"] == "1.16539E8"
    chosen = changed(FRAME, Fault(kind="change_fields", change="retype"), rng)
    assert chosen != FRAME
    assert changed(b"[]", Fault(kind="change_fields"), rng) == b"[]"
