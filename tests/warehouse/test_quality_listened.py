"""``sise etl check`` over bars of slots: what had to be heard is missing, the rest is no fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from sise.model.hours import SpecialDay
from sise.warehouse.etl.check import check_bars
from sise.warehouse.migrate import upgrade
from sise.warehouse.schema import findings, scalp_1m_bars
from tests.warehouse.databases import opened
from tests.warehouse.etl.journals import KRX, NOW, empty, etl, event, gap, sample, scalp, slots, swing, write

TEN = 36_000
OWN: dict[str, Any] = {"venue": "KRX", "symbol": "005930"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with opened(f"sqlite:///{tmp_path_factory.mktemp('listened') / 'trading.db'}") as engine:
        upgrade(engine, NOW)
        yield engine


def heard(*spans: tuple[int, int], symbol: str = "005930") -> list[bytes]:
    """A line every two seconds of these seconds after ten o'clock."""
    return [
        sample(KRX, TEN + at, venue="KRX", symbol=symbol)
        for first, last in spans
        for at in range(first, last + 1, 2)
    ]


def checked(engine: Engine, root: Path, *, loaded: bool = False) -> list[tuple[str, int, int, str | None]]:
    """What ``missing`` finds in the minutes: symbol, minute after ten, how many, and what is said."""
    if not loaded:
        empty(engine)
        etl(engine, root).load_day(KRX)
    check_bars(engine, root, None, None, NOW)
    wanted = select(findings).where(findings.c.source == scalp_1m_bars.name)
    with engine.connect() as connection:
        rows = connection.execute(wanted.order_by(findings.c.symbol, findings.c.start_time)).all()
    assert {row.rule for row in rows} <= {"missing"}
    minute = 60 * 1_000_000_000
    return [
        (row.symbol, (row.start_time - KRX.start_ns) // minute - TEN // 60, int(row.value), row.detail)
        for row in rows
    ]


HALF_PAST = SpecialDay(KRX.day, "a late day", "a notice", open=time(9, 30), close=time(15, 30))
SAID = "bars of 1 symbols that nobody was to hear: unknown by design, no fault"


def test_a_symbol_without_a_slot_is_no_fault(engine: Engine, tmp_path: Path) -> None:
    """Half an hour without a slot between two spans that were heard; quiet before its first line, too."""
    told = [(0, ["005930"]), (300, []), (2_100, ["005930"]), (2_400, [])]
    write(tmp_path, KRX.events, [slots(KRX, TEN + at, *who) for at, who in told])
    scalp(tmp_path, KRX, heard((0, 300), (2_220, 2_400)))
    assert checked(engine, tmp_path) == [("*", 5, 32, SAID)]


def test_a_hole_and_a_rest_are_no_fault(engine: Engine, tmp_path: Path) -> None:
    rest = [event(KRX, TEN + 720, "hours_over", scope="scalp"), event(KRX, TEN + 900, "connected")]
    told = [slots(KRX, TEN, "005930"), gap(KRX, TEN + 240, TEN + 420), *rest]
    write(tmp_path, KRX.events, told)
    scalp(tmp_path, KRX, heard((0, 240), (420, 720), (900, 1_200)))
    assert checked(engine, tmp_path) == [("*", 4, 6, SAID)]


def test_silence_in_a_slot_is_missing(engine: Engine, tmp_path: Path) -> None:
    """The line was up and the symbol had its slot: what did not come, and what is not stored, is missing."""
    write(tmp_path, KRX.events, [slots(KRX, TEN, "005930", "000660")])
    scalp(tmp_path, KRX, heard((0, 240), (540, 900)) + heard((0, 900), symbol="000660"))
    assert checked(engine, tmp_path) == [("005930", 4, 5, None)]
    stolen = (scalp_1m_bars.c.symbol == "000660") & (
        scalp_1m_bars.c.bar_time == KRX.start_ns + (TEN + 360) * 10**9
    )
    with engine.begin() as connection:
        assert connection.execute(delete(scalp_1m_bars).where(stolen)).rowcount == 1
    assert checked(engine, tmp_path, loaded=True) == [("000660", 6, 1, None), ("005930", 4, 5, None)]


def test_without_a_journal_nothing_was_promised(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, KRX.events, [slots(KRX, TEN, "005930")])
    scalp(tmp_path, KRX, heard((0, 240), (540, 900)))
    empty(engine)
    etl(engine, tmp_path).load_day(KRX)
    (tmp_path / KRX.events).unlink()
    assert checked(engine, tmp_path, loaded=True) == [("*", 4, 5, SAID)]


def test_what_an_earlier_check_said_of_a_session_is_taken_back(engine: Engine, tmp_path: Path) -> None:
    """It has the moment at which the session opens, which is before the first bar."""
    at = 9 * 3_600
    lines = [swing(KRX, at + 600 * step, 100.0, 5.0 + step, **OWN) for step in range(3, 39)]
    write(tmp_path, f"{KRX.folder('swing')}/09_00.jsonl", lines)
    empty(engine)
    etl(engine, tmp_path).load_day(KRX)
    late = (findings.c.rule == "starts_late") & (findings.c.source == "swing_bars_10m")
    counts = []
    for exceptions in ([HALF_PAST], [], [HALF_PAST]):
        check_bars(engine, tmp_path, None, None, NOW, exceptions)
        with engine.connect() as connection:
            counts.append(len(connection.execute(select(findings).where(late)).all()))
    assert counts == [0, 1, 0]
