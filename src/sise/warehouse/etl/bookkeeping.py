"""One run at a time over a market, patience with the database, and the file that says how a run went."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, func, select

from sise.journal.etlstate import EtlRun, write_run
from sise.model.errors import BadInput, Unreachable
from sise.model.time import iso
from sise.warehouse.etl.dayload import Counts
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.schema import etl_cursor

log = logging.getLogger(__name__)

WAITS_SECONDS: Final = (1, 2, 5, 10, 30)
"""Between attempts while the database is away; the last one again and again."""
LOCK_WAIT_SECONDS: Final = 3_600.0
LOCK_LOOK_SECONDS: Final = 0.1


def is_loaded(engine: Engine, day: MarketDay) -> bool:
    """Whether ticks of the day's journal have been loaded."""
    query = (
        select(func.count())
        .select_from(etl_cursor)
        .where(
            etl_cursor.c.provider == day.provider,
            etl_cursor.c.market == day.market,
            etl_cursor.c.track == "scalp",
            etl_cursor.c.day == day.day,
        )
    )
    with engine.connect() as connection:
        return bool(connection.scalar(query))


def tell_file(root: Path, day: MarketDay, now_ns: int, counts: Counts, reason: str = "") -> None:
    """How a run went, beside the journal. ``reason``: why it failed; empty: it did not."""
    run = EtlRun(
        provider=day.provider,
        market=day.market,
        day=day.stamp,
        status="failed" if reason else "done",
        at=iso(now_ns),
        reason=reason,
        lines_read=counts.lines_read,
        rows_rejected=counts.rows_rejected,
    )
    try:
        write_run(root, run)
    except OSError as error:
        log.warning("what became of the ETL of %s cannot be written: %s", day.name, error)


@contextmanager
def alone(root: Path, day: MarketDay, wait: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """One ETL at a time over a market: a second one waits until the first is done, or follows again.

    Raises
    ------
    BadInput
        The data folder cannot be written.
    Unreachable
        Another one held it for ``LOCK_WAIT_SECONDS``.
    """
    folder = root / "run"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / f"etl-{day.provider}-{day.market}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BadInput(
            "data_dir (SISE_DATA_DIR)", str(root), f"it cannot be written: {error.strerror}"
        ) from None
    try:
        _lock(lock, day, wait)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, day: MarketDay, wait: Callable[[float], None]) -> None:
    for _ in range(int(LOCK_WAIT_SECONDS / LOCK_LOOK_SECONDS)):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait(LOCK_LOOK_SECONDS)
        else:
            return
    raise Unreachable(f"another ETL works on {day.provider} {day.market} since an hour: stop it, or wait")


class Patience:
    """Tries again while the database is away, for ``seconds`` in a row at most."""

    def __init__(self, seconds: float, wait: Callable[[float], None] = time.sleep) -> None:
        self._seconds, self._wait = seconds, wait

    def __call__(self, work: Callable[[], Any]) -> Any:
        """What ``work`` gives. Raises its ``Unreachable`` once the patience is over."""
        waited, attempt = 0.0, 0
        while True:
            try:
                return work()
            except Unreachable as error:
                pause = WAITS_SECONDS[min(attempt, len(WAITS_SECONDS) - 1)]
                if waited + pause > self._seconds:
                    raise
                log.warning("%s; tried again in %s s", error, pause)
                self._wait(pause)
                waited, attempt = waited + pause, attempt + 1
