"""The whole market: every issue's day behind one face, moved on by the server's clock.

Only :meth:`Market.step` moves time. An issue that somebody listens to is advanced at each step, any
other one when it is asked for or when its turn comes, from where it was left: it gives the same trades
either way. At midnight the regular session's closes become the next day's base prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from random import Random
from typing import Final

from sise.model.errors import BadInput
from sise.model.time import NS_PER_MS
from sise.simulator.kis import rules
from sise.simulator.kis.history import DayBar, History
from sise.simulator.kis.issue import Hear, Issue
from sise.simulator.kis.listing import Listing, listings
from sise.simulator.kis.sessions import MS_PER_MINUTE, Day, Intensity, day_sessions

BUCKET_MS: Final = 100
"""Time moves in whole buckets, so that what shares a frame does not depend on when the clock was read."""
_MOOD_DEVIATION: Final = 0.009
_SWEPT_PER_STEP: Final = 12
_MS_PER_DAY: Final = 86_400_000


class Market:
    """A seeded market of ``issues`` issues; :meth:`start` it before anything else.

    Raises
    ------
    BadInput
        ``issues`` is out of range.
    """

    def __init__(self, seed: int, issues: int, activity: float = 1.0, holidays: Iterable[str] = ()) -> None:
        self._seed, self._count, self._activity = seed, issues, activity
        self._sudden = frozenset(holidays)
        self._listings: dict[str, Listing] = {}
        self._issues: dict[str, Issue] = {}
        self._heard: dict[str, Hear] = {}
        self.now_ms = 0

    def start(self, now_ns: int) -> None:
        """Open on the day of ``now_ns``; what its sessions hold before that moment has happened."""
        date = rules.day_of(now_ns)
        made = listings(self._seed, self._count, date, self._activity)
        self._listings = {one.code: one for one in made}
        self.history = History(self._seed, date)
        self._open(self._sessions(date), {one.code: one.base for one in made})
        self.now_ms = self._ms(now_ns)

    def step(self, now_ns: int) -> bool:
        """Move on to ``now_ns``; whether time has moved. Who listens advances what is listened to."""
        if now_ns >= self.day.midnight_ns + _MS_PER_DAY * NS_PER_MS:
            self._roll(rules.day_of(now_ns))
            self.now_ms = 0
        now_ms = self._ms(now_ns)
        if now_ms <= self.now_ms:
            return False
        self.now_ms = now_ms
        self._sweep()
        return True

    def is_trading_day(self, day: str) -> bool:
        """Whether the exchange opens on ``day``, sudden holidays counted."""
        return day not in self._sudden and rules.is_trading_day(day)

    def declare_holiday(self, day: str) -> None:
        """The exchange stays closed on ``day``.

        Raises
        ------
        BadInput
            ``day`` is no date, or it has begun: what has happened cannot be taken back.
        """
        rules.as_date(day)
        if day <= self.day.date:
            raise BadInput("day", day, f"it is {self.day.date}: name a later day")
        self._sudden |= {day}

    def _sessions(self, date: str) -> Day:
        return day_sessions(date, closed=date in self._sudden)

    def listings(self) -> list[Listing]:
        """All issues, in the order of the master files."""
        return list(self._listings.values())

    def listing(self, code: str) -> Listing | None:
        """The issue as listed."""
        return self._listings.get(code)

    def issue(self, code: str) -> Issue | None:
        """The issue as of now; ``None`` where it is not listed."""
        issue = self._issues.get(code)
        if issue is not None and issue.now_ms < self.now_ms:
            issue.advance(self.now_ms, self._heard.get(code))
        return issue

    def issue_unmoved(self, code: str) -> Issue | None:
        """The issue as of when it was last advanced."""
        return self._issues.get(code)

    def all_unmoved(self) -> Iterator[Issue]:
        """Every issue as of when it was last advanced."""
        return iter(self._issues.values())

    def all_issues(self) -> Iterator[Issue]:
        """Every issue as of now."""
        for code in self._issues:
            issue = self.issue(code)
            assert issue is not None
            yield issue

    def hear(self, code: str, hear: Hear | None) -> None:
        """Tell ``hear`` of every trade of ``code`` from now on; ``None``: no longer."""
        self.issue(code)
        if hear is None:
            self._heard.pop(code, None)
        else:
            self._heard[code] = hear

    def _ms(self, now_ns: int) -> int:
        """Milliseconds of the day up to which everything of a whole bucket has happened."""
        return (now_ns - self.day.midnight_ns) // NS_PER_MS // BUCKET_MS * BUCKET_MS - 1

    def _open(self, day: Day, bases: dict[str, int]) -> None:
        self.day, self.intensity = day, Intensity(day)
        self._mood = _mood(self._seed, day)
        self._issues = {
            code: Issue(one, bases[code], day, self.intensity, self._mood_at, self._seed)
            for code, one in self._listings.items()
        }
        self._rounds = cycle(self._issues)

    def _sweep(self) -> None:
        """Let a few issues catch up, in turn, so that a question about all has little left to do."""
        for code in islice(self._rounds, _SWEPT_PER_STEP):
            if code not in self._heard:
                self._issues[code].advance(self.now_ms)

    def _roll(self, date: str) -> None:
        bases = {}
        for code, issue in self._issues.items():
            issue.advance(_MS_PER_DAY, self._heard.get(code))
            bases[code] = issue.close or issue.base
            if self.day.phases:
                self.history.add(code, _bar_of(issue))
        self._open(self._sessions(date), bases)

    def _mood_at(self, ms: int) -> float:
        minute, rest = divmod(ms, MS_PER_MINUTE)
        minute = min(minute, len(self._mood) - 2)
        here, there = self._mood[minute], self._mood[minute + 1]
        return here + (there - here) * rest / MS_PER_MINUTE


def _mood(seed: int, day: Day) -> list[float]:
    """The market's common move since midnight, for each minute: a walk while it is open."""
    rng = Random(f"{seed} {day.date} mood")
    first, last = day.open_ms // MS_PER_MINUTE, day.close_ms // MS_PER_MINUTE
    deviation = _MOOD_DEVIATION / (last - first) ** 0.5
    moods, mood = [], 0.0
    for minute in range(24 * 60 + 1):
        moods.append(mood)
        if first <= minute < last:
            mood += rng.gauss(0, deviation)
    return moods


def _bar_of(issue: Issue) -> DayBar:
    tape, base = issue.krx, issue.base
    if not tape.trades:
        return DayBar(issue.day.date, 0, 0, 0, base, 0, 0)
    close = issue.close or tape.last
    return DayBar(issue.day.date, tape.open, tape.high, tape.low, close, tape.volume, tape.value)
