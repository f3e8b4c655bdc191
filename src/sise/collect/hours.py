"""When each track listens (O3, O4): the swing track while the market is open, the scalp track from half an
hour after the open to half an hour before the close; both around the clock where the market never shuts."""

from __future__ import annotations

from datetime import date
from typing import Final

from sise.model.calendar import Calendar, Session
from sise.model.hours import SessionKind
from sise.model.time import NS_PER_SECOND

SCALP_MARGIN_SECONDS: Final = 1_800
"""09:30 to 15:00 on an ordinary day of KRX; a day that opens late moves with it."""
UNIVERSE_LEAD_SECONDS: Final = 3_600
"""The universe is made so long before the open, or at once by whoever starts later."""
_REGULAR: Final[tuple[SessionKind, ...]] = ("regular",)
_MARGIN_NS: Final = SCALP_MARGIN_SECONDS * NS_PER_SECOND
_LEAD_NS: Final = UNIVERSE_LEAD_SECONDS * NS_PER_SECOND


class TrackHours:
    """The windows of one venue's tracks."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._never_shuts = calendar.venue.weekends

    def day_of(self, at_ns: int) -> date:
        """The market's own day in which the moment lies."""
        return self._calendar.day_of(at_ns)

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

    def scalp_end_ns(self, at_ns: int) -> int | None:
        """When the window that the moment lies in ends; None: it does not."""
        regular = None if self._never_shuts else self._regular(at_ns)
        return None if regular is None else regular.close_ns - _MARGIN_NS

    def _regular(self, at_ns: int) -> Session | None:
        return self._calendar.regular(self._calendar.day_of(at_ns))
