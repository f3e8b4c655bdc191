"""A provider by name; what would be ignored or misread is refused with its remedy."""

from __future__ import annotations

from datetime import date

import pytest

from sise.model.errors import BadInput
from sise.providers.address import shown
from sise.providers.dated import RateLimit
from sise.providers.registry import provider
from sise.providers.upbit import encode, limits
from sise.providers.upbit.provider import REST_URL, WS_URL, Upbit


def test_upbit_by_default() -> None:
    upbit = provider("upbit", rest_url=None, ws_url=None)
    assert (upbit.name, upbit.market, upbit.venue) == ("upbit", "crypto", "upbit")
    assert (upbit.rest_url, upbit.ws_url, upbit.book_depth, upbit.slots_max) == (REST_URL, WS_URL, 5, 41)


def test_its_request() -> None:
    upbit = Upbit(rest_url="http://127.0.0.1:1/", ws_url="ws://127.0.0.1:1/ws", book_depth=15)
    assert upbit.rest_url == "http://127.0.0.1:1"
    assert upbit.subscription(["KRW-BTC", "KRW-ETH"], "t-1") == (
        '[{"ticket":"t-1"},{"type":"trade","codes":["KRW-BTC","KRW-ETH"]},'
        '{"type":"orderbook","codes":["KRW-BTC.15","KRW-ETH.15"]},'
        '{"type":"ticker","codes":["KRW-BTC","KRW-ETH"]},{"format":"SIMPLE"}]'
    )


def test_candles_and_the_list_of_subscriptions() -> None:
    assert encode.subscription(["KRW-BTC"], "t", ["candle.1s"], 30, "DEFAULT") == (
        '[{"ticket":"t"},{"type":"candle.1s","codes":["KRW-BTC"]},{"format":"DEFAULT"}]'
    )
    assert (
        encode.list_subscriptions("t")
        == '[{"ticket":"t"},{"method":"LIST_SUBSCRIPTIONS"},{"format":"SIMPLE"}]'
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "upbot"}, "provider: 'upbot'"),
        ({"rest_url": "ws://host"}, "rest_url"),
        ({"ws_url": "http://host"}, "ws_url"),
        ({"rest_url": "https://me:canary@host"}, "rest_url"),
        ({"book_depth": 7}, "book_depth: 7"),
    ],
)
def test_what_cannot_be_used(change: dict[str, str | int], field: str) -> None:
    asked = {"name": "upbit", "rest_url": None, "ws_url": None} | change
    with pytest.raises(BadInput, match=field) as refused:
        provider(**asked)  # type: ignore[arg-type]
    assert "canary" not in str(refused.value)


def test_what_cannot_be_subscribed() -> None:
    for kinds, depth, ticket in ((["candle.7m"], 5, "t"), (["trade"], 6, "t"), (["trade"], 5, "")):
        with pytest.raises(BadInput):
            encode.subscription(["KRW-BTC"], ticket, kinds, depth)
    with pytest.raises(BadInput, match="at most"):
        encode.subscription([f"KRW-{n}" for n in range(limits.CODES_MAX + 1)], "t", ["trade"], 5)


def test_an_address_is_shown_without_what_could_be_secret() -> None:
    assert shown("wss://me:canary@host:9/path?key=canary#canary") == "wss://host:9/path"


def test_the_rule_of_a_day_is_the_newest_that_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    old = RateLimit("ticker", 30, 1.0, "ip", date(2025, 1, 1), "test")
    new = RateLimit("ticker", 5, 1.0, "ip", date(2027, 1, 1), "test")
    monkeypatch.setattr(limits, "RATE_LIMITS", (new, *limits.RATE_LIMITS, old))
    days = (date(2025, 6, 1), date(2026, 12, 31), date(2027, 1, 1))
    assert [limits.rate_limits("ticker", day)[0].count for day in days] == [30, 10, 5]
    assert [row.seconds for row in limits.rate_limits("websocket-message", date(2027, 1, 1))] == [1.0, 60.0]
    assert limits.rate_limits("ticker", date(2020, 1, 1)) == (old,)
