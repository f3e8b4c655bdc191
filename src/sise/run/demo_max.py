"""``sise demo --speed max``: the day on simulated time, in this process and in memory, with no page.

Simulator and collector are those of every other speed; clock, network and disk calls are a rehearsal's
(:mod:`sise.rehearse`). The same seed gives the same journal, byte for byte.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sise.model.time import MARKET_ZONES, in_zone
from sise.rehearse.day import Rehearsal, play_kis
from sise.run import demo_view
from sise.run.kis_day import MARKET, KisDay
from sise.run.lifetime import begin

PACE: Final = 4.0
"""The market's seconds in one of the machine's: fewer flushes and syncs, as at any speed above 1."""

if TYPE_CHECKING:
    from sise.model.hours import SpecialDay
    from sise.run.children import ChildFailed
    from sise.run.demo_plan import Plan


def demo_max(plan: Plan, day: KisDay, *, as_json: bool) -> ChildFailed | None:
    """Play and record ``day``, back it up, and say what it came to. Answers what failed of the backup."""
    from sise.providers.kis.limits import SLOTS
    from sise.run.calendars import calendar_of, exceptions_of
    from sise.run.day_report import day_report
    from sise.run.demo_backup import back_up, failure_of

    began = time.monotonic()
    settings = begin()
    _play(plan, day, exceptions_of(settings), quiet=as_json)
    plan.tidy()
    backup = asyncio.run(back_up(plan.data, day))
    calendar = calendar_of(MARKET, settings)
    facts = day_report(plan.data, plan.provider, MARKET, day.day, SLOTS[-1].count, calendar)
    facts |= {"backup": backup, "url": None}
    demo_view.report_day(facts, plan.data, time.monotonic() - began, as_json=as_json)
    return failure_of(backup)


def _play(plan: Plan, day: KisDay, exceptions: tuple[SpecialDay, ...], *, quiet: bool) -> None:
    console = Console(stderr=True, quiet=quiet)
    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{day.day}", total=day.end_ns - day.start_ns)

        def tell(now_ns: int) -> None:
            clock = f"{in_zone(now_ns, MARKET_ZONES[MARKET]):%H:%M}"
            progress.update(task, completed=now_ns - day.start_ns, description=f"{day.day} {clock}")

        play_kis(_rehearsal(plan, day, exceptions), plan.data, tell)


def _rehearsal(plan: Plan, day: KisDay, exceptions: tuple[SpecialDay, ...]) -> Rehearsal:
    from sise.simulator.faults import KIS_KINDS, load_plan

    faults = () if plan.faults is None else load_plan(plan.faults, KIS_KINDS)
    return Rehearsal(
        day.start_ns,
        day.end_ns,
        seed=plan.seed,
        slots=plan.markets,
        pace=PACE,
        faults=faults,
        calendar_exceptions=exceptions,
    )
