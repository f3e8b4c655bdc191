"""A provider's own candles as bars of the history.

A provider lists only the intervals in which it saw a trade (KIS also days without one, as volume 0). What it
does not list is absent and so unknown: it is never made a flat bar.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import polars as pl

from sise.model.errors import BadInput
from sise.model.events import Candle
from sise.model.time import NS_PER_US
from sise.warehouse.candles import PRICES, UTC_TIME, shaped, zone_of
from sise.warehouse.history import History
from sise.warehouse.history_entry import Origin
from sise.warehouse.history_raw import Answers
from sise.warehouse.imports.rows import with_states
from sise.warehouse.query.asked import Series

SOURCE: Final = "provider"
_TOLD: Final = (*PRICES, "volume", "value")


def bars_of(candles: Sequence[Candle], series: Series, size: str, now_ns: int) -> pl.DataFrame:
    """The bars (columns of :data:`~sise.warehouse.candles.SCHEMA`) of ``candles`` whose end is not after now.

    A candle of ``size`` that is still forming at ``now_ns`` (UTC ns) is left out. Volume above 0 is
    ``traded``; a flat bar of volume 0 is the provider's word that there was no trade: ``empty``, by the rule
    of the imports.

    Raises
    ------
    BadInput
        There is no such market as that of ``series``.
    """
    told = pl.DataFrame(
        {
            "start": [each.bar_time // NS_PER_US for each in candles],
            **{name: [getattr(each, name) for each in candles] for name in _TOLD},
        },
        schema={"start": pl.Int64, **dict.fromkeys(_TOLD, pl.Float64)},
    )
    bars = told.with_columns(pl.col("start").cast(UTC_TIME)).filter(_finished(series.market, size, now_ns))
    return shaped(
        with_states(bars).with_columns(
            provider=pl.lit(series.provider),
            market=pl.lit(series.market),
            venue=pl.lit(series.venue),
            symbol=pl.lit(series.symbol),
            trades=pl.lit(None, pl.Int64),
            source=pl.lit(SOURCE),
        )
    )


def store_backfill(
    history: History, bars: pl.DataFrame, size: str, now_ns: int, answers: Answers | None = None
) -> list[str]:
    """Keep ``bars`` of one series with the answers they were made of; the files written.

    None where there are none, or the history says the same of them already. Where the provider now tells
    otherwise it is a new import beside the old one, and the last counts.
    """
    if bars.is_empty() or _is_held(history, bars, size):
        return []
    content = bars.write_csv().encode()
    name = f"{bars['provider'][0]} {bars['symbol'][0]} {size}"
    origin = Origin(name, hashlib.sha256(content).hexdigest(), len(content))
    told_before = [each for each in history.entries(f"bars_{size}") if each.made_from.sha256 == origin.sha256]
    # told, then told otherwise, and now as at first again: an import of its own, or the second would stand
    said = [each.id for each in told_before]
    return history.add(f"bars_{size}", bars, origin, now_ns, said=said, answers=answers)


def _is_held(history: History, bars: pl.DataFrame, size: str) -> bool:
    """Whether the provider's bars that a reader gets are these."""
    provider, market, venue, symbol = (
        str(bars[name][0]) for name in ("provider", "market", "venue", "symbol")
    )
    try:
        held = history.bars(symbol, size, provider=provider, market=market, venue=venue, source=SOURCE)
    except BadInput:  # it holds none of them
        return False
    return bars.join(held, on=bars.columns, how="anti", nulls_equal=True).is_empty()


def _finished(market: str, size: str, now_ns: int) -> pl.Expr:
    """A day ends at the next midnight of the market's zone, which may be 23 or 25 hours away."""
    local = pl.col("start").dt.convert_time_zone(zone_of(market).key)
    return local.dt.offset_by(size).dt.convert_time_zone("UTC") <= pl.lit(now_ns // NS_PER_US).cast(UTC_TIME)
