"""Partitions of one day, read once and then only as far as they grew, each by what it is folded into."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from sise.journal.files import Line
from sise.journal.reader import Cursor, Follower

LINES_AT_ONCE_MAX: Final = 10_000
DAYS_KEPT_MAX: Final = 8
"""On one shelf; a day that was let go is read again."""


class Fold(Protocol):
    """What takes the lines of a day."""

    def fold(self, line: Line) -> None: ...


Log = TypeVar("Log", bound=Fold)


class _DayFile(Generic[Log]):
    """One partition and what was made of it so far."""

    def __init__(self, root: Path, prefix: str, path: str, log: Log) -> None:
        self.log = log
        self._path = path
        self._follower: Follower | None = Follower(root, [prefix], start={prefix: Cursor(path)})

    def read(self) -> None:
        """Fold what was added. Once lines of a later partition come, this one is complete."""
        while self._follower is not None and (lines := self._follower.poll(LINES_AT_ONCE_MAX)):
            for line in lines:
                if not line.ref.startswith(self._path + ":"):
                    self.close()
                    break
                self.log.fold(line)

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None


class Shelf(Generic[Log]):
    """The days that were asked for lately. Reading runs in a thread, so that it holds up no other answer."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: OrderedDict[str, _DayFile[Log]] = OrderedDict()
        self._taken = asyncio.Lock()

    @asynccontextmanager
    async def read(self, prefix: str, path: str, make: Callable[[], Log]) -> AsyncIterator[Log]:
        """What the partition ``path`` (of the series ``prefix``) was folded into, up to now.

        Nobody else reads on while it is looked at. Raises the ``OSError`` of a file that cannot be read.
        """
        async with self._taken:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = _DayFile(self._root, prefix, path, make())
                while len(self._files) > DAYS_KEPT_MAX:
                    self._files.popitem(last=False)[1].close()
            self._files.move_to_end(path)
            await asyncio.to_thread(file.read)
            yield file.log

    def close(self) -> None:
        """Let go of all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
