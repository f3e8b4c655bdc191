"""The puller's own end: killed at any moment, or with a disk that is full, it leaves nothing that lies."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Final

import pytest

from sise.fleet.verify import verify
from sise.journal.receipt import read_receipt
from tests.journal.parts import HandClock, files_of
from tests.run.command_line import clean_env

from .backups import TOKEN, make_days, pull, serving

DAY: Final = "20261117"
ROUNDS: Final = 8
LIFE_SECONDS_MAX: Final = 0.15
PROGRAM: Final = """
import asyncio, os, resource, sys
from pathlib import Path
from sise.fleet.pull import Puller
from sise.fleet.source import Source
from sise.model.errors import SiseError
from sise.model.time import SystemClock

async def main() -> None:
    url, to, limit = sys.argv[1:]
    if int(limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    print("ready", flush=True)
    async with Source(url, os.environ["SISE_BACKUP_TOKEN"], SystemClock()) as source:
        pulled = await Puller(source, Path(to), SystemClock()).pull()
    sys.exit(not all(each.ok for each in pulled))

try:
    asyncio.run(main())
except SiseError as error:
    print(error)
    sys.exit(3)
"""


def _start(url: str, to: Path, limit_bytes: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, str(to), str(limit_bytes)],
        env=clean_env(SISE_BACKUP_TOKEN=TOKEN),
        stdout=subprocess.PIPE,
        text=True,
    )


def _big(root: Path) -> None:
    """Files that take a while: some megabytes."""
    make_days(root, 1)
    for n in range(6):
        text = json.dumps(Random(n).randbytes(1_500_000).hex())
        folder = root / f"universe/p{n}/crypto"
        folder.mkdir(parents=True)
        (folder / f"{DAY}.json").write_text(text)


async def test_killed_at_random_moments(tmp_path: Path) -> None:
    root, to = tmp_path / "data", tmp_path / "to-0"
    _big(root)
    rng = Random(9)
    killed_between = 0
    async with serving(root) as url:
        for n in range(ROUNDS):
            process = _start(url, to)
            assert process.stdout is not None
            await asyncio.to_thread(process.stdout.readline)
            await asyncio.sleep(rng.uniform(0, LIFE_SECONDS_MAX))
            process.kill()
            await asyncio.to_thread(process.communicate)
            if (to / DAY / "SUCCESS.marker").exists():
                assert verify(to, HandClock()).ok
                to = tmp_path / f"to-{n + 1}"
            else:
                killed_between += len(list(to.rglob("*.part"))) > 0
        [pulled] = await pull(url, to)
    assert killed_between > 1
    assert pulled.ok
    report = verify(to, HandClock())
    assert report.ok, report.findings
    assert read_receipt(root, DAY) is not None
    for path, data in files_of(to / DAY / "data").items():
        if not path.endswith("MANIFEST.jsonl"):
            assert (root / path).read_bytes() == data


@pytest.mark.parametrize("limit_bytes", [1, 300, 2_000_000])
async def test_the_disk_here_is_full(tmp_path: Path, limit_bytes: int) -> None:
    """Full at the first byte, within the small files, or in a big one."""
    root, to = tmp_path / "data", tmp_path / "to"
    _big(root)
    async with serving(root) as url:
        process = _start(url, to, limit_bytes)
        said, _ = await asyncio.to_thread(process.communicate)
        assert process.returncode == 3
        assert "the disk here is full" in said
        assert not list(to.rglob("SUCCESS.marker"))
        assert read_receipt(root, DAY) is None
        [pulled] = await pull(url, to)
    assert pulled.ok
    assert verify(to, HandClock()).ok


NO_POSIX = (
    "import sys\n"
    "for name in ('fcntl', 'resource', 'pwd', 'grp', 'termios', 'posix_ipc'): sys.modules[name] = None\n"
    "from sise.run.cli import main\n"
    "main()\n"
)


async def test_the_puller_needs_no_posix(tmp_path: Path) -> None:
    """What runs on Windows imports nothing that only POSIX has: pull, verify and restore, as commands."""
    make_days(tmp_path / "data", 1)
    env = os.environ | {"SISE_BACKUP_TOKEN": TOKEN}

    async def command(*arguments: str) -> None:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", NO_POSIX, "backup", *arguments],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    async with serving(tmp_path / "data") as url:
        await command("pull", url, "--to", "kept")
    await command("verify", "kept")
    await command("restore", "kept", "--to", "back")
