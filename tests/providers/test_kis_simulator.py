"""Our client and the simulator, which share no code, over real sockets; and each of KIS's own faults met.

Both live in one clock, so that the waits that KIS wants (a minute for a token, seconds between sockets)
pass quickly.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sise.collect.diary import Diary
from sise.collect.gaps import Gaps
from sise.collect.ledger import Ledger
from sise.collect.link import Link
from sise.collect.observe import Observer
from sise.collect.slots import SessionMeta, Slot
from sise.model.errors import BadInput, Undecodable, Unreachable
from sise.model.events import Control, Event, Trade
from sise.model.time import parse_iso
from sise.providers.contract import Answer
from sise.providers.kis.client import KisRest
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.kis.line import KisLine
from sise.providers.kis.provider import Kis
from sise.providers.socket import OnFrame, Socket
from sise.run.clocks import FastClock
from sise.simulator.kis.server import Addresses, KisSimulator, KisSimulatorConfig

BUSY, OTHER = "005930", "000660"
SPEED = 20.0
"""The line's patience of ten seconds is then half a second of a machine that may be busy."""
FAST = 60.0
PATIENCE_SECONDS = 30.0


@dataclass
class Heard:
    """One socket after another, as a collector holds them: what came, what it means, who ended it."""

    kis: Kis
    line: KisLine
    clock: FastClock
    url: str
    frames: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    undecodable: int = 0

    async def once(self, enough: Callable[[], bool]) -> str:
        """Open a socket and say what the line has to say until it is ``enough``; why the line stopped."""
        await self.line.prepare()
        socket = await Socket.connect(self.url, on_frame=self._on_frame, clock=self.clock)
        self.line.opened()
        self._send = socket.send
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (enough() or self.line.stopped or socket.closed.done()):
                if (text := self.line.next_text()) is not None:
                    socket.send(text)
                await asyncio.sleep(0.002)
        await socket.close()
        return self.line.stopped

    def _on_frame(self, payload: bytes, received_at: int) -> None:
        self.frames.append(payload)
        try:
            events = self.kis.decode(payload, received_at)
        except Undecodable:
            self.undecodable += 1
            return
        self.events += events
        if any(isinstance(event, Control) for event in events):
            answer = self.line.heard(payload)
            if answer is not None:
                self._send(answer)

    def trades(self, symbol: str) -> list[Trade]:
        return [each for each in self.events if isinstance(each, Trade) and each.symbol == symbol]


@dataclass
class Bench:
    where: Addresses
    clock: FastClock
    kis: Kis
    rest: KisRest
    answers: list[Answer]

    def listen(self, *symbols: str) -> Heard:
        line = self.kis.line(self.rest, "test")
        line.want(symbols)
        return Heard(self.kis, line, self.clock, self.kis.ws_url)

    async def control(self, path: str, **body: object) -> Any:
        async with aiohttp.ClientSession() as http:
            answer = await http.post(f"{self.where.control}/control/{path}", json=body)
            assert answer.ok, await answer.text()
            return await answer.json()

    async def fault(self, **fault: object) -> None:
        await self.control("fault", **fault)


@asynccontextmanager
async def bench(
    folder: Path, *, speed: float = SPEED, hts_id: str = "", **options: Any
) -> AsyncIterator[Bench]:
    clock = FastClock(parse_iso("2026-11-20T09:10:00+09:00"), speed)
    simulator = KisSimulator(KisSimulatorConfig(issues=120, mock=options.get("mock", False)), clock)
    where = await simulator.start()
    try:
        ours = where.credentials
        keys = KisKeys(
            app_key=Secret(ours.appkey),
            app_secret=Secret(ours.appsecret),
            mock=options.get("mock", False),
            hts_id=Secret(hts_id or ours.hts_id),
        )
        kis = Kis(
            rest_url=where.rest,
            ws_url=where.ws,
            keys=keys,
            tokens_dir=folder,
            rng=random.Random(1),
            **options,
        )
        answers: list[Answer] = []
        async with kis.rest(clock, answers.append) as rest:
            yield Bench(where, clock, kis, rest, answers)
    finally:
        await simulator.stop()


async def test_the_busiest_of_the_whole_market(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        assert here.rest.rankings == ("value", "surge")
        by_value = await here.rest.busiest(30)
        values = [each.snapshot.value or 0.0 for each in by_value]
        assert values == sorted(values, reverse=True)
        assert [each.rank for each in by_value] == list(range(1, 31))
        assert [each.symbol for each in await here.rest.busiest(3)] == [each.symbol for each in by_value[:3]]
        surges = [
            (each.snapshot.volume or 0.0) / (each.prev_volume or 1.0)
            for each in await here.rest.busiest(30, "surge")
        ]
        assert surges == sorted(surges, reverse=True)
        assert by_value[0].change_rate is not None
        with pytest.raises(BadInput, match="count"):
            await here.rest.busiest(0)
    async with bench(tmp_path / "mock", mock=True) as here:
        assert here.rest.rankings == ()
        with pytest.raises(BadInput, match="mock market ranks nothing"):
            await here.rest.busiest(30)
        assert not here.answers


async def test_flags_come_from_the_master(tmp_path: Path) -> None:
    async with bench(tmp_path) as here, aiohttp.ClientSession() as http:
        listed = (await (await http.get(f"{here.where.control}/control/issues")).json())["issues"]
        found = {each.symbol: each for each in await here.rest.listings()}
        assert {code: (one.halted, one.warning) for code, one in found.items()} == {
            row["code"]: (row["halted"], row["warning"]) for row in listed
        }
        assert {each.flags_source for each in found.values()} == {"symbol master"}
        assert {quote.warning for quote in await here.rest.quotes(list(found)[:60])} == {None}


async def test_a_token_that_expires_in_the_middle_of_the_day(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=FAST) as here:
        await here.rest.quotes([BUSY])
        await here.fault(kind="token_expired")
        assert [each.symbol for each in await here.rest.quotes([BUSY])] == [BUSY]
        assert [answer.status for answer in here.answers] == [200, 500, 200]
        assert b"EGW00123" in here.answers[1].body


async def test_asked_too_often_is_http_500_and_waited_for(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.fault(kind="rest_error", code="EGW00201", count=2)
        assert [each.symbol for each in await here.rest.quotes([BUSY])] == [BUSY]
        assert [answer.status for answer in here.answers] == [500, 500, 200]


async def test_a_page_instead_of_an_answer(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.fault(kind="html", seconds=3600)
        with pytest.raises((Unreachable, Undecodable)):
            await here.rest.quotes([BUSY])
        with pytest.raises((Unreachable, Undecodable)):
            await here.listen(BUSY).once(lambda: False)


@pytest.mark.parametrize("fault", [{"kind": "session_busy"}, {"kind": "sticky_slot", "seconds": 12}])
async def test_an_app_key_in_use_is_left_alone_and_then_tried_again(
    tmp_path: Path, fault: dict[str, object]
) -> None:
    async with bench(tmp_path) as here:
        await here.fault(**fault)
        heard = here.listen(BUSY)
        assert await heard.once(lambda: heard.line.confirmed) == "OPSP8996"
        assert await heard.once(lambda: bool(heard.trades(BUSY))) == ""
        assert heard.line.confirmed


async def test_an_answer_without_a_header_belongs_to_what_was_asked(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.fault(kind="null_header")
        heard = here.listen(BUSY, OTHER)
        assert await heard.once(lambda: len(heard.line.carried) == 1 and heard.line.confirmed) == ""
        assert (heard.line.carried, list(heard.line.refused)) == ((OTHER,), [BUSY])


async def test_bytes_that_are_no_text_cost_a_frame_at_most(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.fault(kind="invalid_utf8", count=3)
        heard = here.listen(BUSY)

        def struck() -> bool:
            return sum(not _is_text(frame) for frame in heard.frames) == 3

        assert await heard.once(lambda: struck() and len(heard.trades(BUSY)) > 20) == ""
        assert heard.undecodable <= 3


def _is_text(frame: bytes) -> bool:
    return frame.decode("utf-8", "replace").encode() == frame


class Sink:
    """A journal in memory."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def append(self, stream: str, body: bytes, at_ns: int, *, always: bool = False) -> bool:
        self.bodies.append(body)
        return True

    def append_run(self, stream: str, head: bytes, tails: Iterable[bytes], at_ns: int) -> None:
        self.bodies += [b"%b%b}" % (head, tail) for tail in tails]

    def events(self, kind: str) -> list[dict[str, Any]]:
        found = [json.loads(body) for body in self.bodies]
        return [each for each in found if each.get("event_type") == kind]

    def frames(self) -> list[str]:
        return [each["frame"] for each in map(json.loads, self.bodies) if "frame" in each and "conn" in each]


@asynccontextmanager
async def collecting(here: Bench, *symbols: str) -> AsyncIterator[Sink]:
    """The collector's own line, observer and diary on a journal in memory, from the confirmed line on."""
    sink = Sink()
    diary = Diary(sink, SessionMeta("kis", "kr_stocks", "KRX", "session"), here.clock)
    observer = Observer(
        here.kis,
        sink,
        {symbol: Slot(symbol) for symbol in symbols},
        diary.meta,
        Ledger(),
        first_frame=1,
        on_notice=lambda kind, message, facts: diary.write(kind, message, **facts),
    )

    async def connect(on_frame: OnFrame) -> Socket:
        return await Socket.connect(here.kis.ws_url, on_frame=on_frame, clock=here.clock)

    line = here.kis.line(here.rest, "test")
    link = Link(connect, line, observer, Gaps(diary, "scalp"), diary, here.clock, random.Random(1))
    link.watch(symbols)
    running = asyncio.create_task(link.run())
    try:
        await until(lambda: bool(sink.events("connected")))
        yield sink
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in itertools.takewhile(lambda _: not condition(), itertools.count()):
            await asyncio.sleep(0.005)


async def test_a_volatility_interruption_is_told(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=FAST, states=True) as here, collecting(here, BUSY) as sink:
        await here.control("surge", code=BUSY, seconds=300, rate=50, move_percent=25)
        await until(lambda: len(sink.events("market_state")) >= 2)
        told = sink.events("market_state")
        assert [each["message"].partition(", status")[0] for each in told[:2]] == [
            f"{BUSY} not halted, VI {code}" for code in "YN"
        ]
        facts = [each["detail"] for each in told[:2]]
        assert [(one["symbol"], one["halted"], one["vi"], one["venue"]) for one in facts] == [
            (BUSY, False, code, "KRX") for code in "YN"
        ]
        assert sum("|H0STMKO0|" in frame for frame in sink.frames()) == len(told)


async def test_a_wrong_hts_id_is_tried_once_and_costs_no_trades(tmp_path: Path) -> None:
    async with bench(tmp_path, hts_id="NobodysLogin", notices=True) as here:
        heard = here.listen(BUSY)
        assert await heard.once(lambda: heard.line.confirmed) == ""
        errors = [each for each in heard.events if isinstance(each, Control) and each.kind == "error"]
        assert [each.name for each in errors] == ["OPSP0017"]
        # It cut the line, and the place of a line that was cut sticks.
        assert await heard.once(lambda: heard.line.confirmed) == "OPSP8996"
        assert await heard.once(lambda: bool(heard.trades(BUSY))) == ""
        assert heard.line.confirmed
        assert "NobodysLogin" not in repr((heard.events, heard.line.refused, heard.line.carried))


async def test_a_notice_is_told_and_its_content_is_nowhere(tmp_path: Path) -> None:
    async with bench(tmp_path, notices=True) as here, collecting(here, BUSY) as sink:
        said = [
            (await here.control("notice", code=BUSY, quantity=12345, price=67890, filled=filled))["plaintext"]
            for filled in (False, True)
        ]
        await until(lambda: len(sink.events("order_notice")) == 2)
        told = [each["detail"] for each in sink.events("order_notice")]
        assert [(each["notice"], each["symbol"], each["account"]) for each in told] == [
            *(("taken", BUSY, "******5601"), ("filled", BUSY, "******5601")),
        ]
        sealed = [frame for frame in sink.frames() if frame.startswith("1|H0STCNI0|001|")]
        assert len(sealed) == 2, "kept as they came"
        kept, ours = b"\n".join(sink.bodies), here.where.credentials
        assert b'\\"key\\":\\"***\\"' in kept
        assert all(ours.account in text and "0000012345" in text for text in said)
        for secret in (ours.hts_id, ours.account, ours.appkey, ours.appsecret, "0000012345", "김한투"):
            assert secret.encode() not in kept


async def test_a_sudden_holiday_is_told_when_the_calendar_is_asked(tmp_path: Path) -> None:
    friday, monday = date(2026, 11, 20), date(2026, 11, 23)
    async with bench(tmp_path, speed=FAST) as b:
        await b.control("holiday", day="20261123")
        assert await b.rest.trading_day(friday) is True
        assert await b.rest.trading_day(monday) is False
        assert "chk-holiday" in b.answers[-1].url, "the answer is heard before it is understood"


async def test_the_mock_market_is_not_asked_for_a_calendar(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=FAST, mock=True) as b:
        assert await b.rest.trading_day(date(2026, 11, 20)) is None
        assert b.answers == []
