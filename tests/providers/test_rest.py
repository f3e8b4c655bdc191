"""Every kind of bad answer ends as the error that says whose fault it is, and is tapped first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest
from aiohttp import web

from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.providers import rest
from sise.providers.contract import Answer
from sise.providers.upbit.client import UpbitRest
from tests.providers.stand_ins import FastClock, serving

GOOD = '[{"market":"KRW-BTC","korean_name":"비트코인","english_name":"Bitcoin"}]'
LEFT = {"Remaining-Req": "group=market; min=600; sec=9"}
NONE_LEFT = {"Remaining-Req": "group=market; min=600; sec=0"}
Reply = tuple[int, str, dict[str, str]]


class Asked:
    """Asks a server for the markets; the server gives the replies in turn, the last for ever."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.replies = list(replies)
        self.requests: list[web.Request] = []
        self.answers: list[Answer] = []
        self.clock = FastClock()

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        status, text, headers = self.replies[min(len(self.requests), len(self.replies)) - 1]
        return web.Response(status=status, text=text, headers=headers)

    async def ask(self, times: int = 1) -> None:
        async with (
            serving(self.handle) as host,
            UpbitRest(f"http://{host}", self.clock, self.answers.append) as client,
        ):
            for _ in range(times):
                assert [each.name_ko for each in await client.markets()] == ["비트코인"]


async def test_an_answer_is_tapped_as_it_came() -> None:
    asked = Asked([(200, GOOD, LEFT)])
    await asked.ask()
    (answer,) = asked.answers
    assert answer == Answer("/v1/market/all?is_details=false", 200, GOOD.encode(), asked.clock.now_ns())


async def test_a_bad_answer_is_tapped_before_it_is_refused() -> None:
    asked = Asked([(200, '[{"market":7}]', LEFT)])
    with pytest.raises(Undecodable, match="market"):
        await asked.ask()
    assert asked.answers[0].body == b'[{"market":7}]'


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((404, '{"error":{"name":404,"message":"Code not found"}}', LEFT), "HTTP 404, 404.*Code not found"),
        ((400, '{"error":{"name":"invalid_parameter","message":"x"}}', LEFT), "HTTP 400, invalid_parameter"),
        ((404, '{"name":"not_found","message":"no Route matched"}', {}), "not_found.*no Route"),
        ((200, '{"error":{"name":500,"message":"x"}}', LEFT), "HTTP 200, 500"),
    ],
)
async def test_a_refusal_is_told_as_it_is_and_not_tried_again(reply: Reply, message: str) -> None:
    asked = Asked([reply])
    with pytest.raises(ProviderRefused, match=message):
        await asked.ask()
    assert len(asked.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [(200, "<html>maintenance</html>", {}), (200, "", {}), (403, "<html>", {}), (301, "", {"Location": "/"})],
)
async def test_a_page_that_is_not_the_providers_is_no_answer(reply: Reply) -> None:
    asked = Asked([reply])
    with pytest.raises(Unreachable):
        await asked.ask()
    assert len(asked.answers) == 1


async def test_server_errors_are_tried_again_within_a_limit() -> None:
    asked = Asked([(502, "<html>", {}), (500, "", {}), (200, GOOD, LEFT)])
    await asked.ask()
    assert asked.clock.slept == list(rest.RETRY_WAIT_SECONDS[:2])
    asked = Asked([(503, "<html>", {})])
    with pytest.raises(Unreachable, match="HTTP 503"):
        await asked.ask()
    assert len(asked.requests) == len(asked.answers) == rest.TRIES_MAX


async def test_too_many_requests_waits_for_the_next_second() -> None:
    asked = Asked([(429, "Too many API requests.", NONE_LEFT), (200, GOOD, LEFT)])
    await asked.ask()
    assert sum(asked.clock.slept) == pytest.approx(1.0)
    asked = Asked([(429, '{"error":{"name":"too_many_requests","message":"slow down"}}', {})])
    with pytest.raises(ProviderRefused, match=r"429, too_many_requests.*slow down"):
        await asked.ask()
    assert len(asked.requests) == rest.TRIES_MAX
    assert asked.clock.slept == [1.0, 2.0, 3.0]


async def test_nothing_left_waits_before_the_next_request() -> None:
    asked = Asked([(200, GOOD, NONE_LEFT)])
    await asked.ask(times=2)
    assert asked.clock.slept == [1.0]


@pytest.mark.parametrize(
    ("text", "headers", "seconds"),
    [
        ('{"error":{"name":418,"message":"blocked for 10 minutes"}}', {}, 600),
        ('{"error":{"name":418,"message":"요청이 300초 동안 제한됩니다"}}', {}, 300),
        ("I'm a teapot", {"Retry-After": "120"}, 120),
        ("I'm a teapot", {}, 60),
    ],
)
async def test_a_block_is_obeyed_while_it_lasts(text: str, headers: dict[str, str], seconds: int) -> None:
    asked = Asked([(418, text, headers), (200, GOOD, LEFT)])
    async with (
        serving(asked.handle) as host,
        UpbitRest(f"http://{host}", asked.clock, asked.answers.append) as client,
    ):
        with pytest.raises(ProviderRefused, match="HTTP 418"):
            await client.markets()
        await asked.clock.sleep(seconds - 1)
        with pytest.raises(ProviderRefused, match="another 1 s"):
            await client.tickers(["KRW-BTC"])
        assert len(asked.requests) == 1
        await asked.clock.sleep(1)
        await client.markets()


async def test_a_line_that_is_cut_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    clock = FastClock()
    async with serving(cut) as host, UpbitRest(f"http://{host}", clock, lambda _: None) as client:
        with pytest.raises(Unreachable, match="no answer from"):
            await client.markets()
    assert clock.slept == list(rest.RETRY_WAIT_SECONDS)


async def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "REQUEST_SECONDS_MAX", 0.05)

    async def wait(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(wait) as host, UpbitRest(f"http://{host}", FastClock(), lambda _: None) as client:
        with pytest.raises(Unreachable, match="no answer within"):
            await client.markets()


async def test_an_answer_without_end_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BODY_BYTES_MAX", 1000)
    asked = Asked([(200, "[" + " " * 5000 + "]", LEFT)])
    with pytest.raises(Unreachable, match="1000 bytes"):
        await asked.ask()


async def test_a_new_field_is_told_once_and_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    asked = Asked([(200, GOOD.replace('"market"', '"brand_new":1,"market"'), LEFT)])
    with caplog.at_level(logging.WARNING):
        await asked.ask(times=3)
    assert [record.message for record in caplog.records].count(
        "upbit: market answers have fields that are new to us: brand_new"
    ) == 1
    assert len(caplog.records) == 1
