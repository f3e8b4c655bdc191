"""``sise demo`` end to end: the ledger balances, the journal verifies, no child is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.run.command_line import START_SECONDS, Run, in_folder, start, wait_until_recording

END_SECONDS: Final = 20.0
CHILDREN: Final = 3

ARGUMENTS: Final = ("demo", "--no-browser", "--json", "--port", "0")


@pytest.fixture
def sise(tmp_path: Path) -> Run:
    """The command, in an empty folder."""
    return in_folder(tmp_path)


def _children(demo: subprocess.Popen[str]) -> list[psutil.Process]:
    """The demo's three children, once it says that it is ready."""
    assert demo.stderr is not None
    assert "/dashboard" in demo.stderr.readline()
    children: list[psutil.Process] = psutil.Process(demo.pid).children(recursive=True)
    assert len(children) == CHILDREN
    return children


def _assert_all_gone(children: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(children, timeout=END_SECONDS)
    for process in alive:
        process.kill()
    assert alive == []


def _assert_balanced(ledger: dict[str, Any]) -> None:
    frames, events = ledger["frames"], ledger["events"]
    assert frames["received"] == frames["recorded"] > 0
    assert events["decoded"] == events["recorded"] + sum(events["refused"].values())
    assert events["recorded"] > 0


def test_ends_by_itself_with_a_balanced_ledger(tmp_path: Path, sise: Run) -> None:
    with start(tmp_path, *ARGUMENTS, "--for", "8s", "--markets", "10") as demo:
        children = _children(demo)
        out, err = demo.communicate(timeout=START_SECONDS + END_SECONDS)
        assert demo.returncode == 0, err
        _assert_all_gone(children)
        ledger = json.loads(out.splitlines()[-1])
        assert set(ledger) == {"frames", "events", "gaps", "url"}
        _assert_balanced(ledger)
        assert ledger["gaps"] == []
        verified = sise("journal", "verify", "--json", SISE_DATA_DIR="data/demo")
        assert verified.returncode == 0, verified.stdout
        assert json.loads(verified.stdout)["ok"] is True
        stat = sise("journal", "stat", "--json", SISE_DATA_DIR="data/demo")
        assert stat.returncode == 0


def test_a_signal_ends_it_with_the_ledger(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    with start(tmp_path, *ARGUMENTS, "--markets", "5", SISE_DATA_DIR=str(folder)) as demo:
        children = _children(demo)
        wait_until_recording(folder)
        demo.send_signal(signal.SIGINT)
        out, err = demo.communicate(timeout=END_SECONDS)
        assert demo.returncode == 0, err
        _assert_all_gone(children)
        _assert_balanced(json.loads(out.splitlines()[-1]))
        assert (folder / "wire").is_dir()
        assert not (tmp_path / "data").exists()


def test_a_killed_demo_leaves_no_child(tmp_path: Path, sise: Run) -> None:
    with start(tmp_path, *ARGUMENTS, "--markets", "5") as demo:
        children = _children(demo)
        demo.kill()
        demo.communicate(timeout=END_SECONDS)
        _assert_all_gone(children)
        assert sise("journal", "verify", SISE_DATA_DIR="data/demo").returncode == 0


def test_a_dead_child_is_said_and_ends_the_demo(tmp_path: Path) -> None:
    with start(tmp_path, *ARGUMENTS, "--markets", "5") as demo:
        children = _children(demo)
        victim = next(child for child in children if "collect" in child.cmdline())
        os.kill(victim.pid, signal.SIGKILL)
        _, err = demo.communicate(timeout=END_SECONDS)
        assert demo.returncode == 1
        assert "ended with exit code -9" in err
        _assert_all_gone(children)


def test_a_child_that_does_not_start_is_said_with_its_last_words(sise: Run) -> None:
    done = sise("demo", "--no-browser", "--json", "--port", "0", SISE_BOOK_DEPTH="7")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "SISE_BOOK_DEPTH" in done.stderr
    assert "Traceback" not in done.stderr
