"""Short days by the thousand: a seed decides the day, its market and all that breaks in it."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Struct

from sise.collect.hours import TrackHours
from sise.journal.fingerprint import journal_hash
from sise.model.calendar import Calendar
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.rehearse.day import Outcome, Rehearsal, play_kis, play_upbit
from sise.rehearse.faults import QUIET_SECONDS, UPBIT, draw
from sise.rehearse.invariants import Journal, broken

DAYS: Final = (date(2026, 11, 20), date(2026, 11, 19), date(2026, 1, 2))
"""An ordinary day, the day of the exam, and the year's first: the latter two begin an hour late."""
FAULTS_MAX: Final = 8
LEAD_SECONDS: Final = 90
"""So long before the scalp track's hours a short day begins: a start takes some seconds."""
SHORT_SECONDS: Final = 600
MENDING_SECONDS: Final = 480
"""After the last fault the line needs time to be heard again, so that its gap has an end."""
UPBIT_MENDING_SECONDS: Final = 240
"""Nobody holds a place at Upbit against us: here the longest wait and a proof are all."""
TAIL_SECONDS: Final = 120
"""A day that ends with the hours goes on for so long after them."""
RESTLESS_PART: Final = 0.5
"""At Upbit each change of the slots asks for everything anew: many days have many."""
UPBIT_MIDNIGHTS: Final = (parse_iso("2026-11-20T00:00:00Z"), parse_iso("2026-11-20T00:00:00+09:00"))
UPBIT_DAYS: Final = 7
"""From these midnights on, weekends too: this market never shuts."""
DAY_SECONDS: Final = 86_400


class SeedResult(Struct, frozen=True):
    """What a seed came to; ``broken`` is empty where every invariant holds."""

    seed: int
    frames: int
    faults: int
    journal_hash: str
    broken: tuple[str, ...]
    provider: str = "kis"


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


def short_upbit_day(seed: int) -> Rehearsal:
    """Upbit's day of ``seed``: over midnight in UTC, where its volume begins anew, over midnight in Seoul,
    where the journal's folders do, or at any other time."""
    rng = Random(f"short day of upbit {seed}")
    midnight_ns = rng.choice(UPBIT_MIDNIGHTS) + rng.randrange(UPBIT_DAYS) * DAY_SECONDS * NS_PER_SECOND
    before_seconds = rng.choice((rng.randrange(SHORT_SECONDS), rng.randrange(DAY_SECONDS)))
    start_ns = midnight_ns - before_seconds * NS_PER_SECOND
    plan = Rehearsal(
        start_ns,
        start_ns + (SHORT_SECONDS + UPBIT_MENDING_SECONDS) * NS_PER_SECOND,
        seed=seed,
        issues=rng.choice((4, 12, 40)),
        activity=rng.choice((0.02, 0.05, 0.2)),
        slots=rng.choice((2, 5, 41)),
        restless=rng.random() < RESTLESS_PART,
    )
    return draw(rng, QUIET_SECONDS, SHORT_SECONDS, rng.randint(0, FAULTS_MAX), UPBIT).put_into(plan)


_PLAYED: Final[dict[str, tuple[Callable[[int], Rehearsal], Callable[[Rehearsal, Path], Outcome]]]] = {
    "kis": (short_day, play_kis),
    "upbit": (short_upbit_day, play_upbit),
}
PROVIDERS: Final = tuple(_PLAYED)


def run_seed(seed: int, folder: Path, provider: str = "kis") -> SeedResult:
    """Play ``provider``'s day of ``seed`` into ``folder``, which is empty. Raises what is our own fault."""
    day_of, play = _PLAYED[provider]
    plan = day_of(seed)
    outcome = play(plan, folder)
    wrong = broken(Journal(folder, provider), plan, outcome)
    told = len(plan.faults) + len(plan.full_disks) + len(plan.kills)
    return SeedResult(seed, len(outcome.sent), told, journal_hash(folder, provider), tuple(wrong), provider)


def run_seeds(seeds: Iterable[int], jobs: int, providers: Iterable[str] = ("kis",)) -> Iterator[SeedResult]:
    """The results in the order of ``seeds``, of each the ``providers`` in turn, ``jobs`` at a time; what a
    day raises is a broken invariant."""
    days = [(seed, provider) for seed in seeds for provider in providers]
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_guarded, days)


def _guarded(day: tuple[int, str]) -> SeedResult:
    logging.disable()  # what breaks on purpose is no news
    seed, provider = day
    folder = Path(tempfile.mkdtemp(prefix="sise-seed-"))
    try:
        return run_seed(seed, folder, provider)
    except Exception as error:  # whatever it is, it is ours: the seed shows it again
        return SeedResult(seed, 0, 0, "", (f"{type(error).__name__}: {error}",), provider)
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
    end = start + (SHORT_SECONDS + MENDING_SECONDS) * second
    return start, end, QUIET_SECONDS, float(SHORT_SECONDS)
