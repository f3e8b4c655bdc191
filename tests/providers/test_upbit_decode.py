"""What Upbit's frames mean: which time, which side, what is missing, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sise.model.errors import Undecodable
from sise.model.events import Book, Candle, Control, Event, Snapshot, Trade, UnknownFields
from sise.model.time import parse_iso
from sise.providers.upbit.decode import decode
from tests.providers import upbit_frames as frames


def changed(frame: bytes, **fields: object) -> bytes:
    return json.dumps(json.loads(frame) | fields).encode()


def without(frame: bytes, name: str) -> bytes:
    message: dict[str, Any] = json.loads(frame)
    del message[name]
    return json.dumps(message).encode()


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (
            frames.TRADE_DEFAULT,
            Trade(
                "KRW-BTC", 1730336862047 * 10**6, 100473000.0, 0.00014208, "buy", "17303368620470000", True
            ),
        ),
        (
            frames.TRADE_SIMPLE,
            Trade("KRW-XRP", 1790134773100 * 10**6, 2045.0, 29.8121, "sell", "17901347731000001"),
        ),
        (
            frames.BOOK_DEFAULT,
            Book("KRW-BTC", 1790134742106 * 10**6, 116538000.0, 0.08120946, 116539000.0, 0.0007772, 2, True),
        ),
        (
            frames.BOOK_SIMPLE,
            Book("KRW-ETH", 1790134773006 * 10**6, 4534000.0, 0.00079276, 4606000.0, 0.06288509, 2),
        ),
        (frames.BOOK_OF_2021, Book("KRW-LSK", 1618678262640 * 10**6, 126.0, 20.25, 127.0, 10.5, 1)),
        (
            frames.TICKER_SIMPLE,
            Snapshot(
                *("KRW-BTC", 1790134773120 * 10**6, 116539000.0, 116000000.0),
                *(116000000.0, 117000000.0, 115000000.0, 1024.30599241, 104890185475.25, 162997300132.123),
            ),
        ),
        (
            frames.CANDLE_SIMPLE,
            Candle(
                *("KRW-USDT", 1745315434125 * 10**6, parse_iso("2025-04-22T08:00:00Z"), "4h"),
                *(1438.0, 1440.0, 1430.0, 1435.0),
                *(1145.8935, 1647794.853),
                snapshot=True,
            ),
        ),
    ],
)
def test_a_frame_means(frame: bytes, event: Event) -> None:
    assert decode(frame, 1) == [event]


def test_a_list_gives_each_of_its_messages() -> None:
    both = b"[" + frames.TRADE_SIMPLE + b"," + frames.BOOK_DEFAULT + b"]"
    assert decode(both, 1) == decode(frames.TRADE_SIMPLE, 1) + decode(frames.BOOK_DEFAULT, 1)


def units(*levels: tuple[float, float, float, float]) -> list[dict[str, float]]:
    return [{"ap": ap, "as": az, "bp": bp, "bs": bz} for ap, az, bp, bz in levels]


def test_missing_is_not_zero() -> None:
    frame = changed(frames.BOOK_SIMPLE, obu=units((0, 0, 99.0, 2.5), (0, 0, 98.0, 1.0), (0, 0, 0, 0)))
    assert decode(frame, 1) == [Book("KRW-ETH", 1790134773006 * 10**6, 99.0, 2.5, None, None, 2)]
    for empty in (units((0, 0, 0, 0)), []):
        frame = changed(frames.BOOK_SIMPLE, obu=empty)
        assert decode(frame, 1) == [Book("KRW-ETH", 1790134773006 * 10**6, None, None, None, None, 0)]


def test_a_size_without_a_price_is_not_hidden() -> None:
    """Half a zero is no padding: validation must see it."""
    (book,) = decode(changed(frames.BOOK_SIMPLE, obu=units((0, 5.0, 99.0, 0))), 1)
    assert isinstance(book, Book)
    assert (book.ask_price, book.ask_size, book.bid_price, book.bid_size) == (0.0, 5.0, 99.0, 0.0)


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        (without(frames.TRADE_SIMPLE, "tp"), "tp"),
        (without(frames.TRADE_SIMPLE, "st"), "st"),
        (without(frames.BOOK_SIMPLE, "obu"), "obu"),
        (without(frames.TICKER_SIMPLE, "tms"), "tms"),
        (without(frames.CANDLE_SIMPLE, "cdttmu"), "cdttmu"),
        (changed(frames.TRADE_SIMPLE, tp="2045"), "tp"),
        (changed(frames.TRADE_SIMPLE, tp=None), "tp"),
        (changed(frames.TRADE_SIMPLE, tv=True), "tv"),
        (changed(frames.TRADE_SIMPLE, ab="BUY"), "ab"),
        (changed(frames.TRADE_SIMPLE, ttms=1790134773100.5), "ttms"),
        (changed(frames.TRADE_SIMPLE, ttms=10**18), "ttms"),
        (changed(frames.TRADE_SIMPLE, ttms=0), "ttms"),
        (changed(frames.TRADE_SIMPLE, sid=-1), "sid"),
        (changed(frames.TRADE_SIMPLE, cd=""), "cd"),
        (changed(frames.BOOK_SIMPLE, obu=[{"ap": 1, "bp": 1, "as": 1}]), "bs"),
        (changed(frames.CANDLE_SIMPLE, cdttmu="2025-04-22 08"), "candle_date_time_utc"),
        (changed(frames.CANDLE_SIMPLE, ty="candle.7m"), "ty"),
        (changed(frames.TRADE_SIMPLE, ty="wind"), "wind"),
        (without(frames.TRADE_SIMPLE, "ty"), "type"),
        (frames.TRADE_SIMPLE.replace(b"29.8121", b"NaN"), "JSON"),
        (frames.TRADE_SIMPLE.replace(b"29.8121", b"1e999"), "out of range"),
        (frames.TRADE_SIMPLE.replace(b"KRW", b"K\xffW"), "UTF-8"),
        (frames.TRADE_SIMPLE + b"x", "JSON"),
        (b"[]", "neither"),
        (b"7", "neither"),
        (b"", "JSON"),
        (b"<html>", "JSON"),
    ],
)
def test_what_cannot_be_understood_says_where(frame: bytes, names: str) -> None:
    with pytest.raises(Undecodable) as refused:
        decode(frame, 1)
    assert names in refused.value.reason


def test_a_new_field_within_a_level_is_told() -> None:
    frame = frames.BOOK_SIMPLE.replace(b'"ap":', b'"orders":3,"ap":')
    assert decode(frame, 1) == [*decode(frames.BOOK_SIMPLE, 1), UnknownFields("orderbook", ("obu.orders",))]


def test_another_type_in_a_field_that_we_do_not_use_is_told_and_costs_nothing() -> None:
    frame = changed(frames.TRADE_SIMPLE, pcp="2030")
    assert decode(frame, 1) == [*decode(frames.TRADE_SIMPLE, 1), UnknownFields("trade", ("pcp",))]


def test_what_a_new_listing_lacks_is_none() -> None:
    (event,) = decode(changed(frames.TICKER_SIMPLE, pcp=None, h52wp=None), 1)
    assert isinstance(event, Snapshot)
    assert event.prev_close is None


def test_messages_about_the_line() -> None:
    assert [decode(frame, 1) for frame in frames.CONTROL_FRAMES] == [
        [Control("status", "UP")],
        [Control("error", "NO_CODES", "codes")],
        [Control("error", "404", "Code not found")],
        *[
            [
                Control(
                    "subscriptions",
                    "LIST_SUBSCRIPTIONS",
                    '[{"type":"orderbook","codes":["KRW-BTC.5"],"level":0}]',
                )
            ]
        ]
        * 2,
    ]
