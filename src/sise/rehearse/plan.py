"""What a rehearsal is made of: the stretch of time, the market, and what breaks in it."""

from __future__ import annotations

from msgspec import Struct

from sise.model.hours import SpecialDay
from sise.simulator.faults import PlannedFault


class DiskFull(Struct, frozen=True):
    """The disk takes nothing for ``seconds``, from ``at_seconds`` after the start."""

    at_seconds: float
    seconds: float


class Kill(Struct, frozen=True):
    """The collector is killed ``at_seconds`` after the start, and begins again ``away_seconds`` later.

    It dies in a write: ``after_writes`` more are whole, and of the next the part ``torn`` (0..1) is there.
    """

    at_seconds: float
    away_seconds: float
    after_writes: int = 0
    torn: float = 0.0


class Loaded(Struct, frozen=True):
    """The processors are busy (``cpu_percent``) for ``seconds``, from ``at_seconds`` after the start."""

    at_seconds: float
    seconds: float
    cpu_percent: float


class Rehearsal(Struct, frozen=True):
    """What is rehearsed. ``start_ns`` and ``end_ns`` are UTC ns; all other times are the market's seconds.

    ``pace``: so many of the market's seconds pass in one of the machine's, whose time is that of flushes,
    syncs and HTTP.
    """

    start_ns: int
    end_ns: int
    seed: int = 7
    issues: int = 2_700
    activity: float = 1.0
    slots: int = 41
    restless: bool = False
    """Slots change hands at the slightest trigger, not as the defaults have it."""
    pace: float = 1.0
    faults: tuple[PlannedFault, ...] = ()
    full_disks: tuple[DiskFull, ...] = ()
    kills: tuple[Kill, ...] = ()
    loads: tuple[Loaded, ...] = ()
    calendar_exceptions: tuple[SpecialDay, ...] = ()
    """What the collector's calendar has beside what is built in."""
    holidays: tuple[str, ...] = ()
    """Days (``20261120``) on which the simulated exchange is closed by a sudden decision."""
