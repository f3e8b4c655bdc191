"""The account of an import while it reads piece by piece: what was dropped, and why; what looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import polars as pl

from sise.warehouse.imports.pieces import LINE
from sise.warehouse.imports.report import EXAMPLES_MAX, Flaw, flaw_of


class Account:
    """Rows read and dropped, the flaws of all pieces, and the symbols and forms of time that were seen."""

    def __init__(self) -> None:
        self.read = 0
        self.dropped: Counter[str] = Counter()
        self.forms: set[str] = set()
        self.others: set[str] = set()
        """Symbols that were not asked for."""
        self._flaws: dict[str, Flaw] = {}

    @property
    def flaws(self) -> list[Flaw]:
        """Those that occurred, in the order in which they were looked for."""
        return [flaw for flaw in self._flaws.values() if flaw.count]

    def drop(self, rows: pl.DataFrame, reason: str, unfit: pl.Expr, *show: str) -> pl.DataFrame:
        """``rows`` without those that are ``unfit``: these are counted, and the first of them told."""
        gone = rows.filter(unfit)
        if gone.is_empty():
            return rows
        self.dropped[reason] += gone.height
        if reason != "other_symbol":
            self.tell(flaw_of(reason, gone, show=(LINE, *show)))
        return rows.filter(~unfit)

    def tell(self, flaw: Flaw) -> None:
        """Add a flaw to those of its rule that were told before."""
        before = self._flaws.get(flaw.rule, Flaw(flaw.rule, 0, 0.0, []))
        examples = [*before.examples, *flaw.examples][:EXAMPLES_MAX]
        self._flaws[flaw.rule] = Flaw(
            flaw.rule, before.count + flaw.count, before.amount + flaw.amount, examples
        )

    def tell_all(self, flaws: Iterable[Flaw]) -> None:
        for flaw in flaws:
            self.tell(flaw)

    def drop_again(self, reasons: pl.DataFrame) -> None:
        """Count rows by their column ``reason``; their flaws were told."""
        self.dropped.update(dict(reasons.group_by("reason").len().iter_rows()))
