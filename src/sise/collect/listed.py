"""What the provider's list of today says of each symbol: its flags, which no answer to a sweep has.

The universe of a day is made once, so a session that begins later asks for the list itself, where its
provider has flags at all. Without an answer the flags are unknown, and asked for again with the next sweep.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from sise.collect.diary import Diary
from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.model.events import Instrument


class ListingSource(Protocol):
    """Who knows what is listed (a provider's REST client)."""

    async def listings(self) -> list[Instrument]: ...


class Listed:
    """The instruments of a day by symbol."""

    def __init__(self, source: ListingSource, diary: Diary) -> None:
        self._source, self._diary = source, diary
        self._day: date | None = None
        self._failed: date | None = None
        self._has_flags = False
        self._instruments: dict[str, Instrument] = {}

    def of(self, symbol: str) -> Instrument | None:
        """What is known of the symbol today."""
        return self._instruments.get(symbol)

    def see(self, instruments: Iterable[Instrument]) -> None:
        """Some that the provider named: do they have flags?"""
        self._has_flags = self._has_flags or any(each.flags_source for each in instruments)

    def take(self, instruments: Iterable[Instrument], day: date) -> None:
        """The whole list, as it was told on ``day``."""
        instruments = list(instruments)
        self.see(instruments)
        self._day = day
        self._instruments = {each.symbol: each for each in instruments if each.flags_source}

    async def refresh(self, day: date) -> None:
        """Ask for the list of ``day`` where it is not known yet. Never raises for what the provider does."""
        if day == self._day or not self._has_flags:
            return
        try:
            self.take(await self._source.listings(), day)
        except (Unreachable, ProviderRefused, Undecodable) as error:
            self._instruments = {}  # those of another day would be a wrong answer
            if self._failed != day:
                self._failed = day
                self._diary.write(
                    "flags_failed",
                    f"the flags of {day} are not known: {error}; asked again with each sweep",
                    level="warning",
                )
