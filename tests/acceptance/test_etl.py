"""The journal into the trading database, with real processes: three databases, one outcome."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sise.model.time import parse_iso
from sise.rehearse.day import Kill, Rehearsal, play_kis
from sise.simulator.faults import KIS_KINDS, PlannedFault, parse_fault
from sise.warehouse.engine import writing
from sise.warehouse.migrate import upgrade
from sise.warehouse.schema import metadata
from tests.acceptance.processes import environment, sise, sise_json
from tests.acceptance.test_real_input import replayed
from tests.warehouse.databases import FRESH, opened

__all__ = ["replayed"]
DAY = "2026-11-20"
KINDS = tuple(FRESH)
KILLS, KILLS_LONG = 2, 50
KILLS_A_ROUND = 5
"""So many, then the day must be whole; the next round begins with nothing."""
LOOK_SECONDS = 0.005

log = logging.getLogger(__name__)


def planned(at: float, **fault: object) -> PlannedFault:
    return PlannedFault(at, parse_fault(dict(fault), "fault", KIS_KINDS))


@pytest.fixture(scope="module")
def kis_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some market minutes of a simulated KIS day, with a cut line, a silent one and a killed collector."""
    root = tmp_path_factory.mktemp("kis")
    start = parse_iso(f"{DAY}T09:27:00+09:00")
    plan = Rehearsal(
        start,
        parse_iso(f"{DAY}T09:46:00+09:00"),
        issues=150,
        activity=2.0,
        slots=6,
        faults=(planned(400, kind="drop"), planned(600, kind="silent", seconds=40)),
        kills=(Kill(900, 20, after_writes=1, torn=0.5),),
    )
    play_kis(plan, root)
    return root


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {kind: stack.enter_context(FRESH[kind](tmp_path_factory.mktemp(kind))) for kind in KINDS}


def etl(root: Path, url: str, *command: str) -> dict[str, Any]:
    return sise_json(root, "etl", *command, "--json", SISE_DATABASE_URL=url)


Hashes = dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def loaded(kis_day: Path, urls: dict[str, str]) -> dict[str, Any]:
    """What ``sise etl`` said of the day, by database; nothing disturbed it."""
    return {kind: etl(kis_day, url, DAY) for kind, url in urls.items()}


@pytest.fixture(scope="module")
def wanted(loaded: dict[str, Any]) -> Hashes:
    return hashes(loaded["sqlite"])


def hashes(told: dict[str, Any]) -> Hashes:
    return {name: (one["rows"], one["hash"]) for name, one in told["tables"].items()}


def test_a_kis_day_is_the_same_in_three_databases_and_rebuilt_from_nothing(
    kis_day: Path, urls: dict[str, str], loaded: dict[str, Any]
) -> None:
    assert all(one["ok"] for one in loaded.values())
    first = hashes(loaded["sqlite"])
    assert all(hashes(one) == first for one in loaded.values())
    assert first["scalp_ticks"][0] > 5_000
    assert first["scalp_gaps"][0] == 3
    again = etl(kis_day, urls["postgresql"], DAY, "--no-verify", "--no-keep")
    assert again["days"][0]["rows_changed"] == 0
    proof = etl(kis_day, urls["postgresql"], "verify", DAY, "--rebuild")
    assert proof["ok"]
    assert hashes(proof) == first
    assert proof["rebuilt_ok"]
    assert (kis_day / "run/etl/20261120_kis_kr_stocks.json").exists()


def test_what_differs_is_named_and_is_exit_code_1(
    kis_day: Path, urls: dict[str, str], wanted: Hashes, tmp_path: Path
) -> None:
    import sqlite3

    root = tmp_path / "data"
    shutil.copytree(kis_day, root)
    with sqlite3.connect(urls["sqlite"].removeprefix("sqlite:///")) as database:
        database.execute("VACUUM INTO ?", (f"{root}/own.db",))
    database.close()
    with sqlite3.connect(root / "own.db") as database:
        database.execute("DELETE FROM scalp_ticks WHERE raw_ref LIKE '%:2000'")
    database.close()
    done = sise(root, "etl", "verify", DAY, "--json", SISE_DATABASE_URL=f"sqlite:///{root}/own.db")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert not said["ok"]
    ticks = said["tables"]["scalp_ticks"]
    assert ticks["journal"] > ticks["rows"]
    assert re.match(
        r"\d{6} 2026-11-20T00:\d\d:00.000000Z: \d+ lines count, \d+ rows", ticks["differences"][0]
    )
    assert said["tables"]["scalp_1m_bars"]["ok"]


def at_work(root: Path) -> bool:
    """Whether an ETL holds the day's lock: Python has begun, and loading has not ended."""
    try:
        with (root / "run/etl-kis-kr_stocks.lock").open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def loading(root: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that loads the day, from the moment at which it begins to."""
    with subprocess.Popen(
        [sys.executable, "-m", "sise", "etl", DAY, "--no-verify", "--no-keep"],
        env=environment(root, SISE_DATABASE_URL=url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        while not at_work(root) and child.poll() is None:
            time.sleep(LOOK_SECONDS)
        yield child


def seconds_of_a_load(root: Path, url: str) -> float:
    """How long an undisturbed load works, on this machine, now."""
    with loading(root, url) as child:
        began = time.monotonic()
        while at_work(root):
            time.sleep(LOOK_SECONDS)
        taken = time.monotonic() - began
    assert child.returncode == 0
    return taken


def kill(root: Path, url: str, after: float) -> bool:
    """Kill a load so many seconds after it began its work; False where it had ended before."""
    with loading(root, url) as child:
        time.sleep(after)
        hit = at_work(root)
        child.kill()
    return hit and child.returncode == -signal.SIGKILL


def forget(url: str) -> None:
    """Take every row out."""
    with opened(url) as engine, writing(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_moments_it_is_the_same(
    kind: str, kis_day: Path, wanted: Hashes, tmp_path: Path
) -> None:
    _killed(kind, kis_day, wanted, tmp_path, KILLS)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_killed_many_times_it_is_the_same(kind: str, kis_day: Path, wanted: Hashes, tmp_path: Path) -> None:
    _killed(kind, kis_day, wanted, tmp_path, KILLS_LONG)


def _killed(kind: str, kis_day: Path, wanted: Hashes, tmp_path: Path, kills: int) -> None:
    """Only kills of a load at work count; where it had ended before, all begins anew."""
    rng = random.Random(int(os.environ.get("SISE_TEST_SEED", "20")))
    root = tmp_path / "data"
    shutil.copytree(kis_day, root)
    with FRESH[kind](tmp_path) as url:
        with opened(url) as engine:
            upgrade(engine, parse_iso(f"{DAY}T00:00:00Z"))
        longest, done, tried = seconds_of_a_load(root, url), 0, 0
        forget(url)
        while done < kills:
            tried += 1
            assert tried < 10 * kills, "the loads end before they are killed"
            if not kill(root, url, rng.uniform(0, longest)):
                forget(url)
                continue
            done += 1
            if done % KILLS_A_ROUND == 0 or done == kills:
                told = etl(root, url, DAY, "--no-keep")
                assert told["ok"]
                assert hashes(told) == wanted
                forget(url)
        log.info("%s: %d of %d loads killed within the %.2f s of their work", kind, done, tried, longest)


def test_a_real_upbit_capture_is_the_same_in_three_databases(replayed: Path, urls: dict[str, str]) -> None:
    """Its trades are of 2021: they are ticks of today's journal, and bars of their own day, all unknown."""
    days = sorted(path.name for path in (replayed / "scalp/upbit/crypto").iterdir())
    dates = [f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in days]
    told = {kind: etl(replayed, url, dates[0], "--to", dates[-1]) for kind, url in urls.items()}
    assert all(one["ok"] for one in told.values())
    assert len({json.dumps(hashes(one)) for one in told.values()}) == 1
    trades = sum(
        b'"kind":"trade"' in line
        for path in (replayed / "scalp").rglob("*.jsonl")
        for line in path.read_bytes().splitlines()
    )
    assert trades == 304
    assert told["sqlite"]["days"][0]["made_again"] == ["upbit/crypto/2021-04-18"]


def test_where_nothing_listens_is_said(kis_day: Path) -> None:
    url = "postgresql://sise@127.0.0.1:1/sise"
    gone = sise(kis_day, "etl", DAY, "--patience", "1s", SISE_DATABASE_URL=url)
    assert gone.returncode in (1, 2)
    assert "127.0.0.1" in gone.stderr
