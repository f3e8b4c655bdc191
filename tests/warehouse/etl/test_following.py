"""Following the journal as it is written, over midnight and over restarts, is as loading whole days."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from sise.model.errors import Unreachable
from sise.run import etl_follow
from sise.warehouse.etl import run
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.run import Etl
from sise.warehouse.etl.runstate import told_of
from sise.warehouse.etl.verify import verify_day
from tests.warehouse.etl.journals import (
    DAY,
    empty,
    etl,
    gap,
    hashes,
    sample,
    scalp,
    seconds,
    slots,
    trade,
    write,
)

NEXT = DAY.beside(1)
LAST_MINUTE = 86_340
SECONDS_MAX = 30.0


def test_over_midnight_and_a_restart_the_tables_are_those_of_whole_days(lite: Engine, tmp_path: Path) -> None:
    now = [seconds(DAY, LAST_MINUTE)]
    follower = Etl(lite, tmp_path, lambda: now[0], Patience(0))
    write(tmp_path, DAY.events, [slots(DAY, 10, "KRW-BTC")])
    follower.begin_following()
    for at in range(LAST_MINUTE, 86_400, 10):
        scalp(tmp_path, DAY, [sample(DAY, at + each, volume=1.0) for each in range(10)])
        scalp(tmp_path, DAY, [trade(DAY, at + 3, at)])
        now[0] = seconds(DAY, at + 10.5)
        while follower.follow_once():
            pass
        if at == LAST_MINUTE + 20:  # another process goes on
            follower.close()
            follower = Etl(lite, tmp_path, lambda: now[0], Patience(0))
            follower.begin_following()
    late = trade(DAY, 86_399.5, 1, received=86_400.2)
    scalp(tmp_path, NEXT, [late, *(sample(NEXT, float(at), volume=1.0) for at in range(30))])
    write(tmp_path, NEXT.events, [gap(NEXT, 25, 28)])
    now[0] = seconds(NEXT, 40)
    while follower.follow_once():
        pass
    now[0] = seconds(NEXT, 60)
    follower.follow_once()
    follower.close()
    assert len(follower.followed) == 1
    grown = hashes(lite)
    empty(lite)
    etl(lite, tmp_path).load_days([DAY, NEXT])
    assert hashes(lite) == grown
    assert verify_day(lite, tmp_path, DAY).ok
    assert verify_day(lite, tmp_path, NEXT).ok


def test_a_database_that_is_away_as_following_begins_is_waited_for(
    lite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([Unreachable("the database does not answer"), None])

    def away_first(engine: Engine, day: MarketDay) -> Any:
        if fault := next(answers, None):
            raise fault
        return told_of(engine, day)

    monkeypatch.setattr(run, "told_of", away_first)
    scalp(tmp_path, DAY, [trade(DAY, 5, 1)])
    waited: list[float] = []
    follower = Etl(lite, tmp_path, lambda: seconds(NEXT, 5), Patience(60, wait=waited.append))
    follower.begin_following()
    follower.close()
    assert len(waited) == 1
    assert hashes(lite)["scalp_ticks"][0] == 1


async def test_housekeeping_without_the_database_does_not_end_the_follower(
    lite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[bool] = []

    def away(engine: Engine, root: Path) -> None:
        tried.append(True)
        raise Unreachable("the database does not answer")

    follower = Etl(lite, tmp_path, lambda: seconds(DAY, 5), Patience(0))
    follow_once = follower.follow_once

    def follow_on() -> bool:
        if tried:  # it goes on, and may end
            os.kill(os.getpid(), signal.SIGTERM)
        return follow_once()

    monkeypatch.setattr(follower, "follow_once", follow_on)
    monkeypatch.setattr(etl_follow, "keep_and_tell", away)
    monkeypatch.setattr(etl_follow, "FOLLOW_SECONDS", 0.01)
    await etl_follow.follow_journal(follower, lite, tmp_path, SECONDS_MAX)
    assert tried == [True]
    assert "put off: the database does not answer" in caplog.text


def test_there_may_be_no_journal_yet(lite: Engine, tmp_path: Path) -> None:
    follower = Etl(lite, tmp_path, lambda: seconds(DAY, 5), Patience(0))
    follower.begin_following()
    assert not follower.follow_once()
