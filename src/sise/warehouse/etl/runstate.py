"""``etl_runs``: a row for the last run over each day, and one for each that ended without a word.

A run says ``running`` before it begins and ``done`` or ``failed`` when it ends. One that was killed, or lost
the database, leaves ``running``; the next run over the day finds it and keeps it as ``failed``, under the
moment at which it began.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Engine, select

from sise.model.time import iso
from sise.warehouse.etl.dayload import Counts
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.load import load
from sise.warehouse.schema import etl_runs

RUN_COLUMNS: Final = (
    *("run_id", "provider", "market", "day", "started_at", "ended_at", "status"),
    *("lines_read", "rows_changed", "rows_same", "rows_rejected", "detail"),
)
ABANDONED: Final = "abandoned: it had not said how it ended when the next run began"


class Told(msgspec.Struct):
    """What the last run over a day said."""

    status: str
    started_ns: int
    detail: dict[str, Any]

    def is_whole(self, day: MarketDay) -> bool:
        """Whether it loaded all of the day: it ended well, and began when the day was over."""
        return self.status == "done" and self.started_ns >= day.end_ns


def told_of(engine: Engine, day: MarketDay) -> Told | None:
    """What the last run over a day said; None: there was none."""
    row = _row(engine, day)
    return None if row is None else Told(row.status, row.started_at, _detail(row))


def tell_begun(engine: Engine, day: MarketDay, started_ns: int, *, follows: bool = False) -> None:
    """The day's run is ``running``, and what was so already is abandoned.

    ``follows``: it follows the journal. Such a one may be alive beside a run over the day.
    """
    before = _row(engine, day)
    detail: dict[str, Any] = {"follows": follows}
    rows = []
    if before is not None:
        detail = _detail(before) | detail
        if before.status == "running" and (follows or not _detail(before).get("follows")):
            text = msgspec.json.encode(_detail(before) | {"reason": ABANDONED}).decode()
            name = f"{day.name} {iso(before.started_at)}"
            rows.append((*_head(day, name, before.started_at, None, "failed"), None, None, None, None, text))
    text = msgspec.json.encode(detail).decode()
    rows.append((*_head(day, day.name, started_ns, None, "running"), 0, 0, 0, 0, text))
    load(engine, etl_runs, RUN_COLUMNS, rows)


def tell_ended(
    engine: Engine,
    day: MarketDay,
    status: Literal["done", "failed"],
    span_ns: tuple[int, int],
    counts: Counts,
    detail: dict[str, Any],
) -> None:
    """How the run that began and ended at ``span_ns`` went."""
    text = msgspec.json.encode(detail | {"damaged": counts.damaged}).decode()
    done = (counts.lines_read, counts.rows_changed, counts.rows_same, counts.rows_rejected)
    load(engine, etl_runs, RUN_COLUMNS, [(*_head(day, day.name, *span_ns, status), *done, text)])


def _head(day: MarketDay, name: str, started_ns: int, ended_ns: int | None, status: str) -> tuple[Any, ...]:
    return name, day.provider, day.market, day.day, started_ns, ended_ns, status


def _row(engine: Engine, day: MarketDay) -> Any:
    query = select(etl_runs.c.status, etl_runs.c.started_at, etl_runs.c.detail)
    with engine.connect() as connection:
        return connection.execute(query.where(etl_runs.c.run_id == day.name)).first()


def _detail(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(row.detail or "{}")
    return found
