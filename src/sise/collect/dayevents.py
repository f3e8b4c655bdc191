"""Events of some types from the journal of a day: what a session must know of those before it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path

import msgspec

from sise.journal.files import Line, partitions, read_lines
from sise.model.records import SystemEvent

_event = msgspec.json.Decoder(SystemEvent)


def event_lines(root: Path, provider: str, day: date, types: Collection[str]) -> Iterator[tuple[str, Line]]:
    """Type and line of the events of ``types`` in the partition of ``day``, oldest first."""
    prefix = f"system/events/{provider}"
    wanted = _pattern(tuple(types))
    for file in partitions(root, [prefix], since=f"{prefix}/{day:%Y%m%d}"):
        if file.path.startswith(f"{prefix}/{day:%Y%m%d}."):
            for line in read_lines(root, file):
                if found := wanted.search(line.body):
                    yield found[1].decode(), line


def read_events(root: Path, provider: str, day: date, types: Collection[str]) -> Iterator[SystemEvent]:
    """The events of ``types`` (such that have no form of their own) in the partition of ``day``."""
    for _, line in event_lines(root, provider, day, types):
        yield _event.decode(line.body)


@lru_cache(maxsize=16)
def _pattern(types: tuple[str, ...]) -> re.Pattern[bytes]:
    return re.compile(rb'"event_type":"(%s)"' % "|".join(types).encode())
