"""The quality rules over a whole history: each source and venue alone, then against the others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Final

import polars as pl

from sise.warehouse.candles import seconds_of
from sise.warehouse.candles_calendar import BUILT_IN, Calendars
from sise.warehouse.history import History
from sise.warehouse.history_entry import Entry
from sise.warehouse.quality import findings, series_of
from sise.warehouse.quality_finding import none_found
from sise.warehouse.quality_sources import compared

BARS: Final = "bars_"
PLACE: Final = ("provider", "market", "venue", "size")


def check(history: History, size: str | None = None, calendars: Calendars = BUILT_IN) -> pl.DataFrame:
    """All findings (:data:`~sise.warehouse.quality_finding.FINDINGS`), with ``provider market
    venue size``. ``calendars`` say when there is trading."""
    parts = [_none()]
    for kind in history.kinds():
        if kind.startswith(BARS) and size in (None, kind.removeprefix(BARS)):
            entries = history.entries(kind)
            for entry in entries:
                parts += _alone(history, entry, calendars)
            for pair in permutations(entries, 2):
                if _may_differ(*pair):
                    parts += _against(history, *pair)
    return pl.concat(parts)


def _none() -> pl.DataFrame:
    return none_found().with_columns(pl.lit("").alias(name) for name in PLACE)


def _alone(history: History, entry: Entry, calendars: Calendars) -> Iterator[pl.DataFrame]:
    size = entry.kind.removeprefix(BARS)
    series = series_of(
        seconds_of(size),
        entry.market,
        calendars.of(entry.market, entry.provider),
        adjusted=entry.prices == "adjusted",
        source=entry.source,
    )
    for venue, bars in _by_venue(history, entry).items():
        yield _placed(findings(bars, series), entry, venue)


def _against(history: History, one: Entry, other: Entry) -> Iterator[pl.DataFrame]:
    prices = one.prices == other.prices == "raw"
    others = _by_venue(history, other)
    for venue, bars in _by_venue(history, one).items():
        if venue in others:
            yield _placed(compared(bars, others[venue], prices=prices), one, venue)


def _by_venue(history: History, entry: Entry) -> dict[str, pl.DataFrame]:
    parted = history.bars_of(entry).partition_by("venue", as_dict=True, maintain_order=True)
    return {str(venue): bars for (venue,), bars in parted.items()}


def _may_differ(one: Entry, other: Entry) -> bool:
    return one.market == other.market and not set(one.symbols).isdisjoint(other.symbols)


def _placed(found: pl.DataFrame, entry: Entry, venue: str) -> pl.DataFrame:
    place = (entry.provider, entry.market, venue, entry.kind.removeprefix(BARS))
    return found.with_columns(pl.lit(text).alias(name) for name, text in zip(PLACE, place, strict=True))
