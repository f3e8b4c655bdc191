"""``etl_runs`` says truly what became of each run: running, done, failed, or abandoned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, func, select

from sise.model.errors import Unreachable
from sise.model.time import iso
from sise.warehouse.etl import dayload, units
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.run import Etl
from sise.warehouse.etl.runstate import ABANDONED, told_of
from sise.warehouse.schema import etl_runs, scalp_ticks
from tests.warehouse.etl.journals import DAY, NOW, etl, sample, scalp, seconds, trade


def runs(engine: Engine) -> dict[str, tuple[str, dict[str, Any]]]:
    """Status and detail by run."""
    with engine.connect() as connection:
        rows = connection.execute(select(etl_runs)).all()
    return {row.run_id: (row.status, msgspec.json.decode(row.detail)) for row in rows}


class Killed(BaseException):
    """The process ends here."""


def test_a_killed_run_is_left_running_and_the_next_calls_it_abandoned(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> Any:
        raise Killed

    scalp(tmp_path, DAY, [trade(DAY, 5, 1)])
    with monkeypatch.context() as killing:
        killing.setattr(units, "load_together", die)
        with pytest.raises(Killed):
            etl(engine, tmp_path).load_day(DAY)
    assert runs(engine)[DAY.name][0] == "running"
    etl(engine, tmp_path).load_day(DAY)
    found = runs(engine)
    assert found[DAY.name][0] == "done"
    status, detail = found[f"{DAY.name} {iso(NOW)}"]
    assert (status, detail["reason"]) == ("failed", ABANDONED)
    etl(engine, tmp_path).load_day(DAY)
    assert runs(engine).keys() == found.keys()


@pytest.mark.parametrize("fault", [Unreachable("the database does not answer"), RuntimeError("a bug")])
def test_a_failed_run_says_why_and_the_next_one_is_done(
    lite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise fault

    scalp(tmp_path, DAY, [trade(DAY, 5, 1)])
    with monkeypatch.context() as failing:
        failing.setattr(dayload, "load", fail)
        with pytest.raises(type(fault)):
            etl(lite, tmp_path).load_day(DAY)
    status, detail = runs(lite)[DAY.name]
    assert (status, detail["reason"]) == ("failed", str(fault))
    etl(lite, tmp_path).load_day(DAY)
    assert {name: status for name, (status, _) in runs(lite).items()} == {DAY.name: "done"}


def test_a_day_that_was_loaded_before_its_end_is_loaded_again_when_following_begins(
    lite: Engine, tmp_path: Path
) -> None:
    now = [seconds(DAY, 3_600)]
    follower = Etl(lite, tmp_path, lambda: now[0], Patience(0))
    scalp(tmp_path, DAY, [sample(DAY, float(at)) for at in range(10)])
    follower.begin_following()
    follower.follow_once()
    assert runs(lite)[DAY.name][0] == "running"
    Etl(lite, tmp_path, lambda: now[0], Patience(0)).load_day(DAY)
    assert runs(lite).keys() == {DAY.name}
    follower.close()
    scalp(tmp_path, DAY, [trade(DAY, 80_000, 1)])
    now[0] = seconds(DAY, 90_000)
    again = Etl(lite, tmp_path, lambda: now[0], Patience(0))
    again.begin_following()
    again.close()
    told = told_of(lite, DAY)
    assert told is not None
    assert told.is_whole(DAY)
    with lite.connect() as connection:
        assert connection.scalar(select(func.count()).where(scalp_ticks.c.kind == "trade")) == 1
