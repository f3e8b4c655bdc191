"""KIS's line: an approval key, then one registration after another, each answered before the next.

Proof that KIS still carries what it did is asked for where the market is quiet: a registration that
it holds, asked for again, is answered with OPSP0002. Were it answered with OPSP0000, KIS had lost
it without a word, and so perhaps all of them: then the socket is given up, so that the hole is told.
A PINGPONG is sent back, and proves no more than that somebody is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from sise.model.events import OrderNotice
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, Clock, in_zone
from sise.providers.governor import Governor
from sise.providers.kis import wire
from sise.providers.kis.encode import Registration
from sise.providers.kis.keys import Secret
from sise.providers.kis.letters import Letters, feeds, symbols_of
from sise.providers.kis.limits import ACK_SECONDS_MAX, rate_limits
from sise.providers.kis.registrations import APPROVAL_REFUSED, IN_USE, Registrations

UNANSWERED_MAX: Final = 2
"""So many requests in a row without an answer, and the socket is given up."""


class Approver(Protocol):
    """What a line needs of a REST client (:class:`sise.providers.kis.client.KisRest`)."""

    @property
    def governor(self) -> Governor: ...

    @property
    def clock(self) -> Clock: ...

    async def approval(self, refused: Secret | None = None) -> Secret: ...


class KisLine:
    """A :class:`sise.providers.contract.Line`. ``keys_of`` gives the registrations of some symbols."""

    proves_itself = True

    def __init__(
        self,
        rest: Approver,
        keys_of: Callable[[Sequence[str]], list[Registration]],
        notices: Registration | None = None,
    ) -> None:
        """``notices``: also register these, as long as anything is wanted."""
        self._rest = rest
        self._keys_of = keys_of
        self._letters = Letters(notices)
        self._registrations = Registrations()
        self._spacing_seconds = self._seconds_between("ws-registration")
        self._approval = Secret("")
        self._refused_approval: Secret | None = None
        self._in_use = False
        self._sent_ns = -NS_PER_SECOND
        self._unanswered = 0
        self._probing = False
        self._gave_up = ""
        self.answers = 0

    @property
    def confirmed(self) -> bool:
        """Everything is held that is wanted and not refused, and that is something."""
        state = self._registrations
        return not self.stopped and state.settled and bool(feeds(state.held) or not feeds(state.waiting))

    @property
    def refused(self) -> dict[str, str]:
        """Symbols whose trades or book KIS does not carry, and its words."""
        refused = self._registrations.refused
        return {key.tr_key: refused[key].reason for key in feeds(refused)}

    @property
    def carried(self) -> tuple[str, ...]:
        """Symbols with a registration that KIS holds, or may hold."""
        return tuple(dict.fromkeys(key.tr_key for key in symbols_of(self._registrations.taken)))

    @property
    def stopped(self) -> str:
        """KIS's code, or our own words; empty while the socket is of use."""
        return self._registrations.stopped or self._gave_up

    @property
    def unanswered(self) -> bool:
        """So many requests in a row had no answer that this socket is given up."""
        return self._unanswered >= UNANSWERED_MAX

    @property
    def pause_seconds(self) -> float:
        """How long from now :meth:`next_text` gives nothing because it would be too soon."""
        since = (self._rest.clock.monotonic_ns() - self._sent_ns) / NS_PER_SECOND
        return max(0.0, self._spacing_seconds - since)

    async def prepare(self) -> None:
        """Keep KIS's distance between connections, and have an approval key.

        Raises
        ------
        ProviderRefused, Unreachable, Undecodable
            KIS gave no key.
        """
        if self._in_use:
            self._in_use = False
            await self._rest.clock.sleep(self._seconds_between("ws-connect-in-use"))
        await self._rest.governor.admit("ws-connect")
        self._approval = await self._rest.approval(self._refused_approval)
        self._refused_approval = None

    def opened(self) -> None:
        """A new socket: everything is to be registered again."""
        self._registrations.lost()
        self._spacing_seconds = self._seconds_between("ws-registration")
        self._letters.lost()
        self._unanswered, self._probing, self._gave_up = 0, False, ""

    def want(self, symbols: Sequence[str]) -> None:
        """From now on exactly these. Raises ``BadInput`` for one that KIS would accept and ignore."""
        # Notices first: a wrong HTS id makes KIS cut the line, better so before the trades flow.
        self._registrations.want([*self._letters.wanted, *self._keys_of(symbols)] if symbols else [])

    def next_text(self) -> str | None:
        """The next registration or its end; None while one is outstanding or it would be too soon."""
        self._look_at_the_clock()
        if self.stopped or self.pause_seconds > 0:
            return None
        return self._sent(self._registrations.next_frame(self._approval.reveal()))

    def heard(self, payload: bytes) -> str | None:
        """An answer to a registration, or a PINGPONG, which is sent back as it came."""
        if wire.pingpong(payload):
            return payload.decode("utf-8", "replace")
        ack = wire.ack(payload)
        if ack is None:
            self._letters.heard(payload, self._rest.clock.now_ns())
            return None
        self._letters.keyed(ack)
        self.answers += 1
        self._unanswered = 0
        probed, self._probing = self._probing, False
        self._registrations.heard(ack)
        if probed and ack.msg_cd == "OPSP0000":
            self._gave_up = f"KIS had lost the registration {ack.about()}"
        if ack.msg_cd in APPROVAL_REFUSED:
            self._refused_approval = self._approval
        self._in_use = ack.msg_cd == IN_USE
        return None

    def notices(self) -> list[OrderNotice]:
        """What was opened since the last call."""
        return self._letters.taken()

    def probe(self) -> str | None:
        """A registration that is held, once more; None where none is held or one is outstanding."""
        if self.stopped or self.pause_seconds > 0:
            return None
        text = self._registrations.probe_frame(self._approval.reveal())
        self._probing = text is not None
        return self._sent(text)

    def _seconds_between(self, group: str) -> float:
        """By the rule of the day, Korean: a line may live for weeks."""
        today = in_zone(self._rest.clock.now_ns(), MARKET_ZONES["kr_stocks"]).date()
        return rate_limits(group, today)[0].seconds

    def _sent(self, text: str | None) -> str | None:
        if text is not None:
            self._sent_ns = self._rest.clock.monotonic_ns()
        return text

    def _look_at_the_clock(self) -> None:
        waited = self._rest.clock.monotonic_ns() - self._sent_ns
        if self._registrations.pending is None or waited < ACK_SECONDS_MAX * NS_PER_SECOND:
            return
        self._registrations.unanswered()
        self._probing = False
        self._unanswered += 1
        if self.unanswered:
            self._gave_up = f"{UNANSWERED_MAX} requests without an answer in {ACK_SECONDS_MAX:.0f} s each"
