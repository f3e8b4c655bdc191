"""Candles as columns: the one form that imports, the history, resampling and the quality rules share.

A frame has the columns of :data:`SCHEMA`, sorted by symbol and start. ``start`` is the beginning of the bar,
UTC; a day begins at midnight of the market's own calendar (crypto: 00:00 UTC, 09:00 in Seoul). Prices and
``value`` are in the currency of the quote, ``volume`` in shares or coins. What a source does not tell is
null.

=========  ===================================================================================================
traded     there were trades; a bar of a source that speaks for the bar's whole time
empty      the source says that there were none (a halted day, a quiet minute): volume 0, no open, high
           or low; ``close``, where it is given, is the price carried over
unknown    less than its whole time is spoken for (``coverage_ratio`` below 1): what is in it proves nothing
=========  ===================================================================================================

A bar that is absent is not empty: there was no trade, or nobody asked. Readers treat it as unknown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from sise.model.errors import BadInput
from sise.model.hours import VENUE_OF_MARKET, VENUES
from sise.warehouse.bars import CANDLE_SECONDS

DAY_SECONDS: Final = 86_400
MINUTE_SECONDS: Final = 60
SIZES: Final = {
    name: seconds
    for name, seconds in sorted({**CANDLE_SECONDS, "1d": DAY_SECONDS}.items(), key=lambda row: row[1])
    if seconds >= MINUTE_SECONDS
}
"""Sizes of candles by name, in seconds."""

UTC_TIME: Final = pl.Datetime("us", "UTC")
PRICES: Final = ("open", "high", "low", "close")
NUMBERS: Final = (*PRICES, "volume", "value", "trades")
VENUES_OF_SHARES: Final = {"kr_stocks": ("KRX", "NXT", "UN")}
"""Of a market with several: the two exchanges, and both as one (``UN``)."""
KEY: Final = ("symbol", "start")
SCHEMA: Final[dict[str, pl.DataType]] = {
    "provider": pl.String(),
    "market": pl.String(),
    "venue": pl.String(),
    "symbol": pl.String(),
    "start": UTC_TIME,
    **{name: pl.Float64() for name in (*PRICES, "volume", "value")},
    "trades": pl.Int64(),
    "state": pl.String(),
    "coverage_ratio": pl.Float64(),
    "source": pl.String(),
}


def seconds_of(size: str) -> int:
    """The length of ``size`` in seconds.

    Raises
    ------
    BadInput
        There is no such size.
    """
    if size not in SIZES:
        raise BadInput("size", size, f"use one of {' '.join(SIZES)}")
    return SIZES[size]


def zone_of(market: str) -> ZoneInfo:
    """The zone whose midnight begins a day of ``market``.

    Raises
    ------
    BadInput
        There is no such market.
    """
    if market not in VENUE_OF_MARKET:
        raise BadInput("market", market, f"use one of {' '.join(VENUE_OF_MARKET)}")
    return VENUES[VENUE_OF_MARKET[market]].zone


def venue_of(market: str, provider: str, named: str | None = None) -> str:
    """The venue's one name, as the providers' clients write it: ``upbit``, ``KRX`` ``NXT`` ``UN``, ``XNYS``.

    Without a name it is the exchange of the shares, or the coin exchange itself; one that is ``named`` in
    other letters is the same venue.
    """
    own = provider if market == "crypto" else VENUE_OF_MARKET[market].upper()
    known = {name.casefold(): name for name in (own, *VENUES_OF_SHARES.get(market, ()))}
    return own if named is None else known.get(named.casefold(), named)


def bucket(start: pl.Expr, seconds: int, zone: ZoneInfo) -> pl.Expr:
    """The start of the bar of ``seconds`` of ``start``: a multiple since 1970, or the zone's day."""
    if seconds == DAY_SECONDS:
        return start.dt.convert_time_zone(zone.key).dt.truncate("1d").dt.convert_time_zone("UTC")
    return start.dt.truncate(f"{seconds}s")


def moment_text(moment: object) -> str:
    """A moment of a column as ``2026-11-20T00:00:00Z``."""
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` by symbol and start; the same one, without a copy, where it is so already."""
    symbol, start = (pl.col(name) for name in KEY)
    same = symbol == symbol.shift()
    ordered = (symbol > symbol.shift()) | (same & (start >= start.shift()))
    if frame.select(ordered.fill_null(value=True).all()).item():
        return frame
    return frame.sort(*KEY)


def shaped(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` in the form of :data:`SCHEMA`: its columns, types and order."""
    return frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort(*KEY)
