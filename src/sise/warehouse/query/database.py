"""The trading database as a store. Moments and numbers are made ints and doubles by the server itself.

That is exact: a number is stored only if the nearest double prints the same digits, or it is whole
(:mod:`sise.warehouse.tables.types`); of whole numbers of 2^53 and more a frame has the nearest double.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import polars as pl
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Select,
    Table,
    and_,
    cast,
    extract,
    func,
    literal_column,
    select,
    type_coerce,
)

from sise.model.time import NS_PER_US
from sise.warehouse import schema
from sise.warehouse.candles import SCHEMA
from sise.warehouse.candles_actions import ACTIONS, no_actions
from sise.warehouse.query import database_days, frames
from sise.warehouse.query.asked import CHOICE_NAMES, Series, Span, Who
from sise.warehouse.query.database_keys import walked
from sise.warehouse.query.frames import Schema
from sise.warehouse.tables.types import Number, UtcTime

BATCH_ROWS: Final = 50_000
DAYS: Final = "bars_1d"

_BAR: Final = {"start": "bar_time"}
_FORMS: Final[dict[str, tuple[Table, Schema, dict[str, str]]]] = {
    "ticks": (schema.scalp_ticks, frames.TICKS, {"price": "last_price", "size": "volume"}),
    "quotes": (schema.scalp_ticks, frames.QUOTES, {}),
    "bars_1m": (schema.scalp_1m_bars, SCHEMA, _BAR),
    "swing_10m": (schema.swing_bars_10m, SCHEMA, _BAR),
    "swing_1h": (schema.swing_bars_1h, SCHEMA, _BAR),
    DAYS: (schema.eod_prices, frames.DAILY, {}),
}
"""Of each kind the table, the frame, and what a column of the frame is called in the table."""
_TICK_KIND: Final = {"ticks": "trade", "quotes": "sample"}
_GAP_NAMES: Final = {"start": "gap_start_ts", "end": "gap_end_ts", "seconds": "gap_seconds"}


class Database:
    """A trading database; ``engine`` is the caller's to dispose of."""

    name = "database"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, kinds: Collection[str], who: Who) -> set[Series]:
        tables = {_FORMS[kind][0] for kind in kinds if kind in _FORMS}
        with self._engine.connect() as connection:
            return {
                series
                for table in tables
                for series in walked(connection, table, who)
                if self._has_kind(connection, table, kinds, series)
            }

    def _has_kind(self, connection: Connection, table: Table, kinds: Collection[str], series: Series) -> bool:
        if table is not schema.scalp_ticks:
            return True
        wanted = [_TICK_KIND[kind] for kind in kinds if kind in _TICK_KIND]
        some: Select[tuple[int]] = (
            select(literal_column("1")).where(_is(table, series), table.c.kind.in_(wanted)).limit(1)
        )
        return connection.scalar(some) is not None

    def extent(self, kind: str, series: Series, source: str | None) -> Span | None:
        if kind not in _FORMS:
            return None
        table = _FORMS[kind][0]
        where = [_is(table, series)]
        if source is not None and "source" in table.c:
            where.append(table.c.source == source)
        with self._engine.connect() as connection:
            if kind == DAYS:
                return database_days.extent(connection, series, where)
            time = table.c[_time(kind)]
            first, last = connection.execute(select(func.min(time), func.max(time)).where(*where)).one()
        return None if first is None else Span(first, last + NS_PER_US)

    def rows(self, kind: str, series: Series, span: Span, source: str | None) -> Iterator[pl.DataFrame]:
        if kind not in _FORMS:
            return
        table, form, names = _FORMS[kind]
        where = [_is(table, series)]
        if kind in _TICK_KIND:
            where.append(table.c.kind == _TICK_KIND[kind])
        if source is not None and "source" in table.c:
            where.append(table.c.source == source)
        if kind == DAYS:
            where += database_days.within(table.c.trade_date, series, span)
            days = {**form, "start": pl.Date()}
            for frame in self._read(table, _own(days), {"start": "trade_date"}, where):
                yield _of(series, database_days.placed(frame, series)).select(*form)
            return
        time = table.c[_time(kind)]
        where += [time >= span.start_ns, time < span.end_ns]
        for frame in self._read(table, _own(form), names, where):
            yield _of(series, frame).select(*form)

    def adjusted_sources(self, kinds: Collection[str], series: Series) -> set[str]:
        return set()

    def gaps(self, who: Who, span: Span) -> pl.DataFrame:
        table = schema.scalp_gaps
        where = [table.c.gap_start_ts < span.end_ns, table.c.gap_end_ts > span.start_ns]
        where += [table.c[name] == value for name, value in _named(who, ("provider", "market"))]
        return pl.concat(
            [pl.DataFrame(schema=frames.GAPS), *self._read(table, frames.GAPS, _GAP_NAMES, where)]
        )

    def actions(self, series: Series) -> pl.DataFrame:
        with self._engine.connect() as connection:
            facts = database_days.actions(connection, series)
        return pl.DataFrame(facts, schema=ACTIONS, orient="row") if facts else no_actions()

    def _read(
        self, table: Table, form: Schema, names: dict[str, str], where: list[ColumnElement[bool]]
    ) -> Iterator[pl.DataFrame]:
        dialect = self._engine.dialect.name
        columns = [_plain(table.c[names.get(name, name)], dialect) for name in form]
        query = select(*columns).where(*where)
        query = query.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)
        with self._engine.connect() as connection, connection.execute(query) as found:
            for rows in found.partitions(BATCH_ROWS):
                yield frames.made(form, dict(zip(form, zip(*rows, strict=True), strict=True)))


def _plain(column: Column[Any], dialect: str) -> ColumnElement[Any]:
    """The column as the driver gives it fastest: µs since 1970 as an int, a number as a double."""
    if isinstance(column.type, UtcTime):
        if dialect == "sqlite":
            return type_coerce(column, BigInteger)
        if dialect == "postgresql":
            return cast(extract("epoch", column) * 1_000_000, BigInteger)
        epoch: ColumnElement[Any] = literal_column("TIMESTAMP '1970-01-01 00:00:00'")
        return func.timestampdiff(literal_column("MICROSECOND"), epoch, column, type_=BigInteger)
    if isinstance(column.type, Number):
        if dialect in ("mariadb", "mysql"):
            return type_coerce(type_coerce(column, Double) + literal_column("0e0"), Double)
        return cast(column, Double)
    return column


def _is(table: Table, series: Series) -> ColumnElement[bool]:
    names = (*CHOICE_NAMES, "symbol")
    return and_(*(table.c[name] == getattr(series, name) for name in names))


def _named(who: Who, names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, getattr(who, name)) for name in names if getattr(who, name) is not None]


def _time(kind: str) -> str:
    return frames.TIME.get(kind, "bar_time")


def _own(form: Schema) -> dict[str, pl.DataType]:
    """The columns that differ from row to row: whose rows they are is known, and need not travel."""
    return {name: kind for name, kind in form.items() if name not in frames.INSTRUMENT}


def _of(series: Series, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(getattr(series, name)).alias(name) for name in frames.INSTRUMENT)
