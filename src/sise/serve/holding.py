"""When a symbol had a slot: outside of that time nobody listened to it, however well the line was heard.

A slot is given by a ``slots`` event, and counts from the first record of its symbol on: until then nothing
proves that the provider carries it. It ends with the first ``slots`` event that lacks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from sise.serve.proofs import Proofs
from sise.warehouse.bars import Span

WINDOWS_MAX: Final = 500
"""Of one symbol; the oldest are let go, and what lies in them is unknown again."""
FOR_EVER_NS: Final = 1 << 62


class _Window(Struct):
    """A slot of a symbol (UTC ns)."""

    opened_ns: int
    closed_ns: int = FOR_EVER_NS


class Holding:
    """The slots of one symbol. Its records may come in any order, before the events of their time too."""

    __slots__ = ("_windows", "proofs")

    def __init__(self) -> None:
        self._windows: list[_Window] = []
        self.proofs = Proofs()
        """The symbol's own records."""

    def opened(self, at_ns: int) -> None:
        """The symbol has a slot at ``at_ns``; one that it has already goes on."""
        if self._windows and self._windows[-1].closed_ns == FOR_EVER_NS:
            return
        self._windows.append(_Window(at_ns))
        if len(self._windows) > WINDOWS_MAX:
            del self._windows[0]

    def closed(self, at_ns: int) -> None:
        """The symbol has no slot at ``at_ns``."""
        if self._windows and self._windows[-1].closed_ns == FOR_EVER_NS:
            self._windows[-1].closed_ns = max(at_ns, self._windows[-1].opened_ns)

    def within(self, spans: Sequence[Span]) -> list[Span]:
        """The parts of ``spans`` in which the symbol had a slot; all, where no event tells of its slots."""
        if not self._windows:
            return list(spans)
        proven = ((self.proofs.first_within(w.opened_ns, w.closed_ns), w.closed_ns) for w in self._windows)
        held = [(first, last) for first, last in proven if first is not None]
        both = ((max(start, first), min(end, last)) for start, end in spans for first, last in held)
        return [span for span in both if span[0] < span[1]]
