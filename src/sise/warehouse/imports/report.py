"""What an import found and did: rows read = kept + dropped by reason, and every flaw by its kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl
from msgspec import Struct, field

EXAMPLES_MAX: Final = 3


class Flaw(Struct, frozen=True):
    """One kind of flaw: how often (``count``), over how much (``amount``), and the first ones."""

    rule: str
    count: int
    amount: float
    """What the findings' values add up to, such as the bars that are missing; else equal to ``count``."""
    examples: list[str]


class Report(Struct, kw_only=True):
    """The account of one file. ``read`` equals ``kept`` plus all of ``dropped``: nothing goes silently."""

    file: str
    sha256: str
    source: str
    size: str
    symbols: int
    read: int
    kept: int
    dropped: dict[str, int]
    first: str
    last: str
    columns: dict[str, str]
    unused_columns: list[str]
    absent_columns: list[str]
    """Columns of a bar that the file does not tell: their values are null, not zero."""
    zone: str
    encoding: str
    no_trade_as: str
    """How the file writes a bar without trade (a halt): ``zeros``, ``flat``, ``absent`` or ``not seen``."""
    actions: int
    flaws: list[Flaw] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    """The files that were written; none where the history held the same already."""

    def flaw(self, rule: str) -> Flaw:
        """The flaw of that kind; a count of 0 where there is none."""
        return next((flaw for flaw in self.flaws if flaw.rule == rule), Flaw(rule, 0, 0.0, []))


def flaw_of(rule: str, rows: pl.DataFrame, *, show: Iterable[str], amount: float | None = None) -> Flaw:
    """A flaw of the file's rows, with the first ones as examples made of the columns ``show``."""
    first = rows.head(EXAMPLES_MAX).select(pl.col(name).cast(pl.String).fill_null("blank") for name in show)
    examples = [" ".join(f"{name}={cell}" for name, cell in row.items()) for row in first.to_dicts()]
    return Flaw(rule, rows.height, float(rows.height) if amount is None else amount, examples)


def flaws_of(findings: pl.DataFrame) -> list[Flaw]:
    """The findings of the quality rules, one flaw for each rule, the most frequent first."""
    flaws = []
    for (rule,), rows in findings.group_by("rule", maintain_order=True):
        amount = rows["value"].sum() if rule in SUMMED else rows.height
        flaws.append(
            Flaw(str(rule), rows.height, float(amount), [told(row) for row in rows.head(3).to_dicts()])
        )
    return sorted(flaws, key=lambda flaw: -flaw.count)


SUMMED: Final = frozenset(("missing", "halted"))
"""Rules whose values are numbers of bars."""


def told(finding: dict[str, object]) -> str:
    """A finding as one line."""
    start, end, value = finding["start"], finding["end"], finding["value"]
    span = f"{start:%Y-%m-%dT%H:%MZ}" + (f" to {end:%Y-%m-%dT%H:%MZ}" if end is not None else "")
    number = "" if value is None else f" value={value:g}"
    limit = "" if finding["limit"] is None else f" limit={finding['limit']:g}"
    note = f" {finding['note']}" if finding["note"] else ""
    return f"{finding['symbol']} {span}{number}{limit}{note}"
