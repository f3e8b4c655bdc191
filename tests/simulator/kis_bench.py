"""What the tests of KIS's simulator share: a clock that a test moves, raw clients, ready requests.

The clients are aiohttp's own, and frames are taken apart here by hand, so nothing of ours stands on both
sides of the wire.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from sise.model.time import NS_PER_SECOND, parse_iso
from sise.simulator.kis.issue import Issue
from sise.simulator.kis.server import Addresses, KisSimulator, KisSimulatorConfig

DAY: Final = "20261120"
PATIENCE_SECONDS: Final = 10.0
BUSY: Final = "005930"
QUOTATIONS: Final = "/uapi/domestic-stock/v1/quotations/"


class KoreanClock:
    """A clock that stands at a Korean time until a test moves it; ``sleep`` waits a little, for real."""

    def __init__(self, text: str = "2026-11-20T09:10:00") -> None:
        self._start_ns = parse_iso(f"{text}+09:00")
        self.passed_ns = 0

    def now_ns(self) -> int:
        return self._start_ns + self.passed_ns

    def monotonic_ns(self) -> int:
        return 1_000 * NS_PER_SECOND + self.passed_ns

    def move(self, seconds: float) -> None:
        self.passed_ns += int(seconds * NS_PER_SECOND)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))


@dataclass
class Frame:
    """A data frame, taken apart."""

    flag: str
    tr_id: str
    records: list[list[str]]


def apart(text: str) -> Frame:
    """A pipe frame's records, by its own count."""
    flag, tr_id, count, payload = text.split("|", 3)
    fields = payload.split("^")
    width, rest = divmod(len(fields), int(count))
    assert rest == 0, text
    return Frame(flag, tr_id, [fields[i : i + width] for i in range(0, len(fields), width)])


class Client:
    """One WebSocket client that reads all the time; ``said`` are control messages, ``heard`` data frames.

    It echoes keep-alives and leaves them out, unless ``echoes`` is false.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, key: str) -> None:
        self.socket, self.key = socket, key
        self.echoes = True
        self.said: list[Any] = []
        self.heard: list[str] = []
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            if self.echoes and "PINGPONG" in message.data:
                await self.socket.send_str(message.data)
            elif message.data.startswith("{"):
                self.said.append(json.loads(message.data))
            else:
                self.heard.append(message.data)

    async def say(self, tr_id: str, tr_key: str, tr_type: str = "1", **header: str) -> None:
        """Send a request; nothing is waited for."""
        head = {"approval_key": self.key, "custtype": "P", "tr_type": tr_type, "content-type": "utf-8"}
        body = {"input": {"tr_id": tr_id, "tr_key": tr_key}}
        await self.socket.send_str(json.dumps({"header": head | header, "body": body}))

    async def ask(self, tr_id: str, tr_key: str, tr_type: str = "1", **header: str) -> Any:
        """Send a request and give its answer."""
        before = len(self.said)
        await self.say(tr_id, tr_key, tr_type, **header)
        await until(lambda: len(self.said) > before)
        return self.said[-1]

    async def code(self, tr_id: str, tr_key: str, tr_type: str = "1", **header: str) -> str:
        """The ``msg_cd`` of a request's answer."""
        answer = await self.ask(tr_id, tr_key, tr_type, **header)
        return str(answer["body"]["msg_cd"])

    async def ended(self) -> bool:
        """Wait for the line's end; whether it came without a close frame."""
        await until(self.reader.done)
        return self.socket.close_code == 1006

    async def quiet(self) -> None:
        """Wait until nothing has come for a while."""
        seen = -1
        while seen != len(self.heard):
            seen = len(self.heard)
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        await self.socket.close()
        await asyncio.wait([self.reader])

    def frames(self, tr_id: str) -> list[Frame]:
        """The data frames of a stream so far."""
        return [frame for frame in map(apart, self.heard) if frame.tr_id == tr_id]

    def records(self, tr_id: str) -> list[list[str]]:
        """The records of a stream so far."""
        return [record for frame in self.frames(tr_id) for record in frame.records]


@dataclass
class Bench:
    """A running simulator and an HTTP client for it."""

    simulator: KisSimulator
    addresses: Addresses
    clock: KoreanClock
    http: aiohttp.ClientSession
    token: str = ""
    clients: list[Client] = field(default_factory=list)

    async def post(self, path: str, **body: object) -> tuple[int, Any]:
        response = await self.http.post(self.addresses.rest + path, json=body)
        return response.status, await response.json()

    async def issue_token(self) -> tuple[int, Any]:
        ours = self.addresses.credentials
        return await self.post(
            "/oauth2/tokenP",
            grant_type="client_credentials",
            appkey=ours.appkey,
            appsecret=ours.appsecret,
        )

    async def get(self, name: str, tr_id: str, **query: str) -> tuple[int, Any, dict[str, str]]:
        """A quotation call: status, JSON, headers. The first one issues a token."""
        if not self.token:
            self.token = (await self.issue_token())[1]["access_token"]
        ours = self.addresses.credentials
        headers = {
            "authorization": f"Bearer {self.token}",
            "appkey": ours.appkey,
            "appsecret": ours.appsecret,
            "tr_id": tr_id,
            "custtype": "P",
        }
        url = self.addresses.rest + QUOTATIONS + name
        response = await self.http.get(url, params=query, headers=headers)
        return response.status, await response.json(content_type=None), dict(response.headers)

    async def good(self, name: str, tr_id: str, **query: str) -> Any:
        """The JSON of a call that works; a second passes, so that no limit is met."""
        self.clock.move(1.0)
        status, body, _ = await self.get(name, tr_id, **query)
        assert (status, body["rt_cd"]) == (200, "0"), body
        return body

    async def control(self, method: str, path: str, body: object = None) -> Any:
        response = await self.http.request(method, self.addresses.control + path, json=body)
        assert response.ok, await response.text()
        return await response.json()

    async def fault(self, **fault: object) -> None:
        await self.control("POST", "/control/fault", fault)

    async def approval(self) -> str:
        ours = self.addresses.credentials
        _, body = await self.post(
            "/oauth2/Approval", grant_type="client_credentials", appkey=ours.appkey, secretkey=ours.appsecret
        )
        return str(body["approval_key"])

    async def connect(self, path: str = "/tryitout") -> Client:
        brief = aiohttp.ClientWSTimeout(ws_close=1.0)
        socket = await self.http.ws_connect(
            self.addresses.ws + path, timeout=brief, autoping=False, max_msg_size=0
        )
        client = Client(socket, await self.approval())
        self.clients.append(client)
        return client

    def issue(self, code: str = BUSY) -> Issue:
        issue = self.simulator._market.issue(code)
        assert issue is not None
        return issue

    async def pass_time(self, seconds: float) -> None:
        """Move the clock, and wait until the market has followed."""
        self.clock.move(seconds)
        market = self.simulator._market
        due = market._ms(self.clock.now_ns())
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in itertools.takewhile(lambda _: market.now_ms < due, itertools.count()):
                await asyncio.sleep(0.005)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in itertools.takewhile(lambda _: not condition(), itertools.count()):
            await asyncio.sleep(0.005)


@asynccontextmanager
async def bench(clock: KoreanClock | None = None, **options: Any) -> AsyncIterator[Bench]:
    """A small market (120 issues) at ten past nine, and a client session."""
    clock = clock or KoreanClock()
    simulator = KisSimulator(KisSimulatorConfig(**{"issues": 120, **options}), clock)
    addresses = await simulator.start()
    async with aiohttp.ClientSession() as http:
        running = Bench(simulator, addresses, clock, http)
        try:
            yield running
        finally:
            await simulator.stop()
            for client in running.clients:
                await client.close()
