"""``kill -9`` in rounds: a process writes with the real writer and group commit, several thousand lines
a second over ever new hours, and acknowledges each flush through a pipe, until it is killed at a random
moment. The next one mends and goes on. Now and then what is finished is sealed.

    python -m tests.journal.kill_rounds FOLDER ROUNDS SEED

prints what was found as JSON. A process of its own, because it forks: a start then costs milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

from sise.journal.files import Line, partitions, read_lines
from sise.journal.partition import JOURNAL_FOLDERS
from sise.journal.recover import last_wire, mend_tails
from sise.journal.seal import seal_finished
from sise.journal.verify import verify
from sise.journal.writer import GroupCommit
from sise.model.time import NS_PER_SECOND, SystemClock

from .parts import HOUR_NS, NOON, frame, make_writer, record

LINES_A_FLUSH: Final = 40
PAUSE_SECONDS: Final = 0.004
LIFE_SECONDS_MAX: Final = 0.15
FAR: Final = NOON + 10_000_000 * HOUR_NS
ACKNOWLEDGED: Final = struct.Struct("<QQ")


def write_until_killed(root: Path, pipe: int) -> None:
    """The process that will be killed: a restart, then lines, each second of the journal's time one."""
    begun = time.monotonic_ns()
    mend_tails(root, ["wire/p", "scalp/p", "system/events/p"], str(time.time_ns()))
    writer = make_writer(root, SystemClock())
    number = last_wire(root, "p")[0]
    commit = GroupCommit(writer)
    commit.start()
    restart_ns = time.monotonic_ns() - begun
    while True:
        for _ in range(LINES_A_FLUSH):
            number += 1
            at = NOON + number * NS_PER_SECOND
            assert writer.append("wire", frame(number, at, "x" * (number % 400)), at)
            assert writer.append("scalp", record(number, at), at)
        if writer.flush():
            os.write(pipe, ACKNOWLEDGED.pack(number, restart_ns))
        time.sleep(PAUSE_SECONDS)


def round_of(root: Path, rng: Random) -> tuple[int, int]:
    """One life: the last acknowledged number (0: none) and how long its restart took (ns)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            write_until_killed(root, writing)
        finally:
            os._exit(1)
    os.close(writing)
    time.sleep(rng.uniform(0, LIFE_SECONDS_MAX))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("the writer ended by itself")
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    whole = len(said) - len(said) % ACKNOWLEDGED.size
    return ACKNOWLEDGED.unpack_from(said, whole - ACKNOWLEDGED.size) if whole else (0, 0)


def run(root: Path, rounds: int, seed: int) -> dict[str, object]:
    """All rounds; what was found after each is summed up."""
    rng = Random(seed)
    acknowledged = lives = restart_ns = lost = unframed = 0
    for _ in range(rounds):
        number, took = round_of(root, rng)
        lives += number > 0
        acknowledged = max(acknowledged, number)
        restart_ns = max(restart_ns, took)
        mend_tails(root, ["wire/p", "scalp/p"], str(time.time_ns()))
        last = last_wire(root, "p")[0]
        lost += last < acknowledged
        unframed += _last_record(root) > last
        if rng.random() < 0.3:
            seal_finished(root, list(JOURNAL_FOLDERS), FAR)
    report = verify(root)
    numbers, records = _frames(root, "wire", "n"), _frames(root, "scalp", "frame")
    return {
        "rounds": rounds,
        "lives_that_acknowledged": lives,
        "acknowledged": acknowledged,
        "lines": len(numbers),
        "rounds_with_a_line_lost": lost,
        "rounds_with_a_record_without_its_frame": unframed,
        "in_order_each_once": numbers == list(range(1, len(numbers) + 1)),
        "records_in_order_each_once": records == sorted(set(records)),
        "torn_tails": len(list((root / "quarantine/torn").glob("*"))),
        "sealed": sum(file.sealed for file in partitions(root)),
        "longest_restart_ms": round(restart_ns / 1e6, 1),
        "ok": report.ok,
        "findings": [finding.what for finding in report.findings[:5]],
    }


def _last_record(root: Path) -> int:
    newest = partitions(root, ["scalp"])[-1:]
    return max((_json(line, "frame") for file in newest for line in read_lines(root, file)), default=0)


def _frames(root: Path, folder: str, key: str) -> list[int]:
    return [_json(line, key) for file in partitions(root, [folder]) for line in read_lines(root, file)]


def _json(line: Line, key: str) -> int:
    return int(json.loads(line.body)[key])


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201
