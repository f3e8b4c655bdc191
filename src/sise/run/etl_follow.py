"""``sise etl --follow``: the journal into the database as it is written, and the hourly housekeeping."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sise.model.errors import Unreachable
from sise.model.time import SystemClock
from sise.run.lifetime import stop_event

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sise.warehouse.etl.run import Etl

log = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.5
HOUSE_SECONDS = 3_600.0


def keep_and_tell(engine: Engine, root: Path) -> list[dict[str, Any]]:
    """Housekeeping of the database; what was made, removed or held."""
    from sise.warehouse.etl.retention import keep_house

    decisions = keep_house(engine, root, SystemClock().now_ns())
    return [msgspec.structs.asdict(each) for each in decisions]


def _keep_house(engine: Engine, root: Path) -> None:
    """Housekeeping can wait an hour; who follows must not end because the database is away just then."""
    try:
        keep_and_tell(engine, root)
    except Unreachable as error:
        log.warning("the housekeeping of the database is put off: %s", error)


async def follow_journal(etl: Etl, engine: Engine, root: Path, seconds: float | None) -> None:
    """Follow until asked to stop; the work is done in a thread, so that a signal is heard."""
    clock = SystemClock()
    with stop_event(seconds) as stop:
        await asyncio.to_thread(etl.begin_following)
        housed = 0
        while not stop.is_set():
            worked = await asyncio.to_thread(etl.follow_once)
            if clock.monotonic_ns() - housed > HOUSE_SECONDS * 1e9 or not housed:
                housed = clock.monotonic_ns()
                await asyncio.to_thread(_keep_house, engine, root)
            if not worked:
                try:
                    await asyncio.wait_for(stop.wait(), FOLLOW_SECONDS)
                except TimeoutError:
                    continue
        await asyncio.to_thread(etl.close)
