"""Runs the receivers, each in a fresh process, round after round, and compares them.

Wall time is what a user sees; CPU time
is given beside it because other work on a shared machine lengthens the former more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from msgspec import Struct

from benchmarks.record.measure import Result
from benchmarks.record.mix import Facts, make

ROOT: Final = Path(__file__).resolve().parents[2]
RECEIVERS: Final = {
    "sise": ("ours", ("{core}", "{url}", "{frames}", "{data}")),
    "cryptofeed-asyncio": ("peer", ("{core}", "{url}", "{frames}", "asyncio")),
    "cryptofeed-uvloop": ("peer", ("{core}", "{url}", "{frames}", "uvloop")),
    "receive": ("ceilings", ("{core}", "{url}", "{frames}", "{data}", "receive")),
    "decode": ("ceilings", ("{core}", "{url}", "{frames}", "{data}", "decode")),
    "append": ("ceilings", ("{core}", "{url}", "{frames}", "{data}", "append")),
}
CEILINGS: Final = ("receive", "decode", "append")
PEERS: Final = ("cryptofeed-asyncio", "cryptofeed-uvloop")
RECEIVER_SECONDS_MAX: Final = 400.0
BYTES_PER_FRAME_MAX: Final = 2_000
"""Of the made frames and the journal together, for the check of the disk's room."""


class Round(Struct):
    """All receivers once; ``load`` is the machine's load average when it began."""

    load: float
    results: dict[str, Result]


class Summary(Struct):
    """Medians over the rounds. ``limit_per_second`` is of CPU time, as its parts are.

    ``times_peer`` is the median of the ratios to the faster peer of the same round.
    """

    facts: Facts
    rounds: list[Round]
    per_second: dict[str, float]
    per_cpu_second: dict[str, float]
    limit_per_second: float | None
    times_peer: float | None
    of_limit: float | None
    nothing_lost: bool | None


class Bench:
    """The made frames and the two cores. Use :func:`bench`, which cleans up."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.folder = folder
        self.facts = facts
        self.receiver_core, self.sender_core = cores[0], cores[-1]

    def round(self, names: Sequence[str], on_result: Callable[[Result], None]) -> Round:
        results = {}
        load = os.getloadavg()[0]
        for name in names:
            result = self.receive(name)
            results[name] = result
            on_result(result)
        return Round(load, results)

    def receive(self, name: str) -> Result:
        """One receiver, one sender of its own, and a data folder that is gone afterwards."""
        module, arguments = RECEIVERS[name]
        with self.sender() as url, self.data() as data:
            values = {"core": self.receiver_core, "url": url, "frames": self.folder, "data": data}
            return self.child(module, [text.format(**values) for text in arguments])

    def child(self, module: str, arguments: list[str], seconds_max: float = RECEIVER_SECONDS_MAX) -> Result:
        """A receiver's process, from its start to its answer."""
        done = subprocess.run(
            _python(module, arguments), cwd=ROOT, stdout=subprocess.PIPE, timeout=seconds_max
        )
        if done.returncode:
            raise RuntimeError(f"{module} ended with {done.returncode}; see its words above")
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Result)

    @contextmanager
    def sender(self, *steady: float) -> Iterator[str]:
        arguments = [str(self.folder), str(self.sender_core), *(str(value) for value in steady)]
        with subprocess.Popen(_python("sender", arguments), cwd=ROOT, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                yield f"ws://127.0.0.1:{int(process.stdout.readline())}/websocket/v1"
            finally:
                process.kill()

    @contextmanager
    def data(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="data-") as data:
            yield Path(data)


@contextmanager
def bench(frames: int, parent: Path | None) -> Iterator[Bench]:
    """A folder under ``parent`` (else the system's own for such) with the made frames.

    Raises
    ------
    OSError
        The disk has no room for the frames and a journal of them.
    """
    with tempfile.TemporaryDirectory(dir=parent, prefix="sise-bench-") as name:
        folder = Path(name)
        need_room(folder, frames * BYTES_PER_FRAME_MAX)
        yield Bench(folder, make(folder, frames))


def need_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise OSError(
            f"{folder} has {free:,} bytes free, and twice {size:,} are asked for: name another --dir"
        )


def summarize(facts: Facts, rounds: list[Round]) -> Summary:
    names = rounds[0].results
    wall = {name: median(each.results[name].per_second for each in rounds) for name in names}
    cpu = {
        name: median(each.results[name].frames / each.results[name].cpu_seconds for each in rounds)
        for name in names
    }
    limit = 1 / sum(1 / cpu[name] for name in CEILINGS) if all(name in cpu for name in CEILINGS) else None
    ours = "sise" in names
    with_peer = ours and any(name in names for name in PEERS)
    return Summary(
        facts=facts,
        rounds=rounds,
        per_second=wall,
        per_cpu_second=cpu,
        limit_per_second=limit,
        times_peer=median(times_peer(each) for each in rounds) if with_peer else None,
        of_limit=wall["sise"] / limit if limit and ours else None,
        nothing_lost=all(each.results["sise"].detail["checks"]["ok"] for each in rounds) if ours else None,
    )


def times_peer(each: Round) -> float:
    """How many times the faster peer of the round sise was."""
    peers = [each.results[name].per_second for name in PEERS if name in each.results]
    return each.results["sise"].per_second / max(peers)


def _python(module: str, arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.record.{module}", *arguments]
