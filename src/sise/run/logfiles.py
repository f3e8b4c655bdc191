"""Log files that several processes write at once: opened for each line, rotated under a lock.

Below the log folder::

    sise.log                  everything
    error.log                 errors and worse
    day/20261120.log          everything of a day (UTC)
    component/collect.log     everything of a room of the house; libraries are ``other``

A line is one ``write`` to a file opened for appending, so lines of two processes do not mix, and a
file that another process has just rotated is left alone: nothing holds it open. That costs some
50 µs a line and needs no agreement between the processes but the lock for rotation.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROTATE_BYTES: Final = 10_000_000
KEEP_FILES: Final = 5
"""How many rotated files are kept beside the one in use."""
KEEP_DAYS: Final = 30
ROOMS: Final = frozenset(
    {"collect", "fleet", "journal", "model", "providers", "run", "serve", "simulator", "warehouse"}
)


class SharedFile(logging.Handler):
    """Appends each record to the file that ``path_of`` names for it, relative to ``folder``."""

    def __init__(
        self, folder: Path, path_of: Callable[[logging.LogRecord], str], rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        super().__init__()
        self._folder, self._path_of, self._rotate_bytes = folder, path_of, rotate_bytes
        self._failing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; where that fails, say so once on stderr: a log must not stop the work."""
        try:
            self._append(self._folder / self._path_of(record), f"{self.format(record)}\n".encode())
            self._failing = False
        except Exception as error:
            if not self._failing:
                sys.stderr.write(f"log files in {self._folder} cannot be written: {error}\n")
            self._failing = True

    def _append(self, path: Path, line: bytes) -> None:
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            size = 0
        if size and size + len(line) > self._rotate_bytes:
            self._rotate(path, len(line))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _rotate(self, path: Path, incoming_bytes: int) -> None:
        with _locked(self._folder / ".lock"):
            if not path.exists() or path.stat().st_size + incoming_bytes <= self._rotate_bytes:
                return  # another process was first
            names = [path, *(path.with_name(f"{path.name}.{n}") for n in range(1, KEEP_FILES + 1))]
            for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
                if newer.exists():
                    newer.replace(older)


def handlers(folder: Path) -> list[logging.Handler]:
    """The four kinds of log file; forgets the days that are too old."""
    errors = SharedFile(folder, lambda _: "error.log")
    errors.setLevel(logging.ERROR)
    _forget_old_days(folder / "day")
    return [
        SharedFile(folder, lambda _: "sise.log"),
        errors,
        SharedFile(folder, lambda record: f"day/{_day(record)}.log"),
        SharedFile(folder, lambda record: f"component/{component(record.name)}.log"),
    ]


def component(logger_name: str) -> str:
    """The room a logger belongs to: ``collect`` for ``sise.collect.socket``; ``other`` for libraries."""
    root, _, rest = logger_name.partition(".")
    room = rest.partition(".")[0]
    return room if root == "sise" and room in ROOMS else "other"


def _day(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y%m%d")


def _forget_old_days(folder: Path) -> None:
    days = sorted({path.name[:8] for path in folder.glob("*.log*")})
    for day in days[:-KEEP_DAYS]:
        for path in folder.glob(f"{day}.log*"):
            path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    if sys.platform == "win32":  # no such lock; there, one process logs into a folder
        yield
        return
    import fcntl

    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
