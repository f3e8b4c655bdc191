"""Which registrations one socket holds, and what to ask for next: a pure state machine.

KIS takes one registration a message, answers each, and blocks clients that do not wait for the
answer. So one request is outstanding at a time: :meth:`Registrations.next_frame` gives it, and
nothing more until :meth:`Registrations.heard` has been told what KIS said. A slot counts as
taken from the moment its registration is asked for until its unregistration is *confirmed*: so
there are never more than ``limit`` at KIS, even where an answer was lost.

What the answers mean is one table, :data:`VERDICTS`. An answer without a header (``"(null)"``)
belongs to the outstanding request.

========================  ======================================================================
what a refusal is about   what happens
========================  ======================================================================
this key                  it is not asked for again before the caller has stopped wanting it
this moment               not again on this socket, unless :meth:`Registrations.retry` says so
no slot left              KIS counts more than we do: no more than are held now, until one is freed
the session, the key      nothing more is asked on this socket: ``stopped`` says why
========================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from sise.model.errors import BadInput
from sise.providers.kis.encode import Registration, message
from sise.providers.kis.limits import SLOTS
from sise.providers.kis.wire import Ack

Verdict = Literal["held", "gone", "key", "moment", "full", "session"]

VERDICTS: Final[dict[str, Verdict]] = {
    "OPSP0000": "held",
    "OPSP0002": "held",  # already registered: it stays valid
    "OPSP0001": "gone",
    "OPSP0003": "gone",  # was not registered
    "OPSP0008": "full",
    "OPSP0017": "key",  # wrong HTS id
    "OPSP8991": "key",
    "OPSP8992": "key",
    "OPSP9990": "key",
    "OPSP0010": "session",
    "OPSP0011": "session",  # invalid approval key
    "OPSP8996": "session",  # another session uses the app key
    "OPSP9994": "session",
    "OPSP9996": "session",
}
"""By ``msg_cd``; any other with ``rt_cd`` 0 is a success of what was asked, else ``moment``."""

APPROVAL_REFUSED: Final = frozenset({"OPSP0010", "OPSP0011"})
"""After these a new approval key is needed, not only a new socket."""

IN_USE: Final = "OPSP8996"


class Refused(NamedTuple):
    """Why KIS did not take a registration."""

    msg_cd: str
    reason: str
    lasting: bool
    """True where asking again would be refused again."""


class Pending(NamedTuple):
    """The outstanding request."""

    what: Registration
    register: bool


class Registrations:
    """The registrations of one socket. No input, output or clock: the caller sends and waits."""

    def __init__(self, limit: int = SLOTS[-1].count) -> None:
        self.limit = limit
        self.pending: Pending | None = None
        self.stopped: str = ""
        """The ``msg_cd`` that ended this socket's use; empty while it can be used."""
        self._wanted: dict[Registration, None] = {}
        self._held: dict[Registration, None] = {}
        self._unsure: dict[Registration, None] = {}
        self._refused: dict[Registration, Refused] = {}
        self._stuck: dict[Registration, Refused] = {}
        self._slots = limit

    @property
    def held(self) -> tuple[Registration, ...]:
        """What KIS has confirmed, in the order in which it did."""
        return tuple(self._held)

    @property
    def waiting(self) -> tuple[Registration, ...]:
        """What is wanted, not held and not refused for good, in the order in which it is wanted."""
        return tuple(each for each in self._wanted if self._may_ask(each))

    @property
    def refused(self) -> dict[Registration, Refused]:
        """What KIS did not take or did not give up, and why."""
        return self._refused | self._stuck

    @property
    def taken(self) -> tuple[Registration, ...]:
        """What may take a slot at KIS: held, asked for, or asked for without an answer."""
        return tuple(self._taken())

    @property
    def occupied(self) -> int:
        """How many slots may be taken at KIS."""
        return len(self._taken())

    @property
    def settled(self) -> bool:
        """Nothing is outstanding and nothing is left to ask for on this socket."""
        return self.pending is None and self._next() is None

    def want(self, keys: Sequence[tuple[str, str]]) -> None:
        """From now on exactly these are wanted, the first ones first.

        Raises
        ------
        BadInput
            They are more than one socket may have.
        """
        wanted = dict.fromkeys(Registration(*key) for key in keys)
        if len(wanted) > self.limit:
            raise BadInput(
                "registrations", f"{len(wanted)} of them", f"one socket has {self.limit} slots; want fewer"
            )
        self._refused = {key: why for key, why in self._refused.items() if key in wanted}
        self._wanted = wanted

    def next_frame(self, approval_key: str) -> str | None:
        """The next message to send, which is outstanding from now on; None where there is none."""
        if self.pending is not None:
            return None
        self.pending = self._next()
        if self.pending is None:
            return None
        return message(approval_key, self.pending.what, register=self.pending.register)

    def probe_frame(self, approval_key: str) -> str | None:
        """Ask for one that is held once more: each in its turn, to hear that KIS still holds it."""
        if self.pending is not None or self.stopped or not self._held:
            return None
        what = next(iter(self._held))
        self._hold(what)
        self.pending = Pending(what, register=True)
        return message(approval_key, what, register=True)

    def heard(self, ack: Ack) -> None:
        """KIS has answered."""
        asked = self.pending
        named = Registration(ack.tr_id, ack.tr_key) if ack.tr_id and ack.tr_key else None
        what = named or (asked.what if asked is not None else None)
        verdict = VERDICTS.get(ack.msg_cd) or self._by_code(ack)
        if verdict == "session":
            self.stopped, self.pending = ack.msg_cd, None
            return
        if what is None:
            return
        if asked is not None and asked.what == what and self._answers(verdict, asked):
            self.pending = None
            self._conclude(asked, verdict, ack)
        elif (verdict == "held" and what not in self._held) or (verdict == "gone" and what in self._held):
            # A late answer, perhaps overtaken by a later request: its key is asked for once more.
            self._doubt(what)

    def unanswered(self) -> None:
        """The outstanding request got no answer: whether KIS obeyed is not known, and its slot stays taken.

        It is asked again after everything else: a registration that KIS has is answered with
        OPSP0002, an unregistration that it obeyed with OPSP0003. Once a request has gone without an
        answer, one without a header could be its, come late: a caller that can, closes the socket.
        """
        if self.pending is None:
            return
        what, self.pending = self.pending.what, None
        self._doubt(what)

    def lost(self) -> None:
        """The socket is gone, and with it every registration: all is to be asked for again."""
        self.pending, self.stopped, self._slots = None, "", self.limit
        self._held, self._unsure, self._stuck = {}, {}, {}
        self._refused = {key: why for key, why in self._refused.items() if why.lasting}

    def retry(self) -> None:
        """Ask once more for what was refused for the moment."""
        self._stuck = {}
        self._refused = {key: why for key, why in self._refused.items() if why.lasting}
        self._slots = self.limit

    def _taken(self) -> dict[Registration, None]:
        asked = {self.pending.what: None} if self.pending is not None else {}
        return self._held | self._unsure | asked

    def _may_ask(self, what: Registration) -> bool:
        why = self._refused.get(what)
        return what not in self._held and (why is None or why.msg_cd == "OPSP0008")

    def _next(self) -> Pending | None:
        if self.stopped:
            return None
        waiting = [each for each in self._wanted if self._may_ask(each)]
        taken = self._taken()
        surplus = [key for key in self._held if key not in self._wanted and key not in self._stuck]
        fresh = [each for each in waiting if each not in taken]
        if fresh and len(taken) < min(self._slots, self.limit):
            return Pending(fresh[0], register=True)
        if surplus:
            return Pending(surplus[0], register=False)
        for each in self._unsure:  # known to KIS or not: ask for what is wanted, end what is not
            if each not in self._refused and each not in self._stuck:
                return Pending(each, register=each in self._wanted)
        return None

    @staticmethod
    def _by_code(ack: Ack) -> Verdict | None:
        return None if ack.rt_cd == "0" else "moment"

    @staticmethod
    def _answers(verdict: Verdict | None, asked: Pending) -> bool:
        return verdict != ("gone" if asked.register else "held")

    def _conclude(self, asked: Pending, verdict: Verdict | None, ack: Ack) -> None:
        what = asked.what
        if verdict in (None, "held", "gone"):
            (self._hold if asked.register else self._free)(what)
            return
        why = Refused(ack.msg_cd, ack.about(), lasting=verdict == "key")
        if not asked.register:
            self._stuck[what] = why
            return
        if verdict != "moment":  # else an earlier request without an answer may have been obeyed
            self._unsure.pop(what, None)
        self._refused[what] = why
        if verdict == "full":
            self._slots = len(self._taken())

    def _hold(self, what: Registration) -> None:
        self._unsure.pop(what, None)
        self._refused.pop(what, None)
        self._held.pop(what, None)
        self._held[what] = None

    def _doubt(self, what: Registration) -> None:
        for known in (self._held, self._unsure):
            known.pop(what, None)
        self._unsure[what] = None

    def _free(self, what: Registration) -> None:
        for known in (self._held, self._unsure, self._stuck):
            known.pop(what, None)
