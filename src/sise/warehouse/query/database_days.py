"""End-of-day rows and dated facts of the database: their days are days of the market."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl
from sqlalchemy import Column, ColumnElement, Connection, and_, func, select

from sise.model.time import in_zone, to_ns
from sise.warehouse.candles import UTC_TIME, zone_of
from sise.warehouse.query.asked import DAY_NS, Series, Span
from sise.warehouse.schema import corporate_actions, eod_prices

_MONEY = frozenset(("dividend", "capital_gain"))


def midnight_ns(day: date, series: Series) -> int:
    """When the day begins where the symbol is traded."""
    return to_ns(datetime.combine(day, time(), zone_of(series.market)))


def extent(connection: Connection, series: Series, where: list[ColumnElement[bool]]) -> Span | None:
    """From the first day held to the end of the last, of the rows that are meant."""
    day = eod_prices.c.trade_date
    first, last = connection.execute(select(func.min(day), func.max(day)).where(*where)).one()
    if first is None:
        return None
    return Span(midnight_ns(first, series), midnight_ns(last, series) + 2 * DAY_NS)


def within(column: Column[Any], series: Series, span: Span) -> list[ColumnElement[bool]]:
    """Days that begin in the span."""
    zone = zone_of(series.market)
    first, last = (in_zone(ns - 1, zone).date() for ns in (span.start_ns, span.end_ns))
    return [column > first, column <= last]


def placed(frame: pl.DataFrame, series: Series) -> pl.DataFrame:
    """``start``, a day, as the moment at which it begins."""
    zone = zone_of(series.market).key
    start = pl.col("start").cast(pl.Datetime("us")).dt.replace_time_zone(zone)
    return frame.with_columns(start.dt.convert_time_zone("UTC").cast(UTC_TIME).alias("start"))


def actions(connection: Connection, series: Series) -> list[tuple[Any, ...]]:
    """The last version of each fact, as rows of :data:`sise.warehouse.candles_actions.ACTIONS`."""
    table = corporate_actions
    facts = select(table).where(and_(table.c.market == series.market, table.c.symbol == series.symbol))
    last: dict[tuple[Any, ...], Any] = {}
    for row in connection.execute(facts.order_by(table.c.version, table.c.known_at)):
        last[row.ex_date, row.kind] = row
    return [
        (series.provider, row.market, row.symbol, _start(row.ex_date, series), row.kind, value, row.source)
        for row in last.values()
        if (value := _value(row)) is not None
    ]


def _start(day: date, series: Series) -> datetime:
    return datetime.combine(day, time(), zone_of(series.market)).astimezone(UTC)


def _value(row: Any) -> float | None:
    found = row.amount if row.kind in _MONEY else row.ratio
    return None if found is None else float(found)
