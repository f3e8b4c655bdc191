"""``kill -9`` of the whole collector under load, again and again: what was written stays, once.

A line is acknowledged when it is in the file, where every reader sees it. After each kill the test
notes what was there; at the end all of it must still be there, byte for byte.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.processes import Firehose, events, finish, lines, process, sise_json, until

FRAMES_PER_SECOND = 3_000
SYMBOLS = "KRW-AAA,KRW-BBB,KRW-CCC"
_UNIQUE = re.compile(r'"(?:sid|tbs)":(\d+)')


def wire_bytes(data: Path) -> bytes:
    """Every complete line of the wire log."""
    whole = b"".join(path.read_bytes() for path in sorted((data / "wire").rglob("*.jsonl")))
    return whole[: whole.rfind(b"\n") + 1]


def has_grown(data: Path, size: int) -> bool:
    return len(wire_bytes(data)) > size + 100_000


def kill_rounds(data: Path, rounds: int, seed: int) -> None:
    """Start, let it record, kill; then check every promise over the whole journal."""
    rng = random.Random(seed)
    kept = b""
    with Firehose(FRAMES_PER_SECOND) as venue:
        command = ("collect", "--symbols", SYMBOLS, "--json")
        for _ in range(rounds):
            with process(data, *command, SISE_UPBIT_WS_URL=venue.url) as collector:
                until(partial(has_grown, data, len(kept)))
                time.sleep(rng.uniform(0, 0.4))
                kept = wire_bytes(data)
                collector.kill()
            assert wire_bytes(data).startswith(kept), "an acknowledged line was lost or changed"
        with process(data, *command, SISE_UPBIT_WS_URL=venue.url) as collector:
            until(partial(has_grown, data, len(kept)))
            finish(collector)
    check(data, rounds)


def check(data: Path, rounds: int) -> None:
    frames = [line["frame"] for line in lines(data, "wire")]
    numbers = [line["n"] for line in lines(data, "wire")]
    assert numbers == list(range(1, len(frames) + 1)), "a frame is missing or stands there twice"
    repeated = [n for n, count in Counter(_UNIQUE.search(f)[1] for f in frames).items() if count > 1]  # type: ignore[index]
    assert repeated == []

    sent = [str(json.loads(frame)["sid"]) for frame in frames if frame.startswith('{"ty":"trade"')]
    records = lines(data, "scalp")
    assert sorted(r["trade_id"] for r in records if r["kind"] == "trade") == sorted(sent)
    books = sum(frame.startswith('{"ty":"orderbook"') for frame in frames)
    assert sum(r["frames"] for r in records if r["kind"] == "sample") == books

    gaps = [gap for gap in events(data, "gap_marker") if gap["reason"] == "process_restart"]
    assert len(gaps) == rounds
    assert all(gap["gap_start_ts"] < gap["gap_end_ts"] for gap in gaps)
    assert sise_json(data, "journal", "verify", "--json")["ok"]
    stat = sise_json(data, "journal", "stat", "--json")
    assert stat["balanced"]
    assert [session["how"] for session in stat["sessions"]] == ["recovered"] * rounds + ["clean"]


def test_a_killed_collector_loses_nothing_that_was_written(tmp_path: Path) -> None:
    kill_rounds(tmp_path, rounds=8, seed=1)


@pytest.mark.long
def test_two_hundred_kills(tmp_path: Path) -> None:
    kill_rounds(tmp_path, rounds=200, seed=2)
