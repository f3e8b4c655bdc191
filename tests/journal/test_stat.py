"""Both sides of the ledger: what sessions say against what lies there, and any difference is said."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sise.journal.files import partitions
from sise.journal.partition import JOURNAL_FOLDERS
from sise.journal.seal import seal
from sise.journal.stat import stat

from .parts import HOUR_NS, NOON
from .session import LEDGER, make_session


def test_a_session_that_balances(tmp_path: Path) -> None:
    make_session(tmp_path)
    found = stat(tmp_path)
    assert found.balanced
    assert (found.open_sessions, found.gaps) == (0, 1)
    assert {name: (track.files, track.lines) for name, track in found.tracks.items()} == {
        "wire/p": (1, 6),
        "scalp/p/crypto": (1, 3),
        "system/events/p": (1, 3),
        "system/refused/p": (1, 1),
        "quarantine/p": (1, 1),
    }
    assert found.said == found.counted
    assert (found.said.frames.received, found.said.events.decoded) == (6, 5)
    assert found.said.events.refused == {"duplicate": 1}
    assert [(session.how, session.ended_at is None) for session in found.sessions] == [("clean", False)]


def test_sealing_changes_no_count(tmp_path: Path) -> None:
    make_session(tmp_path)
    before = stat(tmp_path)
    for file in partitions(tmp_path, JOURNAL_FOLDERS):
        assert seal(file.on_disk(tmp_path), NOON + HOUR_NS)
    after = stat(tmp_path)
    assert after.balanced
    assert after.counted == before.counted
    assert {name: track.lines for name, track in after.tracks.items()} == {
        name: track.lines for name, track in before.tracks.items()
    }


@pytest.mark.parametrize(
    ("file", "lines"),
    [("wire", "frames"), ("scalp", "events"), ("system/refused", "events"), ("quarantine", "")],
)
def test_a_line_that_is_not_there_is_said(tmp_path: Path, file: str, lines: str) -> None:
    make_session(tmp_path)
    path = partitions(tmp_path, [file])[0].on_disk(tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    found = stat(tmp_path)
    assert not found.balanced
    assert found.said != found.counted
    if lines:
        assert getattr(found.said, lines) != getattr(found.counted, lines)


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger: ledger["frames"].update(received=7),
        lambda ledger: ledger["frames"].update(recorded=5),
        lambda ledger: ledger["events"].update(decoded=6),
        lambda ledger: ledger["events"].update(recorded=3),
        lambda ledger: ledger["events"].update(refused={"size_not_positive": 1}),
        lambda ledger: ledger.update(quarantined=0),
        lambda ledger: ledger["frames"].update(received=7, recorded=5, lost={"journal_full": 2}),
    ],
)
def test_a_ledger_that_does_not_balance_is_said(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    ledger = deepcopy(LEDGER)
    change(ledger)
    make_session(tmp_path, ledger=ledger)
    assert not stat(tmp_path).balanced


def test_what_was_lost_with_a_reason_balances(tmp_path: Path) -> None:
    ledger = deepcopy(LEDGER)
    ledger["frames"].update(received=9, lost={"journal_full": 3})
    make_session(tmp_path, ledger=ledger)
    found = stat(tmp_path)
    assert found.balanced
    assert found.counted.frames.received == 9


@pytest.mark.parametrize(("end", "how", "still_open"), [(None, "open", 1), ("recovered", "recovered", 0)])
def test_how_a_session_ended(tmp_path: Path, end: str | None, how: str, still_open: int) -> None:
    make_session(tmp_path, end=end)
    found = stat(tmp_path)
    assert [session.how for session in found.sessions] == [how]
    assert found.open_sessions == still_open


def test_two_providers_are_summed(tmp_path: Path) -> None:
    make_session(tmp_path, provider="p")
    make_session(tmp_path, provider="q")
    found = stat(tmp_path)
    assert found.counted.frames.recorded == 12
    assert found.balanced
    assert len(found.sessions) == 2


def test_an_empty_and_an_absent_folder_balance(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "absent"):
        found = stat(root)
        assert (found.balanced, found.tracks, found.sessions) == (True, {}, [])
