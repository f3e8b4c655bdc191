"""A child process of ``sise demo``: started, heard, ended, and never left behind.

The child runs in a process group of its own, so Ctrl-C reaches only the parent, which ends the
children in the right order. Its standard input is a pipe held by the parent alone: when the parent
dies, however it dies, the child notices and ends (:func:`sise.run.lifetime.end_with_parent`). Its
first line on standard output says that it is ready, its last one is its result; what it logs goes
to a file of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sise.model.errors import SiseError
from sise.run import redact
from sise.run.lifetime import WATCH_STDIN

LOG_TAIL_LINES: Final = 12
LOG_TAIL_BYTES: Final = 8_192
LINE_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""The longest line a child may print: a ledger with every gap of a long day."""


class ChildFailed(SiseError):
    """A child process ended although nobody asked it to, or did not start."""


class Child:
    """One running ``sise`` command."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name, self._process, self._log = name, process, log
        self._first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._last = ""
        self.gone = asyncio.create_task(self._listen(), name=f"{name}-gone")
        """Done when the process has ended and all it printed is read."""

    @property
    def pid(self) -> int:
        """The process id, which is also its group's."""
        return self._process.pid

    @classmethod
    async def start(cls, name: str, command: Sequence[str], env: Mapping[str, str], log: Path) -> Child:
        """Start ``sise <command>`` with ``env`` added to this process's own environment."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "sise",
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **env, WATCH_STDIN: "1"},
                start_new_session=True,
                limit=LINE_LIMIT_BYTES,
            )
        return cls(name, process, log)

    async def ready(self, seconds: float) -> dict[str, Any]:
        """The child's first line, decoded.

        Raises
        ------
        ChildFailed
            It ended before, or said nothing in ``seconds``; with the last lines of its log.
        """
        either: set[asyncio.Future[Any]] = {self._first, self.gone}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not self._first.done():
            raise (
                self.failure()
                if self.gone.done()
                else ChildFailed(f"{self.name} said nothing in {seconds:g} s")
            )
        return self._decoded(self._first.result())

    def result(self) -> dict[str, Any]:
        """The child's last line, decoded.

        Raises
        ------
        ChildFailed
            The child ended badly, or printed no JSON object.
        """
        if self._process.returncode != 0:
            raise self.failure()
        return self.said()

    def said(self) -> dict[str, Any]:
        """The child's last line, decoded, however it ended.

        Raises
        ------
        ChildFailed
            It printed no JSON object.
        """
        if not self._last:
            raise self.failure()
        return self._decoded(self._last)

    def failure(self) -> ChildFailed:
        """What to say of a child that has ended by itself."""
        tail = _tail(self._log)
        said = f"; the last lines of {self._log}:\n{tail}" if tail else f"; {self._log} is empty"
        return ChildFailed(f"{self.name} ended with exit code {self._process.returncode}{said}")

    async def end(self, seconds: float) -> None:
        """Interrupt the child and wait; what has not ended after ``seconds`` is killed."""
        self._send(signal.SIGINT)
        await asyncio.wait({self.gone}, timeout=seconds)
        if not self.gone.done():
            self.kill()
            await self.gone

    def kill(self) -> None:
        """End the child and whatever it started, now."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._last = line.decode(errors="replace").strip() or self._last
            if not self._first.done():
                self._first.set_result(self._last)
        await self._process.wait()

    def _decoded(self, line: str) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ChildFailed(f"{self.name} printed {redact.mask(line[:200])!r} where JSON was expected")
        return value


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return redact.mask("\n".join(lines[-LOG_TAIL_LINES:]))
