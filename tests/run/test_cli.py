"""The command line as people and programs meet it: help, exit codes, sentences instead of tracebacks."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Final

import pytest

from tests.run.command_line import Run, clean_env, in_folder, start
from tests.run.forks import Case, run_all

COMMANDS = ("demo", "collect", "serve", "simulate", "journal", "version")


@pytest.fixture
def sise(tmp_path: Path) -> Run:
    """The command, in an empty folder."""
    return in_folder(tmp_path)


def test_help_lists_every_command(sise: Run) -> None:
    done = sise("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"  {command} " in done.stdout


def test_every_command_has_help(tmp_path: Path) -> None:
    deeper = ("simulate upbit", *(f"journal {name}" for name in ("stat", "cat", "gaps", "verify")))
    for done in run_all(tmp_path, [Case((*name.split(), "--help"), {}) for name in (*COMMANDS, *deeper)]):
        assert (done.code, done.err) == (0, ""), done
        assert "Usage: sise " in done.out


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['sise', '--help']\n"
        "from sise.run.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_env(), capture_output=True, text=True, check=True
    )
    for heavy in ("aiohttp", "fastapi", "pydantic", "rich", "picows", "uvicorn"):
        assert f"'{heavy}'" not in done.stderr, heavy


def test_version(sise: Run) -> None:
    assert json.loads(sise("version", "--json").stdout)["name"] == "sise"
    assert sise("version").stdout.startswith("sise 0")


BAD_USAGE: Final = (
    ("nonsense",),
    ("serve", "--port", "70000"),
    ("serve", "--nonsense"),
    ("demo", "--for", "soon"),
    ("simulate", "upbit", "--speed", "fast"),
    ("simulate", "upbit", "--replay", "absent.csv"),
    ("simulate", "upbit", "--faults", "absent.json"),
)


def test_bad_usage_is_exit_code_2_without_a_traceback(tmp_path: Path) -> None:
    for done in run_all(tmp_path, [Case(arguments, {}) for arguments in BAD_USAGE]):
        assert (done.code, done.out) == (2, ""), done
        assert "Traceback" not in done.err
        assert done.err


def test_candles_need_to_be_told_whose_they_are(sise: Run, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("timestamp,open,high,low,close,volume\n")
    done = sise("simulate", "upbit", "--replay", "x.csv")
    assert (done.returncode, "--code" in done.stderr) == (2, True)


def test_a_bad_setting_is_one_sentence(sise: Run) -> None:
    done = sise("serve", SISE_PORT="http")
    assert done.returncode == 2
    assert done.stderr.startswith("sise: port (SISE_PORT): 'http' cannot be used; ")
    assert done.stderr.count("\n") == 1


def test_a_busy_port_is_one_sentence(sise: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        served, played = sise("serve", "--port", port), sise("demo", "--port", port, "--no-browser")
    assert (served.returncode, played.returncode) == (2, 1)
    for done in (served, played):
        assert f"port: {port} cannot be used" in done.stderr
        assert "--port" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_fault_of_ours_is_loud_masked_and_exit_code_1() -> None:
    code = (
        "import sys; sys.argv = ['sise', 'version']\n"
        "import importlib.metadata\n"
        "def broken(name): raise RuntimeError('secret_key=canary1234')\n"
        "importlib.metadata.version = broken\n"
        "from sise.run.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_env(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "RuntimeError" in done.stderr
    assert "canary" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_ends_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    with start(tmp_path, "serve", "--port", "0", "--json") as server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["api"]
        with urllib.request.urlopen(f"{url}/uptime", timeout=10) as answer:
            assert answer.status == 200
        server.send_signal(number)
        assert server.wait(10) == 0


def test_serve_ends_by_itself(sise: Run) -> None:
    done = sise("serve", "--port", "0", "--json", "--for", "200ms")
    assert done.returncode == 0
    assert json.loads(done.stdout)["url"].endswith("/dashboard")
