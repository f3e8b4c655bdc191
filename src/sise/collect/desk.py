"""The operator at a running collector: pins and exclusions, checked, kept, told, obeyed at the next step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sise.collect.manual import Action, Manual, ManualFileDamaged, Word
from sise.collect.session import Session
from sise.collect.steering import Steering
from sise.model.errors import BadInput, ProviderRefused, SiseError, Undecodable, Unreachable
from sise.model.time import Clock, iso


class Desk:
    """Takes the operator's word for the slots of a session."""

    def __init__(
        self,
        manual: Manual,
        session: Session,
        steering: Steering | None,
        clock: Clock,
        is_listed: Callable[[str], Awaitable[bool]],
    ) -> None:
        """``steering`` is None where the symbols are given; ``is_listed`` asks the provider."""
        self._manual, self._session, self._steering = manual, session, steering
        self._clock, self._is_listed = clock, is_listed

    def begin(self) -> None:
        """Obey what was said before this session. A file that cannot be read is said, and left as it is."""
        if self._steering is None:
            return
        try:
            self._manual.read()
        except ManualFileDamaged as error:
            self._session.diary.write(
                "manual_override", f"only the settings stand: {error}", level="error", action="unreadable"
            )
        self._obey(self._steering)

    async def say(self, action: Action, symbol: str, *, by: str, why: str) -> dict[str, Any]:
        """Let ``action`` stand for ``symbol`` from the next steering step on; answers what stands then.

        Raises
        ------
        BadInput
            The word cannot be obeyed, or the provider does not know the symbol.
        SiseError
            It could not be kept, or the provider could not be asked for the symbol.
        """
        if self._steering is None:
            remedy = "this collector records exactly the symbols it was given: start it without --symbols"
            raise BadInput("symbol", symbol[:40], remedy)
        word = Word(symbol, action, iso(self._clock.now_ns()), by, why)
        self._manual.check(word, self._steering.limit)
        if action in ("pin", "exclude"):
            await self._check_known(symbol, self._steering)
        try:
            self._manual.say(word)
        except OSError as error:
            raise SiseError(f"the word cannot be kept: {error.strerror or error}") from None
        self._session.diary.write(
            "manual_override",
            f"{action} {symbol}" + (f" by {by}" if by else "") + (f": {why}" if why else ""),
            action=action,
            symbol=symbol,
            by=by,
            why=why,
        )
        self._obey(self._steering)
        return self.facts()

    async def _check_known(self, symbol: str, steering: Steering) -> None:
        if steering.knows(symbol):
            return
        try:
            listed = await self._is_listed(symbol)
        except (Unreachable, ProviderRefused, Undecodable) as error:
            raise SiseError(f"the provider cannot be asked whether it knows {symbol}: {error}") from None
        if not listed:
            name = self._session.meta.provider
            raise BadInput(
                "symbol", symbol, f"{name} does not list it: look it up and write it as {name} does"
            )

    def _obey(self, steering: Steering) -> None:
        steering.obey(self._manual.pins, self._manual.excluded)

    def facts(self) -> dict[str, Any]:
        """For the status and the operator."""
        return {"pins": list(self._manual.pins), "excluded": list(self._manual.excluded)}
