"""Lines in the form that our journal is written in, as columns: thousands at once, none decoded by itself.

A line is taken here only where its text is proven to be the one form: cut at its commas, every piece is a
member of the record, in the order in which records are written, and its value is written as JSON writes a
text without escapes, a time of ours, or a number. So what the pieces say is what a decoder would
say. Every other line is left to :mod:`sise.warehouse.etl.ticks`, which looks at each by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from sise.model.errors import BadInput
from sise.model.records import SCHEMA_VERSION
from sise.model.time import NS_PER_SECOND, NS_PER_US, parse_iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.tickframe import SAMPLE, SCHEMA, TRADE
from sise.warehouse.tables.columns import QUALITY_FLAGS
from sise.warehouse.tables.types import LAST_NS

HEAD: Final = (
    *("kind", "schema_version", "event_time", "receive_time", "session_id", "mitigation_level"),
    *("quality_flag", "provider", "market", "venue", "symbol", "frame"),
)
TRADE_MEMBERS: Final = (*HEAD, "price", "size", "side", "trade_id", "crc")
SAMPLE_MEMBERS: Final = (
    *(*HEAD, "bid_price", "ask_price", "bid_size", "ask_size", "last_price", "volume", "prev_close"),
    *("frames", "crc"),
)
"""In the order in which they are written; a record with notes has one more, and is left to the other way."""

_PLAIN: Final = r'"[^"\\\x00-\x1f]*"'
_COUNT: Final = r"(0|[1-9][0-9]{0,17})"
_NUMBER: Final = r"(0|[1-9][0-9]{0,14})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?"
_MAYBE: Final = f"(null|{_NUMBER})"
_TIME: Final = r'"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\.[0-9]{6}Z"'
_TEXTS: Final = ("session_id", "venue", "symbol", "side", "trade_id", "quality_flag")
_COUNTS: Final = ("mitigation_level", "frame", "frames")
_TRADE_NUMBERS: Final = ("price", "size")
_SAMPLE_NUMBERS: Final = SAMPLE_MEMBERS[12:19]
_VALUES: Final = {
    **dict.fromkeys(_TEXTS, _PLAIN),
    **dict.fromkeys(_COUNTS, _COUNT),
    **dict.fromkeys(_TRADE_NUMBERS, _NUMBER),
    **dict.fromkeys(_SAMPLE_NUMBERS, _MAYBE),
    "event_time": _TIME,
    "receive_time": _TIME,
    "schema_version": f'"{SCHEMA_VERSION}"',
    "quality_flag": f'"({"|".join(QUALITY_FLAGS)})"',
    "crc": r'"[0-9a-f]{8}"\}',
}
"""What is ordinarily written behind a member's name and its colon."""
_READ: Final = frozenset((*_TEXTS, *_COUNTS, *_TRADE_NUMBERS, *_SAMPLE_NUMBERS))
_MINUTE, _SECOND, _FRACTION = (0, 16), (17, 2), (20, 6)
"""Where a time's parts begin, and their length."""


def ordinary(bodies: Sequence[bytes], day: MarketDay) -> pl.DataFrame:
    """The ticks of lines in the ordinary form; ``at`` is their position in ``bodies``.

    Columns are those of ``SCHEMA`` without ``path`` and ``line``.
    """
    try:
        text = pl.Series("line", bodies, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.ComputeError:  # a line is no UTF-8
        text = pl.Series("line", [], dtype=pl.String)
    lines = text.to_frame().with_row_index("at")
    trades = _of_kind(lines, TRADE, TRADE_MEMBERS, day)
    if len(trades) == len(lines):
        return trades
    return pl.concat([trades, _of_kind(lines, SAMPLE, SAMPLE_MEMBERS, day)]).sort("at")


def _of_kind(lines: pl.DataFrame, kind: str, members: tuple[str, ...], day: MarketDay) -> pl.DataFrame:
    lines = lines.filter(pl.col("line").str.starts_with(f'{{"kind":"{kind}",'))
    cut = pl.col("line").str.split_exact(",", len(members)).struct.rename_fields([*members, "more"])
    pieces = lines.select("at", cut.alias("pieces")).unnest("pieces")
    proven = [_is(member, day) for member in members[1:]]
    pieces = pieces.filter(pl.col("more").is_null(), *proven)
    moments = [_moment(pieces, name) for name in ("event_time", "receive_time")]
    found = pieces.select("at", *moments, *(_value(name) for name in members if name in _READ))
    wrong = pl.any_horizontal(pl.selectors.by_dtype(pl.Float64).is_infinite())
    inside = [pl.col(name).is_between(0, LAST_NS, closed="left") for name in ("event_time", "receive_time")]
    return _as_ticks(found.filter(*inside, ~wrong.fill_null(False)), kind)


def _is(member: str, day: MarketDay) -> pl.Expr:
    """Whether a piece is this member, with a value as it is ordinarily written."""
    whose = {"provider": day.provider, "market": day.market}
    if member in whose:
        return pl.col(member) == f'"{member}":"{whose[member]}"'
    return pl.col(member).str.contains(f'^"{member}":{_VALUES[member]}$')


def _moment(pieces: pl.DataFrame, name: str) -> pl.Expr:
    """UTC ns; null where the text is no time. Lines share their minutes, so each is parsed once."""
    begin = len(name) + 4

    def part(where: tuple[int, int]) -> pl.Expr:
        return pl.col(name).str.slice(begin + where[0], where[1])

    texts = pieces.select(part(_MINUTE).unique()).to_series().to_list()
    minutes = part(_MINUTE).replace_strict(
        texts, [_minute_ns(text) for text in texts], default=None, return_dtype=pl.Int64
    )
    seconds = part(_SECOND).cast(pl.Int64) * NS_PER_SECOND
    return (minutes + seconds + part(_FRACTION).cast(pl.Int64) * NS_PER_US).alias(name)


def _minute_ns(text: str) -> int | None:
    try:
        return parse_iso(f"{text}:00.000000Z")
    except BadInput:
        return None


def _value(member: str) -> pl.Expr:
    """A proven piece's value."""
    value = pl.col(member).str.slice(len(member) + 3)
    if member in _COUNTS:
        return value.cast(pl.Int64)
    if member in _TRADE_NUMBERS:
        return value.cast(pl.Float64)
    if member in _SAMPLE_NUMBERS:  # null is not known
        return value.cast(pl.Float64, strict=False)
    return value.str.slice(1).str.head(-1)


def _as_ticks(found: pl.DataFrame, kind: str) -> pl.DataFrame:
    """With the names and columns that all ticks share."""
    if kind == TRADE:
        found = found.rename({"price": "last_price", "size": "volume"})
    else:
        found = found.rename({"volume": "day_volume"}).with_columns(trade_id=pl.lit(""))
    found = found.with_columns(kind=pl.lit(kind), schema_version=pl.lit(SCHEMA_VERSION))
    names = [name for name in SCHEMA if name not in ("path", "line")]
    return found.select(
        (pl.col(name) if name in found.columns else pl.lit(None, SCHEMA[name])).cast(SCHEMA[name]).alias(name)
        for name in names
    )
