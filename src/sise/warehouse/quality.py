"""Rules of data quality over bars: pure functions that give findings with their evidence.

A finding is a row: ``rule``, ``symbol``, ``start`` and ``end`` (UTC; end null for a single bar), ``value``
and the ``limit`` it is beyond (either may be null), ``source`` of the bar, and a ``note``. A finding is
something to look at; nothing is changed and nothing is dropped because of one. The rules are in
:data:`RULES`, each with its meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from sise.model.calendar import Calendar
from sise.warehouse import quality_calendar, quality_prices
from sise.warehouse.candles import in_order
from sise.warehouse.quality_finding import FINDINGS, Series, none_found

Rule = Callable[[pl.DataFrame, Series], pl.DataFrame]

RULES: Final[dict[str, tuple[Rule, str]]] = {
    "missing": (quality_calendar.missing, "bars that the calendar has and the data has not; value: how many"),
    "outside_sessions": (quality_calendar.outside, "a bar at a time at which the market is closed"),
    "before_calendar": (quality_calendar.before, "bars older than the calendar: not judged; value: how many"),
    "starts_late": (quality_calendar.starts_late, "a session whose first bar comes late; value: minutes"),
    "ends_early": (quality_calendar.ends_early, "a session whose last bar comes early; value: minutes"),
    "halted": (quality_prices.halted, "days without trading that the source states; value: how many"),
    "blank_price": (quality_prices.blank, "a traded bar without open, high, low or close"),
    "not_positive": (quality_prices.not_positive, "a price of zero or below, or a volume below zero"),
    "ohlc_inconsistent": (
        quality_prices.inconsistent,
        "open or close outside low and high; value: by how much",
    ),
    "moved_without_volume": (quality_prices.moved_without_volume, "prices that differ at a volume of 0"),
    "jump": (
        quality_prices.jump,
        "a day's close further from the day before than the limit; value: the change",
    ),
    "stuck": (quality_prices.stuck, "the same traded bar again and again; value: how often"),
    "off_tick": (
        quality_prices.off_tick,
        "a price between the venue's ticks; value: the price, limit: the tick",
    ),
}


def findings(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
    """What the rules find in bars of one size and one source, rule by rule."""
    ordered = in_order(bars)
    if ordered.is_empty():
        return none_found()
    found = [
        rule(ordered, series).with_columns(rule=pl.lit(name), source=pl.lit(series.source))
        for name, (rule, _) in RULES.items()
    ]
    return pl.concat(
        [part.select(pl.col(name).cast(kind) for name, kind in FINDINGS.items()) for part in found]
    )


def series_of(size_seconds: int, market: str, calendar: Calendar, *, adjusted: bool, source: str) -> Series:
    """What the rules must know beside the bars."""
    return Series(
        size_seconds=size_seconds, market=market, calendar=calendar, adjusted=adjusted, source=source
    )
