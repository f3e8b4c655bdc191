"""What a provider allows, as dated rows: a change of its rules is a new row, never an edited number."""

from __future__ import annotations

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
