"""Rebuilt from nothing: the journal into an empty database, which must hash as the one in use (B1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct
from sqlalchemy import Engine, select

from sise.model.hours import SpecialDay
from sise.warehouse.engine import open_engine
from sise.warehouse.etl.bookkeeping import Patience, is_loaded
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.proof import hash_of
from sise.warehouse.etl.run import Etl
from sise.warehouse.etl.units import STRAY_RULE
from sise.warehouse.migrate import upgrade
from sise.warehouse.schema import findings, metadata

TABLES: Final = (
    *("scalp_ticks", "scalp_1m_bars", "scalp_5m_bars", "scalp_gaps"),
    *("swing_bars_10m", "swing_bars_1h", "eod_prices"),
)


class Rebuilt(Struct):
    """Each table's hash as it is and as rebuilt."""

    ok: bool
    tables: dict[str, tuple[str, str]]


def rebuild_day(
    engine: Engine,
    root: Path,
    day: MarketDay,
    now_ns: Callable[[], int],
    exceptions: Sequence[SpecialDay] = (),
) -> Rebuilt:
    """Load a day (and the days that its rows come from) into an empty SQLite file, and compare."""
    with TemporaryDirectory(prefix="sise-rebuild-") as folder:
        fresh = open_engine(f"sqlite:///{folder}/rebuilt.db")
        try:
            upgrade(fresh, now_ns())
            etl = Etl(fresh, root, now_ns, Patience(0), tells=False, exceptions=exceptions)
            etl.load_days(sorted(_sources(engine, day)))
            pairs = {
                name: (
                    hash_of(engine, metadata.tables[name], day),
                    hash_of(fresh, metadata.tables[name], day),
                )
                for name in TABLES
            }
        finally:
            fresh.dispose()
    return Rebuilt(all(here == there for here, there in pairs.values()), pairs)


def _sources(engine: Engine, day: MarketDay) -> set[MarketDay]:
    """The days of the journal that a day's rows were made from."""
    query = select(findings.c.source).where(
        findings.c.rule == STRAY_RULE,
        findings.c.provider == day.provider,
        findings.c.market == day.market,
        findings.c.start_time >= day.start_ns,
        findings.c.start_time < day.end_ns,
    )
    found = {day}
    with engine.connect() as connection:
        for source in connection.scalars(query.distinct()):
            stamp = source.rpartition("/")[2]
            found.add(MarketDay(day.provider, day.market, datetime.strptime(stamp, "%Y%m%d").date()))  # noqa: DTZ007 -- a day
    for beside in (day.beside(-1), day.beside(1)):
        if day.never_shuts() and is_loaded(engine, beside):
            found.add(beside)
    return found
