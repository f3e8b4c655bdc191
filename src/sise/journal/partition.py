"""Where a line lies: the path of a partition, and until when lines go there.

Paths are those of the design, section 3. Day and hour are the market's own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from sise.model.time import in_zone, to_ns

JOURNAL_FOLDERS: Final = ("wire", "swing", "scalp", "system", "quarantine")
SUFFIX: Final = ".jsonl"
SEALED_SUFFIX: Final = ".jsonl.zst"
MANIFEST: Final = "MANIFEST.jsonl"
TORN_FOLDER: Final = "quarantine/torn"
"""Holds bytes of torn last lines, as they were: no partitions."""

PathAt = Callable[[datetime], str]


class Partition(Struct, frozen=True):
    """A file's path, relative to the data folder, and the moment (UTC ns) from which another is used."""

    path: str
    until_ns: int


class Stream(Struct, frozen=True):
    """A series of partitions: what its path is at a local time, and how long one lasts."""

    name: str
    zone: ZoneInfo
    path_at: PathAt
    daily: bool

    def partition(self, at_ns: int) -> Partition:
        """The partition of a line received at ``at_ns``."""
        local = in_zone(at_ns, self.zone)
        return Partition(self.path_at(local), _end_of_day(local) if self.daily else _end_of_hour(local))

    @property
    def track(self) -> str:
        """The folder, relative to the data folder, under which all its partitions lie."""
        return track_of(self.partition(0).path)


def _end_of_hour(local: datetime) -> int:
    """When the clock on the wall shows another hour: an hour that is lived twice is one partition."""
    return to_ns(local.replace(minute=0, second=0, microsecond=0, fold=0) + timedelta(hours=1))


def _end_of_day(local: datetime) -> int:
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return to_ns(midnight + timedelta(days=1))


def track_of(path: str) -> str:
    """The series that a partition belongs to: its folder without the day."""
    folder = path.rpartition("/")[0]
    parent, _, day = folder.rpartition("/")
    return parent if day.isdigit() and len(day) == 8 else folder


def wire_stream(provider: str, zone: ZoneInfo) -> Stream:
    """Frames as received, an hour a file."""
    return Stream("wire", zone, lambda t: f"wire/{provider}/{t:%Y%m%d}/{t:%H}{SUFFIX}", daily=False)


def scalp_stream(provider: str, market: str, zone: ZoneInfo) -> Stream:
    """Trades and samples; a file is named by the second it was begun, and ends with the hour."""
    return Stream(
        "scalp", zone, lambda t: f"scalp/{provider}/{market}/{t:%Y%m%d}/{t:%H_%M_%S}{SUFFIX}", daily=False
    )


def swing_stream(provider: str, market: str, zone: ZoneInfo) -> Stream:
    """What was asked by REST, an hour a file."""
    return Stream(
        "swing", zone, lambda t: f"swing/{provider}/{market}/{t:%Y%m%d}/{t:%H}_00{SUFFIX}", daily=False
    )


def events_stream(provider: str, zone: ZoneInfo) -> Stream:
    """Decisions and happenings, a day a file."""
    return Stream("events", zone, lambda t: f"system/events/{provider}/{t:%Y%m%d}{SUFFIX}", daily=True)


def refused_stream(provider: str, zone: ZoneInfo) -> Stream:
    """What validation or guard refused, a day a file."""
    return Stream("refused", zone, lambda t: f"system/refused/{provider}/{t:%Y%m%d}{SUFFIX}", daily=True)


def overflow_stream(provider: str, zone: ZoneInfo) -> Stream:
    """Who asked for a slot and got none, a day a file."""
    return Stream(
        "overflow",
        zone,
        lambda t: f"system/overflow/{provider}/{t:%Y%m%d}_overflow{SUFFIX}",
        daily=True,
    )


def quarantine_stream(provider: str, zone: ZoneInfo) -> Stream:
    """Frames that could not be decoded, a day a file."""
    return Stream("quarantine", zone, lambda t: f"quarantine/{provider}/{t:%Y%m%d}{SUFFIX}", daily=True)
