"""Never more than KIS allows, never two requests at once, no churn; and in the end what is wanted is held."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sise.model.errors import BadInput
from sise.providers.kis import encode, wire
from sise.providers.kis.encode import Registration
from sise.providers.kis.registrations import Registrations
from tests.providers import kis_frames as frames

KEY = "an-approval-key"


def keys(*codes: int) -> list[Registration]:
    return [Registration("H0STCNT0", f"{code:06d}") for code in codes]


def ack(msg_cd: str, what: Registration | None = None, rt_cd: str = "0") -> wire.Ack:
    named = what or Registration("(null)", "")
    found = wire.ack(frames.ack(msg_cd, "words", rt_cd=rt_cd, tr_id=named.tr_id, tr_key=named.tr_key))
    assert found is not None
    return found


def asked(state: Registrations) -> tuple[str, Registration] | None:
    """What the next message asks, read from its text."""
    text = state.next_frame(KEY)
    if text is None:
        return None
    message: dict[str, Any] = json.loads(text)
    assert message["header"]["approval_key"] == KEY
    given = message["body"]["input"]
    return message["header"]["tr_type"], Registration(given["tr_id"], given["tr_key"])


def held(*codes: int, limit: int = 3) -> Registrations:
    """A socket that holds ``codes``."""
    state = Registrations(limit)
    state.want(keys(*codes))
    while asked(state):
        assert state.pending is not None
        state.heard(ack("OPSP0000", state.pending.what))
    assert state.held == tuple(keys(*codes))
    return state


def test_the_message_is_the_one_of_the_documents() -> None:
    text = encode.message(KEY, Registration("H0STCNT0", "005930"), register=True)
    assert json.loads(text) == {
        "header": {"approval_key": KEY, "custtype": "P", "tr_type": "1", "content-type": "utf-8"},
        "body": {"input": {"tr_id": "H0STCNT0", "tr_key": "005930"}},
    }


def test_one_request_at_a_time_and_each_once() -> None:
    state = Registrations()
    state.want([*keys(1, 2), *keys(1)])
    assert asked(state) == ("1", keys(1)[0])
    assert asked(state) is None
    state.heard(ack("OPSP0000", keys(1)[0]))
    assert asked(state) == ("1", keys(2)[0])
    state.heard(ack("OPSP0000", keys(2)[0]))
    assert asked(state) is None
    assert state.settled


def test_a_slot_is_used_again_only_when_it_is_free() -> None:
    state = held(1, 2, 3)
    state.want(keys(1, 4, 5))
    assert asked(state) == ("2", keys(2)[0])
    assert asked(state) is None
    state.unanswered()
    assert asked(state) == ("2", keys(3)[0]), "2 may still be taken"
    state.heard(ack("OPSP0001", keys(3)[0]))
    assert asked(state) == ("1", keys(4)[0])
    assert state.occupied == 3
    state.heard(ack("OPSP0000", keys(4)[0]))
    assert asked(state) == ("2", keys(2)[0])
    state.heard(ack("OPSP0003", None, "1"))
    assert asked(state) == ("1", keys(5)[0])


def test_free_slots_are_filled_before_anything_is_given_up() -> None:
    state = held(1, 2)
    state.want(keys(1, 3))
    assert asked(state) == ("1", keys(3)[0])
    state.heard(ack("OPSP0000", keys(3)[0]))
    assert asked(state) == ("2", keys(2)[0])


@pytest.mark.parametrize(
    ("msg_cd", "rt_cd", "is_held", "is_refused", "stopped"),
    [
        ("OPSP0000", "0", True, False, ""),
        ("OPSP0002", "1", True, False, ""),
        ("OPSP4242", "0", True, False, ""),
        ("OPSP0007", "1", False, True, ""),
        ("OPSP0008", "1", False, True, ""),
        ("OPSP0017", "9", False, True, ""),
        ("OPSP8991", "1", False, True, ""),
        ("OPSP8993", "1", False, True, ""),
        ("", "9", False, True, ""),
        ("OPSP0011", "1", False, False, "OPSP0011"),
        ("OPSP8996", "9", False, False, "OPSP8996"),
        ("OPSP9994", "9", False, False, "OPSP9994"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_an_answer_to_a_registration_means(
    msg_cd: str, rt_cd: str, is_held: bool, is_refused: bool, stopped: str, named: bool
) -> None:
    state = Registrations()
    (key,) = keys(1)
    state.want([key])
    assert asked(state)
    state.heard(ack(msg_cd, key if named else None, rt_cd))
    assert (state.held == (key,), key in state.refused, state.stopped) == (is_held, is_refused, stopped)
    assert asked(state) is None, "no answer leads to asking at once again"


def test_a_refusal_lasts_as_long_as_its_reason() -> None:
    for msg_cd, after_retry, after_loss in (
        ("OPSP8992", False, False),
        ("OPSP0007", True, True),
        ("OPSP0008", True, True),
    ):
        state = Registrations()
        state.want(keys(1))
        asked(state)
        state.heard(ack(msg_cd, rt_cd="1"))
        state.retry()
        assert (asked(state) is not None) == after_retry, msg_cd
        state.lost()
        assert (asked(state) is not None) == after_loss, msg_cd
    state = Registrations()
    state.want(keys(1))
    asked(state)
    state.heard(ack("OPSP8992", rt_cd="1"))
    state.want(keys(2))
    state.want(keys(1))
    assert asked(state) == ("1", keys(1)[0]), "wanted anew"


def test_where_kis_counts_more_than_we_do() -> None:
    state = held(1)
    state.want(keys(1, 2, 3))
    asked(state)
    state.heard(ack("OPSP0008", keys(2)[0], "1"))
    assert asked(state) is None, "3 would be refused too"
    state.want(keys(2, 3))
    assert asked(state) == ("2", keys(1)[0])
    state.heard(ack("OPSP0001", keys(1)[0]))
    assert asked(state) == ("1", keys(2)[0]), "one was freed, so one is asked for"
    state.heard(ack("OPSP0000", keys(2)[0]))
    assert state.refused == {}
    assert asked(state) is None


def test_a_lost_socket_is_begun_anew() -> None:
    state = held(1, 2)
    state.want(keys(2, 3))
    asked(state)
    state.lost()
    assert (state.held, state.pending, state.occupied) == ((), None, 0)
    assert asked(state) == ("1", keys(2)[0])
    state.heard(ack("OPSP0000"))
    assert asked(state) == ("1", keys(3)[0])


def test_a_late_answer_is_still_true() -> None:
    state = Registrations(1)
    state.want(keys(1))
    asked(state)
    state.unanswered()
    state.want(keys(2))
    assert state.occupied == 1
    assert asked(state) == ("2", keys(1)[0]), "1 may be registered, so it is ended first"
    state.heard(ack("OPSP0000", keys(1)[0]))
    assert asked(state) is None
    state.heard(ack("OPSP0001", keys(1)[0]))
    assert asked(state) == ("1", keys(2)[0])


def test_an_unregistration_that_is_refused_is_not_repeated() -> None:
    state = held(1)
    state.want([])
    assert asked(state) == ("2", keys(1)[0])
    state.heard(ack("OPSP0007", keys(1)[0], "1"))
    assert asked(state) is None
    assert state.held == tuple(keys(1))
    state.retry()
    assert asked(state) == ("2", keys(1)[0])


def test_more_than_there_is() -> None:
    state = Registrations()
    state.want(keys(*range(41)))
    with pytest.raises(BadInput, match="41 slots"):
        state.want(keys(*range(42)))
    assert len(state.waiting) == 41


def test_no_log_shows_an_hts_id() -> None:
    what = encode.notices("MyHtsLogin", mock=False)
    assert "MyHtsLogin" not in repr(what)
    state = Registrations()
    state.want([what])
    state.next_frame(KEY)
    state.heard(ack("OPSP0017", what, "9"))
    assert "MyHtsLogin" not in repr((state.refused, state.waiting))
    with pytest.raises(BadInput):
        encode.notices("", mock=True)


LIMIT = 3


class AgainstAServer(RuleBasedStateMachine):
    """A small server that counts as KIS does; answers may be lost or late, errors may come at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Registrations(LIMIT)
        self.server: set[Registration] = set()
        self.late: list[wire.Ack] = []
        self.answer: wire.Ack | None = None
        self.named = ack("OPSP0000")
        self.wanted: set[Registration] = set()
        self.asked_since_want = 0
        self.faults_since_want = 0

    @rule(codes=st.lists(st.integers(0, 5), max_size=LIMIT))
    def want(self, codes: list[int]) -> None:
        self.wanted = set(keys(*codes))
        self.state.want(keys(*codes))
        self.asked_since_want = self.faults_since_want = 0

    @precondition(lambda self: self.answer is None and not self.state.pending)
    @rule(fails=st.sampled_from(("", "", "", "OPSP0007")), named=st.booleans())
    def ask(self, fails: str, named: bool) -> None:
        found = asked(self.state)
        if found is None:
            return
        self.asked_since_want += 1
        kind, what = found
        code, rt_cd = fails, "1"
        if fails:
            self.faults_since_want += 1
        elif kind == "1":
            if what in self.server:
                code = "OPSP0002"
            elif len(self.server) == LIMIT:
                code = "OPSP0008"
                raise AssertionError("one more than KIS allows was asked for")
            else:
                code, rt_cd = "OPSP0000", "0"
                self.server.add(what)
        elif what in self.server:
            code, rt_cd = "OPSP0001", "0"
            self.server.remove(what)
        else:
            code = "OPSP0003"
        self.named = ack(code, what, rt_cd)
        # Without a header it could be a late one's: KIS leaves it out only where it answers in turn.
        self.answer = self.named if named or self.late else ack(code, None, rt_cd)

    @precondition(lambda self: self.answer is not None)
    @rule()
    def hear(self) -> None:
        assert self.answer is not None
        self.state.heard(self.answer)
        self.answer = None

    @precondition(lambda self: self.answer is not None)
    @rule(comes_late=st.booleans())
    def lose(self, comes_late: bool) -> None:
        assert self.answer is not None
        if comes_late:
            self.late.append(self.named)
        self.answer = None
        self.faults_since_want += 1
        self.state.unanswered()

    @precondition(lambda self: self.late and self.answer is None)
    @rule()
    def hear_late(self) -> None:
        self.faults_since_want += 1
        self.state.heard(self.late.pop(0))

    @rule()
    def cut(self) -> None:
        self.server, self.late, self.answer = set(), [], None
        self.asked_since_want = self.faults_since_want = 0
        self.state.lost()

    @invariant()
    def never_more_than_the_limit(self) -> None:
        assert len(self.server) <= LIMIT
        assert self.state.occupied <= LIMIT

    @invariant()
    def no_churn(self) -> None:
        """Every request has a reason: a key wanted or not, a fault, or a slot freed by one."""
        assert self.asked_since_want <= 2 * LIMIT + 3 * self.faults_since_want

    def teardown(self) -> None:
        """Left in peace, it ends where it was told to."""
        self.late.clear()
        if self.answer is not None:
            self.hear()
        self.state.retry()
        for _ in range(40):
            if self.state.settled:
                break
            self.ask(fails="", named=True)
            self.hear()
        assert self.state.settled
        assert set(self.state.held) == self.server == self.wanted


TestAgainstAServer = AgainstAServer.TestCase
TestAgainstAServer.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
