"""Addresses, venues, slots, and the limits in force."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sise.model.errors import BadInput
from sise.providers.governor import Governor
from sise.providers.kis import limits, provider
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.kis.provider import Kis
from tests.providers.stand_ins import FastClock


def test_real_mock_and_a_stand_in() -> None:
    real, mock = Kis(), Kis(mock=True)
    assert (real.rest_url, real.ws_url) == (provider.REST_URL, provider.WS_URL)
    assert (mock.rest_url, mock.ws_url) == (provider.MOCK_REST_URL, provider.MOCK_WS_URL)
    assert real.master_url == mock.master_url == provider.MASTER_URL
    own = Kis(rest_url="http://127.0.0.1:1/", ws_url="ws://127.0.0.1:1/tryitout", book_depth=5)
    assert (own.rest_url, own.master_url) == ("http://127.0.0.1:1", "http://127.0.0.1:1")
    assert (real.name, real.market, real.venue, real.kinds) == ("kis", "kr_stocks", "KRX", ("H0STCNT0",))
    assert (real.slots_max, real.book_depth) == (41, 1)


def test_a_book_costs_a_slot() -> None:
    both = Kis(books=True, venue="NXT")
    assert (both.kinds, both.slots_max, both.book_depth) == (("H0NXCNT0", "H0NXASP0"), 20, 10)


def test_states_and_notices_cost_slots() -> None:
    keys = KisKeys(app_key=Secret("x"), app_secret=Secret("x"), hts_id=Secret("MyHtsLogin"))
    told = Kis(states=True, notices=True, keys=keys)
    assert (told.kinds, told.slots_max) == (("H0STCNT0", "H0STMKO0"), 20)
    assert Kis(notices=True, keys=keys).slots_max == 40


@pytest.mark.parametrize(
    "wrong",
    [
        {"venue": "NYSE"},
        {"venue": "NXT", "mock": True},
        {"rest_url": "ws://host"},
        {"ws_url": "http://host"},
        {"master_url": "ftp://host"},
        {"states": True, "mock": True},
        {"notices": True},
        {"notices": True, "keys": KisKeys(app_key=Secret("x"), app_secret=Secret("x"))},
        {"mock": True, "keys": KisKeys(app_key=Secret("x"), app_secret=Secret("x"))},
    ],
)
def test_what_cannot_be_used(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        Kis(**wrong)


def test_the_rules_of_a_day_and_what_is_taken_of_them() -> None:
    before, after = date(2026, 4, 19), date(2026, 4, 20)
    assert [(row.count, row.seconds) for row in limits.rate_limits("rest", before)] == [(20, 1.0), (1, 0.05)]
    assert limits.windows("rest", after) == [(1, 0.0625), (14, 1.0)]
    assert limits.windows("rest-mock", after) == [(1, 1.25)]
    assert limits.windows("rest-new", after) == [(2, 1.0)]
    since = date(2026, 9, 21)
    groups = [
        limits.rest_group(mock=False, customer_since=since, on=date(2026, 9, day)) for day in (21, 23, 24)
    ]
    assert groups == ["rest-new", "rest-new", "rest"]
    assert limits.rest_group(mock=True, customer_since=since, on=since) == "rest-mock"
    for group in {row.group for row in limits.RATE_LIMITS}:
        Governor("kis", {group: limits.windows(group, after)}, 1.0, FastClock())
    with pytest.raises(KeyError):
        limits.windows("none", after)
