"""A journal answers what the database answers that was filled from it: two writings of the same rules.

The journals are those of rehearsed KIS days on which the line, the frames, the disk and the collector fail.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import sise
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.rehearse.day import Rehearsal, play_kis
from sise.rehearse.faults import draw
from sise.warehouse import migrate
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.days import days_of
from sise.warehouse.etl.run import Etl
from sise.warehouse.query.reader import Reader
from tests.warehouse.databases import opened
from tests.warehouse.etl.journals import DAY as COIN_DAY
from tests.warehouse.etl.journals import event, gap, sample, scalp, slots, trade, write

DAY = date(2026, 11, 20)
START = parse_iso("2026-11-20T09:55:00+09:00")
SECONDS = 600
FAULTS = 6
ASKED = ("bars", "ticks", "quotes")


def rehearsed(folder: Path, seed: int) -> None:
    """Ten minutes around ten o'clock, a sweep among them, with faults."""
    plan = Rehearsal(START, START + SECONDS * NS_PER_SECOND, seed=seed, issues=50, slots=6)
    play_kis(draw(Random(seed), 30, SECONDS - 60, FAULTS).put_into(plan), folder)


def both(tmp_path: Path, seed: int) -> tuple[Reader, Reader]:
    """The journal alone, and the database that the ETL filled from it."""
    journal = tmp_path / "data"
    rehearsed(journal, seed)
    url = f"sqlite:///{tmp_path / 'trading.db'}"
    with opened(url) as engine:
        migrate.upgrade(engine, START)
        Etl(engine, journal, lambda: START, Patience(5)).load_days(days_of(journal, [DAY]))
    return sise.connect(journal), sise.connect(url, journal=journal)


def check(tmp_path: Path, seed: int) -> int:
    """Every frame of every symbol is equal; how many bars were unknown."""
    journal, database = both(tmp_path, seed)
    unknown = 0
    with journal, database:
        assert_frame_equal(database.gaps(), journal.gaps(), check_exact=True)
        assert_frame_equal(database.universe(DAY), journal.universe(DAY))
        symbols = journal.symbols()
        assert symbols.height > 0
        for _, _, venue, symbol in symbols.rows():
            for name in ASKED:
                stored, heard = (getattr(place, name)(symbol, venue=venue) for place in (database, journal))
                assert heard.height > 0
                assert_frame_equal(stored, heard, check_exact=True)
            states = journal.bars(symbol, venue=venue)["state"].to_list()
            unknown += states.count("unknown")
            for size in ("5m", "1h", "1d"):
                assert journal.bars(symbol, size, venue=venue).height > 0
    return unknown


@pytest.mark.parametrize("seed", [4, 5])
def test_a_journal_answers_what_its_database_answers(tmp_path: Path, seed: int) -> None:
    """With seed 4 the collector is killed in a write; with seed 5 the line is unplugged and silent."""
    assert check(tmp_path, seed) > 0


MIDNIGHT = 86_400
around = st.integers(MIDNIGHT - 240, MIDNIGHT + 240)
told = st.lists(st.tuples(around, st.integers(0, 400), st.booleans()), min_size=1, max_size=40)
holes = st.lists(st.tuples(around, st.integers(1, 100)), max_size=3)


@settings(max_examples=12, deadline=None)
@given(told=told, holes=holes, heard=st.tuples(st.integers(10, 240), st.integers(10, 240)))
def test_a_market_that_never_shuts_is_the_same_over_midnight(
    told: list[tuple[int, int, bool]], holes: list[tuple[int, int]], heard: tuple[int, int]
) -> None:
    """Trades late by minutes, across the day's end, told twice; with holes, and volume counted on."""
    first, last = MIDNIGHT - heard[0], MIDNIGHT + heard[1]
    lines = [(at, sample(COIN_DAY, at, volume=at * 2.0)) for at in range(first, last, 2)]
    for number, (at, late, twice) in enumerate(told):
        line = trade(COIN_DAY, at + 0.25, number, received=at + late + 0.5)
        lines += [(at + late, line)] * (2 if twice else 1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        lines.sort(key=lambda line: line[0])
        scalp(root, COIN_DAY, [line for at, line in lines if at < MIDNIGHT])
        scalp(root, COIN_DAY.beside(1), [line for at, line in lines if at >= MIDNIGHT])
        events = [slots(COIN_DAY, first, "KRW-BTC")]
        events += [gap(COIN_DAY, at, at + seconds) for at, seconds in holes if at + seconds < MIDNIGHT]
        write(root, COIN_DAY.events, events)
        later = [gap(COIN_DAY, at, at + seconds) for at, seconds in holes if at + seconds >= MIDNIGHT]
        write(root, COIN_DAY.beside(1).events, [event(COIN_DAY.beside(1), 0, "checkpoint"), *later])
        url = f"sqlite:///{folder}/trading.db"
        with opened(url) as engine:
            migrate.upgrade(engine, START)
            days = days_of(root, [COIN_DAY.day, COIN_DAY.beside(1).day])
            Etl(engine, root, lambda: START, Patience(5)).load_days(days)
        with sise.connect(root) as journal, sise.connect(url) as database:
            for name in ("bars", "ticks"):
                stored, found = (getattr(place, name)("KRW-BTC") for place in (database, journal))
                assert_frame_equal(stored, found, check_exact=True)
            assert_frame_equal(database.gaps(), journal.gaps(), check_exact=True)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_journals_answer_what_their_databases_answer(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed)
    shutil.rmtree(tmp_path)
