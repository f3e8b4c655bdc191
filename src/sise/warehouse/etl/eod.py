"""The end of a day: what the provider itself said of it last.

Of each symbol the last sweep of the provider's own day of volume (crypto: the UTC day), with open, high, low,
volume and value of that day as told. A symbol that no sweep asked for gets its close and volume from its last
sample; open, high and low are then not known. ``source`` says which: ``sweep`` or ``sample``. Only a word
from the close or later speaks for the whole day: before that the row is ``unknown``, and ``coverage_ratio``
says how far it goes.

Where trading goes on over midnight the last sweep comes ten minutes before the end of the UTC day. A symbol
with a slot has a sample at the end, and so close and volume of the whole day (high and low are then not
known). Of the others the close is what the first sweep of the next day calls the close of the day before; as
volume, high and low go no further than the last sweep, the row stays ``unknown``.

A UTC day lies in two days of the journal (Seoul). Each gives its last word, and the later one stands, so
the order of loading does not matter.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select

from sise.model.calendar import Calendar
from sise.model.records import SampleRecord
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.hearing import SILENCE_NS
from sise.warehouse.etl.minutes import DayFold
from sise.warehouse.etl.sweeps import Seen, Sweeps
from sise.warehouse.etl.tickarrays import FLAGS
from sise.warehouse.etl.ticks import Tick
from sise.warehouse.schema import eod_prices

COLUMNS: Final = (
    *("provider", "market", "venue", "symbol", "trade_date", "open", "high", "low", "close", "volume"),
    *("value", "prev_close", "trades", "coverage_ratio", "state", "source", "event_time", "receive_time"),
    *("schema_version", "mitigation_level", "quality_flag", "raw_ref"),
)
SWEEP, SAMPLE = "sweep", "sample"
_SOURCE_AT: Final = COLUMNS.index("source")
_STATE_AT: Final = COLUMNS.index("state")
_TIME_AT: Final = COLUMNS.index("event_time")
_KEY: Final = slice(2, 5)

Row = tuple[Any, ...]
Key = tuple[str, str, int]
"""Symbol, venue and day (its ordinal)."""


def eod_rows(day: MarketDay, sweeps: Sweeps, fold: DayFold, calendar: Calendar) -> list[Row]:
    """Rows (see :data:`COLUMNS`) of every volume day that this day of the journal speaks of.

    ``calendar`` says when each day opens and closes.
    """
    swept = _last_sweeps(day, sweeps, calendar)
    found = {
        key: _of_sweep(day, key, each, swept.get((*key[:2], key[2] + 1)), calendar)
        for key, each in swept.items()
    }
    for key, tick in fold.last_samples.items():
        record = tick.record
        if isinstance(record, SampleRecord):
            row = _of_sample(day, key, tick, record, swept.get(key), calendar)
            if key not in found or rank_of(row) > rank_of(found[key]):
                found[key] = row
    return [found[key] for key in sorted(found)]


def _last_sweeps(day: MarketDay, sweeps: Sweeps, calendar: Calendar) -> dict[Key, Seen]:
    found: dict[Key, Seen] = {}
    for (symbol, venue), seen in sweeps.seen.items():
        for each in sorted(seen.values(), key=lambda one: one.event_ns):
            if each.last is not None and day.holds(each.event_ns):
                found[symbol, venue, calendar.day_of(each.event_ns).toordinal()] = each
    return found


def _of_sweep(day: MarketDay, key: Key, seen: Seen, following: Seen | None, calendar: Calendar) -> Row:
    """``following``: a sweep of the day after, which tells the close of this one."""
    symbol, venue, of = key[0], key[1], date.fromordinal(key[2])
    share, state = _spoken_for(seen.event_ns, of, seen.volume, calendar)
    high, low, close = seen.high, seen.low, seen.last
    if state == "unknown" and calendar.venue.weekends and following and following.prev_close is not None:
        close = following.prev_close
        high = None if high is None else max(high, close)
        low = None if low is None else min(low, close)
    return (
        *(day.provider, day.market, venue, symbol, of),
        *(seen.open, high, low, close, seen.volume, seen.value, seen.prev_close, None),
        *(share, state, SWEEP, seen.event_ns, seen.receive_ns, seen.schema),
        *(seen.mitigation, FLAGS[seen.flag], seen.ref),
    )


def _of_sample(
    day: MarketDay, key: Key, tick: Tick, record: SampleRecord, swept: Seen | None, calendar: Calendar
) -> Row:
    """``swept``: what a sweep said of the same day, whose open is that of the day."""
    symbol, venue, of = key[0], key[1], date.fromordinal(key[2])
    share, state = _spoken_for(tick.event_ns, of, record.volume, calendar)
    opened = None if swept is None else swept.open
    return (
        *(day.provider, day.market, venue, symbol, of),
        *(opened, None, None, record.last_price, record.volume, None, record.prev_close, None),
        *(share, state, SAMPLE, tick.event_ns, tick.receive_ns, record.schema_version),
        *(record.mitigation_level, record.quality_flag, tick.ref),
    )


def _spoken_for(at_ns: int, of: date, volume: float | None, calendar: Calendar) -> tuple[float | None, str]:
    """The share of the day's session before the word, and the state that follows."""
    regular = calendar.regular(of)
    if regular is None:
        return None, "unknown"
    whole = at_ns >= regular.close_ns - (SILENCE_NS if calendar.venue.weekends else 0)
    share = (at_ns - regular.open_ns) / (regular.close_ns - regular.open_ns)
    if volume is None or not whole:
        return round(min(max(share, 0.0), 1.0), 6), "unknown"
    return 1.0, "traded" if volume > 0 else "empty"


def rank_of(row: Row) -> tuple[bool, bool, int]:
    """Of two rows of one key the one with the higher rank stands: of the whole day, a sweep, the later."""
    return row[_STATE_AT] != "unknown", row[_SOURCE_AT] == SWEEP, row[_TIME_AT]


def key_of(row: Row) -> tuple[str, str, date]:
    """Venue, symbol and day."""
    venue, symbol, of = row[_KEY]
    return venue, symbol, of


def newer_only(connection: Connection, day: MarketDay, rows: list[Row]) -> list[Row]:
    """Those of ``rows`` that say no less than what is stored."""
    table = eod_prices.c
    days = sorted({key_of(row)[2] for row in rows})
    if not days:
        return []
    columns = (table.venue, table.symbol, table.trade_date, table.state, table.source, table.event_time)
    query = select(*columns).where(
        table.provider == day.provider, table.market == day.market, table.trade_date.in_(days)
    )
    there = {
        (row.venue, row.symbol, row.trade_date): (
            row.state != "unknown",
            row.source == SWEEP,
            row.event_time or 0,
        )
        for row in connection.execute(query)
    }
    return [row for row in rows if rank_of(row) >= there.get(key_of(row), (False, False, -1))]
