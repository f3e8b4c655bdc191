"""When the tracks of a market listen on a day, and what came of each moment of the swing track's grid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from sise.model.calendar import Calendar
from sise.model.hours import SCALP_MARGIN_SECONDS, SWEEP_EVERY_SECONDS
from sise.model.time import NS_PER_SECOND, iso
from sise.serve.observed import DayHours, SweepSlot, Window

SWEEP_NS: Final = SWEEP_EVERY_SECONDS * NS_PER_SECOND
_MARGIN_NS: Final = SCALP_MARGIN_SECONDS * NS_PER_SECOND
Bounds = tuple[int, int]
"""From, to (UTC ns)."""


def swing_bounds(calendar: Calendar, day: date, whole_day: Bounds) -> Bounds | None:
    """When the universe is swept: while the market is open, the close included; None: not on this day.

    ``whole_day`` are the bounds of the day in the journal's zone, for a market that never shuts.
    """
    if calendar.venue.weekends:
        return whole_day
    regular = calendar.regular(day)
    return None if regular is None else (regular.open_ns, regular.close_ns)


def day_hours(calendar: Calendar, day: date, whole_day: Bounds) -> DayHours:
    """The hours of both tracks. Raises ``BadInput`` for a day that the calendar does not know."""
    verdict = calendar.verdict(day)
    swing = swing_bounds(calendar, day, whole_day)
    scalp = swing
    if swing is not None and not calendar.venue.weekends:
        scalp = (swing[0] + _MARGIN_NS, swing[1] - _MARGIN_NS)
    return DayHours(verdict.open, verdict.reason, verdict.source, _window(swing), _window(scalp))


def _window(bounds: Bounds | None) -> Window | None:
    return None if bounds is None else Window(iso(bounds[0]), iso(bounds[1]))


def sweep_grid(
    told: Mapping[str, SweepSlot],
    swing: Bounds | None,
    whole_day: Bounds,
    now_ns: int,
    began_ns: int | None = None,
) -> list[SweepSlot]:
    """Every moment of the grid in ``swing``, oldest first, with what was ``told`` of it, if anything was.

    Before ``began_ns``, when the record began, none was missed: they are left out.
    """
    found = dict(told)
    if swing is not None:
        first = -(-swing[0] // SWEEP_NS) * SWEEP_NS
        first = max(first, -(-(began_ns or 0) // SWEEP_NS) * SWEEP_NS)
        for slot_ns in range(first, min(swing[1], whole_day[1] - 1) + 1, SWEEP_NS):
            is_over = now_ns >= slot_ns + SWEEP_NS
            found.setdefault(iso(slot_ns), SweepSlot(iso(slot_ns), "missing" if is_over else "due"))
    return [found[slot] for slot in sorted(found)]
