"""From what a user calls a symbol to the one series that is meant, or a sentence that helps to say it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from sise.model.errors import BadInput
from sise.model.hours import VENUE_OF_MARKET
from sise.warehouse.query.asked import CHOICE_NAMES, Series, Who
from sise.warehouse.query.merging import extent
from sise.warehouse.query.store import Store

NEAR: Final = 3
_SHOWN: Final = 5
_PLAIN: Final = {"bars_1d": "days"}
"""What a kind is called where its first word says too little."""


def the_series(stores: Sequence[Store], kinds: Collection[str], who: Who) -> Series:
    """The one series that is meant.

    Raises
    ------
    BadInput
        Nobody has it (near symbols are named), or several series are meant: choose.
    """
    if not isinstance(who.symbol, str):
        raise BadInput("symbol", who.symbol, "name one as text, such as '005930' or 'KRW-BTC'")
    check_market(who.market)
    found = every(stores, kinds, who)
    if not found:
        raise _unknown(stores, kinds, who)
    if len(found) > 1:
        names = [name for name in CHOICE_NAMES if len({getattr(series, name) for series in found}) > 1]
        ways = " or ".join(_spelled(series, names) for series in found[:_SHOWN])
        raise BadInput(names[0], None, f"several have {who.symbol}: add {ways}")
    return found[0]


def check_source(stores: Sequence[Store], kinds: Collection[str], series: Series, source: str | None) -> None:
    """Prices that were adjusted before they came here are never taken for raw ones.

    Raises
    ------
    BadInput
        Nobody holds the source that is named; or none is named, and only adjusted ones are held.
    """
    if extent(stores, kinds, series, source) is not None:
        return
    if source is not None:
        raise BadInput("source", source, f"nothing of {series.symbol} is held of it; leave it out")
    names = sorted(set().union(*(store.adjusted_sources(kinds, series) for store in stores)))
    if names:
        raise BadInput("source", None, f"only adjusted prices are held: name their source, one of {names}")


def every(stores: Iterable[Store], kinds: Collection[str], who: Who) -> list[Series]:
    """All series that are meant, in order."""
    return sorted({series for store in stores for series in store.find(kinds, who)})


def check_market(market: str | None) -> None:
    """Raises :class:`BadInput` where there is no such market."""
    if market is not None and market not in VENUE_OF_MARKET:
        raise BadInput("market", market, f"use one of {' '.join(VENUE_OF_MARKET)}")


def _unknown(stores: Sequence[Store], kinds: Collection[str], who: Who) -> BadInput:
    elsewhere = every(stores, kinds, Who(who.symbol))
    if elsewhere:
        ways = " or ".join(_spelled(series, list(CHOICE_NAMES)) for series in elsewhere[:_SHOWN])
        return BadInput("symbol", who.symbol, f"it is held, but with {ways}")
    names = sorted({series.symbol for series in every(stores, kinds, Who())})
    if not names:
        what = " or ".join(sorted({_PLAIN.get(kind, kind.partition("_")[0]) for kind in kinds}))
        places = " and ".join(store.name for store in stores)
        verb = "holds" if len(stores) == 1 else "hold"
        return BadInput(
            "symbol", who.symbol, f"the {places} here {verb} no {what} at all; see: sise etl --help"
        )
    near = near_names(who.symbol or "", names)
    remedy = f"did you mean {' or '.join(near)}?" if near else f"held are {', '.join(names[:_SHOWN])}"
    return BadInput("symbol", who.symbol, f"nothing is held of it; {remedy}" + _more(names, near))


def near_names(symbol: str, names: Collection[str]) -> list[str]:
    """Symbols that may be meant: the same in other letters, a part of it, or alike."""
    wanted = symbol.upper()
    by_upper = {name.upper(): name for name in names}
    parts = [name for upper, name in by_upper.items() if wanted and (wanted in upper or upper in wanted)]
    alike = [by_upper[upper] for upper in get_close_matches(wanted, list(by_upper), NEAR, 0.6)]
    return list(dict.fromkeys([*parts[:NEAR], *alike]))[:NEAR]


def _more(names: list[str], near: list[str]) -> str:
    return "" if near or len(names) <= _SHOWN else f" and {len(names) - _SHOWN} more; see .symbols()"


def _spelled(series: Series, names: list[str]) -> str:
    return " ".join(f"{name}={getattr(series, name)!r}" for name in names)
