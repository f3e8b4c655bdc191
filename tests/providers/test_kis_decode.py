"""What KIS's frames mean: which venue, which time, what is no trade, what is missing, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sise.model.errors import Undecodable
from sise.model.events import Book, Control, MarketState, Snapshot, Trade, UnknownFields
from sise.model.time import parse_iso
from sise.providers.kis import wire
from sise.providers.kis.decode import decode
from tests.providers import kis_frames as frames
from tests.providers.kis_frames import MORNING_NS, book, frame, record

AT = parse_iso("2026-09-22T09:40:00+09:00")


def of(payload: bytes, kind: type) -> list[Any]:
    return [event for event in decode(payload, MORNING_NS) if isinstance(event, kind)]


def test_a_record_is_a_trade_and_the_state_after_it() -> None:
    assert decode(frames.TRADE_47, MORNING_NS) == [
        Trade("005930", AT, 71900.0, 7.0, "buy", "20260922094000-3052507", False, "KRX"),
        Snapshot(
            *("005930", AT, 71900.0, 72000.0, 72100.0, 72400.0, 71700.0, 3052507.0, 219853241700.0),
            venue="KRX",
        ),
        Book("005930", AT, 71850.0, 216924.0, 71950.0, 65945.0, 1, venue="KRX"),
    ]


def test_every_width_says_the_same() -> None:
    newest = decode(frames.TRADE_47, MORNING_NS)
    assert decode(frames.TRADE_46, MORNING_NS) == newest
    assert decode(frame(record(49)), MORNING_NS) == [
        *newest,
        UnknownFields("H0STCNT0", ("column 47", "column 48")),
    ]
    books = [decode(payload, MORNING_NS) for payload in frames.BOOKS]
    assert books[0] == books[1] == books[2]
    assert of(book(64), UnknownFields) == [UnknownFields("H0STASP0", ("column 63",))]
    assert of(frames.BOOK_UN, UnknownFields) == of(frames.BOOK_NXT, UnknownFields) == []


@pytest.mark.parametrize("count", [1, 2, 3, 19, 20])
@pytest.mark.parametrize("width", [46, 47, 52])
def test_a_frame_of_many_records_gives_each_trade_and_one_state(count: int, width: int) -> None:
    records = [record(width, ACML_VOL=str(1000 + n), STCK_PRPR=str(71000 + n)) for n in range(count)]
    payload = frame(*records)
    trades = of(payload, Trade)
    assert [trade.price for trade in trades] == [71000.0 + n for n in range(count)]
    assert len({trade.trade_id for trade in trades}) == count
    (snapshot,) = of(payload, Snapshot)
    assert snapshot.volume == 999.0 + count
    assert len(of(payload, Book)) == 1


def test_two_issues_in_one_frame_each_have_their_state() -> None:
    payload = frame(record(), record(**frames.OTHER), record(ACML_VOL="3052508"))
    assert [(each.symbol, each.prev_close, each.volume) for each in of(payload, Snapshot)] == [
        ("005930", 72000.0, 3052508.0),
        ("0004Y0", 1976.0, 3052507.0),
    ]
    assert [each.side for each in of(payload, Trade)] == ["buy", "sell", "buy"]


def test_venues_are_kept_apart() -> None:
    for payload, venue in (
        *((frames.TRADE_47, "KRX"), (frames.TRADE_NXT, "NXT"), (frames.TRADE_UN, "UN")),
        *((frames.BOOKS[0], "KRX"), (frames.BOOK_NXT, "NXT"), (frames.BOOK_UN, "UN")),
    ):
        assert {event.venue for event in of(payload, object)} == {venue}


@pytest.mark.parametrize("kind", ["A", "B", "C", "D"])
def test_an_expected_price_is_no_trade(kind: str) -> None:
    expected = record(HOUR_CLS_CODE=kind, STCK_PRPR="70000")
    told = Control("status", "expected", "H0STCNT0: expected prices, no trades")
    assert decode(frame(expected), MORNING_NS) == [told]
    mixed = decode(frame(record(), expected), MORNING_NS)
    assert mixed == [*decode(frames.TRADE_47, MORNING_NS), told]
    whole = of(frame(record()[: record().rindex("^20^")] + "^20", tr_id="H0STANC0"), Control)
    assert [each.name for each in whole] == ["expected"]


def test_a_class_of_hour_that_nobody_knows_is_recorded_and_told() -> None:
    events = decode(frame(record(HOUR_CLS_CODE="E")), MORNING_NS)
    assert isinstance(events[0], Trade)
    assert events[-1] == UnknownFields("H0STCNT0", ("HOUR_CLS_CODE=E",))
    assert decode(frame(record(HOUR_CLS_CODE="")), MORNING_NS) == decode(frames.TRADE_47, MORNING_NS)


@pytest.mark.parametrize(("code", "side"), [("1", "buy"), ("5", "sell"), ("3", "unknown"), ("", "unknown")])
def test_the_side_is_the_takers(code: str, side: str) -> None:
    (trade,) = of(frame(record(CCLD_DVSN=code)), Trade)
    assert trade.side == side


def test_missing_is_not_zero() -> None:
    (found,) = of(frame(record(ASKP1="0", ASKP_RSQN1="0")), Book)
    assert (found.ask_price, found.ask_size, found.bid_price) == (None, None, 71850.0)
    (snapshot,) = of(frame(record(STCK_OPRC="0", STCK_HGPR="0", STCK_LWPR="0")), Snapshot)
    assert (snapshot.open, snapshot.high, snapshot.low) == (None, None, None)
    empty = {
        f"{side}{what}{n}": "0" for side in ("ASKP", "BIDP") for what in ("", "_RSQN") for n in range(1, 11)
    }
    (found,) = of(book(**empty), Book)
    assert found == Book("005930", AT + 10**9, None, None, None, None, 0, venue="KRX")
    thin = {name: "0" for name in empty if not name.endswith(("1", "2"))}
    (found,) = of(book(**thin), Book)
    assert found.depth == 2


def test_decimals_do_not_become_noise() -> None:
    (snapshot,) = of(frame(record(STCK_PRPR="10000.1", PRDY_VRSS="0.2")), Snapshot)
    assert snapshot.prev_close == 9999.9


@pytest.mark.parametrize(
    ("received", "hour", "expected"),
    [
        ("2026-09-22T09:40:01+09:00", "094001", "2026-09-22T09:40:01+09:00"),
        ("2026-09-22T00:00:02+09:00", "235959", "2026-09-21T23:59:59+09:00"),
        ("2026-09-21T23:59:58+09:00", "000001", "2026-09-22T00:00:01+09:00"),
        ("2026-09-22T09:40:01+09:00", "094501", "2026-09-22T09:45:01+09:00"),
    ],
)
def test_a_book_has_the_day_that_lies_nearest(received: str, hour: str, expected: str) -> None:
    (found,) = decode(book(63, hour), parse_iso(received))
    assert isinstance(found, Book)
    assert found.event_time == parse_iso(expected)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"0|H0STCNT0|001",
        b"2|H0STCNT0|001|x",
        b"00|H0STCNT0|001|x",
        frame(record(), tr_id="H0XXXXX0"),
        frame("x", flag="1"),
        frame(record(), count=2),
        frame(record(), record(), count=1),
        frame(record(), count=0),
        frame(record(45)),
        book(58),
        frame(record(46), record(47)),
        frame(record(STCK_PRPR="")),
        frame(record(STCK_PRPR="nan")),
        frame(record(STCK_PRPR="1_000")),
        frame(record(STCK_PRPR=" 71900")),
        frame(record(STCK_PRPR="９")),
        frame(record(STCK_PRPR="9" * 400)),
        frame(record(CNTG_VOL="9" * 16)),
        frame(record(ACML_VOL="")),
        frame(record(PRDY_VRSS="--1")),
        frame(record(PRDY_VRSS="")),
        frame(record(ACML_TR_PBMN="9" * 17)),
        frame(record(BSOP_DATE="20260931")),
        frame(record(STCK_CNTG_HOUR="246000")),
        frame(record(STCK_CNTG_HOUR="94000")),
        frame(record(MKSC_SHRN_ISCD="5930")),
        frame(record(MKSC_SHRN_ISCD="")),
        book(ASKP7="x"),
        frame("x^y", tr_id="H0STMKO0"),
        frame("5930^N^(null)^^311^^^55^N^N", tr_id="H0STMKO0"),
        frame("005930^N^(null)^^311^^^55^N^N", tr_id="H0STMKO0", count=0),
        book(63, "256000"),
        b'{"header":{}}',
        b'{"header":{"tr_id":"PINGPONG"',
        b"{}",
    ],
)
def test_what_is_undecodable(payload: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(payload, MORNING_NS)


def test_invalid_utf8_costs_only_the_field_it_stands_in() -> None:
    odd = frames.TRADE_47.replace(b"^20^N^", b"^\xff\xfe^\xb0^")
    assert decode(odd, MORNING_NS) == decode(frames.TRADE_47, MORNING_NS)
    with pytest.raises(Undecodable, match="STCK_PRPR"):
        decode(frames.TRADE_47.replace(b"^71900^", b"^7190\xff^"), MORNING_NS)
    ack = frames.ack("OPSP0017", "ERROR : X", rt_cd="9").replace(b" X", b" \xff\xfe")
    assert [event.name for event in of(ack, Control)] == ["OPSP0017"]


@pytest.mark.parametrize(
    ("payload", "kind", "name"),
    [
        (frames.PINGPONG, "status", "PINGPONG"),
        (frames.ack("OPSP0000", "SUBSCRIBE SUCCESS"), "status", "OPSP0000"),
        (frames.ack("OPSP0001", "UNSUBSCRIBE SUCCESS"), "status", "OPSP0001"),
        (frames.ack("OPSP0002", "ALREADY IN SUBSCRIBE", rt_cd="1"), "status", "OPSP0002"),
        (frames.ack("OPSP0008", "MAX SUBSCRIBE OVER", rt_cd="1"), "error", "OPSP0008"),
        (frames.ack("", "?", rt_cd="9"), "error", "rt_cd 9"),
        (frame("AAPL^1", tr_id="HDFSCNT0"), "status", "HDFSCNT0"),
        (frame("c2VjcmV0", tr_id="H0STCNI0", flag="1"), "status", "H0STCNI0"),
    ],
)
def test_what_is_about_the_line(payload: bytes, kind: str, name: str) -> None:
    (event,) = decode(payload, 1)
    assert isinstance(event, Control)
    assert (event.kind, event.name) == (kind, name)


def test_a_state_tells_halts_and_interruptions_and_no_price() -> None:
    (event,) = decode(frame("005930^N^(null)^112^^^^55^Y^N", tr_id="H0STMKO0"), 7)
    assert event == Control(
        *("status", "H0STMKO0", "005930 not halted, VI Y, status 55, phase 112"),
        MarketState("005930", 7, halted=False, phase="112", status="55", vi="Y", venue="KRX"),
    )
    halts = frame(
        "005930^Y^풍문 조회^^^^^55^N^N", "0004Y0^N^^^^^^58^N^N", "000660^^^^^^^00^N^N", tr_id="H0NXMKO0"
    ).decode()
    told = [event.state for event in of(halts.encode(), Control)]
    assert [(each.symbol, each.halted, each.venue) for each in told if each is not None] == [
        *(("005930", True, "NXT"), ("0004Y0", True, "NXT"), ("000660", None, "NXT")),
    ]
    wider = decode(frame("005930^N^^^^^^00^N^N^1^new", tr_id="H0STMKO0"), 7)
    assert wider[1:] == [UnknownFields("H0STMKO0", ("column 11",))]


def test_nothing_that_is_secret_leaves_the_decoder() -> None:
    hts_id, account, approval = "MyHtsLogin", "12345678", "11111111-2222-3333-4444-555555555555"
    notice = "^".join([hts_id, account + "01", *("x" for _ in range(24))])
    payloads = [
        frames.ack("OPSP0000", "SUBSCRIBE SUCCESS", tr_id="H0STCNI0", tr_key=hts_id),
        frames.ack("OPSP0011", f"invalid approval : {approval}", rt_cd="1"),
        frame(notice, tr_id="H0STCNI0"),
        frame(notice, tr_id="H0STCNI9"),
    ]
    for payload in payloads:
        kept = wire.without_secrets(payload)
        said = [repr(decode(payload, 1)), repr(decode(kept, 1)), repr(wire.ack(payload)), kept.decode()]
        for text in said:
            for secret in (hts_id, account, approval, frames.KEY, frames.IV):
                assert secret not in text
    for payload in (*frames.MARKET_FRAMES, frames.PINGPONG):
        assert wire.without_secrets(payload) == payload
