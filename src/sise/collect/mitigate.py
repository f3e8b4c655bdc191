"""Mitigation: under load the sampling slows down, and no symbol is given up. A pure state machine.

Fed with measurements, it gives a :class:`Change` when the level changes:

- *up*, when one measure has been at or above a level's threshold for the whole hold; to the highest such
  level;
- *down*, one level at a time, when every measure has been a tenth below the thresholds of the level that is
  on, for the whole hold. So a load that swings around a threshold does not move the level with it.

Coverage before frequency: the only thing that a level changes is the rate of samples per slot. Slots, trades
and the wire log are never thinned out.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.collect.slots import SAMPLE_HZ
from sise.model.time import NS_PER_SECOND

HOLD_SECONDS: Final = 300
"""So long a load must last, and so long calm, before the level follows (O12)."""
MEASURE_GAP_SECONDS: Final = 60
"""A longer silence between two measurements begins every hold anew: nothing is known of the time between."""
RELEASE_RATIO: Final = 0.9
"""Calm is what is below this part of a threshold."""

_HOLD_NS: Final = HOLD_SECONDS * NS_PER_SECOND
_GAP_NS: Final = MEASURE_GAP_SECONDS * NS_PER_SECOND

Measure = Literal["cpu_percent", "memory_percent", "disk_write_ms", "queue_delay_ms"]


class Metrics(Struct, frozen=True):
    """One measurement of the machine. None is what could not be measured, and is neither load nor calm."""

    cpu_percent: float | None = None
    memory_percent: float | None = None
    disk_write_ms: float | None = None
    queue_delay_ms: float | None = None
    disk_used_percent: float | None = None
    """Of the disk that holds the journal. It asks for no level: slower sampling frees no space."""


class Threshold(Struct, frozen=True):
    """At or above ``value`` the measure asks for ``level``."""

    measure: Measure
    level: int
    value: float


THRESHOLDS: Final = (
    Threshold("cpu_percent", 1, 80.0),
    Threshold("cpu_percent", 2, 90.0),
    Threshold("memory_percent", 1, 85.0),
    Threshold("memory_percent", 2, 95.0),
    Threshold("disk_write_ms", 1, 500.0),
    Threshold("disk_write_ms", 2, 1_000.0),
    Threshold("queue_delay_ms", 1, 2_000.0),
    Threshold("queue_delay_ms", 2, 5_000.0),
)
"""Seed document 2.10, requirement O12."""


class Change(Struct, frozen=True):
    """The level has changed. Up: ``measure`` has been at or above ``threshold`` since ``since_ns``.

    Down: all have been calm since ``since_ns``, and ``measure`` is empty.
    """

    at_ns: int
    level_before: int
    level: int
    hz: float
    since_ns: int
    measure: str = ""
    value: float | None = None
    threshold: float | None = None

    def facts(self) -> dict[str, object]:
        """For the event in the journal."""
        return msgspec.structs.asdict(self)


class Mitigation:
    """The level in force: 0 (normal), 1 or 2."""

    def __init__(self) -> None:
        self.level = 0
        self._last_ns: int | None = None
        self._loaded_since: dict[Threshold, int] = {}
        self._calm_since: int | None = None
        self._measured: set[Measure] = set()

    @property
    def hz(self) -> float:
        """Samples per second and slot."""
        return SAMPLE_HZ[self.level]

    def feed(self, now_ns: int, metrics: Metrics) -> Change | None:
        """Take a measurement at ``now_ns`` (a clock that only runs forwards); the change, if there is one."""
        if self._last_ns is None or not 0 <= now_ns - self._last_ns <= _GAP_NS:
            self._loaded_since.clear()
            self._calm_since = None
        self._last_ns = now_ns
        self._note_load(now_ns, metrics)
        self._note_calm(now_ns, metrics)
        return self._up(now_ns, metrics) or self._down(now_ns)

    def _note_load(self, now_ns: int, metrics: Metrics) -> None:
        for threshold in THRESHOLDS:
            value = getattr(metrics, threshold.measure)
            if value is not None:
                self._measured.add(threshold.measure)
            if value is not None and value >= threshold.value:
                self._loaded_since.setdefault(threshold, now_ns)
            else:
                self._loaded_since.pop(threshold, None)

    def _note_calm(self, now_ns: int, metrics: Metrics) -> None:
        if not self._is_calm(metrics):
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now_ns

    def _is_calm(self, metrics: Metrics) -> bool:
        """Every measure that this machine can take was taken now, and is well below."""
        values = {measure: getattr(metrics, measure) for measure in self._measured}
        return bool(values) and all(
            values[row.measure] is not None and values[row.measure] < row.value * RELEASE_RATIO
            for row in THRESHOLDS
            if row.level == self.level and row.measure in values
        )

    def _up(self, now_ns: int, metrics: Metrics) -> Change | None:
        held = [row for row, since in self._loaded_since.items() if now_ns - since >= _HOLD_NS]
        row = max(held, key=lambda row: row.level, default=None)
        if row is None or row.level <= self.level:
            return None
        change = Change(
            at_ns=now_ns,
            level_before=self.level,
            level=row.level,
            hz=SAMPLE_HZ[row.level],
            since_ns=self._loaded_since[row],
            measure=row.measure,
            value=getattr(metrics, row.measure),
            threshold=row.value,
        )
        self._set(row.level)
        return change

    def _down(self, now_ns: int) -> Change | None:
        since = self._calm_since
        if self.level == 0 or since is None or now_ns - since < _HOLD_NS:
            return None
        level = self.level - 1
        change = Change(now_ns, self.level, level, SAMPLE_HZ[level], since)
        self._set(level)
        return change

    def _set(self, level: int) -> None:
        self.level = level
        self._calm_since = None  # calm is measured against the level that is on
