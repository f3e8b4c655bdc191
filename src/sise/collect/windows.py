"""What the triggers look at: the last sweeps of a symbol, and its last live trades in buckets of time.

Compact on purpose: a universe of thousands costs a dozen numbers a symbol. What was not heard is unknown, and
unknown is not "no trade": a bucket in which the line was down is ``None``.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct

from sise.model.time import NS_PER_SECOND

SWEEPS_REMEMBERED: Final = 13
"""Two hours of sweeps, ten minutes apart."""
BUCKET_SECONDS: Final = 10
BUCKETS_REMEMBERED: Final = 36
HOLES_REMEMBERED: Final = 64

_BUCKET_NS: Final = BUCKET_SECONDS * NS_PER_SECOND


class SweepPoint(Struct, frozen=True):
    """A symbol at one sweep: last price, and the volume of the day so far."""

    at_ns: int
    price: float
    volume: float


class SwingWindow(Struct, frozen=True):
    """The last sweeps, oldest first. ``usual_volume_per_second``: of an ordinary day, where it is known."""

    points: tuple[SweepPoint, ...] = ()
    usual_volume_per_second: float | None = None


class Bucket(Struct, frozen=True):
    """What was traded in one stretch of time; ``price`` is the last one, None without a trade."""

    trades: int = 0
    volume: float = 0.0
    price: float | None = None


class LiveWindow(Struct, frozen=True):
    """The last whole buckets, oldest first, each ``bucket_seconds`` long; None: not (wholly) heard."""

    buckets: tuple[Bucket | None, ...] = ()
    bucket_seconds: int = BUCKET_SECONDS


EMPTY_BUCKET: Final = Bucket()


class SweepHistory:
    """Keeps the last sweeps of one symbol."""

    __slots__ = ("_points",)

    def __init__(self) -> None:
        self._points: deque[SweepPoint] = deque(maxlen=SWEEPS_REMEMBERED)

    def on_sweep(self, point: SweepPoint) -> None:
        """Add a sweep. One that is not later than the last is ignored; a fallen volume begins a new day."""
        if self._points and point.at_ns <= self._points[-1].at_ns:
            return
        if self._points and point.volume < self._points[-1].volume:
            self._points.clear()
        self._points.append(point)

    def window(self, usual_volume_per_second: float | None = None) -> SwingWindow:
        return SwingWindow(tuple(self._points), usual_volume_per_second)


class LiveTicks:
    """Counts the trades of one symbol into buckets. It is heard since ``since_ns``."""

    __slots__ = ("_buckets", "_holes", "_since_ns")

    def __init__(self, since_ns: int) -> None:
        self._since_ns = since_ns
        self._buckets: dict[int, Bucket] = {}
        self._holes: deque[tuple[int, int]] = deque(maxlen=HOLES_REMEMBERED)

    def on_trade(self, at_ns: int, price: float, size: float) -> None:
        """Count a trade at the moment it was received."""
        number = at_ns // _BUCKET_NS
        seen = self._buckets.get(number, EMPTY_BUCKET)
        if seen is EMPTY_BUCKET:
            self._forget_before(number - BUCKETS_REMEMBERED)
        self._buckets[number] = Bucket(seen.trades + 1, seen.volume + size, price)

    def on_hole(self, start_ns: int, end_ns: int) -> None:
        """Between these moments nothing could be heard."""
        self._holes.append((start_ns, end_ns))

    def window(self, now_ns: int) -> LiveWindow:
        """The last whole buckets before ``now_ns``."""
        end = now_ns // _BUCKET_NS
        return LiveWindow(tuple(self._bucket(number) for number in range(end - BUCKETS_REMEMBERED, end)))

    def _bucket(self, number: int) -> Bucket | None:
        start, end = number * _BUCKET_NS, (number + 1) * _BUCKET_NS
        if start < self._since_ns or any(a < end and start < b for a, b in self._holes):
            return None
        return self._buckets.get(number, EMPTY_BUCKET)

    def _forget_before(self, number: int) -> None:
        for old in [known for known in self._buckets if known < number]:
            del self._buckets[old]
