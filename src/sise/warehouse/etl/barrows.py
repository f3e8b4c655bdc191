"""Rows of the bar tables, from the fold of a day and what was listened to.

Volume: where all of a bar's time was listened to, every trade of it was heard, and the volume is their sum by
``event_time``. Where a hole lies in it and the provider's cumulative volume is known at both edges, the
volume is their difference, if that is more: the provider counted what we did not hear. The traded ``value``
is then not known, and the bar stays ``unknown``. (The cumulative volume is never taken for a whole bar: it
comes out of step with the trades, and would put the edges' trades into the wrong minute.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from sise.model.records import SCHEMA_VERSION
from sise.model.time import NS_PER_SECOND
from sise.warehouse.etl.barjudge import BAR, EMPTY, STATES, bounds, judge
from sise.warehouse.etl.hearing import Hearing
from sise.warehouse.etl.minutefold import CLEAN
from sise.warehouse.etl.minutes import DayFold, Series
from sise.warehouse.etl.rounding import rounded, to_digits
from sise.warehouse.etl.spans import both, spans_of, without
from sise.warehouse.etl.tickarrays import FLAGS
from sise.warehouse.rows import VOLUME_DECIMALS

COLUMNS: Final = (
    *("provider", "market", "venue", "symbol", "bar_time", "open", "high", "low", "close", "volume", "value"),
    *("trades", "coverage_ratio", "state", "source", "event_time", "receive_time", "session_id"),
    *("schema_version", "mitigation_level", "quality_flag", "raw_ref"),
)
SOURCE: Final = "journal"
SIZES: Final = {"scalp_1m_bars": 60, "scalp_5m_bars": 300}

TRUSTED_DIGITS: Final = 15
"""So far a sum of products of doubles can be trusted."""
_NEVER: Final = np.zeros((0, 2), np.int64)


def bar_rows(fold: DayFold, hearing: Hearing, size: int, *, changed_only: bool = False) -> pl.DataFrame:
    """Rows (see :data:`COLUMNS`) of all symbols, each from its first minute known to its last.

    ``changed_only``: from the first bar on that anything came to since :meth:`DayFold.mark_clean`.
    """
    return _frame(_bars(fold, hearing, size, changed_only=changed_only), fold)


class _Part(NamedTuple):
    """The bars of one series: the first and how many, and the spans of the series' own lines."""

    series: Series
    first: int
    size: int
    heard: Any


def _bars(fold: DayFold, hearing: Hearing, size: int, *, changed_only: bool) -> Any:
    """The bars (of ``BAR``), in the order of symbols and venues."""
    day, holes, deaf = fold.day.start_ns // NS_PER_SECOND, spans_of(hearing.holes()), spans_of(hearing.deaf())
    parts = list(_parts(fold, hearing, size, changed_only=changed_only))
    bars, begin = np.zeros(sum(part.size for part in parts), BAR), 0
    for part in parts:
        here = bars[begin : begin + part.size]
        number, known = part.series.number, without(part.heard, deaf)
        judge(here, fold.minutes, fold.places[number], known, holes, number, day, size, part.first)
        begin += part.size
    return bars


def _parts(fold: DayFold, hearing: Hearing, size: int, *, changed_only: bool) -> Iterator[_Part]:
    proofs = fold.proofs()
    for (symbol, _), series in sorted(fold.series.items()):
        dirty = int(fold.dirty[series.number])
        if changed_only and dirty == CLEAN:
            continue
        places, heard = fold.places[series.number], proofs.get(symbol, _NEVER)
        if (windows := hearing.windows(symbol)) is not None:
            heard = both(heard, spans_of(windows))
        first, last = bounds(fold.minutes, places, heard, fold.day.start_ns, fold.day.end_ns, size)
        if last < first:
            continue
        if changed_only:
            changed = min(dirty, series.stored_to)
            first = max(first, changed // size * size - size)  # a proof reaches into the bar before
        series.last = max(series.last, last)
        yield _Part(series, first, max(0, (last - first) // size + 1), heard)


def _frame(bars: Any, fold: DayFold) -> pl.DataFrame:
    keys = sorted(fold.series, key=lambda key: fold.series[key].number)
    texts = pl.Series(list(fold.texts), dtype=pl.String)
    traded = bars["trades"] > 0
    volume = np.where(traded, rounded(bars["volume"] + bars["rest"], VOLUME_DECIMALS), 0.0)
    told = bars["told"] > volume  # false where it is not known
    frame = pl.DataFrame(
        {
            **{name: bars[name] for name in BAR.names or ()},
            "bar_time": bars["second"] * NS_PER_SECOND,
            "volume": np.where(told, rounded(bars["told"], VOLUME_DECIMALS), volume),
            "value": to_digits(bars["value"], TRUSTED_DIGITS),
            "symbol": pl.Series([symbol for symbol, _ in keys], dtype=pl.String).gather(bars["series"]),
            "venue": pl.Series([venue for _, venue in keys], dtype=pl.String).gather(bars["series"]),
            "state": pl.Series(STATES).gather(bars["state"]),
            "quality_flag": pl.Series(FLAGS).gather(bars["flag"]),
            "session_id": texts.gather(bars["session"]),
            "path": texts.gather(bars["path"]),
            "is_traded": traded,
            "is_known": traded | (bars["state"] == EMPTY),
            "is_told": told,
        }
    )
    traded_only, known_only = pl.when("is_traded"), pl.when("is_known")
    return frame.select(
        pl.lit(fold.day.provider).alias("provider"),
        pl.lit(fold.day.market).alias("market"),
        *("venue", "symbol", "bar_time"),
        *(traded_only.then(name).alias(name) for name in ("open", "high", "low", "close")),
        pl.when(pl.col("is_known") | pl.col("is_told")).then("volume").alias("volume"),
        pl.when(pl.col("is_known") & ~pl.col("is_told")).then("value").alias("value"),
        known_only.then("trades").alias("trades"),
        pl.col("coverage").alias("coverage_ratio"),
        "state",
        pl.lit(SOURCE).alias("source"),
        traded_only.then("event_ns").alias("event_time"),
        traded_only.then("receive_ns").alias("receive_time"),
        "session_id",
        pl.lit(SCHEMA_VERSION).alias("schema_version"),
        pl.col("mitigation").alias("mitigation_level"),
        "quality_flag",
        traded_only.then(pl.concat_str("path", pl.lit(":"), "line")).alias("raw_ref"),
    )
