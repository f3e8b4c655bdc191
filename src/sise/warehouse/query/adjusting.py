"""Adjusted prices of an answer that comes in parts: the factors first, then each part with them.

A factor needs the close before its ex-day, which may lie outside of what is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import polars as pl
from msgspec import structs

from sise.model.time import NS_PER_US, to_ns
from sise.warehouse.candles_adjust import adjusted
from sise.warehouse.query.asked import DAY_NS, Span
from sise.warehouse.query.deriving import Wanted, bars
from sise.warehouse.query.store import Store

ANCHOR_DAYS: Final = 60
"""So long before an ex-day its last close is looked for."""
_FACT: Final = ("ex", "kind")


def adjusted_bars(stores: Sequence[Store], wanted: Wanted) -> Iterator[pl.DataFrame]:
    """The bars with prices and volume as if every action after them had been before them."""
    facts = _facts(stores, wanted)
    anchors = [anchor for ex in facts["ex"].unique() if (anchor := _before(stores, wanted, ex)) is not None]
    known = pl.concat(anchors) if anchors else None
    for part in bars(stores, wanted):
        if known is None:
            yield part
            continue
        more = known.join(part, on="start", how="anti")
        changed = adjusted(pl.concat([part, more]), facts)
        yield changed.join(part, on="start", how="semi", maintain_order="left")


def _facts(stores: Sequence[Store], wanted: Wanted) -> pl.DataFrame:
    """Actions after the first bar; told by several, the first place counts."""
    told = pl.concat([store.actions(wanted.series) for store in stores])
    one = told.unique(_FACT, keep="first", maintain_order=True)
    return one.filter(pl.col("ex").dt.timestamp("us") * NS_PER_US > wanted.span.start_ns)


def _before(stores: Sequence[Store], wanted: Wanted, ex: datetime) -> pl.DataFrame | None:
    """The last bar with a close before the moment."""
    ex_ns = to_ns(ex)
    before = Span(ex_ns - ANCHOR_DAYS * DAY_NS, ex_ns)
    near = structs.replace(wanted, span=before)
    last = None
    for part in bars(stores, near):
        closed = part.drop_nulls("close").tail(1)
        last = closed if closed.height else last
    return last
