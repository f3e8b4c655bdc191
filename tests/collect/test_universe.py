"""The universe: the same bytes from the same inputs, fixed for its day, and never trusted when changed."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.collect.universe import (
    RULES,
    InputRef,
    Inputs,
    Listing,
    UniverseDamaged,
    build_universe,
    last_good,
    read_universe,
    universe_bytes,
    universe_path,
    write_universe,
)
from sise.model.errors import BadInput

DAY, BEFORE = date(2026, 11, 20), date(2026, 11, 19)
REFS = (InputRef("kospi_code.mst", "wire/kis/20261120/07.jsonl:3", "ab"), InputRef("kosdaq_code.mst", "x:4"))
LISTINGS = (
    Listing("005930", prev_close=71_000.0),
    Listing("000660", prev_close=4_000.0),
    Listing("0004Y0", prev_close=3_999.99),
    Listing("003550", prev_close=80_000.0, halted=True),
    Listing("069500", kind="etf", prev_close=35_000.0),
    Listing("900110"),
    Listing("900120", prev_close=float("nan")),
    Listing("005930", prev_close=71_000.0),
    Listing("035720", prev_close=50_000.0),
    Listing("035720", prev_close=3_000.0),
)


def inputs(listings: tuple[Listing, ...] = LISTINGS, prices_of: date = BEFORE) -> Inputs:
    return Inputs("kis", prices_of, listings, REFS)


def test_the_rule_and_why_each_other_is_left_out() -> None:
    universe = build_universe(DAY, RULES["kr_stocks"], inputs())
    assert universe.symbols == ("000660", "005930")
    assert universe.count == 2
    assert universe.excluded == {
        "ambiguous": 2,
        "below": 1,
        "halted": 1,
        "kind_not_wanted": 1,
        "no_prev_close": 2,
        "repeated": 1,
    }


def test_crypto_and_us_have_rules_of_their_own() -> None:
    coins = (Listing("KRW-BTC", value_24h=1e9), Listing("KRW-XRP", value_24h=1e9 - 1), Listing("KRW-A"))
    crypto = build_universe(DAY, RULES["crypto"], Inputs("upbit", DAY, coins, ()))
    assert crypto.symbols == ("KRW-BTC",)
    assert crypto.excluded == {"below": 1, "no_value_24h": 1}
    shares = (Listing("SPY", prev_close=1.0), Listing("PENN", prev_close=0.9999))
    assert build_universe(DAY, RULES["us_stocks"], Inputs("ib", BEFORE, shares, ())).symbols == ("SPY",)


listings = st.builds(
    Listing,
    symbol=st.sampled_from(["005930", "000660", "0004Y0", "035720", "Q500001"]),
    kind=st.sampled_from(["stock", "etf"]),
    prev_close=st.none() | st.sampled_from([0.0, 3_999.0, 4_000.0, 71_000.0]),
    halted=st.booleans(),
)


@given(st.lists(listings, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_changes_no_byte_and_every_listing_is_accounted_for(
    rows: list[Listing], random: Random
) -> None:
    one = build_universe(DAY, RULES["kr_stocks"], inputs(tuple(rows)))
    shuffled = rows[:]
    random.shuffle(shuffled)
    two = build_universe(DAY, RULES["kr_stocks"], Inputs("kis", BEFORE, shuffled, REFS[::-1]))
    assert universe_bytes(one) == universe_bytes(two)
    assert one.listed == one.count + sum(one.excluded.values()) == len(rows)
    assert list(one.symbols) == sorted(set(one.symbols))


@pytest.mark.parametrize(
    ("rows", "prices_of", "named"),
    [((), BEFORE, "listings"), (LISTINGS, DAY, "prices_of"), (LISTINGS, date(2026, 11, 21), "prices_of")],
)
def test_inputs_that_cannot_be_are_refused(rows: tuple[Listing, ...], prices_of: date, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        build_universe(DAY, RULES["kr_stocks"], inputs(rows, prices_of))


def test_a_day_s_universe_is_written_once_and_read_by_the_late(tmp_path: Path) -> None:
    first = build_universe(DAY, RULES["kr_stocks"], inputs())
    later = build_universe(DAY, RULES["kr_stocks"], inputs(LISTINGS[:1]))
    assert write_universe(tmp_path, first) == first
    assert write_universe(tmp_path, later) == first, "the one that is fixed holds"
    path = universe_path(tmp_path, "kis", "kr_stocks", DAY)
    assert path == tmp_path / "universe/kis/kr_stocks/20261120.json"
    assert path.read_bytes() == universe_bytes(first)
    assert list(path.parent.iterdir()) == [path], "no draft is left"


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    universe = write_universe(tmp_path, build_universe(DAY, RULES["kr_stocks"], inputs()))
    path = universe_path(tmp_path, "kis", "kr_stocks", DAY)
    good = path.read_bytes()
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(UniverseDamaged):
            read_universe(path)
    for changed in (good[:-1], good + b" ", good.replace(b"{", b'{"more":1,', 1), b""):
        path.write_bytes(changed)
        with pytest.raises(UniverseDamaged):
            read_universe(path)
    forged = msgspec.structs.replace(universe, symbols=("005930",), count=1)
    path.write_bytes(universe_bytes(forged))
    with pytest.raises(UniverseDamaged, match="SHA-256"):
        read_universe(path)


def test_a_damaged_universe_of_today_is_not_replaced_in_silence(tmp_path: Path) -> None:
    universe = build_universe(DAY, RULES["kr_stocks"], inputs())
    write_universe(tmp_path, universe)
    path = universe_path(tmp_path, "kis", "kr_stocks", DAY)
    path.write_bytes(b"{}")
    with pytest.raises(UniverseDamaged):
        write_universe(tmp_path, universe)


def test_the_last_good_one_is_found_past_damage_and_never_in_the_future(tmp_path: Path) -> None:
    days = [date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 24)]
    for day in days:
        write_universe(
            tmp_path, build_universe(day, RULES["kr_stocks"], inputs(prices_of=date(2026, 11, 16)))
        )
    folder = tmp_path / "universe/kis/kr_stocks"
    (folder / "20261119.json").write_bytes(b"torn")
    found = last_good(folder, DAY)
    assert found is not None
    assert found.universe.day == date(2026, 11, 18)
    assert len(found.passed_over) == 1
    assert "20261119.json" in found.passed_over[0]
    assert last_good(folder, date(2026, 11, 16)) is None
    assert last_good(tmp_path / "universe/kiwoom/kr_stocks", DAY) is None


def test_a_real_day_of_the_whole_market(shared: Path) -> None:
    with gzip.open(shared / "data/krx_daily/marcap_all_2025_janfeb.csv.gz", "rt") as source:
        rows = [row for row in csv.DictReader(source) if row["Date"].startswith("2025-02-10")]
    taken = {row["Code"] for row in rows if float(row["Close"]) >= 4_000}
    whole = tuple(Listing(row["Code"], prev_close=float(row["Close"])) for row in rows)
    universe = build_universe(
        date(2025, 2, 11), RULES["kr_stocks"], Inputs("kis", date(2025, 2, 10), whole, ())
    )
    assert set(universe.symbols) == taken
    assert universe.excluded == {"below": len(rows) - len(taken)}
    assert 1_000 < universe.count < len(rows)
