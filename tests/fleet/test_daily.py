"""The backup of 21:00 by itself: a real server and a real puller on loopback, in a time that runs faster."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from sise.fleet.pull import Puller
from sise.fleet.schedule import every_day, parse_time
from sise.fleet.source import Source
from sise.fleet.verify import verify
from sise.journal.keeping import backup_state
from sise.journal.receipt import read_receipt
from sise.model.time import SystemClock, iso, parse_iso
from tests.journal.parts import HandClock
from tests.run.command_line import in_folder, start

from .backups import DAYS, TOKEN, make_days, serving

EVENING: Final = parse_iso("2026-11-20T20:55:00+09:00")
SECRET: Final = {"SISE_BACKUP_TOKEN": TOKEN}
PATIENCE: Final = 30.0
SPEED: Final = 28_800
"""A day in three seconds."""


class Enough(Exception):
    """The test has seen enough."""


async def test_a_server_that_is_away_at_nine_is_asked_again(tmp_path: Path) -> None:
    """Away for three tries: the same evening's backup all the same, and the next evening again."""
    root, to, clock = tmp_path / "data", tmp_path / "kept", HandClock(EVENING)
    make_days(root)
    tries: list[str] = []
    failures: list[str] = []

    async def work() -> bool:
        tries.append(iso(clock.now)[5:15])
        if len(tries) == 6:
            raise Enough
        if len(tries) <= 3:
            return await _pull("http://127.0.0.1:1", to, clock)
        async with serving(root) as url:
            return await _pull(url, to, clock)

    with pytest.raises(Enough):
        await every_day(clock, [parse_time("21:00")], work, on_failure=failures.append)
    assert tries == ["11-20T12:0", "11-20T12:1", "11-20T12:2", "11-20T12:3", "11-21T12:0", "11-22T12:0"]
    assert len(failures) == 3
    assert all("tried 7 times" in each for each in failures)
    assert verify(to, SystemClock()).ok
    assert {backup_state(root, each, clock.now) for each in DAYS} == {"verified"}


async def _pull(url: str, to: Path, clock: HandClock) -> bool:
    async with Source(url, TOKEN, clock) as source:
        return all(each.ok for each in await Puller(source, to, clock).pull())


async def test_a_machine_that_slept_over_its_hour_pulls_when_it_wakes(tmp_path: Path) -> None:
    """Asleep from 20:59 to 08:00: the pull is late, not left out; the next one is at its hour."""
    done: list[str] = []

    class Sleeping(HandClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if self.now == parse_iso("2026-11-20T20:59:00+09:00"):
                self.now = parse_iso("2026-11-21T08:00:00+09:00")

    root, to = tmp_path / "data", tmp_path / "kept"
    make_days(root)
    clock = Sleeping(EVENING)

    async def work() -> bool:
        done.append(iso(clock.now)[5:16])
        if len(done) == 2:
            raise Enough
        async with serving(root) as url:
            return await _pull(url, to, clock)

    with pytest.raises(Enough):
        await every_day(clock, [parse_time("21:00")], work)
    assert done == ["11-20T23:00", "11-21T12:00"]
    assert backup_state(root, DAYS[0], clock.now) == "verified"


def test_the_command_goes_on_by_itself_day_after_day(tmp_path: Path) -> None:
    """The server is away for the first evening's tries, which are told; the next evening brings all days."""
    make_days(tmp_path / "data")
    clock = f"{iso(EVENING)}@{SPEED}@{iso(time.time_ns())}"
    port = _free_port()
    pull = ("backup", "pull", f"http://127.0.0.1:{port}", "--to", "kept", "--every-day-at", "21:00", "--json")
    with start(tmp_path, *pull, SISE_CLOCK=clock, **SECRET) as puller:
        said = _lines(puller.stdout)
        first = [next(said) for _ in range(4)]
        assert not any(each["ok"] for each in first)
        assert all("tried 7 times" in each["error"] for each in first)
        serve = ("backup", "serve", "--port", str(port), "--json")
        with start(tmp_path, *serve, SISE_CLOCK=clock, **SECRET) as server:
            assert server.stdout is not None
            assert json.loads(server.stdout.readline())["url"]
            pulled = next(each for each in said if each["ok"])
            assert pulled["verified"] == list(DAYS)
    assert read_receipt(tmp_path / "data", DAYS[2]) is not None


def test_retention_goes_on_by_itself(tmp_path: Path) -> None:
    """Nothing goes while nothing is verified, whatever the age; day eleven is an alarm, every day again."""
    make_days(tmp_path / "data", 2)
    clock = f"2026-11-28T10:00:00+09:00@{SPEED}@{iso(time.time_ns())}"
    retain = ("journal", "retain", "--every-day-at", "21:30", "--json")
    with start(tmp_path, *retain, SISE_CLOCK=clock) as process:
        said = _lines(process.stdout)
        runs = [next(said) for _ in range(2)]
        process.send_signal(2)
        assert process.wait(PATIENCE) == 1, "the last run had an alarm"
    actions = [[each["action"] for each in run["days"]] for run in runs]
    assert actions[-1] == ["alarm", "alarm"]
    assert {action for run in actions for action in run} <= {"alarm", "hold"}
    assert (tmp_path / "data/wire/p" / DAYS[0]).is_dir()
    events = (tmp_path / "data/system/events/retention").rglob("*.jsonl*")
    assert len(list(events)) >= 2, "a file a day"


@pytest.mark.parametrize("option", ["--dry-run", "--over-cap"])
def test_what_a_person_decides_is_not_done_every_day(tmp_path: Path, option: str) -> None:
    (tmp_path / "data").mkdir()
    said = in_folder(tmp_path)("journal", "retain", "--every-day-at", "21:30", option)
    assert said.returncode == 2
    assert option in said.stderr


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _lines(stream: Any) -> Iterator[dict[str, Any]]:
    for line in stream:
        yield json.loads(line)
