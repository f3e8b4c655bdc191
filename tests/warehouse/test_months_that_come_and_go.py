"""Half a year on real servers: each day loads without a hand, and no month goes without its backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine, func, select

from sise.journal.receipt import Failure, Receipt, write_failure, write_receipt
from sise.model.time import parse_iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.retention import keep_house
from sise.warehouse.etl.verify import verify_day
from sise.warehouse.migrate import downgrade, upgrade
from sise.warehouse.partitions import existing
from sise.warehouse.schema import PARTITIONED, scalp_1m_bars, scalp_ticks
from tests.warehouse.databases import FRESH, opened
from tests.warehouse.etl.journals import etl, sample, scalp, slots, trade, write

NOVEMBER, NEXT_SUMMER = parse_iso("2026-11-20T12:00:00Z"), parse_iso("2027-08-05T00:00:00Z")
DAYS: Final = tuple(
    MarketDay("upbit", "crypto", day)
    for day in (
        *(date(2026, 11, 20), date(2026, 12, 1), date(2027, 1, 1), date(2027, 3, 31), date(2027, 6, 15)),
    )
)
"""1 January 2027 begins in Seoul when it is still December by UTC. February, April and May have no day."""
MONTHS: Final = [(2026, 11), (2026, 12), (2027, 1), (2027, 3), (2027, 6)]


@pytest.fixture(params=list(FRESH))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(kind: str, database_url: Callable[[str], str]) -> Iterator[Engine]:
    """A database whose partitions were made in November 2026, and by nobody after."""
    with opened(database_url(kind)) as engine:
        downgrade(engine, "base", drop_rows=True)
        upgrade(engine, NOVEMBER)
        yield engine


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    for day in DAYS:
        write(tmp_path, day.events, [slots(day, 0, "KRW-BTC")])
        lines = [sample(day, 40_000.0 + at, volume=1.0) for at in range(121)]
        scalp(tmp_path, day, [trade(day, 5, 1), *lines, trade(day, 40_030, 2)])
    return tmp_path


def months(engine: Engine) -> list[tuple[int, ...]]:
    """The months that there are ticks of, in UTC."""
    with engine.connect() as connection:
        times = connection.scalars(select(scalp_ticks.c.event_time).order_by(scalp_ticks.c.event_time)).all()
    there = existing(engine, scalp_ticks)
    return [tuple(month) for month in there if any(month.start_ns <= at < month.end_ns for at in times)]


def backed_up(root: Path, day: MarketDay) -> None:
    when = "2027-07-01T00:00:00.000000Z"
    receipt = Receipt(
        day=day.stamp, package="a" * 64, files=1, bytes=1, verified_at=when, received_at=when, by="test"
    )
    write_receipt(root, receipt)


def test_every_month_loads_without_a_hand(kind: str, engine: Engine, journal: Path) -> None:
    for day in (*DAYS[::2], *DAYS[1::2]):  # months before others, too
        etl(engine, journal).load_day(day)
    assert months(engine) == MONTHS
    assert all(verify_day(engine, journal, day).ok for day in DAYS)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(scalp_ticks)) == len(DAYS) * 123
    decisions = keep_house(engine, journal, NEXT_SUMMER)
    made = {(each.table, each.month) for each in decisions if each.action == "made"}
    ahead = {(table.name, month) for table in PARTITIONED for month in ("2027-08", "2027-09", "2027-10")}
    assert made == (ahead if kind in ("postgresql", "mariadb") else set())
    assert [each for each in keep_house(engine, journal, NEXT_SUMMER) if each.action == "made"] == []


def test_a_month_goes_only_with_its_backup(engine: Engine, journal: Path) -> None:
    for day in DAYS:
        etl(engine, journal).load_day(day)
    keep_house(engine, journal, NEXT_SUMMER)
    assert months(engine) == MONTHS  # no receipt at all
    backed_up(journal, DAYS[0])
    keep_house(engine, journal, NEXT_SUMMER)
    assert months(engine) == MONTHS  # 1 December in Seoul begins on the last of November
    backed_up(journal, DAYS[1])
    keep_house(engine, journal, NEXT_SUMMER)
    assert months(engine) == MONTHS[1:]  # 1 January in Seoul begins in December
    failure = Failure(
        day=DAYS[3].stamp,
        findings=1,
        first="a byte differs",
        told_at="2027-07-02T00:00:00.000000Z",
        by="test",
    )
    backed_up(journal, DAYS[3])
    write_failure(journal, failure)
    keep_house(engine, journal, NEXT_SUMMER)
    assert months(engine) == MONTHS[1:]  # the last word of the backup machine is a failure
    for day in DAYS:
        backed_up(journal, day)
    keep_house(engine, journal, parse_iso("2027-07-30T23:59:59Z"))
    assert months(engine) == MONTHS[4:]  # 30 June ended less than 30 days before
    with engine.connect() as connection:
        oldest = connection.scalar(select(func.min(scalp_1m_bars.c.bar_time)))
    assert oldest is not None
    assert oldest >= parse_iso("2027-06-01T00:00:00Z")
    keep_house(engine, journal, parse_iso("2027-07-31T00:00:00Z"))
    assert months(engine) == []
