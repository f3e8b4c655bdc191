"""Upbit's line: one text replaces all subscriptions before it, and only data proves that it was heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sise.model.events import OrderNotice


class UpbitLine:
    """A :class:`sise.providers.contract.Line`. ``subscription(symbols, ticket)`` makes the text."""

    proves_itself = False
    confirmed = False
    answers = 0
    stopped = ""
    unanswered = False
    pause_seconds = 0.0

    def __init__(self, subscription: Callable[[Sequence[str], str], str], name: str) -> None:
        self._subscription = subscription
        self._name = name
        self._tickets = 0
        self._wanted: tuple[str, ...] = ()
        self._asked: tuple[str, ...] = ()
        self.refused: dict[str, str] = {}
        """Always empty: Upbit keeps silent about symbols that it does not know."""

    @property
    def carried(self) -> tuple[str, ...]:
        """What was asked for last: each text replaces the one before it."""
        return self._asked

    async def prepare(self) -> None:
        """Market data needs no key."""

    def opened(self) -> None:
        self._asked = ()

    def want(self, symbols: Sequence[str]) -> None:
        self._wanted = tuple(symbols)

    def next_text(self) -> str | None:
        if self._asked == self._wanted:
            return None
        self._asked = self._wanted
        return self.probe()  # none for nothing: what Upbit still sends ends with the next text

    def heard(self, payload: bytes) -> str | None:
        """Nothing is answered: errors are told by the observer, and Upbit then closes."""
        return None

    def notices(self) -> list[OrderNotice]:
        """None: Upbit tells of one's own orders on another socket."""
        return []

    def probe(self) -> str | None:
        """The same subscription again: a server that is alive answers with its latest state.

        None where nothing is wanted: Upbit has no text that says so.
        """
        if not self._wanted:
            return None
        self._tickets += 1
        return self._subscription(self._wanted, f"{self._name}-{self._tickets}")
