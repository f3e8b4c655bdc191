"""However a day comes in, the tables are the same: in pieces, twice, killed, out of order."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from sise.warehouse.etl import dayload, units
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.dayload import DayLoad
from sise.warehouse.etl.run import Etl
from sise.warehouse.etl.verify import verify_day
from sise.warehouse.migrate import upgrade
from tests.warehouse.databases import opened
from tests.warehouse.etl.journals import (
    DAY,
    NOW,
    empty,
    etl,
    event,
    gap,
    hashes,
    sample,
    scalp,
    slots,
    swing,
    trade,
    write,
)

NEXT = DAY.beside(1)
LAST_SECOND = 86_399.9


@pytest.fixture(scope="module")
def pool() -> Iterator[Engine]:
    """One SQLite file for all examples of a property."""
    with tempfile.TemporaryDirectory() as folder, opened(f"sqlite:///{folder}/pool.db") as engine:
        upgrade(engine, NOW)
        yield engine


def ordinary(root: Path) -> None:
    """Minutes with disorder, a duplicate, a bad line, a hole, sweeps and a late trade of midnight."""
    lines = [sample(DAY, at / 2, volume=at * 1.0) for at in range(600)]
    lines += [trade(DAY, 3 + 7 * number, number, received=300 + number / 10) for number in range(40)]
    lines += [trade(DAY, 3, 0, received=305), b'{"kind":"trade"}', sample(DAY, 305)]
    scalp(root, DAY, lines)
    late = [trade(DAY, LAST_SECOND, 90, received=86_400.05), trade(DAY, 3, 0, received=86_401)]
    scalp(root, NEXT, [*late, trade(NEXT, 1.0, 91), *(sample(NEXT, at / 2) for at in range(60))])
    write(
        root,
        f"{DAY.folder('swing')}/00_00.jsonl",
        [swing(DAY, 600 * n, 100.0 + n, 5.0 * n) for n in range(8)],
    )
    events = [event(DAY, 0, "session_start"), slots(DAY, 0, "KRW-BTC"), gap(DAY, 100, 130)]
    write(root, DAY.events, events)
    write(root, NEXT.events, [event(NEXT, 5, "connected")])


class Killed(BaseException):
    """As ``kill -9``: nothing of ours runs after it."""


def killing(
    engine_calls: dict[str, int], at: int, real: Callable[..., Any], *, after: bool
) -> Callable[..., Any]:
    """``real``, until its ``at``-th call: that one dies before or after its transaction."""

    def call(*arguments: Any, **named: Any) -> Any:
        engine_calls["n"] += 1
        if engine_calls["n"] == at and not after:
            raise Killed
        result = real(*arguments, **named)
        if engine_calls["n"] == at:
            raise Killed
        return result

    return call


def loaded(engine: Engine, root: Path) -> dict[str, tuple[int, str]]:
    etl(engine, root).load_days([DAY, NEXT])
    return hashes(engine)


def test_the_same_tables_in_each_database_and_a_clean_proof(
    engine: Engine, lite: Engine, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    ordinary(root)
    first = loaded(engine, root)
    assert first == loaded(lite, root)
    assert first["scalp_ticks"][0] == 600 + 40 + 1 + 1 + 1 + 60
    assert first["rejects"][0] == 3
    for day in (DAY, NEXT):
        proof = verify_day(engine, root, day)
        assert proof.ok, proof
    assert loaded(engine, root) == first


def test_days_out_of_order_give_the_same_tables(lite: Engine, pool: Engine, tmp_path: Path) -> None:
    root = tmp_path / "data"
    ordinary(root)
    empty(pool)
    etl(lite, root).load_days([DAY, NEXT])
    etl(pool, root).load_days([NEXT, DAY])
    assert hashes(pool) == hashes(lite)
    assert verify_day(pool, root, DAY).ok


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_killed_between_any_two_transactions_and_gone_on(
    data: st.DataObject, pool: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(tempfile.mkdtemp())
    ordinary(root)
    empty(pool)
    wanted = loaded(pool, root)
    empty(pool)
    for _ in range(data.draw(st.integers(1, 3), "kills")):
        calls, at = {"n": 0}, data.draw(st.integers(1, 12), "at")
        after = data.draw(st.booleans(), "after the transaction")
        unit_rows = data.draw(st.sampled_from([7, 100, 10_000]), "rows a unit")
        with monkeypatch.context() as patch:
            patch.setattr(dayload, "UNIT_ROWS", unit_rows)
            for module, name in ((units, "load_together"), (dayload, "load_together"), (dayload, "load")):
                patch.setattr(module, name, killing(calls, at, getattr(module, name), after=after))
            with suppress(Killed):
                etl(pool, root).load_day(data.draw(st.sampled_from([DAY, NEXT]), "day"))
    assert loaded(pool, root) == wanted
    shutil.rmtree(root)


_TRADES = st.tuples(st.integers(0, 12 * 60), st.integers(0, 60), st.sampled_from(["KRW-BTC", "KRW-ETH"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    trades=st.lists(_TRADES, max_size=40),
    holes=st.lists(st.tuples(st.integers(0, 700), st.integers(1, 60)), max_size=3),
    cuts=st.lists(st.integers(0, 140), max_size=4),
)
def test_piece_by_piece_is_as_from_nothing(
    trades: list[tuple[int, int, str]], holes: list[tuple[int, int]], cuts: list[int], pool: Engine
) -> None:
    """Random times, late, repeated, with holes, following a journal that grows: the proof holds."""
    root = Path(tempfile.mkdtemp())
    empty(pool)
    lines = [sample(DAY, 5 * at, volume=2.0 * at, symbol="KRW-BTC") for at in range(100)]
    for at, late, symbol in trades:
        received = at + late / 3
        line = trade(DAY, at, at % 29, received=received, symbol=symbol)
        lines.insert(min(len(lines), int(received / 5)), line)
    write(root, DAY.events, [slots(DAY, 0, "KRW-BTC", "KRW-ETH")])
    load = DayLoad(pool, root, DAY)
    start = 0
    for number, cut in enumerate([*sorted(cuts), len(lines)]):
        scalp(root, DAY, lines[start:cut])
        start = max(start, cut)
        if number < len(holes):
            write(root, DAY.events, [gap(DAY, holes[number][0], sum(holes[number]))])
        while load.step(NOW):
            pass
        load.store_bars()
    write(root, DAY.events, [gap(DAY, start, start + length) for start, length in holes[len(cuts) + 1 :]])
    while load.step(NOW):
        pass
    load.store_bars()
    load.close()
    grown = hashes(pool)
    proof = verify_day(pool, root, DAY)
    assert proof.ok, proof
    empty(pool)
    etl(pool, root).load_day(DAY)
    assert hashes(pool) == grown
    shutil.rmtree(root)


def test_two_at_once_give_the_same_tables(engine: Engine, lite: Engine, tmp_path: Path) -> None:
    root = tmp_path / "data"
    ordinary(root)
    wanted = loaded(lite, root)
    faults: list[BaseException] = []

    def work() -> None:
        try:
            Etl(engine, root, lambda: NOW, Patience(5)).load_days([DAY, NEXT])
        except BaseException as error:
            faults.append(error)

    both = [Thread(target=work) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert not faults
    assert hashes(engine) == wanted
