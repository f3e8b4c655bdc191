"""What clients may say: every client's real request is understood, every mistake has Upbit's own name."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from sise.simulator.upbit.requests import (
    ListSubscriptions,
    Stream,
    Subscribe,
    WireError,
    parse_request,
    subscriptions_payload,
)


def _asked(*parts: object) -> Subscribe:
    request = parse_request(json.dumps([{"ticket": "t"}, *parts]))
    assert isinstance(request, Subscribe)
    return request


def test_requests_recorded_from_real_clients_are_understood(shared: Path) -> None:
    frames = json.loads((shared / "wire/samples/upbit/ws_client_frames.json").read_text())
    for client, texts in frames.items():
        for text in texts:
            if text != "PING":
                request = parse_request(text)
                assert isinstance(request, (Subscribe, ListSubscriptions)), client
    (cryptofeed,) = frames["cryptofeed_2.4.1 (TEXT; format object SECOND, camelCase flag)"]
    request = parse_request(cryptofeed)
    assert isinstance(request, Subscribe)
    assert request.form == "SIMPLE"
    assert [(stream.kind, stream.snapshot, stream.realtime) for stream in request.streams] == [
        ("trade", False, True),
        ("orderbook", False, True),
    ]
    documented = parse_request(frames["docs"][0])
    assert isinstance(documented, Subscribe)
    assert documented.form == "SIMPLE_LIST"
    assert documented.streams == (
        Stream("orderbook", "KRW-BTC", depth=15, level=Decimal(10_000).normalize()),
        Stream("orderbook", "KRW-ETH", depth=5, level=Decimal(1_000).normalize()),
    )


def test_objects_are_told_apart_by_key_not_by_place() -> None:
    parts = [{"format": "SIMPLE"}, {"type": "trade", "codes": ["KRW-BTC"]}, {"ticket": "last"}]
    request = parse_request(json.dumps(parts).encode())
    assert request == Subscribe("last", "SIMPLE", (Stream("trade", "KRW-BTC"),))
    before = parse_request('[{"method":"LIST_SUBSCRIPTIONS"},{"ticket":"t"}]')
    assert before == ListSubscriptions("t", "DEFAULT")


@pytest.mark.parametrize(
    ("suffix", "depth"), [(".1", 1), (".5", 5), (".15", 15), (".30", 30), (".7", 30), (".x", 30), ("", 30)]
)
def test_depth_by_suffix(suffix: str, depth: int) -> None:
    (stream,) = _asked({"type": "orderbook", "codes": [f"KRW-BTC{suffix}"]}).streams
    assert (stream.code, stream.depth) == ("KRW-BTC", depth)


@pytest.mark.parametrize("name", ["is_only_snapshot", "isOnlySnapshot"])
def test_flags_in_both_spellings(name: str) -> None:
    (stream,) = _asked({"type": "ticker", "codes": ["KRW-BTC"], name: True}).streams
    assert (stream.snapshot, stream.realtime) == (True, False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nonsense", "WRONG_FORMAT"),
        ('{"ticket":"t"}', "WRONG_FORMAT"),
        ("[1]", "WRONG_FORMAT"),
        ('[{"type":"trade","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":7},{"type":"trade","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":"t"},{"format":"SIMPLE"}]', "NO_TYPE"),
        ('[{"ticket":"t"},{"type":"trade"}]', "NO_CODES"),
        ('[{"ticket":"t"},{"type":"trade","codes":[]}]', "NO_CODES"),
        ('[{"ticket":"t"},{"type":"nope","codes":["KRW-BTC"]}]', "INVALID_PARAM"),
        ('[{"ticket":"t"},{"type":["trade"],"codes":["KRW-BTC"]}]', "INVALID_PARAM"),
        ('[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"]},{"format":"XML"}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"trade","codes":[1]}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"isOnlyRealtime":"yes"}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"],"level":"x"}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"],"level":"NaN"}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"method":"ELSE"}]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"myAsset"}]', "INVALID_AUTH"),
    ],
)
def test_mistakes_have_upbits_names(text: str, name: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_request(text)
    assert json.loads(caught.value.payload())["error"]["name"] == name


def test_errors_are_those_recorded(shared: Path) -> None:
    lines = (shared / "wire/samples/upbit/ws_server_frames.jsonl").read_text().splitlines()
    recorded = {json.loads(line)["error"]["name"]: json.loads(line)["error"] for line in lines[8:12]}
    for text in ('[{"type":"trade"}]', '[{"ticket":"t"},{"type":"nope"}]', "?"):
        with pytest.raises(WireError) as caught:
            parse_request(text)
        error = json.loads(caught.value.payload())["error"]
        assert error == recorded[error["name"]]


def test_the_list_of_subscriptions_in_both_namings() -> None:
    streams = (
        Stream("ticker", "KRW-BTC"),
        Stream("ticker", "KRW-ETH"),
        Stream("orderbook", "KRW-BTC", depth=5),
    )
    listed = json.loads(subscriptions_payload(ListSubscriptions("t", "DEFAULT"), streams))
    assert listed == {
        "method": "LIST_SUBSCRIPTIONS",
        "result": [
            {"type": "ticker", "codes": ["KRW-BTC", "KRW-ETH"]},
            {"type": "orderbook", "codes": ["KRW-BTC.5"], "level": 0},
        ],
        "ticket": "t",
    }
    short = json.loads(subscriptions_payload(ListSubscriptions("t", "SIMPLE"), streams[:1]))
    assert short == {
        "mthd": "LIST_SUBSCRIPTIONS",
        "rslt": [{"ty": "ticker", "cds": ["KRW-BTC"]}],
        "tckt": "t",
    }
