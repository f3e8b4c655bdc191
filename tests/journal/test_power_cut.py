"""A power cut: only what was synced is sure to be there, and that is all but the last moments."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from sise.journal.recover import last_wire, mend_tails
from sise.journal.verify import verify
from sise.journal.writer import COMMIT_INTERVAL_MS, FLUSH_INTERVAL_MS

from .disks import ForgetfulDisk
from .parts import HOUR_NS, NOON, HandClock, bodies, frame, make_writer, numbers

LOST_MS_MAX = 100
SYNC_MS_MAX = 40
"""How long a sync may take for the promise to hold: what the two intervals leave of it."""


@pytest.mark.parametrize("seed", range(25))
def test_at_most_the_last_100_ms_are_lost(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    disk, clock = ForgetfulDisk(), HandClock(NOON + HOUR_NS - 400_000_000)
    writer = make_writer(tmp_path, clock, disk)
    appended: list[tuple[int, bytes]] = []
    sync_ms = rng.randint(0, SYNC_MS_MAX)
    for millisecond in range(rng.randint(300, 900)):
        for _ in range(rng.randrange(3)):
            body = frame(len(appended) + 1, clock.now, "x" * rng.randrange(900))
            assert writer.append("wire", body, clock.now)
            appended.append((clock.now, body))
        if millisecond % FLUSH_INTERVAL_MS == 0:
            assert writer.flush()
        if millisecond % (COMMIT_INTERVAL_MS + sync_ms) == 0:  # the next commit waits for this one's end
            writer.commit()
        clock.pass_ms(1)

    disk.power_cut(rng)
    mend_tails(tmp_path, ["wire/p"], "after the cut")

    survived = bodies(tmp_path, "wire")
    assert survived == [body for _, body in appended[: len(survived)]], "a prefix, each line as it was"
    assert last_wire(tmp_path, "p")[0] == len(survived)
    lost = [at for at, _ in appended[len(survived) :]]
    assert all(at > clock.now - LOST_MS_MAX * 1_000_000 for at in lost)
    report = verify(tmp_path)
    assert report.ok, report.findings

    again = make_writer(tmp_path, clock)
    again.append("wire", frame(len(survived) + 1), clock.now)
    assert again.close()
    assert numbers(tmp_path) == list(range(1, len(survived) + 2))
