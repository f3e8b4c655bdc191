"""Calendars: on which days, and from when to when, a venue trades.

Four sources, the later wins: the list of holidays (package ``holidays``, and weekends), the dated rows of
:mod:`sise.model.hours`, the override file of this installation, and the provider's own answer. None of them
asks the clock: what is open *now* is a question about a moment that is handed in.

Moments are UTC nanoseconds, sessions are half open: ``[open_ns, close_ns)``. Days are days of the venue's own
zone (crypto: the UTC day, which begins at 09:00 in Seoul).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from msgspec import Struct

from sise.model.errors import BadInput
from sise.model.hours import (
    FIRST_DAY_OF_YEAR,
    HALF_DAY_CLOSE,
    HOURS,
    SPECIAL_DAYS,
    VENUES,
    Hours,
    SessionKind,
    SpecialDay,
)
from sise.model.time import in_zone, to_ns

LAST_DAY: Final = date(2049, 12, 31)
"""Holidays that follow the moon are known for so long; later days are refused, not guessed."""
CLOSED_DAYS_MAX: Final = 30
"""No venue is closed for longer; a search for a trading day that goes further means a wrong override."""
RANGE_DAYS_MAX: Final = 20_000

ALL_KINDS: Final[frozenset[SessionKind]] = frozenset(("pre", "regular", "after"))
REGULAR: Final[frozenset[SessionKind]] = frozenset(("regular",))

_ONE_DAY: Final = timedelta(days=1)


class Session(Struct, frozen=True, order=True):
    """Trading of one kind: ``[open_ns, close_ns)``, UTC nanoseconds."""

    open_ns: int
    close_ns: int
    kind: SessionKind

    def __contains__(self, at_ns: int) -> bool:
        return self.open_ns <= at_ns < self.close_ns


class Verdict(Struct, frozen=True):
    """Whether a day is a trading day, why, and who says so."""

    open: bool
    reason: str
    source: str


class Calendar:
    """The trading days and sessions of one venue: ``krx``, ``nxt``, ``crypto`` or ``xnys``.

    ``overrides`` are this installation's own exceptions (:mod:`sise.model.overrides`), ``told`` the
    provider's answers, day by day (True: open). Raises :class:`~sise.model.errors.BadInput` for a venue or
    a day that it does not know.
    """

    def __init__(
        self,
        venue: str,
        *,
        overrides: Iterable[SpecialDay] = (),
        told: Mapping[date, bool] | None = None,
        told_by: str = "provider",
    ) -> None:
        if venue not in VENUES:
            raise BadInput("venue", venue, f"use one of {', '.join(VENUES)}")
        self.venue = VENUES[venue]
        self._told = dict(told or {})
        self._told_by = told_by
        self._special: dict[date, list[SpecialDay]] = {}
        for row in (*SPECIAL_DAYS, *overrides):
            if row.venue in ("", venue):
                self._special.setdefault(row.date, []).append(row)
        self._sessions: dict[date, tuple[Session, ...]] = {}

    def verdict(self, day: date) -> Verdict:
        """Is ``day`` a trading day, by which source and for what reason?"""
        self._check(day)
        if day in self._told:
            return Verdict(self._told[day], "the provider says so", self._told_by)
        # The newest row comes last: an override wins over what was built in.
        for row in reversed(self._special.get(day, [])):
            if not row.closed:
                return Verdict(True, row.reason, row.source)
            if row.kind is None:
                return Verdict(False, row.reason, row.source)
        if day.weekday() >= 5 and not self.venue.weekends:
            return Verdict(False, "weekend", "the calendar")
        if name := _full_holidays(self.venue.holidays, day.year).get(day):
            return Verdict(False, name, f"holidays {self.venue.holidays}")
        return Verdict(True, "trading day", "the calendar")

    def with_told(self, day: date, *, is_open: bool, told_by: str) -> Calendar:
        """This calendar, but ``day`` is as the provider says; a day that it opens has its ordinary hours."""
        made = copy(self)
        made._told, made._told_by = {**self._told, day: is_open}, told_by
        made._sessions = {}
        return made

    def is_trading_day(self, day: date) -> bool:
        return self.verdict(day).open

    def sessions(self, day: date) -> tuple[Session, ...]:
        """The sessions of ``day``, oldest first; none where it is closed. They never overlap."""
        if day not in self._sessions:
            self._sessions[day] = self._make_sessions(day) if self.is_trading_day(day) else ()
        return self._sessions[day]

    def regular(self, day: date) -> Session | None:
        """The regular session of ``day``, or None where there is none."""
        return next((session for session in self.sessions(day) if session.kind == "regular"), None)

    def supposed(self, day: date) -> Session | None:
        """The regular session that ``day`` has, or would have if it were a trading day."""
        made = self.sessions(day) or self._make_sessions(day)
        return next((session for session in made if session.kind == "regular"), None)

    def day_of(self, at_ns: int) -> date:
        """The day, in the venue's zone, in which the moment lies; it need not be a trading day."""
        return in_zone(at_ns, self.venue.zone).date()

    def session_at(self, at_ns: int, kinds: Collection[SessionKind] = ALL_KINDS) -> Session | None:
        """The session that is on at the moment, or None."""
        for session in self.sessions(self.day_of(at_ns)):
            if at_ns in session and session.kind in kinds:
                return session
        return None

    def is_open(self, at_ns: int, kinds: Collection[SessionKind] = ALL_KINDS) -> bool:
        """Whether there is trading (of ``kinds``) at the moment."""
        return self.session_at(at_ns, kinds) is not None

    def next_open(self, at_ns: int, kinds: Collection[SessionKind] = ALL_KINDS) -> Session:
        """The first session that opens at the moment or after it."""
        first = self.day_of(at_ns)
        for ahead in range(CLOSED_DAYS_MAX + 1):
            for session in self.sessions(first + timedelta(days=ahead)):
                if session.open_ns >= at_ns and session.kind in kinds:
                    return session
        raise self._too_long(first)

    def trading_days(self, first: date, last: date) -> list[date]:
        """All trading days from ``first`` to ``last``, both included, oldest first."""
        span = (last - first).days + 1
        if span > RANGE_DAYS_MAX:
            raise BadInput("last", last.isoformat(), f"ask for at most {RANGE_DAYS_MAX} days at once")
        days = (first + timedelta(days=ahead) for ahead in range(span))
        return [day for day in days if self.is_trading_day(day)]

    def previous_trading_day(self, day: date) -> date:
        """The last trading day before ``day``."""
        return self._seek(day, -_ONE_DAY)

    def next_trading_day(self, day: date) -> date:
        """The first trading day after ``day``."""
        return self._seek(day, _ONE_DAY)

    def _seek(self, day: date, step: timedelta) -> date:
        found = day
        for _ in range(CLOSED_DAYS_MAX):
            found += step
            if self.is_trading_day(found):
                return found
        raise self._too_long(day)

    def _too_long(self, day: date) -> BadInput:
        return BadInput(
            "calendar",
            self.venue.name,
            f"no trading day within {CLOSED_DAYS_MAX} days of {day}: look at the override file",
        )

    def _check(self, day: date) -> None:
        if not self.venue.first_day <= day <= LAST_DAY:
            raise BadInput(
                "day",
                day.isoformat(),
                f"the calendar {self.venue.name} knows {self.venue.first_day} to {LAST_DAY}",
            )

    def _make_sessions(self, day: date) -> tuple[Session, ...]:
        hours = _ordinary(self.venue.name, day)
        if self._is_first_of_year(day):
            _apply(hours, _in_force(FIRST_DAY_OF_YEAR, self.venue.name, day))
        if day in _half_days(self.venue.holidays, day.year):
            hours["regular"] = (hours["regular"][0], HALF_DAY_CLOSE[self.venue.name])
        _apply(hours, self._special.get(day, []))
        made = [self._session(day, kind, *span) for kind, span in hours.items()]
        return tuple(sorted(_clipped(made)))

    def _is_first_of_year(self, day: date) -> bool:
        if self.venue.weekends or day.month > 1 or day.day > CLOSED_DAYS_MAX:
            return False
        before = (date(day.year, 1, number) for number in range(1, day.day))
        # The venue's very first days are all there is to look at.
        return not any(self.is_trading_day(earlier) for earlier in before if earlier >= self.venue.first_day)

    def _session(self, day: date, kind: SessionKind, opens: time, closes: time) -> Session:
        last = day + _ONE_DAY if closes <= opens else day
        return Session(self._ns(day, opens), self._ns(last, closes), kind)

    def _ns(self, day: date, at: time) -> int:
        return to_ns(datetime.combine(day, at, self.venue.zone))


_Spans = dict[SessionKind, tuple[time, time]]


def _ordinary(venue: str, day: date) -> _Spans:
    newest: dict[SessionKind, Hours] = {}
    for row in HOURS:
        if row.venue == venue and row.since <= day:
            newest[row.kind] = row
    return {kind: (row.open, row.close) for kind, row in newest.items()}


def _in_force(rows: Sequence[SpecialDay], venue: str, day: date) -> list[SpecialDay]:
    """Of each kind the newest row that has begun."""
    return list({row.kind: row for row in rows if row.venue == venue and row.date <= day}.values())


def _apply(hours: _Spans, rows: Iterable[SpecialDay]) -> None:
    for row in rows:
        if row.open is not None and row.close is not None:
            hours[row.kind or "regular"] = (row.open, row.close)
        elif row.closed and row.kind is not None:
            hours.pop(row.kind, None)


def _clipped(sessions: list[Session]) -> list[Session]:
    """The regular session goes before its neighbours where a moved opening or close makes them meet."""
    regular = next((session for session in sessions if session.kind == "regular"), None)
    if regular is None:
        return sessions
    kept = [regular]
    for session in sessions:
        if session.kind == "pre":
            session = Session(session.open_ns, min(session.close_ns, regular.open_ns), "pre")
        elif session.kind == "after":
            session = Session(max(session.open_ns, regular.close_ns), session.close_ns, "after")
        if session.kind != "regular" and session.open_ns < session.close_ns:
            kept.append(session)
    return kept


@lru_cache(maxsize=128)
def _full_holidays(market: str, year: int) -> dict[date, str]:
    return _holidays(market, year, "public")


@lru_cache(maxsize=128)
def _half_days(market: str, year: int) -> dict[date, str]:
    return _holidays(market, year, "half_day") if market == "XNYS" else {}


def _holidays(market: str, year: int, category: str) -> dict[date, str]:
    if not market:
        return {}
    import holidays  # 0.1 s to load: paid only where a calendar is asked

    return dict(holidays.financial_holidays(market, years=year, categories=(category,), expand=False))
