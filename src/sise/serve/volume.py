"""A symbol's completeness over a day: one account for each slot that it had, made one row.

Each account (an event ``completeness``, or the collector's word on a slot that is held) says how much of the
provider's own volume was heard while the symbol had that slot (``docs/collect.md``). What was traded while it
had none is nobody's claim, and is in no account.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from sise.serve.ledgers import SymbolCompleteness


class Account(Struct):
    """One slot's account; volumes in base units. ``since`` tells accounts of one symbol apart."""

    symbol: str
    status: str
    heard: float | None = None
    missing: float | None = None
    ratio_of_day: float | None = None
    since: str = ""


def over_the_day(
    symbol: str, accounts: Sequence[Account], *, live: bool, at: str | None, raw_ref: str | None
) -> SymbolCompleteness:
    """The sum of ``accounts``, oldest first; it knows no more than the one that knows least."""
    heard = _sum([each.heard for each in accounts])
    missing = _sum([each.missing for each in accounts])
    statuses = {each.status for each in accounts}
    status = next((each for each in ("incomplete", "unknown") if each in statuses), accounts[-1].status)
    return SymbolCompleteness(
        symbol=symbol,
        status=status,
        heard=heard,
        missing=missing,
        ratio=_ratio(heard, missing),
        ratio_of_day=accounts[-1].ratio_of_day,
        accounts=len(accounts),
        live=live,
        at=at,
        raw_ref=raw_ref,
    )


def _sum(volumes: Sequence[float | None]) -> float | None:
    known = [each for each in volumes if each is not None]
    return sum(known) if len(known) == len(volumes) else None


def _ratio(heard: float | None, missing: float | None) -> float | None:
    if heard is None or missing is None:
        return None
    return heard / (heard + missing) if heard + missing > 0.0 else 1.0
