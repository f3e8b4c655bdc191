"""Short days by the thousand: a seed decides the day, its market and all that breaks in it."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Struct

from sise.collect.hours import TrackHours
from sise.journal.fingerprint import journal_hash
from sise.model.calendar import Calendar
from sise.model.time import NS_PER_SECOND
from sise.rehearse.day import Rehearsal, play_kis
from sise.rehearse.faults import QUIET_SECONDS, draw
from sise.rehearse.invariants import Journal, broken

DAYS: Final = (date(2026, 11, 20), date(2026, 11, 19), date(2026, 1, 2))
"""An ordinary day, the day of the exam, and the year's first: the latter two begin an hour late."""
FAULTS_MAX: Final = 8
LEAD_SECONDS: Final = 90
"""So long before the scalp track's hours a short day begins: a start takes some seconds."""
SHORT_SECONDS: Final = 600
TAIL_SECONDS: Final = 120
"""A day that ends with the hours goes on for so long after them."""


class SeedResult(Struct, frozen=True):
    """What a seed came to; ``broken`` is empty where every invariant holds."""

    seed: int
    frames: int
    faults: int
    journal_hash: str
    broken: tuple[str, ...]


def short_day(seed: int) -> Rehearsal:
    """The day of ``seed``: ten minutes at the beginning, in the middle or at the end of the hours."""
    rng = Random(f"short day {seed}")
    day = rng.choice(DAYS)
    start_ns, end_ns, first, last = _window(rng, day)
    plan = Rehearsal(
        start_ns,
        end_ns,
        seed=seed,
        issues=rng.choice((60, 120, 250)),
        activity=rng.choice((1.0, 3.0, 10.0)),
        slots=rng.choice((3, 20, 41)),
    )
    return draw(rng, first, last, rng.randint(0, FAULTS_MAX)).put_into(plan)


def run_seed(seed: int, folder: Path) -> SeedResult:
    """Play the day of ``seed`` into ``folder``, which is empty. Raises what is our own fault."""
    plan = short_day(seed)
    outcome = play_kis(plan, folder)
    wrong = broken(Journal(folder), plan, outcome)
    told = len(plan.faults) + len(plan.full_disks) + len(plan.kills)
    return SeedResult(seed, len(outcome.sent), told, journal_hash(folder, "kis"), tuple(wrong))


def run_seeds(seeds: Iterable[int], jobs: int) -> Iterator[SeedResult]:
    """The results in the order of ``seeds``, ``jobs`` at a time; what a day raises is a broken invariant."""
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_guarded, seeds)


def _guarded(seed: int) -> SeedResult:
    logging.disable()  # what breaks on purpose is no news
    folder = Path(tempfile.mkdtemp(prefix="sise-seed-"))
    try:
        return run_seed(seed, folder)
    except Exception as error:  # whatever it is, it is ours: the seed shows it again
        return SeedResult(seed, 0, 0, "", (f"{type(error).__name__}: {error}",))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _window(rng: Random, day: date) -> tuple[int, int, float, float]:
    """Start and end (UTC ns) of a short day, and between which of its seconds something breaks."""
    calendar = Calendar("krx")
    regular = calendar.regular(day)
    assert regular is not None
    hours = TrackHours(calendar)
    begins = hours.next_scalp_ns(regular.open_ns)
    ends = hours.scalp_end_ns(begins)
    assert ends is not None
    second = NS_PER_SECOND
    where = rng.choice(("beginning", "middle", "end"))
    if where == "end":
        start = ends - SHORT_SECONDS * second
        return start, ends + TAIL_SECONDS * second, 3 * QUIET_SECONDS, SHORT_SECONDS + TAIL_SECONDS
    if where == "beginning":
        start = begins - LEAD_SECONDS * second
    else:
        start = begins + rng.randrange(60, (ends - begins) // second - 2 * SHORT_SECONDS) * second
    # After the last fault the line needs time to be heard again, so that its gap has an end.
    end = start + (SHORT_SECONDS + 2 * LEAD_SECONDS + 300) * second
    return start, end, QUIET_SECONDS, float(SHORT_SECONDS)
