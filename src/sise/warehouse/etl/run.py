"""Runs of the ETL: over given days, or following the journal as it is written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct
from sqlalchemy import Engine

from sise.model.errors import SiseError
from sise.model.hours import SpecialDay
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, in_zone
from sise.warehouse.etl.bookkeeping import Patience, alone, is_loaded, tell_file
from sise.warehouse.etl.dayload import Counts, DayLoad
from sise.warehouse.etl.days import MarketDay, days_of, has_partitions
from sise.warehouse.etl.runstate import tell_begun, tell_ended, told_of

log = logging.getLogger(__name__)

BARS_EVERY_SECONDS: Final = 10.0
"""While following: so long at most before what was loaded is seen in the bars."""
DAYS_CAUGHT_UP: Final = 3
"""When following begins, days before today of which no run has loaded all are loaded first."""


class Outcome(Struct):
    """What came of a day."""

    day: MarketDay
    counts: Counts
    made_again: list[str]
    """Other days whose bars changed by what stands in this one's journal."""


class Etl:
    """The ETL of one data folder into one database."""

    def __init__(
        self,
        engine: Engine,
        root: Path,
        now_ns: Callable[[], int],
        patience: Patience,
        *,
        tells: bool = True,
        exceptions: Sequence[SpecialDay] = (),
    ) -> None:
        """``now_ns`` tells the time (UTC ns). ``tells``: say beside the journal what became of each run.

        ``exceptions``: this installation's own trading days and hours.
        """
        self._engine, self._root, self._now_ns = engine, root, now_ns
        self._tells, self._exceptions = tells, exceptions
        self._patience = patience
        self._open: dict[tuple[str, str], DayLoad] = {}
        self._stored_ns: dict[tuple[str, str], int] = {}
        self._begun_ns: dict[MarketDay, int] = {}
        self.followed: list[Outcome] = []
        """The days that were followed, once they are closed."""

    def load_days(self, days: Sequence[MarketDay]) -> list[Outcome]:
        """Load whole days, in the order given. Raises what the first that fails raises, and says so first."""
        return [self.load_day(day) for day in days]

    def load_day(self, day: MarketDay) -> Outcome:
        """Load what the journal has of a day, and make its bars; then those of other days that it changes."""
        with alone(self._root, day):
            load = self._whole(day)
            again = []
            for other in self._touched(day, load):
                self._whole(other)
                again.append(other.name)
            return Outcome(day, load.counts, again)

    def _whole(self, day: MarketDay) -> DayLoad:
        started = self._now_ns()
        counts = Counts()
        try:
            self._patience(lambda: tell_begun(self._engine, day, started))
            load = self._read(day)
            counts = load.counts
            if load.stale:
                load = self._read(day, load)
            self._patience(load.store_bars)
            self._tell(load, started)
        except Exception as error:
            self._tell_failed(day, started, counts, str(error) or type(error).__name__)
            raise
        return load

    def _tell_failed(self, day: MarketDay, started_ns: int, counts: Counts, reason: str) -> None:
        self._tell_file(day, counts, reason)
        span, before = (started_ns, self._now_ns()), {"reason": reason}
        try:
            said = told_of(self._engine, day)
            detail = (said.detail if said is not None else {}) | before
            tell_ended(self._engine, day, "failed", span, counts, detail)
        except SiseError as error:  # the row stays as it is: the next run calls it abandoned
            log.warning("that the ETL of %s failed cannot be told to the database: %s", day.name, error)

    def _read(self, day: MarketDay, before: DayLoad | None = None) -> DayLoad:
        """Load and fold all that the journal has; ``before`` is the first look, whose counts stand."""
        load: DayLoad = self._patience(self._opener(day))
        if before is not None:
            load.counts, load.stray_days = before.counts, before.stray_days
        try:
            while self._patience(lambda: load.step(self._now_ns())):
                pass
        finally:
            load.close()
        return load

    def _opener(self, day: MarketDay) -> Callable[[], DayLoad]:
        return lambda: DayLoad(self._engine, self._root, day, self._exceptions)

    def _tell(self, load: DayLoad, started_ns: int) -> None:
        detail, span = {"next_day_seen": load.next_day_seen}, (started_ns, self._now_ns())
        self._patience(lambda: tell_ended(self._engine, load.day, "done", span, load.counts, detail))
        self._tell_file(load.day, load.counts)

    def _tell_file(self, day: MarketDay, counts: Counts, reason: str = "") -> None:
        if self._tells:
            tell_file(self._root, day, self._now_ns(), counts, reason)

    def _touched(self, day: MarketDay, load: DayLoad) -> list[MarketDay]:
        """Other days whose bars must be made again; not those whose own run is still to come."""
        found = []
        for other in sorted(load.stray_days - {day}):
            journal = has_partitions(self._root, other, "scalp")
            if is_loaded(self._engine, other) == journal:
                found.append(other)
            elif not journal:
                log.warning(
                    "trades of %s stand in the journal of %s; its own journal is not here any more, so its "
                    "bars stay as they are",
                    other.name,
                    day.name,
                )
        before = day.beside(-1)
        said = told_of(self._engine, before)
        if said is not None and not said.detail.get("next_day_seen", True) and before not in found:
            found.append(before)
        return found

    # Following

    def begin_following(self) -> None:
        """Load the last days of which no run has loaded all."""
        for back in range(DAYS_CAUGHT_UP, 0, -1):
            for day in self._now_days():
                earlier = day.beside(-back)
                there = has_partitions(self._root, earlier, "scalp") or has_partitions(
                    self._root, earlier, "swing"
                )
                if there and not self._is_whole(earlier):
                    self.load_day(earlier)

    def _is_whole(self, day: MarketDay) -> bool:
        said = self._patience(lambda: told_of(self._engine, day))
        return said is not None and said.is_whole(day)

    def follow_once(self) -> bool:
        """Take what was written since the last call; False where there was nothing."""
        worked = False
        for day in self._today():
            key = day.provider, day.market
            load = self._open.get(key)
            if load is not None and load.day.day < day.day:
                load.close()
                del self._open[key]
                self.load_day(load.day)  # whole: with what lies over midnight
                load = None
            with alone(self._root, day):
                worked = self._follow(key, day, load) or worked
        return worked

    def _follow(self, key: tuple[str, str], day: MarketDay, load: DayLoad | None) -> bool:
        now = self._now_ns()
        if load is None:
            if day not in self._begun_ns:
                self._patience(lambda: tell_begun(self._engine, day, now, follows=True))
                self._begun_ns[day] = now
            load = self._open[key] = self._patience(self._opener(day))
        worked = bool(self._patience(lambda: load.step(now)))
        if load.stale:
            load.close()
            del self._open[key]
            return True
        since = (now - self._stored_ns.get(key, 0)) / NS_PER_SECOND
        if since >= BARS_EVERY_SECONDS or since < 0:
            self._patience(load.store_bars)
            self._tell_file(day, load.counts)
            self._stored_ns[key] = now
            self._make_others_again(load)
        return worked

    def _make_others_again(self, load: DayLoad) -> None:
        """Bars of days before that what came in changes."""
        if load.stray_days:
            for other in self._touched(load.day, load):
                self._whole(other)
            load.stray_days.clear()

    def _today(self) -> list[MarketDay]:
        """The day that each market has now, where the journal has begun it."""
        return [
            day for day in self._now_days() if day in days_of(self._root, [day.day]) or self._is_open(day)
        ]

    def _now_days(self) -> list[MarketDay]:
        """The day that each market has now, of the markets that the journal knows from the last days."""
        now = self._now_ns()
        dates = {in_zone(now, zone).date() for zone in MARKET_ZONES.values()}
        around = {date + timedelta(days=days) for date in dates for days in range(-DAYS_CAUGHT_UP, 1)}
        markets = {(day.provider, day.market) for day in days_of(self._root, around)}
        return [
            MarketDay(provider, market, in_zone(now, MARKET_ZONES[market]).date())
            for provider, market in sorted(markets)
        ]

    def _is_open(self, day: MarketDay) -> bool:
        load = self._open.get((day.provider, day.market))
        return load is not None and load.day == day

    def close(self) -> None:
        """Store what was folded and let go; after it, nothing is followed."""
        for load in self._open.values():
            load.store_bars()
            self._make_others_again(load)
            self._tell(load, self._begun_ns[load.day])
            self.followed.append(Outcome(load.day, load.counts, []))
            load.close()
        self._open.clear()
