"""A unit of the ETL: some lines, their rejects and the cursor, in one transaction.

A trade that stands in two lines is one row: of the line that comes first in the journal, whichever was
loaded first. The other line is a reject, ``duplicate``. So days may be loaded in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl
from msgspec import Struct
from sqlalchemy import Connection, Engine, Row, and_, delete, or_, select

from sise.journal.blocks import Block
from sise.journal.files import Line
from sise.warehouse.etl.ahead import Unit
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.minutefold import MINUTE_NS
from sise.warehouse.etl.tickarrays import Ticks, rows_of
from sise.warehouse.etl.ticks import DUPLICATE, Reject, place_of
from sise.warehouse.load import Batch, Frame, Loaded, load_together
from sise.warehouse.schema import etl_cursor, findings, rejects, scalp_ticks

UNIT_ROWS: Final = 10_000
KEYS_AT_ONCE: Final = 200
STRAY_RULE: Final = "trade_of_another_day"
REJECT_COLUMNS: Final = ("table_name", "raw_ref", "day", "reason", "line")
CURSOR_COLUMNS: Final = ("path", "provider", "market", "track", "day", "line", "updated_at")
_KEY: Final = ("venue", "symbol", "event_time", "id")

Key = tuple[str, str, int, str]
"""Of a tick: venue, symbol, time, and the trade's id or the line's place."""


class Done(Struct):
    """What came of a unit."""

    ticks: Ticks
    """Those that count: they are rows, under their own line."""
    changed: int = 0
    same: int = 0
    rejected: int = 0
    others: int = 0
    strays: frozenset[int] = frozenset()
    """Minutes (UTC ns) of other days that trades of these lines belong to."""
    displaced: bool = False
    """Whether a line of a later day, which was loaded first, lost its place to one of these."""


def load_unit(engine: Engine, day: MarketDay, taken: Unit, now_ns: int) -> Done:
    """Store the ticks of a day's scalp track's lines, with rejects and cursor, or nothing.

    Raises what :func:`~sise.warehouse.load.load_together` does.
    """
    read = taken.read
    ticks, rows = read.ticks, rows_of(read.ticks, day)
    strays = _strays(rows, day)
    again = _repeats(rows)
    repeated = [Reject(ref, DUPLICATE) for ref in rows["raw_ref"].gather(again)]
    if again:
        kept = _others(len(rows), again)
        rows, ticks = rows[kept], ticks.where(kept)
    unit = _Unit(day, rows, [*read.rejects, *repeated], strays, taken.blocks, now_ns)
    loaded, *said = load_together(engine, [Frame(scalp_ticks, rows)], after=unit.after)
    if faults := [fault for one in said for fault in one.rejected]:
        raise RuntimeError(f"what the ETL says of its own lines was refused: {faults[0].reason}")
    return Done(
        ticks.where(_others(len(ticks), unit.out)) if unit.out else ticks,
        changed=loaded.changed,
        same=loaded.same,
        rejected=len(read.rejects) + len(repeated) + len(unit.out),
        others=read.others,
        strays=frozenset(strays["event_time"] // MINUTE_NS * MINUTE_NS),
        displaced=unit.displaced,
    )


def _repeats(rows: pl.DataFrame) -> list[int]:
    """The positions of rows whose key an earlier one has."""
    if rows["id"].n_unique() == len(rows):
        return []
    return (~rows.select(pl.struct(_KEY).is_first_distinct()).to_series()).arg_true().to_list()


def _others(count: int, which: Iterable[int]) -> list[int]:
    """The positions that are not these."""
    out = set(which)
    return [at for at in range(count) if at not in out]


def _strays(rows: pl.DataFrame, day: MarketDay) -> pl.DataFrame:
    """Trades whose own day is another."""
    own = pl.col("event_time").is_between(day.start_ns, day.end_ns, closed="left")
    return rows.filter(~own, pl.col("kind") == "trade")


class _Unit:
    """What follows from a load, known only in its transaction."""

    def __init__(
        self,
        day: MarketDay,
        rows: pl.DataFrame,
        rejected: list[Reject],
        strays: pl.DataFrame,
        blocks: Sequence[Block],
        now_ns: int,
    ) -> None:
        self._day, self._rows, self._rejected, self._blocks = day, rows, rejected, blocks
        self._others, self._now_ns = strays, now_ns
        self.out: set[int] = set()
        """Positions of ticks that are no rows."""
        self.displaced = False

    def after(self, connection: Connection, loaded: list[Loaded]) -> list[Batch | Frame]:
        refused = {each.row for each in loaded[0].rejected}
        self.out = set(refused)
        refs = self._rows["raw_ref"]
        rows = [_reject_row(self._day, each) for each in self._rejected]
        rows += [
            _reject_row(self._day, Reject(refs[each.row], each.reason[:500])) for each in loaded[0].rejected
        ]
        batches: list[Batch | Frame] = []
        if loaded[0].same:
            mine, theirs = self._duplicates(connection)
            self.out |= set(mine)
            self.displaced = bool(theirs)
            rows += [_reject_row(self._day, Reject(refs[at], DUPLICATE)) for at in mine]
            rows += [_reject_row(_day_of(self._day, ref), Reject(ref, DUPLICATE)) for _, ref in theirs]
            batches.append(Frame(scalp_ticks, self._rows[[at for at, _ in theirs]]))
        batches.append(Batch(rejects, REJECT_COLUMNS, rows))
        batches.append(Batch(findings, *self._strays({refs[at] for at in refused})))
        ends = {block.path: block.last for block in self._blocks}
        batches.append(cursor_batch(self._day, "scalp", ends, self._now_ns))
        return batches

    def _duplicates(self, connection: Connection) -> tuple[list[int], list[tuple[int, str]]]:
        """Ticks whose trade another line stands for; and those that take another line's place (with it)."""
        refs = self._rows["raw_ref"]
        keys = self._rows.select(_KEY).rows()
        trades = {key: at for at, key in enumerate(keys) if key[3] != refs[at]}
        mine: list[int] = []
        theirs: list[tuple[int, str]] = []
        for row in _stored(connection, self._day, list(trades)):
            at = trades[row.venue, row.symbol, row.event_time, row.id]
            if row.raw_ref == refs[at]:
                continue
            if place_of(row.raw_ref) < place_of(refs[at]):
                mine.append(at)
            else:
                theirs.append((at, row.raw_ref))
                connection.execute(
                    delete(scalp_ticks).where(_is(self._day, (row.venue, row.symbol, row.event_time, row.id)))
                )
        return sorted(mine), sorted(theirs)

    def _strays(self, refused: set[str]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """A trade whose own day is another: told, so that the bars of that day find it."""
        day, own = self._day, ("venue", "symbol", "event_time", "raw_ref")
        found = {
            (venue, symbol, event_ns // MINUTE_NS * MINUTE_NS)
            for venue, symbol, event_ns, ref in self._others.select(own).iter_rows()
            if ref not in refused
        }
        names = (
            *("rule", "provider", "market", "venue", "symbol", "start_time", "source"),
            *("end_time", "raw_ref", "detail", "found_at"),
        )
        head = (STRAY_RULE, day.provider, day.market)
        # found_at is the day itself: the same lines give the same row whenever they are read
        rows = [
            (*head, venue, symbol, minute, day.folder("scalp"), minute + MINUTE_NS, None, None, day.start_ns)
            for venue, symbol, minute in sorted(found)
        ]
        return names, rows


def _stored(connection: Connection, day: MarketDay, keys: list[Key]) -> Iterable[Row[Any]]:
    columns = [scalp_ticks.c[name] for name in ("venue", "symbol", "event_time", "id", "raw_ref")]
    for start in range(0, len(keys), KEYS_AT_ONCE):
        part = keys[start : start + KEYS_AT_ONCE]
        yield from connection.execute(select(*columns).where(or_(*(_is(day, key) for key in part)))).all()


def _is(day: MarketDay, key: Key) -> Any:
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


def ends_of(lines: Iterable[Line]) -> dict[str, int]:
    """The last line of each partition."""
    return dict(place_of(line.ref) for line in lines)


def cursor_batch(day: MarketDay, track: str, ends: Mapping[str, int], now_ns: int) -> Batch:
    """How far partitions are loaded, by their path."""
    rows = [(path, day.provider, day.market, track, day.day, number, now_ns) for path, number in ends.items()]
    return Batch(etl_cursor, CURSOR_COLUMNS, rows)
