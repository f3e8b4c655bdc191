"""What is no longer here, and why that is right: raw days removed by retention, or left out by a restore.

Both are events of the journal itself, ``system/events/retention`` and ``system/events/restore``, so that a
reader that misses frames or records can tell a removal from a loss.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.files import partitions, read_lines
from sise.journal.package import WireRange

RETENTION: Final = "retention"
RESTORE: Final = "restore"
BEGUN: Final = "raw_removal_begun"
"""Written, and durable, before the first byte of a day is removed."""
DONE: Final = "raw_removed"
ELSEWHERE: Final = "raw_elsewhere"
"""Written by a restore that begins after a provider's first frame."""


class Removal(Struct, kw_only=True):
    """The facts (``detail``) of an event of this kind."""

    day: str
    """Empty for what a restore left out: that may be many days."""
    wire: dict[str, list[WireRange]]
    """By provider: frames that are not here, and need not be."""
    folders: list[str] = []
    package: str = ""
    reason: str = ""
    files: int = 0
    bytes: int = 0
    frames_recorded: int = 0
    """How many frames and events the removed lines had recorded (the ledger's right side)."""
    events_recorded: int = 0


class _Kind(Struct):
    event_type: str


class _Event(Struct):
    detail: Removal


_kind = msgspec.json.Decoder(_Kind)
_event = msgspec.json.Decoder(_Event)


def removals(root: Path, *kinds: str) -> list[Removal]:
    """Every such event under ``root``, in the order of writing; all kinds where none is named."""
    wanted = kinds or (BEGUN, ELSEWHERE)
    return [
        _event.decode(line.body).detail
        for file in partitions(root, [f"system/events/{RETENTION}", f"system/events/{RESTORE}"])
        for line in read_lines(root, file)
        if _kind.decode(line.body).event_type in wanted
    ]


def unfinished(root: Path) -> list[Removal]:
    """Removals that were begun, and cut short."""
    done = {(each.day, each.package) for each in removals(root, DONE)}
    return [each for each in removals(root, BEGUN) if (each.day, each.package) not in done]


def absent_frames(root: Path) -> dict[str, list[WireRange]]:
    """By provider: the frames that need not be here, as ranges in order that neither touch nor overlap."""
    found: dict[str, list[WireRange]] = {}
    for removal in removals(root):
        for provider, ranges in removal.wire.items():
            found.setdefault(provider, []).extend(ranges)
    return {provider: _merged(ranges) for provider, ranges in found.items()}


def _merged(ranges: list[WireRange]) -> list[WireRange]:
    merged: list[WireRange] = []
    for each in sorted(ranges, key=lambda numbers: numbers.first):
        if merged and each.first <= merged[-1].last + 1:
            merged[-1] = WireRange(merged[-1].first, max(merged[-1].last, each.last))
        else:
            merged.append(each)
    return merged


def covers(ranges: list[WireRange], first: int, last: int) -> bool:
    """Whether all frames from ``first`` to ``last`` lie in one of ``ranges``."""
    return any(each.first <= first and last <= each.last for each in ranges)
