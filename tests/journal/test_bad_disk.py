"""A disk that refuses: never a silent success, nothing lost that was accepted, healed by itself."""

from __future__ import annotations

import errno
import logging
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sise.journal.appendfile import AppendFile
from sise.journal.reader import Follower
from sise.journal.verify import verify
from sise.journal.writer import RETRY_INTERVAL_MS, Fault

from .disks import FaultyDisk
from .parts import HOUR_NS, HandClock, bodies, body_of, frame, make_writer, numbers, plain_file, record

FAULTS = [
    {"pwrite": errno.ENOSPC},
    {"pwrite": errno.EIO},
    {"pwrite": errno.EFBIG},
    {"open": errno.EROFS},
    {"open": errno.EMFILE, "pwrite": errno.EIO},
    {"size": errno.EIO, "pwrite": errno.EIO},
    {"sync": errno.EIO},
    {"sync": errno.ENOSPC, "pwrite": errno.ENOSPC},
    {"sync": errno.EDQUOT, "close": errno.EIO},
]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.CRITICAL):
        yield


class Bench:
    """A writer over a bad disk, a follower that reads meanwhile, and what was accepted."""

    def __init__(self, root: Path, pending_bytes_max: int = 1 << 20) -> None:
        self.root = root
        self.disk = FaultyDisk()
        self.clock = HandClock()
        self.faults: list[Fault | None] = []
        self.writer = make_writer(
            root, self.clock, self.disk, pending_bytes_max=pending_bytes_max, on_fault=self.faults.append
        )
        self.accepted: list[bytes] = []
        self.refused = 0
        self.read: list[bytes] = []
        self._follower = Follower(root, ["wire/p"])

    def append(self, text: str = "") -> bool:
        body = frame(len(self.accepted) + 1, self.clock.now, text)
        taken = self.writer.append("wire", body, self.clock.now)
        if taken:
            self.accepted.append(body)
        else:
            self.refused += 1
        return taken

    def flush(self, milliseconds: int = RETRY_INTERVAL_MS) -> bool:
        self.clock.pass_ms(milliseconds)
        done = self.writer.flush()
        self.look()
        return done

    def look(self) -> None:
        self.read += [body_of(line.body) for line in self._follower.poll()]
        assert self.read == self.accepted[: len(self.read)], "a follower saw what was not written"

    def end(self) -> None:
        """Heal, close, and find each accepted line exactly once, in order."""
        self.disk.refuse, self.disk.short, self.disk.room = {}, None, None
        self.clock.pass_ms(RETRY_INTERVAL_MS)
        assert self.writer.close()
        self.look()
        assert bodies(self.root, "wire") == self.accepted
        assert self.read == self.accepted
        assert self.disk.open_handles == 0
        self._follower.close()
        report = verify(self.root)
        assert report.ok, report.findings


@pytest.mark.parametrize("refuse", FAULTS, ids=str)
@pytest.mark.parametrize("first", [True, False], ids=["from the start", "later"])
def test_a_fault_is_said_once_and_healed_once(tmp_path: Path, refuse: dict[str, int], *, first: bool) -> None:
    bench = Bench(tmp_path)
    if not first:
        bench.append()
        assert bench.flush()
        bench.writer.commit()
        if not {"pwrite", "sync"} & set(refuse):
            bench.clock.now += HOUR_NS  # an open file needs no other call
    bench.disk.refuse = dict(refuse)
    bench.append()
    bench.writer.flush()
    bench.writer.commit()
    committed = bench.writer.committed_at_ns

    assert not bench.flush(), "said at the next flush"
    assert bench.faults == [bench.writer.fault]
    assert isinstance(bench.faults[0], Fault)
    for _ in range(5):
        bench.append()
        assert not bench.flush()
        bench.writer.commit()
    assert bench.faults == [bench.writer.fault]
    assert bench.writer.committed_at_ns == committed, "nothing is called durable meanwhile"

    bench.disk.refuse = {}
    assert not bench.flush(RETRY_INTERVAL_MS // 2), "tried again only now and then"
    assert bench.flush()
    assert bench.faults[1:] == [None]
    assert bench.writer.fault is None
    bench.append()
    assert bench.flush()
    assert bench.writer.unwritten_lines("wire") == 0
    bench.end()


def test_short_writes_are_no_fault(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.disk.short = 7
    for _ in range(20):
        bench.append("x" * 50)
    assert bench.flush()
    assert bench.faults == []
    bench.end()


def test_a_disk_that_takes_no_byte_is_a_fault_and_no_endless_loop(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.disk.short = 0
    bench.append()
    assert not bench.flush()
    assert "took no byte" in str(bench.faults[0])
    bench.end()


def test_a_full_disk_takes_what_fits_and_the_rest_later(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.disk.room = 1000
    for _ in range(40):
        bench.append("y" * 40)
    assert not bench.flush()
    assert bench.writer.unwritten_lines("wire") + len(bench.read) == 40
    bench.disk.room = 1000
    assert not bench.flush()
    bench.disk.room = None
    assert bench.flush()
    bench.end()


@pytest.mark.parametrize(
    "refuse", [{"pwrite": errno.ENOSPC}, {"open": errno.EROFS}, {"sync": errno.EIO}], ids=str
)
def test_memory_is_bounded_and_what_was_taken_is_kept(tmp_path: Path, refuse: dict[str, int]) -> None:
    limit = 20_000
    bench = Bench(tmp_path, pending_bytes_max=limit)
    bench.disk.refuse = refuse
    for _ in range(600):
        bench.append("z" * 100)
        bench.flush(20)
        bench.writer.commit()
        assert bench.writer.pending_bytes < limit + 1000
        assert _memory(bench) < limit + 1000
    assert bench.refused > 100
    bench.disk.refuse = {}
    assert bench.flush()
    assert bench.append(), "there is room again"
    bench.end()


def _memory(bench: Bench) -> int:
    return sum(partition.kept_bytes for partition in bench.writer._partitions())


def test_what_follows_from_a_taken_line_is_taken_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, pending_bytes_max=1000)
    bench.disk.refuse = {"pwrite": errno.ENOSPC}
    while bench.append("frame"):
        bench.flush(1)
    assert bench.writer.append("scalp", record(1), bench.clock.now, always=True)
    bench.disk.refuse = {}
    bench.end()
    assert len(bodies(tmp_path, "scalp")) == 1


def test_after_a_failed_sync_the_handle_is_never_used_again(tmp_path: Path) -> None:
    """The disk of the test asserts it at each call; here also: all that was not durable is written again."""
    bench = Bench(tmp_path)
    bench.append()
    bench.flush()
    bench.writer.commit()
    durable = bench.writer.durable("wire")
    bench.append()
    bench.flush()
    bench.disk.refuse = {"sync": errno.EIO}
    bench.writer.commit()
    bench.disk.refuse = {}
    bench.writer.commit()
    assert bench.writer.durable("wire") == durable, "a later sync of the same handle proves nothing"
    opened, written = bench.disk.opened, bench.disk.calls["pwrite"]
    assert not bench.flush()
    assert bench.flush()
    assert bench.disk.opened == opened + 1
    assert bench.disk.calls["pwrite"] > written
    assert bench.writer.durable("wire") == plain_file(tmp_path).stat().st_size
    bench.end()


def test_rotation_while_the_disk_refuses(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.append()
    bench.disk.refuse = {"open": errno.ENOSPC, "pwrite": errno.ENOSPC}
    for _ in range(5):
        bench.append()
        bench.flush()
        bench.clock.now += HOUR_NS
    bench.disk.refuse = {}
    bench.append()
    assert bench.flush()
    bench.end()
    assert len(list((tmp_path / "wire").rglob("*.jsonl"))) == 6


def test_events_that_a_fault_causes_are_written_too(tmp_path: Path) -> None:
    """``on_fault`` appends from within a flush, as the collector's diary does."""
    disk, clock = FaultyDisk(), HandClock()

    def on_fault(fault: Fault | None) -> None:
        body = b'{"event_type":"journal_fault"}' if fault else b'{"event_type":"journal_healed"}'
        writer.append("events", body, clock.now, always=True)

    writer = make_writer(tmp_path, clock, disk, on_fault=on_fault)
    writer.append("wire", frame(1), clock.now)
    disk.refuse = {"pwrite": errno.EIO}
    assert not writer.flush()
    disk.refuse = {}
    assert writer.close(), "closing does not wait for the next try"
    assert [b"fault" in body for body in bodies(tmp_path, "system")] == [True, False]


def test_close_says_what_was_not_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.append()
    bench.disk.refuse = {"pwrite": errno.EIO}
    assert not bench.writer.close()
    assert bench.disk.open_handles == 0
    assert bench.writer.unwritten_lines("wire") == 1
    bench.end()


@pytest.mark.parametrize("seed", range(12))
def test_random_faults_at_random_moments(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    bench = Bench(tmp_path, pending_bytes_max=rng.choice([3_000, 1 << 20]))
    for _ in range(400):
        action = rng.random()
        if action < 0.5:
            bench.append("w" * rng.randrange(120))
        elif action < 0.75:
            bench.flush(rng.choice([1, 15, RETRY_INTERVAL_MS]))
        elif action < 0.88:
            bench.writer.commit()
        elif action < 0.9:
            bench.clock.now += HOUR_NS // 2
        elif action < 0.95:
            bench.disk.refuse = dict(rng.choice(FAULTS)) if rng.random() < 0.5 else {}
        else:
            bench.disk.short = rng.choice([None, None, 1, 13, 200])
            bench.disk.room = rng.choice([None, None, 0, 500])
        said = [fault is None for fault in bench.faults]
        assert said == [index % 2 == 1 for index in range(len(said))], "fault, healed, fault, healed …"
    bench.end()


def test_a_handle_whose_size_cannot_be_asked_is_closed(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.refuse = {"size": errno.EIO}
    with pytest.raises(OSError, match="Input/output"):
        AppendFile(tmp_path / "file", disk)
    assert disk.open_handles == 0


_LIMITED = """
import resource, signal, sys
from pathlib import Path
from sise.journal.disk import OsDisk
from tests.journal.parts import HandClock, bodies, frame, make_writer

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
root, clock, faults = Path(sys.argv[1]), HandClock(), []
writer = make_writer(root, clock, OsDisk(), on_fault=lambda fault: faults.append(fault and fault.what))
sent = [frame(n, text="x" * 100) for n in range(1, 101)]
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
for body in sent:
    assert writer.append("wire", body, clock.now)
assert not writer.flush()
written = sum(path.stat().st_size for path in root.rglob("*.jsonl"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
clock.pass_ms(300)
assert writer.flush() and writer.close()
assert bodies(root, "wire") == sent
print(written, faults)
"""


def test_the_real_system_refusing(tmp_path: Path) -> None:
    """A limit on the size of a file is a real refusal in mid-write that needs no privileges."""
    child = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("5000 ['File too large"), child.stdout
    assert child.stdout.endswith("None]\n")
    assert numbers(tmp_path) == list(range(1, 101))
