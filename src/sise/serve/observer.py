"""The observer's part of the API: a day's timeline, overflow, universe, completeness, backups.

Everything comes from the journal's files, and what is so just now from the collector's own words.
"""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from sise.journal.keeping import DayKeeping, backup_days
from sise.model.hours import SWEEP_EVERY_SECONDS
from sise.model.time import MARKET_ZONES, Clock, iso, parse_iso
from sise.serve import ledgers, observed
from sise.serve.answering import documented, encoded
from sise.serve.collectors import Collectors
from sise.serve.daylog import DayLog, Told
from sise.serve.days import Days
from sise.serve.ledgers import SymbolCompleteness
from sise.serve.tracktimes import day_hours, sweep_grid, swing_bounds
from sise.serve.universes import find_universe
from sise.serve.volume import Account, over_the_day

OVERFLOW_LIMIT_MAX: Final = 1_000
SYMBOLS_LIMIT_MAX: Final = 20_000

Provider = Annotated[str | None, Query(description="Whose day; without it, that of the first collector")]
Day = Annotated[
    str | None,
    Query(
        description="YYYY-MM-DD; without it, today in the market's zone, or the newest day of the record "
        "where no collector answers"
    ),
]


class ObserverApi:
    """Answers from ``root``, the data folder. A provider or day that is none is refused (422).

    A journal that cannot be read at this moment is said (503).
    """

    def __init__(self, root: Path, days: Days, collectors: Collectors, clock: Clock) -> None:
        self._root, self._days, self._collectors, self._clock = root, days, collectors, clock

    def add_to(self, router: APIRouter) -> None:
        """All paths, without the ``/api`` before them."""
        paths = (
            ("/day", self.day, observed.DayAnswer, "A day's timeline: what was heard, missed and decided"),
            ("/overflow", self.overflow, ledgers.OverflowAnswer, "Who asked for a slot and got none"),
            ("/universe", self.universe, ledgers.UniverseAnswer, "The symbols of a day, and their rule"),
            (
                "/completeness",
                self.completeness,
                ledgers.CompletenessAnswer,
                "Volume heard against the provider's own, by symbol",
            ),
        )
        for path, handler, answer, summary in paths:
            router.get(path, responses=documented(answer, 422, 503), summary=summary)(handler)
        router.get(
            "/backups",
            responses=documented(ledgers.BackupsAnswer, 503),
            summary="Which days are safe elsewhere, and until when they stay here",
        )(self.backups)

    def _asked(self, provider: str | None, day: str | None) -> tuple[str, date]:
        heard = [each.provider for each in self._collectors.answered()]
        if provider is None:
            provider = next(iter(heard or self._days.providers()), "")
        if day is None and provider not in heard:
            day = self._days.newest(provider)
        return provider, self._days.day(provider, day, self._clock.now_ns())

    async def day(self, provider: Provider = None, day: Day = None) -> Response:
        name, of_day = self._asked(provider, day)
        async with self._days.log(name, of_day) as log:
            return encoded(self._told(name, of_day, log))

    def _told(self, provider: str, day: date, log: DayLog) -> observed.DayAnswer:
        now_ns, market = self._clock.now_ns(), self._days.market(provider)
        whole_day = self._days.bounds(provider, day)
        calendar = self._days.calendar(provider)
        told = log.provider_says.get(day.isoformat())
        if told is not None and told != calendar.is_trading_day(day):
            calendar = calendar.with_told(day, is_open=told, told_by=provider)
        swing = swing_bounds(calendar, day, whole_day) if self._sweeps(provider, market, day, log) else None
        began_ns = self._began_ns(provider, day, log)
        gaps = log.gaps(now_ns, is_over=now_ns >= whole_day[1])
        tried, failed = log.counts["reconnection_event"], log.counts["failed"]
        changes = sum(each.registered + each.unregistered for each in log.slot_changes.values())
        return observed.DayAnswer(
            provider=provider,
            market=market,
            zone=MARKET_ZONES[market].key,
            day=day.isoformat(),
            start=iso(whole_day[0]),
            end=iso(whole_day[1]),
            known_until=log.known_until,
            began=None if began_ns is None else iso(began_ns),
            hours=day_hours(calendar, day, whole_day),
            sessions=list(log.sessions.values()),
            heard=log.heard,
            gaps=gaps,
            reconnects=list(log.reconnects),
            mitigation=list(log.mitigation),
            slot_changes=log.minutes(),
            slot_decisions=list(log.slot_decisions.values()),
            sweeps=sweep_grid(log.sweeps, swing, whole_day, now_ns, began_ns),
            sweep_seconds=SWEEP_EVERY_SECONDS,
            anomalous=list(log.anomalous),
            pauses=list(log.pauses),
            counts=observed.DayCounts(len(gaps), tried - failed, failed, changes),
            days=self._days.days(provider),
        )

    def _began_ns(self, provider: str, day: date, log: DayLog) -> int | None:
        """When the record began, where that was on this day: nothing was missed before."""
        if any(each < day.isoformat() for each in self._days.days(provider)):
            return None
        first = next(iter(log.sessions.values()), None)
        return None if first is None or first.start is None else parse_iso(first.start)

    def _sweeps(self, provider: str, market: str, day: date, log: DayLog) -> bool:
        """Whether sweeps were meant to be on this day: not where the symbols are given by hand."""
        if log.sweeps or log.counts["universe"] or log.counts["universe_failed"]:
            return True
        found = find_universe(self._root, provider, market, day)
        return found is not None and found[0].day == day.isoformat()

    async def overflow(
        self,
        provider: Provider = None,
        day: Day = None,
        limit: Annotated[int, Query(ge=1, le=OVERFLOW_LIMIT_MAX)] = 200,
    ) -> Response:
        name, of_day = self._asked(provider, day)
        async with self._days.overflow(name, of_day) as log:
            newest = list(log.lines)[: -limit - 1 : -1]
            return encoded(ledgers.OverflowAnswer(name, of_day.isoformat(), log.total, newest))

    async def universe(
        self,
        provider: Provider = None,
        day: Day = None,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=0, le=SYMBOLS_LIMIT_MAX)] = 100,
    ) -> Response:
        name, of_day = self._asked(provider, day)
        if day is None and self._is_today(name, of_day):
            # A market that never shuts begins its own day later than the journal's.
            of_day = self._days.calendar(name).day_of(self._clock.now_ns())
        found = await asyncio.to_thread(find_universe, self._root, name, self._days.market(name), of_day)
        universe, symbols = found or (None, [])
        page = symbols[offset : offset + limit]
        return encoded(ledgers.UniverseAnswer(name, of_day.isoformat(), universe, offset, page))

    async def completeness(self, provider: Provider = None, day: Day = None) -> Response:
        name, of_day = self._asked(provider, day)
        now = self._accounts_now(name) if self._is_today(name, of_day) else {}
        async with self._days.log(name, of_day) as log:
            rows = [
                _row(symbol, log.accounts.get(symbol), now.get(symbol)) for symbol in {*log.accounts, *now}
            ]
        rows.sort(key=lambda row: row.symbol)
        return encoded(ledgers.CompletenessAnswer(name, of_day.isoformat(), rows))

    def _is_today(self, provider: str, day: date) -> bool:
        return day == self._days.day(provider, None, self._clock.now_ns())

    def _accounts_now(self, provider: str) -> dict[str, tuple[Account, str]]:
        """What the collector says, and when, of the symbols that have a slot now."""
        return {
            each.symbol: (Account(each.symbol, each.status, each.heard, each.missing), told.now)
            for told in self._collectors.answered()
            if told.provider == provider
            for each in told.completeness or []
        }

    async def backups(self) -> Response:
        rows = await asyncio.to_thread(backup_days, self._root, self._clock.now_ns())
        return encoded(ledgers.BackupsAnswer([_backup(row) for row in rows]))


def _row(symbol: str, told: Told | None, now: tuple[Account, str] | None) -> SymbolCompleteness:
    accounts = list(told.accounts.values()) if told else []
    at, ref = (told.at, told.raw_ref) if told else (None, None)
    if now is not None:
        accounts.append(now[0])
        at = now[1]
    return over_the_day(symbol, accounts, live=now is not None, at=at, raw_ref=ref)


def _backup(row: DayKeeping) -> ledgers.BackupDay:
    return ledgers.BackupDay(
        day=row.day.isoformat(),
        market=row.market,
        provider=row.provider,
        raw_bytes=row.raw_bytes,
        backup=row.backup,
        verified_at=None if row.verified_at_ns is None else iso(row.verified_at_ns),
        package=row.package,
        anomalous=list(row.anomalous),
        keep_until=row.keep_until.isoformat(),
        state=row.state,
        reason=row.reason,
    )
