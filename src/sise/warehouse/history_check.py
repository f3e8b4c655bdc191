"""The quality rules over a whole history: each source alone, then against the others."""

from __future__ import annotations

from itertools import permutations
from typing import Final

import polars as pl

from sise.warehouse.candles import seconds_of
from sise.warehouse.candles_expected import calendar_of
from sise.warehouse.history import History
from sise.warehouse.history_entry import Entry
from sise.warehouse.quality import findings, series_of
from sise.warehouse.quality_finding import none_found
from sise.warehouse.quality_sources import compared

BARS: Final = "bars_"


def check(history: History, size: str | None = None) -> pl.DataFrame:
    """All findings (:data:`~sise.warehouse.quality_finding.FINDINGS`), with ``provider market size``."""
    parts = [_none()]
    for kind in history.kinds():
        if kind.startswith(BARS) and size in (None, kind.removeprefix(BARS)):
            entries = history.entries(kind)
            parts += [_one(history, entry) for entry in entries]
            parts += [_pair(history, *pair) for pair in permutations(entries, 2) if _may_differ(*pair)]
    return pl.concat(parts)


def _none() -> pl.DataFrame:
    return _placed(none_found(), "", "", "")


def _one(history: History, entry: Entry) -> pl.DataFrame:
    size = entry.kind.removeprefix(BARS)
    series = series_of(
        seconds_of(size),
        entry.market,
        calendar_of(entry.market),
        adjusted=entry.prices == "adjusted",
        source=entry.source,
    )
    return _placed(findings(history.bars_of(entry), series), entry.provider, entry.market, size)


def _pair(history: History, one: Entry, other: Entry) -> pl.DataFrame:
    found = compared(history.bars_of(one), history.bars_of(other), prices=one.prices == other.prices == "raw")
    return _placed(found, one.provider, one.market, one.kind.removeprefix(BARS))


def _may_differ(one: Entry, other: Entry) -> bool:
    return one.market == other.market and not set(one.symbols).isdisjoint(other.symbols)


def _placed(found: pl.DataFrame, provider: str, market: str, size: str) -> pl.DataFrame:
    return found.with_columns(provider=pl.lit(provider), market=pl.lit(market), size=pl.lit(size))
