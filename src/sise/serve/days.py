"""Whose days the journal holds, and what was written on them."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractAsyncContextManager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from sise.journal.files import Line, partitions, read_lines
from sise.journal.partition import SEALED_SUFFIX, SUFFIX
from sise.model.calendar import Calendar
from sise.model.errors import BadInput
from sise.model.hours import VENUE_OF_MARKET, SpecialDay
from sise.model.time import MARKET_ZONES, in_zone, parse_iso, to_ns
from sise.serve.dayfiles import Shelf
from sise.serve.daylog import DayLog
from sise.serve.eventline import EventLine, event_decoder
from sise.serve.ledgers import OverflowLine

EVENTS: Final = "system/events"
OVERFLOW: Final = "system/overflow"
OVERFLOW_KEPT_MAX: Final = 5_000
"""Lines of a day's ledger that can be asked for: the newest. The file has them all."""
DAYS_TOLD_MAX: Final = 60


class OverflowLog:
    """The newest lines of a day's overflow ledger."""

    def __init__(self) -> None:
        self.lines: deque[OverflowLine] = deque(maxlen=OVERFLOW_KEPT_MAX)
        self.total = 0
        self._decoder = msgspec.json.Decoder(OverflowLine)

    def fold(self, line: Line) -> None:
        """Take a line; raises ``MsgspecError`` for one that is no line of the ledger."""
        found = self._decoder.decode(line.body)
        found.raw_ref = line.ref
        self.lines.append(found)
        self.total += 1


class Days:
    """Day logs by provider and day. Raises :class:`BadInput` for a provider or a day that is none."""

    def __init__(self, root: Path, exceptions: tuple[SpecialDay, ...] = ()) -> None:
        """``exceptions`` are the installation's own, beside the built-in calendar."""
        self._root, self._exceptions = root, exceptions
        self._logs: Shelf[DayLog] = Shelf(root)
        self._overflow: Shelf[OverflowLog] = Shelf(root)
        self._markets: dict[str, str] = {}

    def providers(self) -> list[str]:
        """Who has a system track, in alphabetical order."""
        folder = self._root / EVENTS
        return sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []

    def days(self, provider: str) -> list[str]:
        """Days (``2026-11-20``) of which there are system events, newest first."""
        names = [each.name for each in (self._root / EVENTS / provider).iterdir()]
        stems = {name.removesuffix(SEALED_SUFFIX).removesuffix(SUFFIX) for name in names}
        found = [f"{stem[:4]}-{stem[4:6]}-{stem[6:]}" for stem in stems if len(stem) == 8 and stem.isdigit()]
        return sorted(found, reverse=True)[:DAYS_TOLD_MAX]

    def newest(self, provider: str) -> str | None:
        """The last day of which there are system events; None: there are none."""
        self.market(provider)  # refuses a provider that is none
        return next(iter(self.days(provider)), None)

    def last_event_ns(self) -> int | None:
        """The last word of any collector (UTC ns); None: there is none."""
        last: int | None = None
        for provider in self.providers():
            for file in partitions(self._root, [f"{EVENTS}/{provider}"])[-1:]:
                for line in read_lines(self._root, file):
                    with suppress(msgspec.MsgspecError):
                        last = max(last or 0, parse_iso(event_decoder.decode(line.body).timestamp))
        return last

    def market(self, provider: str) -> str:
        """The market of a provider, as its newest events say."""
        if provider not in self.providers():
            known = ", ".join(self.providers()) or "none yet: run `sise collect`"
            raise BadInput("provider", provider, f"use one that is recorded here: {known}")
        if provider not in self._markets:
            self._markets[provider] = self._newest_event(provider).market
        return self._markets[provider]

    def _newest_event(self, provider: str) -> EventLine:
        """The first line of the newest partition."""
        for file in reversed(partitions(self._root, [f"{EVENTS}/{provider}"])):
            for line in read_lines(self._root, file):
                return event_decoder.decode(line.body)
        raise BadInput("provider", provider, "nothing is recorded of it yet: ask again in a moment")

    def day(self, provider: str, text: str | None, now_ns: int) -> date:
        """The day that is asked for; without one, the day of now in the market's zone."""
        zone = MARKET_ZONES[self.market(provider)]
        if text is None:
            return in_zone(now_ns, zone).date()
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise BadInput("day", text, "write it as 2026-11-20") from None

    def bounds(self, provider: str, day: date) -> tuple[int, int]:
        """The first moment of ``day`` in the market's zone, and that of the next day (UTC ns)."""
        zone = MARKET_ZONES[self.market(provider)]
        first = datetime(day.year, day.month, day.day, tzinfo=zone)
        return to_ns(first), to_ns(first + timedelta(days=1))

    def calendar(self, provider: str) -> Calendar:
        """The calendar of the provider's market."""
        return Calendar(VENUE_OF_MARKET[self.market(provider)], overrides=self._exceptions)

    def log(self, provider: str, day: date) -> AbstractAsyncContextManager[DayLog]:
        """The system events of ``day``, folded up to now."""
        start_ns, _ = self.bounds(provider, day)
        never_shuts = self.calendar(provider).venue.weekends
        prefix = f"{EVENTS}/{provider}"
        return self._logs.read(
            prefix, f"{prefix}/{day:%Y%m%d}{SUFFIX}", lambda: DayLog(start_ns, never_shuts=never_shuts)
        )

    def overflow(self, provider: str, day: date) -> AbstractAsyncContextManager[OverflowLog]:
        """The overflow ledger of ``day``."""
        self.market(provider)
        prefix = f"{OVERFLOW}/{provider}"
        return self._overflow.read(prefix, f"{prefix}/{day:%Y%m%d}_overflow{SUFFIX}", OverflowLog)

    def close(self) -> None:
        """Let go of all files."""
        self._logs.close()
        self._overflow.close()
