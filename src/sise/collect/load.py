"""How loaded the machine is, measured and never assumed; and what follows from it for a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from sise.collect.delay import DurableDelay
from sise.collect.mitigate import Metrics, Mitigation
from sise.collect.session import Session
from sise.model.time import NS_PER_MS, Clock, iso

MEASURE_SECONDS: Final = 5.0
"""How often the load is measured, by the machine's own clock."""


class MachineLoad:
    """Measures the machine, and the collector's own delays since the last measurement."""

    def __init__(self, delay: DurableDelay, root: Path) -> None:
        """``root``: the journal's folder, whose disk is looked at."""
        self._delay, self._root = delay, root
        self._lag_ns = 0
        psutil.cpu_percent()  # the first answer means nothing: it has no time before it

    def note_lag(self, lag_ns: int) -> None:
        """Something that was due has waited so long for its turn: so has every frame in the queue."""
        self._lag_ns = max(self._lag_ns, lag_ns)

    def measure(self) -> Metrics:
        """Load since the last call; call every few seconds."""
        lag_ns, self._lag_ns = self._lag_ns, 0
        return Metrics(
            cpu_percent=psutil.cpu_percent(),
            memory_percent=psutil.virtual_memory().percent,
            disk_write_ms=self._delay.quantiles_ms()["durable_p99"],
            queue_delay_ms=lag_ns / NS_PER_MS,
            disk_used_percent=self._disk_used_percent(),
        )

    def _disk_used_percent(self) -> float | None:
        try:
            return float(psutil.disk_usage(str(self._root)).percent)
        except OSError:
            return None


class Mitigating:
    """Keeps the level of mitigation of a session; every change is an event, and records carry the level."""

    def __init__(
        self,
        session: Session,
        measure: Callable[[], Metrics],
        machine: Clock,
        market: Clock,
        *,
        on_metrics: Callable[[Metrics], None] = lambda metrics: None,
    ) -> None:
        """``market``: the clock of the events. ``on_metrics`` hears every measurement."""
        self._session, self._measure, self._machine = session, measure, machine
        self._market, self._on_metrics = market, on_metrics
        self._mitigation = Mitigation()
        self._since_ns, self._reason = market.now_ns(), ""

    @property
    def level(self) -> int:
        return self._mitigation.level

    @property
    def hz(self) -> float:
        """Samples per second and slot that the load allows."""
        return self._mitigation.hz

    def facts(self) -> dict[str, Any]:
        """For the status: what is in force, since when (the session's start, or the last change), and why."""
        return {
            "level": self.level,
            "hz": self.hz,
            "since": iso(self._since_ns),
            "reason": self._reason or None,
        }

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._machine.sleep(MEASURE_SECONDS)
            self._look()

    def _look(self) -> None:
        metrics = self._measure()
        self._on_metrics(metrics)
        change = self._mitigation.feed(self._machine.monotonic_ns(), metrics)
        if change is None:
            return
        self._session.meta.mitigation_level = change.level
        facts = change.facts()
        facts["level_after"] = facts.pop("level")  # an event has a level of its own
        why = f"{change.measure} is {change.value}" if change.measure else "the machine is calm again"
        self._since_ns, self._reason = self._market.now_ns(), why
        self._session.diary.write(
            "mitigation",
            f"level {change.level_before} to {change.level}, {change.hz} samples a second: {why}",
            level="warning" if change.level else "info",
            **facts,
        )
