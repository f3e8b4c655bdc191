"""Ticks as arrays: what a unit's lines say, a row for each line that is a tick."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from msgspec import Struct

from sise.model.records import SCHEMA_VERSION, SampleRecord, TradeRecord
from sise.model.time import iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.textpool import TextPool
from sise.warehouse.etl.ticks import COLUMNS, Tick, place_of

TRADE, SAMPLE = 0, 1
KINDS: Final = ("trade", "sample")
FLAGS: Final = ("normal", "degraded", "gap")
"""From the best to the worst; a tick has its rank."""
EVENT, RECEIVE = 0, 1
TIMES: Final = ("event_time", "receive_time")
SESSION, VENUE, SYMBOL, SIDE, SCHEMA, NOTES, PATH = range(7)
TEXTS: Final = ("session_id", "venue", "symbol", "side", "schema_version", "notes", "path")
MITIGATION, RANK, FRAME, FRAMES, LINE = range(5)
COUNTS: Final = ("mitigation_level", "quality_flag", "frame", "frames", "line")
BID_PRICE, ASK_PRICE, BID_SIZE, ASK_SIZE, LAST_PRICE, VOLUME, DAY_VOLUME, PREV_CLOSE = range(8)
NUMBERS: Final = (
    *("bid_price", "ask_price", "bid_size", "ask_size", "last_price", "volume", "day_volume", "prev_close"),
)
"""The names are those of ``scalp_ticks``: ``last_price`` and ``volume`` are a trade's price and size,
``day_volume`` is a sample's cumulative one."""
_FIRST_TEXTS: Final = (SCHEMA_VERSION, *FLAGS)
OUR_SCHEMA, FIRST_FLAG = 1, 2
"""Their numbers in a pool."""


def text_pool() -> TextPool:
    """An empty pool, but for the texts whose numbers compiled loops know."""
    return TextPool(*_FIRST_TEXTS)


class TickArrays(NamedTuple):
    """A row for each tick. A number that is not known is NaN."""

    at: Any
    """The line's position in the unit, and the order of the rows."""
    kind: Any
    times: Any
    """UTC ns."""
    texts: Any
    """Their numbers in the pool."""
    counts: Any
    numbers: Any
    trade_id: Any
    """In which of the unit's bodies it stands, where it begins, and its length (0: the provider has none)."""

    @classmethod
    def empty(cls, rows: int) -> TickArrays:
        """Rows that say nothing yet, not even that nothing is known."""
        return cls(
            np.empty(rows, np.int64),
            np.empty(rows, np.int8),
            np.empty((rows, len(TIMES)), np.int64),
            np.empty((rows, len(TEXTS)), np.int32),
            np.empty((rows, len(COUNTS)), np.int64),
            np.empty((rows, len(NUMBERS))),
            np.empty((rows, 3), np.int32),
        )

    def where(self, which: Any) -> TickArrays:
        """The rows of a mask, a slice or of positions."""
        return TickArrays(*(column[which] for column in self))


class Ticks(Struct, frozen=True):
    """Ticks and the texts that they point to."""

    rows: TickArrays
    texts: TextPool
    bodies: Sequence[bytes]
    """In which the trades' ids stand."""

    def __len__(self) -> int:
        return len(self.rows.at)

    def where(self, which: Any) -> Ticks:
        return Ticks(self.rows.where(which), self.texts, self.bodies)

    def column(self, name: str) -> pl.Series:
        """One of :data:`TEXTS`; ``None`` where it is not known."""
        return pl.Series(name, self.texts.all(), dtype=pl.String).gather(
            self.rows.texts[:, TEXTS.index(name)]
        )

    def trade_ids(self) -> pl.Series:
        bodies = self.bodies
        ids = [bodies[body][begin : begin + length] for body, begin, length in self.rows.trade_id.tolist()]
        return pl.Series("trade_id", ids, dtype=pl.Binary).cast(pl.String)

    def places(self) -> pl.Series:
        """The ``raw_ref`` of each."""
        line = pl.Series("line", self.rows.counts[:, LINE])
        return pl.select(pl.concat_str(self.column("path"), pl.lit(":"), line).alias("raw_ref")).to_series()


def ticks_of(ticks: Sequence[Tick], at: Sequence[int] | None = None, texts: TextPool | None = None) -> Ticks:
    """Ticks that were read one by one, as arrays; ``at``: their positions, if not one after the other."""
    rows, pool = TickArrays.empty(len(ticks)), texts or text_pool()
    rows.numbers[:] = np.nan
    ids: list[bytes] = []
    begin = 0
    rows.at[:] = range(len(ticks)) if at is None else at
    for number, (record, event_ns, receive_ns, ref) in enumerate(ticks):
        path, line = place_of(ref)
        rows.times[number] = event_ns, receive_ns
        frames, side = (record.frames, None) if isinstance(record, SampleRecord) else (0, record.side)
        rows.counts[number] = (
            *(record.mitigation_level, FLAGS.index(record.quality_flag), record.frame, frames, line),
        )
        said = (
            *(record.session_id, record.venue, record.symbol, side, record.schema_version),
            *(",".join(record.notes) or None, path),
        )
        rows.texts[number] = [pool.number_of(each) for each in said]
        if isinstance(record, TradeRecord):
            rows.kind[number] = TRADE
            rows.numbers[number, [LAST_PRICE, VOLUME]] = record.price, record.size
            ids.append(record.trade_id.encode())
        else:
            rows.kind[number] = SAMPLE
            numbers = (
                *(record.bid_price, record.ask_price, record.bid_size, record.ask_size, record.last_price),
                *(None, record.volume, record.prev_close),
            )
            rows.numbers[number] = [np.nan if each is None else each for each in numbers]
            ids.append(b"")
        rows.trade_id[number] = 0, begin, len(ids[-1])
        begin += len(ids[-1])
    return Ticks(rows, pool, [b"".join(ids)])


def joined(parts: Sequence[Ticks]) -> Ticks:
    """All ticks, in the order of their positions; their texts are of one pool."""
    rows, bodies = [], 0
    for part in parts:
        rows.append(part.rows._replace(trade_id=part.rows.trade_id + np.array([bodies, 0, 0], np.int32)))
        bodies += len(part.bodies)
    found = TickArrays(*(np.concatenate(columns) for columns in zip(*rows, strict=True)))
    if (np.diff(found.at) < 0).any():
        found = found.where(np.argsort(found.at, kind="stable"))
    return Ticks(found, parts[0].texts, list(chain.from_iterable(part.bodies for part in parts)))


def rows_of(ticks: Ticks, day: MarketDay) -> pl.DataFrame:
    """The rows of ``scalp_ticks``; ``id`` is the trade's own, else the line's place."""
    rows, place = ticks.rows, ticks.places()
    columns: dict[str, pl.Series] = {name: ticks.column(name) for name in TEXTS[:PATH]}
    columns |= {name: pl.Series(rows.times[:, at]) for at, name in enumerate(TIMES)}
    columns |= {name: pl.Series(rows.numbers[:, at]).fill_nan(None) for at, name in enumerate(NUMBERS)}
    columns |= {"mitigation_level": pl.Series(rows.counts[:, MITIGATION])}
    columns |= {"frame": pl.Series(rows.counts[:, FRAME]), "raw_ref": place}
    columns["quality_flag"] = pl.Series(FLAGS).gather(rows.counts[:, RANK])
    columns["kind"] = pl.Series(KINDS).gather(rows.kind)
    made = pl.DataFrame([series.alias(name) for name, series in columns.items()]).with_columns(
        provider=pl.lit(day.provider), market=pl.lit(day.market), trade_id=ticks.trade_ids()
    )
    own = pl.when(pl.col("trade_id") != "").then("trade_id").otherwise("raw_ref")
    return made.with_columns(id=own).select(COLUMNS)


def samples_of(ticks: Ticks, which: Iterable[int], day: MarketDay) -> list[Tick]:
    """The samples at these positions, as the ticks that they were."""
    texts = ticks.texts.all()
    return [_sample(ticks.rows, at, texts, day) for at in which]


def _sample(rows: TickArrays, at: int, texts: list[str | None], day: MarketDay) -> Tick:
    event_ns, receive_ns = rows.times[at].tolist()
    mitigation, flag, frame, frames, line = rows.counts[at].tolist()
    session, venue, symbol, _, schema, notes, path = (texts[each] for each in rows.texts[at].tolist())
    numbers = [None if each != each else each for each in rows.numbers[at].tolist()]
    record = SampleRecord(
        provider=day.provider,
        market=day.market,
        venue=venue or "",
        symbol=symbol or "",
        session_id=session or "",
        schema_version=schema or "",
        event_time=iso(event_ns),
        receive_time=iso(receive_ns),
        mitigation_level=mitigation,
        quality_flag=FLAGS[flag],
        frame=frame,
        frames=frames,
        notes=notes.split(",") if notes else [],
        bid_price=numbers[BID_PRICE],
        ask_price=numbers[ASK_PRICE],
        bid_size=numbers[BID_SIZE],
        ask_size=numbers[ASK_SIZE],
        last_price=numbers[LAST_PRICE],
        volume=numbers[DAY_VOLUME],
        prev_close=numbers[PREV_CLOSE],
    )
    return Tick(record, event_ns, receive_ns, f"{path}:{line}")
