"""What the API answers of a day's ledgers: overflow, universe, completeness, backups.

``None`` (``null``) means not known, never zero; ``raw_ref`` is the journal's line that says so. See
``docs/decisions/0002-page-and-api.md``.
"""

from __future__ import annotations

from msgspec import Struct


class OverflowLine(Struct):
    """A line of the overflow ledger: who asked for a slot and got none, and why."""

    timestamp: str
    symbol: str
    candidate_score: float
    rank: int
    cutoff_rank: int
    mitigation_level: int
    decision_reason: str
    session_id: str
    raw_ref: str = ""


class OverflowAnswer(Struct):
    """Newest first; ``total`` lines are in the ledger of the day."""

    provider: str
    day: str
    total: int
    overflow: list[OverflowLine]


class UniverseRule(Struct):
    """Taken are symbols whose ``measure`` is at least ``minimum`` (in ``unit``)."""

    measure: str
    minimum: float
    unit: str
    kinds: list[str]
    halted: str


class UniverseInput(Struct):
    what: str
    ref: str
    sha256: str


class Universe(Struct):
    """The universe of ``day``. ``intact``: the file is, by its hash, as it was written."""

    day: str
    provider: str
    market: str
    rule: UniverseRule
    prices_of: str
    inputs: list[UniverseInput]
    listed: int
    excluded: dict[str, int]
    count: int
    sha256: str
    path: str
    intact: bool


class UniverseAnswer(Struct):
    """``universe`` is the day's own, or the last one before it; ``None``: there is none.

    ``symbols`` are those from ``offset`` on.
    """

    provider: str
    day: str
    universe: Universe | None
    offset: int
    symbols: list[str]


class SymbolCompleteness(Struct):
    """How much of a symbol's volume was heard while it had a slot, in base units.

    ``ratio`` is heard / (heard + missing) over all ``accounts`` of the day, one for each slot that it had;
    ``ratio_of_day`` the last one's, of all that was traded. ``live``: the last account is of a slot that is
    held now, told by the collector; the journal's last line is ``raw_ref``.
    """

    symbol: str
    status: str
    heard: float | None
    missing: float | None
    ratio: float | None
    ratio_of_day: float | None
    accounts: int
    live: bool
    at: str | None
    raw_ref: str | None


class CompletenessAnswer(Struct):
    provider: str
    day: str
    completeness: list[SymbolCompleteness]


class BackupDay(Struct):
    """Whether a day is safe elsewhere, and until when its raw files stay here (:mod:`sise.journal.keeping`).

    ``backup``: how the day's backup stands. ``verified_at``: when the backup machine verified the package.
    """

    day: str
    market: str
    provider: str
    raw_bytes: int
    backup: str
    verified_at: str | None
    package: str | None
    anomalous: list[str]
    keep_until: str
    state: str
    reason: str


class BackupsAnswer(Struct):
    """Newest day first."""

    backups: list[BackupDay]
