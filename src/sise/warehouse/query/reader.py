"""The one reading face: questions about what was recorded, answered as polars frames.

Each answer about a symbol is of one series: a symbol of one provider at one venue. Where several have it, the
choice is asked for and never made. Times in frames are aware (UTC); days are days of the market, and begin at
its midnight (coins: 00:00 UTC). Nothing here writes, and nothing reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, Literal, Unpack

import polars as pl

from sise.model.errors import BadInput
from sise.warehouse.candles import SCHEMA, seconds_of, zone_of
from sise.warehouse.candles_calendar import BUILT_IN, Calendars
from sise.warehouse.query import frames
from sise.warehouse.query.adjusting import adjusted_bars
from sise.warehouse.query.asked import (
    UTC_ZONE,
    Choice,
    Moment,
    Series,
    Who,
    checked_states,
    day_of,
    is_day,
    span,
)
from sise.warehouse.query.covering import covered, sessions_of
from sise.warehouse.query.deriving import PART_DAYS, Wanted, bars, kinds_for
from sise.warehouse.query.merging import in_windows
from sise.warehouse.query.naming import check_market, check_source, every, the_series
from sise.warehouse.query.store import BAR_KINDS, Store
from sise.warehouse.query.universes import Universes

RecordKind = Literal["ticks", "quotes"]
SwingSize = Literal["10m", "1h"]

_KINDS: Final = ("ticks", "quotes", "swing_10m", "swing_1h", *BAR_KINDS)
_RECORD_DAYS: Final = 1
_YEAR_DAYS: Final = 364


class Reader:
    """What :func:`sise.connect` gives; ``with`` closes it. A reader is for one thread at a time."""

    def __init__(
        self,
        stores: Sequence[Store],
        universes: Universes,
        close: Callable[[], None],
        calendars: Calendars = BUILT_IN,
    ) -> None:
        self._stores = stores
        self._universes = universes
        self._calendars = calendars
        self.close = close

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def bars(
        self,
        symbol: str,
        size: str = "1m",
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        provider: str | None = None,
        market: str | None = None,
        venue: str | None = None,
        source: str | None = None,
        adjusted: bool = False,
        states: Collection[str] | None = None,
    ) -> pl.DataFrame:
        """Bars that start in ``[start, end)``, oldest first (:data:`sise.warehouse.candles.SCHEMA`).

        ``state`` is ``traded``, ``empty`` (proven) or ``unknown``; ``states`` keeps only those named.
        ``adjusted``: prices derived with the dated corporate actions. ``source``: only rows of this source,
        and then also those whose prices were adjusted before they came here.

        Raises
        ------
        BadInput
            An unknown symbol, size or state, a choice that is open, a naive time, dates the wrong way round.
        Unreachable
            The database or the bucket does not answer.
        """
        parts = self.bars_in_parts(
            symbol, size, start, end, provider=provider, market=market, venue=venue,
            source=source, adjusted=adjusted, states=states,
        )  # fmt: skip
        return pl.concat([pl.DataFrame(schema=SCHEMA), *parts])

    def bars_in_parts(
        self,
        symbol: str,
        size: str = "1m",
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        source: str | None = None,
        adjusted: bool = False,
        states: Collection[str] | None = None,
        **choice: Unpack[Choice],
    ) -> Iterator[pl.DataFrame]:
        """What :meth:`bars` gives, as frames of some weeks, oldest first; memory holds one of them."""
        seconds_of(size)
        wanted_states = checked_states(states)
        series = the_series(self._stores, kinds_for(size), Who(symbol, **choice))
        check_source(self._stores, kinds_for(size), series, source)
        within = span(start, end, zone_of(series.market))
        wanted = Wanted(series, size, within, source, self._calendars)
        derived = adjusted_bars if adjusted else bars
        return (part.filter(pl.col("state").is_in(wanted_states)) for part in derived(self._stores, wanted))

    def ticks(
        self,
        symbol: str,
        start: Moment | None = None,
        end: Moment | None = None,
        **choice: Unpack[Choice],
    ) -> pl.DataFrame:
        """Trades of ``[start, end)`` by event time (:data:`~sise.warehouse.query.frames.TICKS`)."""
        parts = self.records_in_parts("ticks", symbol, start, end, **choice)
        return pl.concat([pl.DataFrame(schema=frames.TICKS), *parts])

    def quotes(
        self,
        symbol: str,
        start: Moment | None = None,
        end: Moment | None = None,
        **choice: Unpack[Choice],
    ) -> pl.DataFrame:
        """Samples of the best bid and ask on the grid (:data:`~sise.warehouse.query.frames.QUOTES`)."""
        parts = self.records_in_parts("quotes", symbol, start, end, **choice)
        return pl.concat([pl.DataFrame(schema=frames.QUOTES), *parts])

    def records_in_parts(
        self,
        kind: RecordKind,
        symbol: str,
        start: Moment | None = None,
        end: Moment | None = None,
        **choice: Unpack[Choice],
    ) -> Iterator[pl.DataFrame]:
        """Ticks or quotes as frames of a UTC day each, oldest first; memory holds one of them."""
        if kind not in frames.TIME:
            raise BadInput("kind", kind, f"use one of {' '.join(frames.TIME)}")
        series = the_series(self._stores, [kind], Who(symbol, **choice))
        return self._in_windows(kind, series, start, end, _RECORD_DAYS)

    def swing(
        self,
        symbol: str,
        size: SwingSize = "10m",
        start: Moment | None = None,
        end: Moment | None = None,
        **choice: Unpack[Choice],
    ) -> pl.DataFrame:
        """Bars of the swing track, made of the sweeps over the whole universe; columns as :meth:`bars`."""
        kind = f"swing_{size}"
        if kind not in _KINDS:
            raise BadInput("size", size, "the swing track has 10m and 1h")
        series = the_series(self._stores, [kind], Who(symbol, **choice))
        parts = self._in_windows(kind, series, start, end, PART_DAYS)
        return pl.concat([pl.DataFrame(schema=SCHEMA), *parts])

    def daily(
        self,
        symbol: str,
        start: Moment | None = None,
        end: Moment | None = None,
        **choice: Unpack[Choice],
    ) -> pl.DataFrame:
        """Days as they are held, none made of minutes: ``day``, a bar's columns, ``prev_close`` as told."""
        series = the_series(self._stores, ["bars_1d"], Who(symbol, **choice))
        parts = self._in_windows("bars_1d", series, start, end, _YEAR_DAYS)
        days = pl.concat([pl.DataFrame(schema=frames.DAILY), *parts])
        day = pl.col("start").dt.convert_time_zone(zone_of(series.market).key).dt.date().alias("day")
        return days.select(*frames.INSTRUMENT, day, pl.exclude(*frames.INSTRUMENT, "day", "start"))

    def gaps(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        provider: str | None = None,
        market: str | None = None,
    ) -> pl.DataFrame:
        """Holes that touch ``[start, end)`` (:data:`~sise.warehouse.query.frames.GAPS`), oldest first."""
        check_market(market)
        # whose day is meant matters only where a day is named
        zone = zone_of(self._market(market)) if is_day(start) or is_day(end) else UTC_ZONE
        within = span(start, end, zone)
        found = pl.concat([store.gaps(Who(None, provider, market), within) for store in self._stores])
        return found.sort("start", "raw_ref")

    def symbols(
        self, *, provider: str | None = None, market: str | None = None, venue: str | None = None
    ) -> pl.DataFrame:
        """Every series of which anything is held: ``provider market venue symbol``."""
        check_market(market)
        found = every(self._stores, _KINDS, Who(None, provider, market, venue))
        rows = [(each.provider, each.market, each.venue, each.symbol) for each in found]
        return pl.DataFrame(rows, schema=frames.INSTRUMENT, orient="row")

    def sessions(self, day: Moment, market: str | None = None) -> pl.DataFrame:
        """When the market trades on the day: ``market kind opens closes``; no row where it is closed."""
        named = self._market(market)
        return sessions_of(named, day_of("day", day), self._calendars.of(named))

    def coverage(
        self,
        symbol: str,
        start: Moment | None = None,
        end: Moment | None = None,
        **choice: Unpack[Choice],
    ) -> pl.DataFrame:
        """How much of each day's sessions is known (:data:`~sise.warehouse.query.covering.COVERAGE`)."""
        series = the_series(self._stores, ["bars_1m"], Who(symbol, **choice))
        within = span(start, end, zone_of(series.market))
        wanted = Wanted(series, "1m", within, None, self._calendars)
        return covered(bars(self._stores, wanted), within, wanted.calendar)

    def universe(
        self, day: Moment, *, provider: str | None = None, market: str | None = None
    ) -> pl.DataFrame:
        """The symbols that were swept on the day: ``provider market day symbol``, in the universe's order."""
        check_market(market)
        return self._universes.of(day_of("day", day), provider, market)

    def _in_windows(
        self, kind: str, series: Series, start: Moment | None, end: Moment | None, days: int
    ) -> Iterator[pl.DataFrame]:
        asked = span(start, end, zone_of(series.market))
        return in_windows(self._stores, kind, series, asked, days)

    def _market(self, market: str | None) -> str:
        """The market that is named, or the only one that is held."""
        check_market(market)
        if market is not None:
            return market
        held = sorted({series.market for series in every(self._stores, _KINDS, Who())})
        if len(held) != 1:
            raise BadInput(
                "market", None, f"say which market is meant: {' or '.join(held) or 'none is held'}"
            )
        return held[0]
