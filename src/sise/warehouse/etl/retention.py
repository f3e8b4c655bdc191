"""What may leave the trading database: months whose every loaded day has a verified backup of its journal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, Table, select

from sise.journal.keeping import backup_state
from sise.warehouse.partitions import Decision, maintain
from sise.warehouse.partitions_month import Month
from sise.warehouse.schema import etl_cursor


def keep_house(engine: Engine, root: Path, now_ns: int) -> list[Decision]:
    """Make the next months' partitions and remove what is older than 30 days and backed up.

    Backup first: a month goes only when each of its days that was loaded has a receipt of the backup machine,
    which hashed the package itself. A month of which no loaded day is known stays.
    """
    days = _loaded_days(engine)
    safe: dict[date, bool] = {}

    def backed_up(table: Table, month: Month) -> bool:
        # a day of Seoul or New York reaches into the UTC months beside it
        own = [day for day in days if _touches(day, month)]
        for day in own:
            if day not in safe:
                safe[day] = backup_state(root, f"{day:%Y%m%d}", now_ns) == "verified"
        return bool(own) and all(safe[day] for day in own)

    return [each for each in maintain(engine, now_ns, backed_up=backed_up) if each.action != "kept"]


def _loaded_days(engine: Engine) -> list[date]:
    with engine.connect() as connection:
        return list(connection.scalars(select(etl_cursor.c.day).distinct()))


def _touches(day: date, month: Month) -> bool:
    first = date(month.year, month.month, 1) - timedelta(days=1)
    last = datetime.fromtimestamp(month.end_ns / 1e9, UTC).date() + timedelta(days=1)
    return first <= day <= last
