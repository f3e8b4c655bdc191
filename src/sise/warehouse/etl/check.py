"""``sise etl check``: the rules of data quality over the bars of the trading database, into ``findings``."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
from msgspec import structs
from sqlalchemy import Engine, Table, and_, delete, select

from sise.model.hours import SpecialDay
from sise.model.time import NS_PER_SECOND, NS_PER_US
from sise.warehouse.bars import Listening, Span
from sise.warehouse.candles import zone_of
from sise.warehouse.candles_calendar import answers_of
from sise.warehouse.candles_expected import calendar_of
from sise.warehouse.engine import writing
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.frames import BARS, bars_frame
from sise.warehouse.load import load
from sise.warehouse.quality import RULES, findings, series_of
from sise.warehouse.quality_listened import REPLACED, listened
from sise.warehouse.query.asked import DAY_NS, Series
from sise.warehouse.query.journal_bars import SILENCE_NS
from sise.warehouse.query.journal_events import Events
from sise.warehouse.schema import eod_prices, scalp_1m_bars, scalp_5m_bars
from sise.warehouse.schema import findings as findings_table

COLUMNS: Final = (
    *("rule", "provider", "market", "venue", "symbol", "start_time", "source"),
    *("end_time", "value", "limit_value", "raw_ref", "detail", "found_at"),
)
OF_SLOTS: Final = frozenset((scalp_1m_bars.name, scalp_5m_bars.name))
"""Tables of symbols that are heard while they hold a slot; the others promise whole sessions."""
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
            answers = told_days(root, MarketDay(provider, market, date.min), first, last)
            calendar = calendar_of(market, exceptions, answers)
            series = series_of(seconds, market, calendar, adjusted=False, source=table.name)
            # an unknown bar is no statement: what its hole left out is not the provider's fault
            found = findings(bars.filter(pl.col("state") != "unknown"), series)
            if table.name in OF_SLOTS:
                told_of = promised(root, provider, market, bars, seconds)
                kept = found.filter(~pl.col("rule").is_in(REPLACED))
                found = pl.concat([kept, listened(bars, series, told_of)])
            rows = list(_rows(found, (provider, market, venue), now_ns))
            _replace(engine, table, (provider, market, venue), bars, rows)
            told.setdefault(str(table.name), Counter()).update(found["rule"].to_list())
    return told


def told_days(root: Path, market: MarketDay, first: date | None, last: date | None) -> dict[date, bool]:
    """The provider's answers to whether these days are trading days, as far as the journal has them."""
    return answers_of(root, market.provider, market.market, first, last)


def promised(
    root: Path, provider: str, market: str, bars: pl.DataFrame, seconds: int
) -> dict[str, list[Span]]:
    """When each symbol of ``bars`` was to be heard: while it had a slot, the line was up and no track rested.

    That begins with the bar after the slot's first line: of a quiet symbol nothing comes before its first
    quote or trade. Where the journal is gone, or tells of no slots, nothing was promised.
    """
    told = Events(root).heard(Series(provider, market, "", ""))
    # a symbol's last line is a moment before the hole, and its next one a moment after
    deaf = [(start - SILENCE_NS, end + SILENCE_NS) for start, end in told.deaf]
    lines = bars.filter(pl.col("coverage_ratio") > 0).sort("start").group_by("symbol").agg("start")
    found = {}
    for symbol, moments in lines.iter_rows():
        starts = [_moment(moment) for moment in moments]
        heard = [
            (starts[first] + seconds * NS_PER_SECOND, until - SILENCE_NS)
            for since, until in told.windows(symbol) or []
            if (first := bisect_right(starts, since - seconds * NS_PER_SECOND)) < len(starts)
        ]
        found[symbol] = Listening(heard, deaf).known(starts[0], starts[-1] + DAY_NS)
    return found


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
    # what is said of a whole session has the moment at which that opens
    day = bars["start"].dt.convert_time_zone(zone_of(who[1]).key).dt.truncate("1d")
    first, last = day.min(), bars["start"].max()
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
