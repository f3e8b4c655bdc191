"""Where a day of the journal lies: its folders, its bounds, and which markets it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.files import PartitionFile, partitions, present, read_lines
from sise.journal.partition import SEALED_SUFFIX, SUFFIX
from sise.model.calendar import Calendar
from sise.model.hours import VENUE_OF_MARKET, SpecialDay
from sise.model.time import MARKET_ZONES, in_zone, to_ns

LEDGER_LINES: Final = 1
_TRACKS: Final = ("scalp", "swing")


class MarketDay(Struct, frozen=True, order=True):
    """One day of one provider's market, in the market's own zone, as the journal's folders have it."""

    provider: str
    market: str
    day: date

    @property
    def stamp(self) -> str:
        return f"{self.day:%Y%m%d}"

    @property
    def start_ns(self) -> int:
        """The day's first moment, UTC ns."""
        return _midnight_ns(self.market, self.day)

    @property
    def end_ns(self) -> int:
        """The first moment of the next day."""
        return _midnight_ns(self.market, self.day + timedelta(days=1))

    def holds(self, at_ns: int) -> bool:
        return self.start_ns <= at_ns < self.end_ns

    def beside(self, days: int) -> MarketDay:
        """The day so many days later."""
        return MarketDay(self.provider, self.market, self.day + timedelta(days=days))

    def at(self, at_ns: int) -> MarketDay:
        """The day of the same market in which a moment lies."""
        return MarketDay(self.provider, self.market, in_zone(at_ns, MARKET_ZONES[self.market]).date())

    def folder(self, track: str) -> str:
        """Of the track ``scalp`` or ``swing``."""
        return f"{track}/{self.provider}/{self.market}/{self.stamp}"

    @property
    def events(self) -> str:
        """The partition of its system events."""
        return f"system/events/{self.provider}/{self.stamp}{SUFFIX}"

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.market}/{self.day}"

    def calendar(
        self, exceptions: Iterable[SpecialDay] = (), told: Mapping[date, bool] | None = None
    ) -> Calendar:
        """Whose days its provider's volume counts by, with this installation's ``exceptions``.

        ``told``: the provider's own answers, as the journal has them; they win.
        """
        venue = VENUE_OF_MARKET[self.market]
        return Calendar(venue, overrides=exceptions, told=told, told_by=self.provider)

    def never_shuts(self) -> bool:
        """Whether trading, and so a session of ours, goes on over midnight."""
        return self.calendar().venue.weekends


@lru_cache(maxsize=512)
def _midnight_ns(market: str, day: date) -> int:
    return to_ns(datetime(day.year, day.month, day.day, tzinfo=MARKET_ZONES[market]))


def days_of(root: Path, days: Iterable[date]) -> list[MarketDay]:
    """Every provider's market that has lines of these days in the journal; oldest first."""
    found: set[MarketDay] = set()
    wanted = list(days)
    for track in _TRACKS:
        for provider in _names(root / track):
            for market in _names(root / track / provider):
                each = [MarketDay(provider, market, day) for day in wanted if market in MARKET_ZONES]
                found |= {one for one in each if (root / one.folder(track)).is_dir()}
    for provider in _names(root / "system/events"):
        for day in wanted:
            if market := _market_of_events(root, provider, day):
                found.add(MarketDay(provider, market, day))
    return sorted(found, key=lambda one: (one.day, one.provider, one.market))


def all_days(root: Path) -> list[date]:
    """Every day of which the journal has events, oldest first."""
    found = set()
    for provider in _names(root / "system/events"):
        for name in _names(root / "system/events" / provider):
            stamp = name.removesuffix(SEALED_SUFFIX).removesuffix(SUFFIX)
            if len(stamp) == len("20261120") and stamp.isdigit():
                found.add(date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:])))
    return sorted(found)


def event_file(root: Path, day: MarketDay) -> PartitionFile | None:
    """The partition of the day's system events, if there is one."""
    file = present(root, PartitionFile(day.events, sealed=False))
    return file if file.on_disk(root).exists() else None


def has_partitions(root: Path, day: MarketDay, track: str) -> bool:
    """Whether the journal (still) has lines of a track."""
    return bool(partitions(root, [day.folder(track)]))


class _Market(Struct):
    market: str = ""


def _market_of_events(root: Path, provider: str, day: date) -> str:
    file = event_file(root, MarketDay(provider, "", day))
    if file is None:
        return ""
    for line in islice(read_lines(root, file), LEDGER_LINES):
        market = msgspec.json.decode(line.body, type=_Market).market
        return market if market in MARKET_ZONES else ""
    return ""


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
