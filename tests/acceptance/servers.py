"""Database servers of a test's own, which it may stop, kill and start again: never the machine's shared ones.

No server runs as root: there it runs as nobody, in a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from sise.model.errors import SiseError
from tests.acceptance.processes import PATIENCE_SECONDS, until
from tests.warehouse.databases import opened

NOBODY: Final = 65_534
DEBIAN: Final = Path("/usr/lib/postgresql")
"""Debian keeps the server's programs out of the search path."""


class OwnServer:
    """A server with nothing in it yet; ``url`` names a database that it has from its beginning."""

    def __init__(self, folder: Path, command: Sequence[str], url: str, stop: signal.Signals) -> None:
        self._folder, self._command, self.url, self._stop = folder, command, url, stop
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        until(self._answers)

    def end(self, *, kill: bool = False) -> None:
        """End it as a service manager does, or all of it with ``kill -9``; clients may be connected."""
        if self._child is None or self._child.poll() is not None:
            return
        helpers = psutil.Process(self._child.pid).children(recursive=True)
        self._child.send_signal(signal.SIGKILL if kill else self._stop)
        for helper in helpers if kill else ():
            with suppress(psutil.NoSuchProcess):
                helper.kill()
        self._child.wait(PATIENCE_SECONDS)

    def _answers(self) -> bool:
        if self._child is None or self._child.poll() is not None:
            # again and again: what is left of a killed server may still hold its memory
            with (self._folder / "log").open("ab") as log:
                self._child = subprocess.Popen(
                    self._command, cwd=self._folder, stdout=log, stderr=log, **as_nobody()
                )
        try:
            with opened(self.url) as engine, engine.connect():
                return True
        except SiseError:
            return False


@contextmanager
def own_postgresql() -> Iterator[OwnServer]:
    """A PostgreSQL server, running."""
    newest = max(DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name), default=DEBIAN)
    make, serve = _program("initdb", newest), _program("postgres", newest)
    with _folder() as folder:
        data, port = f"{folder}/data", _free_port()
        _run(make, "-D", data, "-U", "sise", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        # what was handed to the operating system outlives the server, and the machine stays on
        options = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
        command = [serve, "-D", data, *(part for option in options for part in ("-c", option))]
        # the fast way to stop; SIGTERM would wait for clients
        with _running(
            folder, command, f"postgresql://sise@127.0.0.1:{port}/postgres", signal.SIGINT
        ) as server:
            yield server


@contextmanager
def own_mariadb() -> Iterator[OwnServer]:
    """A MariaDB server, running."""
    make, serve = _program("mariadb-install-db"), _program("mariadbd", Path("/usr/sbin"))
    with _folder() as folder:
        data, port = f"--datadir={folder}/data", _free_port()
        _run(make, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-name-resolve")
        command = [serve, "--no-defaults", data, f"--port={port}", "--bind-address=127.0.0.1"]
        command += [f"--socket={folder}/socket", "--skip-name-resolve", f"--pid-file={folder}/pid"]
        with _running(folder, command, f"mariadb://root@127.0.0.1:{port}/test", signal.SIGTERM) as server:
            yield server


OWN: Final[dict[str, Callable[[], Any]]] = {"postgresql": own_postgresql, "mariadb": own_mariadb}


def as_nobody() -> dict[str, Any]:
    """For ``Popen``: not as root."""
    return {} if os.geteuid() else {"user": NOBODY, "group": NOBODY, "extra_groups": []}


@contextmanager
def _running(folder: Path, command: Sequence[str], url: str, stop: signal.Signals) -> Iterator[OwnServer]:
    server = OwnServer(folder, command, url, stop)
    try:
        server.start()
        yield server
    finally:
        server.end()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, NOBODY, NOBODY)
        yield Path(name)


def _program(name: str, also_in: Path | None = None) -> str:
    path = os.environ.get("PATH", "") + (f"{os.pathsep}{also_in}" if also_in else "")
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"PROGRAM {name} ABSENT: what happens when its database goes away was not tested")
    return found


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **as_nobody())
    assert done.returncode == 0, done.stderr


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])
