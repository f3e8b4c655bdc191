"""When each track listens (O3, O4): the swing track while the market is open, the scalp track from half an
hour after the open to half an hour before the close; both around the clock where the market never shuts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, Literal

from msgspec import Struct

from sise.model.calendar import Calendar, Session, Verdict
from sise.model.hours import SCALP_MARGIN_SECONDS, SessionKind
from sise.model.time import NS_PER_SECOND

UNIVERSE_LEAD_SECONDS: Final = 3_600
"""The universe is made so long before the open, or at once by whoever starts later."""
QUESTION_LEAD_SECONDS: Final = 5_400
"""The provider is asked so long before the open whether it is a trading day: before the universe is due."""
_REGULAR: Final[tuple[SessionKind, ...]] = ("regular",)
_MARGIN_NS: Final = SCALP_MARGIN_SECONDS * NS_PER_SECOND
_LEAD_NS: Final = UNIVERSE_LEAD_SECONDS * NS_PER_SECOND


class OffHours(Struct, frozen=True):
    """The scalp track rests: why, and until when (UTC ns)."""

    why: Literal["before_hours", "after_hours", "closed_day"]
    next_ns: int


class TrackHours:
    """The windows of one venue's tracks."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._never_shuts = calendar.venue.weekends

    @property
    def never_shuts(self) -> bool:
        """Whether the market trades around the clock."""
        return self._never_shuts

    def verdict(self, day: date) -> Verdict:
        """Whether ``day`` is a trading day, and who says so."""
        return self._calendar.verdict(day)

    def tell(self, day: date, *, is_open: bool, told_by: str) -> None:
        """From now on ``day`` is as the provider says."""
        self._calendar = self._calendar.with_told(day, is_open=is_open, told_by=told_by)

    def question_span(self, day: date) -> tuple[int, int] | None:
        """From when to when (UTC ns) it matters whether ``day`` is a trading day, as on an ordinary one."""
        regular = None if self._never_shuts else self._calendar.supposed(day)
        if regular is None:
            return None
        return regular.open_ns - QUESTION_LEAD_SECONDS * NS_PER_SECOND, regular.close_ns

    def day_of(self, at_ns: int) -> date:
        """The market's own day in which the moment lies."""
        return self._calendar.day_of(at_ns)

    def volume_day(self, at_ns: int) -> date:
        """The day that a provider's cumulative volume counts from: the venue's own day.

        Upbit's ``acc_trade_volume`` counts from 00:00 UTC, which is 09:00 in Seoul (wire reference Upbit,
        ticker). KIS's ``ACML_VOL`` counts the trading day, its pre-market included (wire reference KIS, trade
        column 13): no trading day of Korea or New York reaches over midnight there.
        """
        return self._calendar.day_of(at_ns)

    def scalp_seconds(self, start_ns: int, end_ns: int) -> float:
        """How much of the stretch lies in the scalp track's hours."""
        if self._never_shuts:
            return max(0, end_ns - start_ns) / NS_PER_SECOND
        day, last = self._calendar.day_of(start_ns), self._calendar.day_of(end_ns)
        inside = 0
        while day <= last:
            regular = self._calendar.regular(day)
            if regular is not None:
                opens, closes = regular.open_ns + _MARGIN_NS, regular.close_ns - _MARGIN_NS
                inside += max(0, min(end_ns, closes) - max(start_ns, opens))
            day += timedelta(days=1)
        return inside / NS_PER_SECOND

    def day_seconds(self, at_ns: int) -> float:
        """How long the regular session of the next scalp window's day is."""
        regular = self._regular(self.next_scalp_ns(at_ns))
        assert regular is not None  # a window lies in a session
        return (regular.close_ns - regular.open_ns) / NS_PER_SECOND

    def universe_due_ns(self, at_ns: int) -> int:
        """When the universe of the moment's day is due; where the market never shuts, when its day began."""
        regular = self._regular(at_ns)
        return at_ns if regular is None else regular.open_ns - (0 if self._never_shuts else _LEAD_NS)

    def universe_due_at(self, at_ns: int) -> bool:
        """Whether the universe of the moment's day should be there already."""
        regular = self._regular(at_ns)
        return regular is not None and at_ns >= regular.open_ns - _LEAD_NS

    def prices_of(self, day: date) -> date:
        """The day whose closes make the universe of ``day``; where the market never shuts, ``day``."""
        return day if self._never_shuts else self._calendar.previous_trading_day(day)

    def sweeps_at(self, at_ns: int) -> bool:
        """Whether a sweep is due at this moment of the grid; the close itself is one."""
        regular = self._regular(at_ns)
        return regular is not None and regular.open_ns <= at_ns <= regular.close_ns

    def scalps_at(self, at_ns: int) -> bool:
        """Whether the scalp track listens at the moment."""
        if self._never_shuts:
            return True
        regular = self._regular(at_ns)
        return regular is not None and regular.open_ns + _MARGIN_NS <= at_ns < regular.close_ns - _MARGIN_NS

    def next_scalp_ns(self, at_ns: int) -> int:
        """When the scalp track listens next: now, or the next window's beginning (UTC ns)."""
        if self.scalps_at(at_ns):
            return at_ns
        regular = self._regular(at_ns)
        if regular is not None and at_ns < regular.open_ns + _MARGIN_NS:
            return regular.open_ns + _MARGIN_NS
        return self._calendar.next_open(at_ns, _REGULAR).open_ns + _MARGIN_NS

    def off_hours(self, at_ns: int) -> OffHours | None:
        """Why the scalp track does not listen at the moment; None: it does, or should."""
        if self.scalps_at(at_ns):
            return None
        regular = self._regular(at_ns)
        next_ns = self.next_scalp_ns(at_ns)
        if regular is None:
            return OffHours("closed_day", next_ns)
        return OffHours("before_hours" if at_ns < regular.open_ns + _MARGIN_NS else "after_hours", next_ns)

    def scalp_end_ns(self, at_ns: int) -> int | None:
        """When the window that the moment lies in ends; None: it does not."""
        regular = None if self._never_shuts else self._regular(at_ns)
        return None if regular is None else regular.close_ns - _MARGIN_NS

    def _regular(self, at_ns: int) -> Session | None:
        return self._calendar.regular(self._calendar.day_of(at_ns))
