"""One answer of what several places and sources hold: each moment once, and who goes before whom.

Of two bars of one moment the source decides, in the order of :mod:`sise.warehouse.history`: what we heard,
the provider's own candles, files, resampled bars. Within one of these the database goes before the
history, and there the file that was added last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import polars as pl

from sise.warehouse.history_choice import PRECEDENCE
from sise.warehouse.query import frames
from sise.warehouse.query.asked import Series, Span
from sise.warehouse.query.store import Store

_WORTH: Final = {
    **{name: at for at, name in enumerate(PRECEDENCE)},
    # a day as the provider's answer to a sweep told it; one made of a sample knows no open, high and low, and
    # stands where nobody else tells of the day
    "sweep": PRECEDENCE.index("provider"),
}
_LAST: Final = len(PRECEDENCE)


def merged(
    stores: Sequence[Store], kind: str, series: Series, span: Span, source: str | None = None
) -> pl.DataFrame | None:
    """All rows of the kind that begin in the span, each moment once, oldest first. None: there are none."""
    parts = [part for store in stores for part in store.rows(kind, series, span, source) if part.height]
    if not parts:
        return None
    if kind in frames.TIME:
        # a day may lie in the database and in the history: the place that is asked first gives the tick
        own = "id" if kind == "ticks" else "raw_ref"
        once = pl.concat(parts).unique(["event_time", own], keep="first", maintain_order=True)
        return frames.in_order(kind, once)
    if len(parts) == 1:
        return frames.in_order(kind, parts[0])
    return first_of_each(parts)


def first_of_each(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Bars by start; of those that share one, that of the worthiest source, then of the earliest part."""
    numbered = [part.with_columns(_part=pl.lit(number)) for number, part in enumerate(parts)]
    ranked = pl.concat(numbered).with_columns(_worth=worth(pl.col("source")))
    kept = ranked.sort("start", "_worth", "_part", maintain_order=True).unique(
        "start", keep="first", maintain_order=True
    )
    return kept.drop("_part", "_worth")


def worth(source: pl.Expr) -> pl.Expr:
    """0 goes first; who is not known goes last."""
    kind = source.str.extract(r"^([^:]*)")
    return kind.replace_strict(_WORTH, default=_LAST, return_dtype=pl.Int8)


def extent(
    stores: Iterable[Store], kinds: Iterable[str], series: Series, source: str | None = None
) -> Span | None:
    """From the first to the last row of the kinds, in all places."""
    wanted = tuple(kinds)
    found = [
        part
        for store in stores
        for kind in wanted
        if (part := store.extent(kind, series, source)) is not None
    ]
    if not found:
        return None
    return Span(min(part.start_ns for part in found), max(part.end_ns for part in found))


def in_windows(
    stores: Sequence[Store], kind: str, series: Series, asked: Span, days: int
) -> Iterator[pl.DataFrame]:
    """The rows of a span in parts of so many UTC days, oldest first, none empty."""
    held = extent(stores, [kind], series)
    within = None if held is None else asked.within(held)
    for window in within.windows(days) if within is not None else ():
        part = merged(stores, kind, series, window)
        if part is not None:
            yield part
