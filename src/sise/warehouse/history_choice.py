"""Which imports answer a question about bars, and in which order they go before each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import polars as pl
from msgspec import Struct

from sise.model.errors import BadInput
from sise.warehouse.history_entry import Entry

PRECEDENCE: Final = ("journal", "provider", "import", "resample")


class Asked(Struct, frozen=True):
    """What a reader names; None is anything."""

    symbols: Collection[str] | None = None
    provider: str | None = None
    market: str | None = None
    venue: str | None = None
    source: str | None = None

    @property
    def named(self) -> str:
        """The symbols, for a sentence."""
        return "all symbols" if self.symbols is None else ",".join(sorted(self.symbols)[:5])


def choose(entries: Iterable[Entry], kind: str, asked: Asked) -> list[Entry]:
    """The imports to read, the one that goes first first.

    Raises
    ------
    BadInput
        None holds it, several providers do, or only ones whose prices were adjusted before they came here.
    """
    held = [entry for entry in entries if holds(entry, asked)]
    if not held:
        raise BadInput("symbol", asked.named, f"the history holds no {kind} of it; see: sise candles list")
    providers = sorted({(entry.provider, entry.market) for entry in held})
    if len(providers) > 1:
        choice = " or ".join(f"--provider {name} --market {where}" for name, where in providers)
        raise BadInput("--provider", None, f"several have {asked.named}: add {choice}")
    raw = [entry for entry in held if entry.prices == "raw" or asked.source is not None]
    if not raw:
        names = ", ".join(sorted({entry.source for entry in held}))
        raise BadInput("--source", None, f"only adjusted prices are held: name their source, one of {names}")
    return sorted(raw, key=rank, reverse=True)


def refuse_several_venues(rows: pl.LazyFrame, kind: str, asked: Asked) -> None:
    """Bars of KRX and of NXT are two series: of each symbol an answer is of one venue.

    ``rows`` (columns ``symbol venue``) are all that may be read, of any time: what is asked for does not
    hang on the span.

    Raises
    ------
    BadInput
        A symbol has several venues, or the venue that is named has none of the symbols.
    """
    pairs = rows.select("symbol", "venue").unique().collect()
    if asked.venue is not None and pairs.is_empty():
        raise BadInput("--venue", asked.venue, f"the history holds no {kind} of {asked.named} there")
    shared = pairs.filter(pl.col("symbol").is_duplicated())
    if shared.height:
        symbol, venues = str(shared["symbol"].sort()[0]), shared["venue"].unique().sort()
        choice = " or ".join(f"--venue {name}" for name in venues)
        raise BadInput("--venue", None, f"several have {symbol}: add {choice}")


def holds(entry: Entry, asked: Asked) -> bool:
    """Whether an import has something of what is asked for."""
    return (
        asked.provider in (None, entry.provider)
        and asked.market in (None, entry.market)
        and asked.source in (None, entry.source)
        and (asked.symbols is None or not set(asked.symbols).isdisjoint(entry.symbols))
    )


def rank(entry: Entry) -> tuple[int, str, str]:
    """Greater goes first: the kind of source, then what was added last."""
    kind = entry.source.partition(":")[0]
    worth = len(PRECEDENCE) - PRECEDENCE.index(kind) if kind in PRECEDENCE else 0
    return worth, entry.added_at, entry.id
