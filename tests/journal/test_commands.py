"""``sise journal`` as people and programs use it: what is printed, and how it exits."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.run.command_line import Run, in_folder, start

from .parts import HOUR_NS, NOON, HandClock, frame, make_writer, plain_file
from .session import make_session

WAIT_SECONDS = 30


@pytest.fixture
def sise(tmp_path: Path) -> Run:
    """Runs a command in a folder whose ``data`` holds a small journal."""
    make_session(tmp_path / "data")
    return in_folder(tmp_path)


def test_stat(sise: Run) -> None:
    said = sise("journal", "stat", "--json")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["balanced"] is True
    assert found["said"]["frames"] == found["counted"]["frames"] == {"received": 6, "recorded": 6, "lost": {}}
    assert found["tracks"]["wire/p"]["lines"] == 6
    table = sise("journal", "stat")
    assert "the ledger balances" in table.stdout
    assert table.returncode == 0


def test_stat_says_what_does_not_balance(sise: Run, tmp_path: Path) -> None:
    path = plain_file(tmp_path / "data", "wire")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    said = sise("journal", "stat")
    assert said.returncode == 1
    assert "does NOT balance" in said.stdout


def test_stat_of_a_journal_that_is_being_written(tmp_path: Path) -> None:
    make_session(tmp_path / "data", end=None)
    wire = plain_file(tmp_path / "data", "wire")
    wire.write_bytes(b"".join(wire.read_bytes().splitlines(keepends=True)[:-1]))
    said = in_folder(tmp_path)("journal", "stat")
    assert said.returncode == 0
    assert "is not closed: 1 session open" in said.stdout


def test_gaps(sise: Run) -> None:
    [gap] = json.loads(sise("journal", "gaps", "--json").stdout)["gaps"]
    assert gap["start"] == "2026-11-20T03:00:02.000000Z"
    assert (gap["seconds"], gap["reason"]) == (1.0, "socket_closed")
    assert gap["raw_ref"] == "system/events/p/20261120.jsonl:2"
    table = sise("journal", "gaps")
    assert "1 gap" in table.stdout
    assert "system/events/p/20261120.jsonl:2" in table.stdout, "nothing is cut"


def test_verify(sise: Run, tmp_path: Path) -> None:
    said = sise("journal", "verify", "--json")
    assert said.returncode == 0
    assert json.loads(said.stdout) == {"ok": True, "files": 5, "lines": 14, "findings": []}

    path = plain_file(tmp_path / "data", "wire")
    path.write_bytes(path.read_bytes().replace(b"frame 4", b"frame 5"))
    said = sise("journal", "verify", "--json")
    assert said.returncode == 1
    assert json.loads(said.stdout)["findings"] == [
        {"file": "wire/p/20261120/12.jsonl", "line": 4, "what": "checksum does not match"}
    ]
    text = sise("journal", "verify")
    assert text.returncode == 1
    assert text.stdout.startswith("wire/p/20261120/12.jsonl:4: checksum does not match\n")


def test_seal(sise: Run, tmp_path: Path) -> None:
    clock = HandClock(NOON + HOUR_NS)
    writer = make_writer(tmp_path / "data", clock)
    writer.append("wire", frame(7, clock.now), clock.now)
    assert writer.close()
    os.utime(tmp_path / "data/wire/p/20261120/12.jsonl", (1, 1))
    said = sise("journal", "seal", "--json")
    assert [each["file"] for each in json.loads(said.stdout)["sealed"]] == ["12.jsonl.zst"]
    assert "0 partitions sealed" in sise("journal", "seal").stdout
    assert sise("journal", "verify").stdout == "7 files, 16 lines: whole\n"


@pytest.mark.parametrize(
    ("arguments", "frames"),
    [
        ([], [1, 2, 4]),
        (["wire/p/20261119"], []),
        (["scalp", "--symbol", "KRW-BTC"], [1, 4]),
        (["wire/p/20261120/12", "--from", "2026-11-20T12:00:03+09:00"], [3, 4, 5, 6]),
        (["wire/p/", "--from", "2026-11-20T03:00:02Z", "--to", "2026-11-20T03:00:05Z"], [2, 3, 4]),
        (["system/refused"], [5]),
        (["quarantine", "--from", "2026-11-20T03:00:00Z"], [6]),
    ],
    ids=repr,
)
def test_cat(sise: Run, arguments: list[str], frames: list[int]) -> None:
    said = sise("journal", "cat", *arguments, "--json")
    assert said.returncode == 0, said.stderr
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [line.get("n", line["frame"]) for line in lines] == frames


def test_cat_shows_places_and_leaves_out_the_checksum(sise: Run) -> None:
    [first, *_] = sise("journal", "cat", "wire").stdout.splitlines()
    place, _, text = first.partition("  ")
    assert place == "wire/p/20261120/12.jsonl:1"
    assert json.loads(text) == json.loads(frame(1, NOON + 1_000_000_000, "frame 1"))


def test_cat_follows_what_is_being_written(tmp_path: Path) -> None:
    make_session(tmp_path / "data")
    with start(tmp_path, "journal", "cat", "wire/p/20261120", "--follow", "--json") as process:
        assert process.stdout is not None
        seen = [json.loads(process.stdout.readline())["n"] for _ in range(6)]
        clock = HandClock(NOON + HOUR_NS)
        writer = make_writer(tmp_path / "data", clock)
        for n in (7, 8):
            writer.append("wire", frame(n, clock.now), clock.now)
        assert writer.close()
        seen += [json.loads(process.stdout.readline())["n"] for _ in range(2)]
        assert seen == [1, 2, 3, 4, 5, 6, 7, 8]
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_SECONDS) == 0


@pytest.mark.parametrize("command", ["verify", "cat"])
def test_a_folder_that_is_not_there(tmp_path: Path, command: str) -> None:
    said = in_folder(tmp_path)("journal", command, "--json", SISE_DATA_DIR="elsewhere")
    assert said.returncode == 2
    assert said.stdout == ""
    assert "data_dir (SISE_DATA_DIR): 'elsewhere' cannot be used; there is no such folder" in said.stderr


def test_an_empty_folder_is_a_whole_journal(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    sise = in_folder(tmp_path)
    assert json.loads(sise("journal", "verify", "--json").stdout)["files"] == 0
    assert sise("journal", "stat").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cat", "--from", "yesterday"], "--from: 'yesterday' cannot be used; write it as 2026-"),
        (["cat", "--to", "2026-11-20T09:00"], "--to: '2026-11-20T09:00' cannot be used; name its offset"),
        (["cat", "wire/../../keys"], "prefix: 'wire/../../keys' cannot be used; begin it with one of wire"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_used(sise: Run, arguments: list[str], sentence: str) -> None:
    said = sise("journal", *arguments)
    assert said.returncode == 2
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr
