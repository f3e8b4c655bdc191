"""What a provider allows, as dated rows: a change of its rules is a new row, never an edited number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from msgspec import Struct


class RateLimit(Struct, frozen=True):
    """From ``since`` on, ``count`` requests of ``group`` may begin in any ``seconds``."""

    group: str
    count: int
    seconds: float
    per: str
    """Who is counted: ``ip``, ``app_key``, ``address`` or ``connection``."""
    since: date
    source: str
    wire_group: str = ""
    """How the provider's own answers call the group; empty where they say nothing."""


class Cap(Struct, frozen=True):
    """From ``since`` on, at most ``count`` of ``what``."""

    what: str
    count: int
    since: date
    source: str


def in_force(rows: Iterable[RateLimit], group: str, on: date) -> tuple[RateLimit, ...]:
    """The rows of ``group`` in force ``on`` a day: of each window, the newest that has begun.

    Raises ``KeyError`` for a group without a row.
    """
    found = [row for row in rows if row.group == group]
    if not found:
        raise KeyError(group)
    # Before the first row's date nothing is known: the oldest rule is the best guess there is.
    day = max(on, min(row.since for row in found))
    begun = sorted((row for row in found if row.since <= day), key=lambda row: row.since)
    return tuple({row.seconds: row for row in begun}.values())
