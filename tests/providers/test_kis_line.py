"""A line of KIS: its key, its distances, its answers; what it takes for proof and when it gives up."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from sise.model.errors import BadInput
from sise.model.time import MARKET_ZONES, in_zone
from sise.providers.kis import encode
from sise.providers.kis.encode import Registration
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.kis.limits import ACK_SECONDS_MAX, rate_limits
from sise.providers.kis.line import KisLine
from sise.providers.kis.provider import Kis
from sise.providers.kis.session import governor
from tests.providers import kis_frames as frames
from tests.providers.stand_ins import FastClock

SYMBOLS = ("000001", "000002", "000003")
KIS = Kis()
HTS_ID = "MyHtsLogin"


class Rest:
    """Gives an approval key, a new one where it was refused."""

    def __init__(self) -> None:
        self.clock = FastClock()
        self.governor = governor(self.clock, "rest", date(2026, 9, 22))
        self.refused: list[str] = []
        self.asked = 0

    async def approval(self, refused: Secret | None = None) -> Secret:
        self.asked += 1
        if refused is not None:
            self.refused.append(refused.reveal())
        return Secret(f"approval-{len(self.refused)}")


async def opened(
    symbols: tuple[str, ...] = SYMBOLS, kis: Kis = KIS, notices: Registration | None = None
) -> tuple[KisLine, Rest]:
    rest = Rest()
    line = KisLine(rest, kis.registration_keys, notices)
    line.want(symbols)
    await line.prepare()
    line.opened()
    return line, rest


async def asked(line: KisLine, rest: Rest) -> str | None:
    """The symbol of the next message, with its ``tr_type`` where that is not 1; waits its distance."""
    await rest.clock.sleep(line.pause_seconds)
    return symbol_of(line.next_text())


def symbol_of(text: str | None) -> str | None:
    if text is None:
        return None
    message = json.loads(text)
    kind = "" if message["header"]["tr_type"] == "1" else "-"
    return kind + str(message["body"]["input"]["tr_key"])


def answer(line: KisLine, msg_cd: str, symbol: str, rt_cd: str = "0") -> None:
    assert line.heard(frames.ack(msg_cd, "words", rt_cd=rt_cd, tr_key=symbol)) is None


async def registered(symbols: tuple[str, ...] = SYMBOLS) -> tuple[KisLine, Rest]:
    line, rest = await opened(symbols)
    for symbol in symbols:
        assert not line.confirmed
        assert await asked(line, rest) == symbol
        answer(line, "OPSP0000", symbol)
    assert line.confirmed
    return line, rest


async def test_one_after_another_at_a_distance() -> None:
    line, rest = await opened()
    assert symbol_of(line.next_text()) == "000001"
    assert await asked(line, rest) is None, "the answer is not there"
    line, rest = await opened()
    line.next_text()
    answer(line, "OPSP0000", "000001")
    assert line.next_text() is None, "too soon"
    assert 0 < line.pause_seconds <= 0.1
    assert await asked(line, rest) == "000002"
    assert line.answers == 1


async def test_confirmed_is_what_kis_has_confirmed() -> None:
    line, rest = await registered()
    line.want(("000001", "000009"))
    seen = [(line.confirmed, await asked(line, rest))]
    answer(line, "OPSP8992", "000009", "1")
    seen.append((line.confirmed, await asked(line, rest)))
    answer(line, "OPSP0001", "000002")
    seen.append((line.confirmed, await asked(line, rest)))
    answer(line, "OPSP0001", "000003")
    seen.append((line.confirmed, await asked(line, rest)))
    assert seen == [(False, "000009"), (False, "-000002"), (False, "-000003"), (True, None)]
    assert list(line.refused) == ["000009"]
    assert "OPSP" not in line.stopped
    line.want(())
    assert await asked(line, rest) == "-000001"


async def test_where_all_is_refused_nothing_is_confirmed() -> None:
    line, rest = await opened(("000001",))
    assert await asked(line, rest) == "000001"
    answer(line, "OPSP0008", "000001", "1")
    assert not line.confirmed


async def test_a_pingpong_is_sent_back_as_it_came_and_proves_nothing() -> None:
    line, _ = await registered()
    before = line.answers
    assert line.heard(frames.PINGPONG) == frames.PINGPONG.decode()
    for payload in (frames.TRADE_47, b'{"header":"PINGPONG"', b'["PINGPONG"]', b"", b"{}"):
        assert line.heard(payload) is None
    assert line.answers == before


async def test_a_probe_asks_for_what_is_held_each_in_its_turn() -> None:
    line, rest = await registered()
    for symbol in (*SYMBOLS, *SYMBOLS[:1]):
        await rest.clock.sleep(12)
        before = line.answers
        assert symbol_of(line.probe()) == symbol
        assert line.probe() is None
        answer(line, "OPSP0002", symbol, "1")
        assert line.answers == before + 1
        assert line.confirmed
    await rest.clock.sleep(12)
    line.probe()
    answer(line, "OPSP0000", "000002")
    assert "lost the registration" in line.stopped
    assert not line.confirmed


async def test_no_answer_is_asked_for_once_more_and_then_given_up() -> None:
    line, rest = await opened(("000001",))
    assert await asked(line, rest) == "000001"
    await rest.clock.sleep(ACK_SECONDS_MAX - 1)
    assert line.next_text() is None
    await rest.clock.sleep(1)
    assert symbol_of(line.next_text()) == "000001"
    assert not line.stopped
    await rest.clock.sleep(ACK_SECONDS_MAX)
    assert line.next_text() is None
    assert "without an answer" in line.stopped
    assert line.unanswered
    line.opened()
    assert not line.stopped
    assert await asked(line, rest) == "000001"


async def test_a_new_socket_registers_all_again() -> None:
    line, rest = await registered()
    line.opened()
    assert not line.confirmed
    assert await asked(line, rest) == "000001"


@pytest.mark.parametrize("msg_cd", ["OPSP0011", "OPSP0010"])
async def test_a_refused_approval_key_is_replaced(msg_cd: str) -> None:
    line, rest = await opened()
    text = line.next_text()
    assert text is not None
    assert json.loads(text)["header"]["approval_key"] == "approval-0"
    line.heard(frames.ack(msg_cd, "invalid approval", rt_cd="1", tr_id="(null)", tr_key=""))
    assert (line.stopped, await asked(line, rest)) == (msg_cd, None)
    await line.prepare()
    line.opened()
    assert rest.refused == ["approval-0"]
    text = line.next_text()
    assert text is not None
    assert json.loads(text)["header"]["approval_key"] == "approval-1"


async def test_an_app_key_in_use_is_left_in_peace() -> None:
    line, rest = await opened()
    line.next_text()
    line.heard(frames.ack("OPSP8996", "ALREADY IN USE appkey", rt_cd="9", tr_id="(null)", tr_key=""))
    assert line.stopped == "OPSP8996"
    assert not line.unanswered
    began = rest.clock.now_ns()
    await line.prepare()
    (rule,) = rate_limits("ws-connect-in-use", date(2026, 9, 22))
    assert rest.clock.now_ns() - began >= rule.seconds * 10**9


async def test_states_are_no_symbol_of_their_own() -> None:
    line, rest = await opened(("000001",), Kis(states=True))
    for msg_cd, tr_id in (("OPSP0000", "H0STCNT0"), ("OPSP8991", "H0STMKO0")):
        assert await asked(line, rest) == "000001"
        line.heard(frames.ack(msg_cd, "words", rt_cd="9", tr_id=tr_id, tr_key="000001"))
    assert (line.confirmed, line.carried, line.refused) == (True, ("000001",), {})


async def test_notices_are_asked_for_first_and_their_key_is_nobodys_symbol() -> None:
    line, rest = await opened(("000001",), notices=encode.notices(HTS_ID, mock=False))
    assert await asked(line, rest) == HTS_ID
    line.heard(frames.ack("OPSP0000", "SUBSCRIBE SUCCESS", tr_id="H0STCNI0", tr_key=HTS_ID))
    assert (line.confirmed, line.carried) == (False, ())
    assert await asked(line, rest) == "000001"
    answer(line, "OPSP0000", "000001")
    assert (line.confirmed, line.carried) == (True, ("000001",))
    line.opened()
    assert await asked(line, rest) == HTS_ID
    wrong = frames.ack("OPSP0017", "ERROR : htsid", rt_cd="9", tr_id="(null)", tr_key="")
    line.heard(wrong)
    assert (line.refused, line.stopped) == ({}, "")
    line.opened()
    assert await asked(line, rest) == "000001", "a wrong id is not tried on the next socket"
    line.want(())
    assert await asked(line, rest) is None


async def test_a_notice_tells_that_there_was_one_and_no_more(shared: Path) -> None:
    vector = json.loads((shared / "wire/samples/kis/SYNTHETIC_h0stcni0_encrypted.json").read_text())
    frame, plain = vector["frame"].encode(), vector["plaintext"].split("^")
    line, _ = await opened(("000001",), notices=encode.notices(HTS_ID, mock=False))
    line.heard(frame)
    line.heard(json.dumps(vector["ack"]).encode())
    line.heard(frame)
    line.heard(frames.PINGPONG)
    line.opened()
    line.heard(frame)
    told = line.notices()
    assert [each.kind for each in told] == ["unreadable", "filled", "unreadable"]
    assert (told[1].symbol, told[1].account[-4:]) == ("136480", plain[1][-4:])
    assert set(told[1].account[:-4]) == {"*"}
    assert in_zone(told[1].event_time, MARKET_ZONES["kr_stocks"]).strftime("%H%M%S") == "094941"
    for secret in (*plain[:2], "3190", "2891"):
        assert secret not in repr(told)
    assert line.notices() == []


async def test_connections_keep_their_distance() -> None:
    line, rest = await opened()
    began = rest.clock.now_ns()
    for _ in range(3):
        await line.prepare()
    assert rest.clock.now_ns() - began >= 30 * 10**9


async def test_what_cannot_be_wanted(tmp_path: Path) -> None:
    line, _ = await opened()
    with pytest.raises(BadInput, match="symbols"):
        line.want(("5930",))
    with pytest.raises(BadInput, match="41 slots"):
        line.want([f"{n:06d}" for n in range(42)])
    keys = KisKeys(app_key=Secret("x"), app_secret=Secret("x"))
    kis = Kis(keys=keys, tokens_dir=tmp_path)
    assert kis.line(kis.rest(FastClock(), lambda _: None), "name").proves_itself
    with pytest.raises(TypeError):
        kis.line(object(), "name")  # type: ignore[arg-type]
