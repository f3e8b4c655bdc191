"""What a place must give to be asked: the database, the history and the journal each do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, Protocol

import polars as pl

from sise.warehouse.candles import SIZES
from sise.warehouse.query.asked import Series, Span, Who

Kind = str
"""``ticks``, ``quotes``, ``swing_10m``, ``swing_1h``, or ``bars_<size>``."""
BAR_KINDS: Final = tuple(f"bars_{size}" for size in SIZES)


class Store(Protocol):
    """A place that holds rows of series. It reads, and never writes."""

    name: str

    def find(self, kinds: Collection[Kind], who: Who) -> set[Series]:
        """The series that are meant and of which there are rows of one of the kinds."""

    def extent(self, kind: Kind, series: Series, source: str | None) -> Span | None:
        """Where the rows begin and end; perhaps wider, never narrower. None: there are none."""

    def rows(self, kind: Kind, series: Series, span: Span, source: str | None) -> Iterator[pl.DataFrame]:
        """Rows of the span in frames of the kind, in any order; the frame that goes first is given first.

        ``source`` (bars only): rows of this source, and only then those whose prices were adjusted before.
        """

    def adjusted_sources(self, kinds: Collection[Kind], series: Series) -> set[str]:
        """Sources of the series whose prices were adjusted before: read only where they are named."""

    def gaps(self, who: Who, span: Span) -> pl.DataFrame:
        """Holes that touch the span, as :data:`~sise.warehouse.query.frames.GAPS`."""

    def actions(self, series: Series) -> pl.DataFrame:
        """Dated corporate actions of the symbol, as :data:`~sise.warehouse.candles_actions.ACTIONS`."""
