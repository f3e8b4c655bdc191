"""The universe of today: read where it is fixed already, else made from the provider's listings and fixed.

A late start uses the same file. A provider that does not answer, and a file that cannot be trusted, lead
to the last good universe, which is said aloud and not hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from sise.collect.diary import Diary
from sise.collect.hours import TrackHours
from sise.collect.universe import (
    RULES,
    InputRef,
    Inputs,
    Listing,
    Universe,
    UniverseDamaged,
    build_universe,
    last_good,
    read_universe,
    universe_path,
    write_universe,
)
from sise.model.errors import BadInput, ProviderRefused, Undecodable, Unreachable
from sise.model.events import Instrument
from sise.model.time import Clock, iso


class ListingSource(Protocol):
    """Who knows what is listed (a provider's REST client)."""

    async def listings(self) -> list[Instrument]: ...


class UniverseOfDay:
    """Gives the universe of a day, once a day from the provider."""

    def __init__(
        self,
        root: Path,
        source: ListingSource,
        diary: Diary,
        hours: TrackHours,
        clock: Clock,
        *,
        answer_frame: Callable[[], tuple[int, int]],
    ) -> None:
        """``answer_frame`` tells receive time and wire line of the last REST answer."""
        self._root = root
        self._source = source
        self._diary = diary
        self._hours = hours
        self._clock = clock
        self._answer_frame = answer_frame
        self._source_of_current = ""
        self._made_at: str | None = None
        self._wanted: date | None = None
        self.current: Universe | None = None

    async def of(self, day: date) -> Universe | None:
        """The universe of ``day``; None where there is none yet and none can be made."""
        self._wanted = day
        if self.current is None or self.current.day != day:
            self.current = self._fixed(day) or await self._make(day) or self._old(day) or self.current
        return self.current

    def facts(self) -> dict[str, Any] | None:
        """For the status. ``made_at`` is None where another session made it; ``last_good_of`` names the day
        of an older universe that stands in for that of ``day``."""
        universe, wanted = self.current, self._wanted
        if universe is None or wanted is None:
            return None
        rule = universe.rule
        return {
            "day": wanted.isoformat(),
            "symbols": universe.count,
            "rule": f"{rule.measure} >= {rule.minimum:,.0f} {rule.unit}",
            "source": "last_good" if universe.day != wanted else self._source_of_current,
            "made_at": self._made_at,
            "last_good_of": universe.day.isoformat() if universe.day != wanted else None,
        }

    def _fixed(self, day: date) -> Universe | None:
        meta = self._diary.meta
        path = universe_path(self._root, meta.provider, meta.market, day)
        try:
            universe = read_universe(path)
        except FileNotFoundError:
            return None
        except (UniverseDamaged, OSError) as error:
            self._diary.write("universe_damaged", str(error), level="error")
            return self._old(day)
        self._source_of_current, self._made_at = "file", None
        self._diary.write("universe", f"{universe.count} symbols, fixed earlier", sha256=universe.sha256)
        return universe

    async def _make(self, day: date) -> Universe | None:
        try:
            listings = await self._source.listings()
            universe = write_universe(self._root, self._build(day, listings))
        except (Unreachable, ProviderRefused, Undecodable, BadInput, UniverseDamaged, OSError) as error:
            self._diary.write(
                "universe_failed", f"the universe of {day} cannot be made: {error}", level="error"
            )
            return None
        self._source_of_current, self._made_at = "provider", iso(self._clock.now_ns())
        self._diary.write(
            "universe",
            f"{universe.count} of {universe.listed} symbols, fixed for {day}",
            count=universe.count,
            listed=universe.listed,
            excluded=universe.excluded,
            sha256=universe.sha256,
        )
        return universe

    def _build(self, day: date, listings: Sequence[Instrument]) -> Universe:
        meta = self._diary.meta
        _, frame = self._answer_frame()
        listed = [
            Listing(each.symbol, each.kind or "stock", each.prev_close, each.value_24h, each.halted)
            for each in listings
        ]
        refs = [InputRef("listings", f"wire/{meta.provider} n={frame}")]
        inputs = Inputs(meta.provider, self._hours.prices_of(day), listed, refs)
        return build_universe(day, RULES[meta.market], inputs)

    def _old(self, day: date) -> Universe | None:
        meta = self._diary.meta
        good = last_good(universe_path(self._root, meta.provider, meta.market, day).parent, day)
        if good is None:
            return None
        self._source_of_current, self._made_at = "last_good", None
        self._diary.write(
            "universe_old",
            f"the universe of {good.universe.day} is used for {day}: nothing newer can be trusted",
            level="warning",
            passed_over=list(good.passed_over),
            sha256=good.universe.sha256,
        )
        return good.universe
