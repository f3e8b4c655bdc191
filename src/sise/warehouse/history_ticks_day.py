"""A day of the trading database's ticks into the history, one symbol after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl
from sqlalchemy import Engine

from sise.warehouse.etl.days import MarketDay
from sise.warehouse.history import History
from sise.warehouse.history_ticks import Day, keep_ticks
from sise.warehouse.history_ticks_form import FORMS
from sise.warehouse.query.asked import CHOICE_NAMES, Series, Who
from sise.warehouse.query.database import Database
from sise.warehouse.query.database_keys import walked
from sise.warehouse.query.frames import in_order
from sise.warehouse.schema import scalp_ticks

KINDS: Final = {"ticks": "trade", "quotes": "sample"}
"""The history's kinds, and what the table calls them."""
_NAMES: Final = {"ticks": {"price": "last_price", "size": "volume"}, "quotes": {}}


def keep_day_ticks(engine: Engine, history: History, day: MarketDay, now_ns: int) -> list[str]:
    """Store the trades and samples of a day, by their own time; the files written, none where it holds them.

    Raises
    ------
    NotExact
        A value would not come back as it is.
    """
    whose = Day(day.provider, day.market, day.day)
    source = _Ticks(engine)
    return [
        file for kind in KINDS for file in keep_ticks(history, kind, whose, source.of_day(kind, day), now_ns)
    ]


class _Ticks(Database):
    """The trading database, read symbol by symbol; with the columns that a question needs not have."""

    def of_day(self, kind: str, day: MarketDay) -> Iterator[pl.DataFrame]:
        """A frame for each symbol and venue, sorted by them and then as heard."""
        with self._engine.connect() as connection:
            held = list(walked(connection, scalp_ticks, Who(None, day.provider, day.market)))
        for series in sorted(held, key=lambda each: (each.symbol, each.venue)):
            parts = list(self._of_series(kind, series, day))
            if parts:
                yield in_order(kind, pl.concat(parts))

    def _of_series(self, kind: str, series: Series, day: MarketDay) -> Iterator[pl.DataFrame]:
        table = scalp_ticks.c
        names = (*CHOICE_NAMES, "symbol")
        form = {name: each for name, each in FORMS[kind].items() if name not in names}
        where = [
            *(table[name] == getattr(series, name) for name in names),
            table.event_time >= day.start_ns,
            table.event_time < day.end_ns,
            table.kind == KINDS[kind],
        ]
        for rows in self._read(scalp_ticks, form, _NAMES[kind], where):
            yield rows.with_columns(pl.lit(getattr(series, name)).alias(name) for name in names).select(
                *FORMS[kind]
            )
