"""How these tests run the command line: as a process of its own, in a folder of its own, with no settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

COMMAND_SECONDS: Final = 60
START_SECONDS: Final = 30.0

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def clean_env(**variables: str) -> dict[str, str]:
    """The environment without any setting of sise but ``variables``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SISE_")}
    return kept | variables


def in_folder(folder: Path) -> Run:
    """``sise(*arguments, **variables)``, which runs the command in ``folder`` and returns what it did."""
    return partial(_run, folder)


def _run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sise", *arguments],
        cwd=folder,
        env=clean_env(**variables),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


@contextmanager
def start(folder: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """The command, running, with its outputs as pipes; killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "sise", *arguments],
        cwd=folder,
        env=clean_env(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_recording(data: Path) -> None:
    """Until the collector itself says that it has recorded events."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if _recorded_events(data / "run" / "collect-upbit.json"):
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing was recorded in {START_SECONDS} s")


def _recorded_events(address: Path) -> int:
    if not address.exists():
        return 0
    with urllib.request.urlopen(json.loads(address.read_text())["url"], timeout=10) as answer:
        return int(json.load(answer)["ledger"]["events"]["recorded"])
