"""``sise etl check``: the rules of data quality over the bars of the trading database, into ``findings``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
from msgspec import structs
from sqlalchemy import Engine, Table, and_, delete, select

from sise.model.hours import SpecialDay
from sise.model.time import NS_PER_US
from sise.warehouse.candles_expected import calendar_of
from sise.warehouse.engine import writing
from sise.warehouse.etl.days import MarketDay, all_days
from sise.warehouse.etl.frames import BARS, bars_frame
from sise.warehouse.etl.hearing import Hearing, fold_safely, read_events
from sise.warehouse.load import load
from sise.warehouse.quality import RULES, findings, series_of
from sise.warehouse.schema import eod_prices
from sise.warehouse.schema import findings as findings_table

COLUMNS: Final = (
    *("rule", "provider", "market", "venue", "symbol", "start_time", "source"),
    *("end_time", "value", "limit_value", "raw_ref", "detail", "found_at"),
)
ROWS_AT_ONCE: Final = 10_000


def check_bars(
    engine: Engine,
    root: Path,
    first: date | None,
    last: date | None,
    now_ns: int,
    exceptions: Sequence[SpecialDay] = (),
) -> dict[str, Counter[str]]:
    """Judge the bars of these market days (``None``: no bound); findings by table and rule.

    ``exceptions``: this installation's own trading days and hours; what the journal at ``root`` has of the
    provider's answers to whether a day is one, wins.

    What an earlier check found in the same bars and is not so any more is taken out of ``findings``.
    """
    told: dict[str, Counter[str]] = {}
    for table, seconds in BARS.values():
        for provider, market, venue in _markets(engine, table):
            mine = and_(
                table.c.provider == provider, table.c.market == market, table.c.venue == venue,
                *_within(table, MarketDay(provider, market, date.min), first, last),
            )  # fmt: skip
            bars = bars_frame(engine, table, mine, market)
            if bars.is_empty():
                continue
            # an unknown bar is no statement: what its hole left out is not the provider's fault
            sure = bars.filter(pl.col("state") != "unknown")
            answers = told_days(root, MarketDay(provider, market, date.min), first, last)
            calendar = calendar_of(market, exceptions, answers)
            series = series_of(seconds, market, calendar, adjusted=False, source=table.name)
            found = findings(sure, series)
            rows = list(_rows(found, (provider, market, venue), now_ns))
            _replace(engine, table, (provider, market, venue), bars, rows)
            told.setdefault(str(table.name), Counter()).update(found["rule"].to_list())
    return told


def told_days(root: Path, market: MarketDay, first: date | None, last: date | None) -> dict[date, bool]:
    """The provider's answers to whether these days are trading days, as far as the journal has them."""
    hearing = Hearing()
    for day in all_days(root):
        if (first is None or day >= first) and (last is None or day <= last):
            for event, line in read_events(root, structs.replace(market, day=day)):
                if event.event_type == "trading_day":
                    fold_safely(hearing, event, line)
    return hearing.told


def _markets(engine: Engine, table: Table) -> list[tuple[str, str, str]]:
    query = select(table.c.provider, table.c.market, table.c.venue).distinct()
    with engine.connect() as connection:
        return sorted((row.provider, row.market, row.venue) for row in connection.execute(query))


def _within(table: Table, market: MarketDay, first: date | None, last: date | None) -> list[Any]:
    """The market's own days, both included."""
    time: Any = table.c.trade_date if table is eod_prices else table.c.bar_time
    found: list[Any] = []
    if first is not None:
        start = structs.replace(market, day=first)
        found.append(time >= (first if table is eod_prices else start.start_ns))
    if last is not None:
        end = structs.replace(market, day=last)
        found.append(time <= last if table is eod_prices else time < end.end_ns)
    return found


def _rows(found: pl.DataFrame, who: tuple[str, str, str], now_ns: int) -> Iterator[tuple[Any, ...]]:
    for row in found.iter_rows(named=True):
        yield (
            row["rule"], *who, row["symbol"], _moment(row["start"]), row["source"],
            None if row["end"] is None else _moment(row["end"]),
            row["value"], row["limit"], None, row["note"], now_ns,
        )  # fmt: skip


def _moment(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * NS_PER_US


def _replace(
    engine: Engine, table: Table, who: tuple[str, str, str], bars: pl.DataFrame, rows: list[Any]
) -> None:
    first, last = bars["start"].min(), bars["start"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    told = findings_table.c
    old = delete(findings_table).where(
        told.rule.in_(list(RULES)),
        *(told.provider == who[0], told.market == who[1], told.venue == who[2], told.source == table.name),
        told.start_time >= _moment(first),
        told.start_time <= _moment(last),
    )
    with writing(engine) as connection:
        connection.execute(old)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        load(engine, findings_table, COLUMNS, rows[start : start + ROWS_AT_ONCE])
