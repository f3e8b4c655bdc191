"""A unit of the ETL: some lines, their rejects and the cursor, in one transaction.

A trade that stands in two lines is one row: of the line that comes first in the journal, whichever was
loaded first. The other line is a reject, ``duplicate``. So days may be loaded in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Engine, Row, and_, delete, or_, select

from sise.journal.files import Line
from sise.model.records import TradeRecord
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.ticks import (
    COLUMNS,
    DUPLICATE,
    Reject,
    Tick,
    key_of,
    place_of,
    read_ticks,
    row_of,
)
from sise.warehouse.load import Batch, Loaded, load_together
from sise.warehouse.schema import etl_cursor, findings, rejects, scalp_ticks

UNIT_ROWS: Final = 10_000
KEYS_AT_ONCE: Final = 200
STRAY_RULE: Final = "trade_of_another_day"
REJECT_COLUMNS: Final = ("table_name", "raw_ref", "day", "reason", "line")
CURSOR_COLUMNS: Final = ("path", "provider", "market", "track", "day", "line", "updated_at")
_MINUTE_NS: Final = 60_000_000_000


class Done(Struct):
    """What came of a unit."""

    ticks: list[Tick]
    """Those that count: they are rows, under their own line."""
    changed: int = 0
    same: int = 0
    rejected: int = 0
    others: int = 0
    strays: frozenset[int] = frozenset()
    """Minutes (UTC ns) of other days that trades of these lines belong to."""
    displaced: bool = False
    """Whether a line of a later day, which was loaded first, lost its place to one of these."""


def load_unit(engine: Engine, day: MarketDay, lines: Sequence[Line], now_ns: int) -> Done:
    """Store the ticks of ``lines`` of a day's scalp track, with rejects and cursor, or nothing.

    Raises what :func:`~sise.warehouse.load.load_together` does.
    """
    read = read_ticks(lines, day)
    ticks, repeated = _first_of_each(read.ticks)
    strays = _strays(read.ticks, day)
    unit = _Unit(day, ticks, [*read.rejects, *repeated], strays, lines, now_ns)
    loaded, *said = load_together(
        engine, [Batch(scalp_ticks, COLUMNS, [row_of(tick) for tick in ticks])], after=unit.after
    )
    if faults := [fault for one in said for fault in one.rejected]:
        raise RuntimeError(f"what the ETL says of its own lines was refused: {faults[0].reason}")
    kept = [tick for at, tick in enumerate(ticks) if at not in unit.out] if unit.out else ticks
    return Done(
        kept,
        changed=loaded.changed,
        same=loaded.same,
        rejected=len(read.rejects) + len(repeated) + len(unit.out),
        others=read.others,
        strays=frozenset(tick.event_ns // _MINUTE_NS * _MINUTE_NS for tick in strays),
        displaced=unit.displaced,
    )


def _strays(ticks: list[Tick], day: MarketDay) -> list[Tick]:
    """Trades whose own day is another."""
    start, end = day.start_ns, day.end_ns
    return [
        tick for tick in ticks if not start <= tick.event_ns < end and isinstance(tick.record, TradeRecord)
    ]


def _first_of_each(ticks: list[Tick]) -> tuple[list[Tick], list[Reject]]:
    keys = list(map(key_of, ticks))
    if len(set(keys)) == len(keys):
        return ticks, []
    seen: set[tuple[str, str, int, str]] = set()
    first: list[Tick] = []
    repeated: list[Reject] = []
    for key, tick in zip(keys, ticks, strict=True):
        if key in seen:
            repeated.append(Reject(tick.ref, DUPLICATE))
        else:
            seen.add(key)
            first.append(tick)
    return first, repeated


class _Unit:
    """What follows from a load, known only in its transaction."""

    def __init__(
        self,
        day: MarketDay,
        ticks: list[Tick],
        rejected: list[Reject],
        strays: list[Tick],
        lines: Sequence[Line],
        now_ns: int,
    ) -> None:
        self._day, self._ticks, self._rejected, self._lines = day, ticks, rejected, lines
        self._others, self._now_ns = strays, now_ns
        self.out: set[int] = set()
        """Positions of ticks that are no rows."""
        self.displaced = False

    def after(self, connection: Connection, loaded: list[Loaded]) -> list[Batch]:
        refused = {each.row for each in loaded[0].rejected}
        self.out = set(refused)
        rows = [_reject_row(self._day, each) for each in self._rejected]
        rows += [
            _reject_row(self._day, Reject(self._ticks[each.row].ref, each.reason[:500]))
            for each in loaded[0].rejected
        ]
        batches: list[Batch] = []
        if loaded[0].same:
            mine, theirs = self._duplicates(connection)
            self.out |= set(mine)
            self.displaced = bool(theirs)
            rows += [_reject_row(self._day, Reject(self._ticks[at].ref, DUPLICATE)) for at in mine]
            rows += [_reject_row(_day_of(self._day, ref), Reject(ref, DUPLICATE)) for _, ref in theirs]
            batches.append(Batch(scalp_ticks, COLUMNS, [row_of(self._ticks[at]) for at, _ in theirs]))
        batches.append(Batch(rejects, REJECT_COLUMNS, rows))
        batches.append(Batch(findings, *self._strays(refused)))
        batches.append(cursor_batch(self._day, "scalp", self._lines, self._now_ns))
        return batches

    def _duplicates(self, connection: Connection) -> tuple[list[int], list[tuple[int, str]]]:
        """Ticks whose trade another line stands for; and those that take another line's place (with it)."""
        trades = {key_of(t): at for at, t in enumerate(self._ticks) if key_of(t)[3] != t.ref}
        mine: list[int] = []
        theirs: list[tuple[int, str]] = []
        for row in _stored(connection, self._day, list(trades)):
            at = trades[row.venue, row.symbol, row.event_time, row.id]
            ours = self._ticks[at].ref
            if row.raw_ref == ours:
                continue
            if place_of(row.raw_ref) < place_of(ours):
                mine.append(at)
            else:
                theirs.append((at, row.raw_ref))
                connection.execute(
                    delete(scalp_ticks).where(_is(self._day, (row.venue, row.symbol, row.event_time, row.id)))
                )
        return sorted(mine), sorted(theirs)

    def _strays(self, refused_at: set[int]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """A trade whose own day is another: told, so that the bars of that day find it."""
        day = self._day
        found: set[tuple[str, str, int]] = set()
        refused = {self._ticks[at].ref for at in refused_at}
        for tick in self._others:
            if tick.ref in refused:
                continue
            minute = tick.event_ns // _MINUTE_NS * _MINUTE_NS
            found.add((tick.record.venue, tick.record.symbol, minute))
        names = (
            *("rule", "provider", "market", "venue", "symbol", "start_time", "source"),
            *("end_time", "raw_ref", "detail", "found_at"),
        )
        head = (STRAY_RULE, day.provider, day.market)
        # found_at is the day itself: the same lines give the same row whenever they are read
        rows = [
            (*head, venue, symbol, minute, day.folder("scalp"), minute + _MINUTE_NS, None, None, day.start_ns)
            for venue, symbol, minute in sorted(found)
        ]
        return names, rows


def _stored(
    connection: Connection, day: MarketDay, keys: list[tuple[str, str, int, str]]
) -> Iterable[Row[Any]]:
    columns = [scalp_ticks.c[name] for name in ("venue", "symbol", "event_time", "id", "raw_ref")]
    for start in range(0, len(keys), KEYS_AT_ONCE):
        part = keys[start : start + KEYS_AT_ONCE]
        yield from connection.execute(select(*columns).where(or_(*(_is(day, key) for key in part)))).all()


def _is(day: MarketDay, key: tuple[str, str, int, str]) -> Any:
    venue, symbol, event_ns, own = key
    table = scalp_ticks.c
    return and_(
        table.provider == day.provider,
        table.market == day.market,
        table.venue == venue,
        table.symbol == symbol,
        table.event_time == event_ns,
        table.id == own,
    )


def _day_of(day: MarketDay, ref: str) -> MarketDay:
    """The day of the journal in whose folder a line stands."""
    stamp = ref.split("/")[3]
    found = day.day.replace(year=int(stamp[:4]), month=int(stamp[4:6]), day=int(stamp[6:8]))
    return MarketDay(day.provider, day.market, found)


def _reject_row(day: MarketDay, each: Reject, table: str = scalp_ticks.name) -> tuple[Any, ...]:
    return str(table), each.ref, day.day, each.reason, each.line


def reject_batch(day: MarketDay, found: Sequence[Reject], table: str) -> Batch:
    """Lines that are in no table, for ``rejects``."""
    return Batch(rejects, REJECT_COLUMNS, [_reject_row(day, each, table) for each in found])


def cursor_batch(day: MarketDay, track: str, lines: Sequence[Line], now_ns: int) -> Batch:
    """How far the partitions of ``lines`` are loaded."""
    last = dict(place_of(line.ref) for line in lines)
    rows = [(path, day.provider, day.market, track, day.day, number, now_ns) for path, number in last.items()]
    return Batch(etl_cursor, CURSOR_COLUMNS, rows)
