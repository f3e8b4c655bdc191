"""Imports and resampled bars on their way into the history."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import polars as pl

from sise.model.errors import BadInput
from sise.warehouse.candles_calendar import Calendars
from sise.warehouse.candles_resample import resample
from sise.warehouse.history import History
from sise.warehouse.history_entry import Origin, PricesKind
from sise.warehouse.imports.read import Imported, Wanted


def store(history: History, imported: Imported, wanted: Wanted, now_ns: int) -> list[str]:
    """Keep what a file told: its actions, then its bars; the files written, none where it is held already."""
    file = imported.file
    origin = Origin(file.path.name, file.sha256, file.bytes)
    prices: PricesKind = "adjusted" if wanted.adjusted else "raw"
    said = (wanted.symbol, wanted.size, wanted.zone, wanted.venue)
    written = []
    with _writable():
        if imported.actions.height:
            written += history.add("actions", imported.actions, origin, now_ns, prices=prices, said=said)
        written += history.add(f"bars_{wanted.size}", imported.bars, origin, now_ns, prices=prices, said=said)
    return written


def resampled(bars: pl.DataFrame, size: str, to_size: str, calendars: Calendars) -> pl.DataFrame:
    """Bars of ``to_size`` made of what :meth:`History.bars` gave of ``size``, marked as such."""
    calendar = calendars.of(str(bars["market"][0]), str(bars["provider"][0]))
    return resample(bars, size, to_size, calendar).with_columns(source=pl.lit(f"resample:{size}"))


def store_resampled(
    history: History, bars: pl.DataFrame, size: str, to_size: str, symbols: Collection[str], now_ns: int
) -> list[str]:
    """Keep resampled ``bars``; the same content is kept once."""
    content = bars.write_csv().encode()
    origin = Origin(f"bars_{size} of {','.join(symbols)}", hashlib.sha256(content).hexdigest(), len(content))
    with _writable():
        return history.add(f"bars_{to_size}", bars, origin, now_ns)


@contextmanager
def _writable() -> Iterator[None]:
    """Turns what a disk says into whose fault it is: an import that was cut short is not there."""
    try:
        yield
    except OSError as error:
        remedy = (
            f"it cannot be written ({error.strerror}); make room there or name another place, and do it again"
        )
        raise BadInput("history (--history, SISE_HISTORY)", str(error.filename), remedy) from None
