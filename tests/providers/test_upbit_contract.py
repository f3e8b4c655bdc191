"""Upbit holds what every provider must hold, and no mutation of a frame does any harm."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sise.providers.upbit.provider import Upbit
from tests.contract.provider_suite import ProviderContract
from tests.providers import upbit_frames as frames

LISTS = tuple(b"[" + frame + b"]" for frame in frames.MARKET_FRAMES)
UPBIT = Upbit()


class TestUpbit(ProviderContract):
    provider = UPBIT
    samples = (*frames.MARKET_FRAMES, *LISTS, *frames.CONTROL_FRAMES)
    symbols = ("KRW-BTC", "BTC-ETH", "KRW-1INCH")
    bad_symbols = ([], ["krw-btc"], ["KRW_BTC"], ["KRW-BTC.5"], ["KRW-BTC", ""], ["KRW-비트"])

    odd_bytes = (b'"', b"\xff", b"9" * 30, b"[[", b'"\\ud800"', b"NaN")
    too_deep = (
        *(b"[" * 100_000, b'{"error":' * 100_000),
        b'{"ty":"trade","x":' + b"[" * 900 + b"]" * 900 + b"}",
    )

    def with_unknown_field(self, frame: bytes) -> bytes | None:
        return frame.replace(b'{"ty', b'{"brand_new":[{"x":1}],"ty', 1) if b'{"ty' in frame[:5] else None

    def asked(self, symbols: Sequence[str]) -> Mapping[str, Sequence[str]]:
        parts = json.loads(UPBIT.subscription(symbols, "a-ticket"))
        asked = [part for part in parts if "type" in part]
        return {part["type"]: [code.removesuffix(".5") for code in part["codes"]] for part in asked}


harmless = TestUpbit().harmless

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from((*frames.MARKET_FRAMES, *frames.CONTROL_FRAMES)), st.data())
def test_values_of_any_other_kind_do_no_harm(frame: bytes, data: st.DataObject) -> None:
    message: dict[str, Any] = json.loads(frame)
    name = data.draw(st.sampled_from(sorted(message)))
    message[name] = data.draw(anything)
    harmless(json.dumps(message).encode("utf-8", "surrogatepass"))


@given(st.sampled_from(frames.MARKET_FRAMES), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(frame: bytes, order: random.Random) -> None:
    def shuffled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        order.shuffle(pairs)
        return dict(pairs)

    mixed = json.dumps(json.loads(frame, object_pairs_hook=shuffled)).encode()
    assert UPBIT.decode(mixed, 1) == UPBIT.decode(frame, 1)
