"""A frame of KIS's socket -> events. Pure: the same bytes and receive time give the same events.

A trade frame holds up to twenty records; each is one Trade. The rest of a record is the state of
the issue after it, so the last record of an issue in a frame also gives one Snapshot and one Book
(best bid and ask): three events for each of twenty records would tell nineteen states that nobody
could have seen. All columns are cut out of the frame at once, because twenty records of 47 fields
are a thousand texts, and eight columns of them are all that differ.

Which time is the event's time:

========  ==============================  =========================================================
event     field                           why
========  ==============================  =========================================================
Trade     ``BSOP_DATE STCK_CNTG_HOUR``    when it was matched, Korean time, whole seconds
Snapshot  the same                        the state after that trade
Book      ``BSOP_HOUR``, the day of       a book record has no date: the day is the one that lies
          ``received_at``                 nearest to the moment at which the frame was received
========  ==============================  =========================================================

KIS numbers no trades. ``trade_id`` is date, time and the cumulative volume after the trade, which
grows with each trade of an issue: unique for an issue, a day and a venue, and the same on replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import itemgetter
from typing import Final

import msgspec

from sise.model.errors import Undecodable
from sise.model.events import Book, Control, Event, Side, Snapshot, Trade, UnknownFields
from sise.providers.kis import wire
from sise.providers.kis.about import control, told
from sise.providers.kis.states import states
from sise.providers.kis.texts import DIGITS_BELOW_MAX, NUMBER_MAX, code, moment, moment_near, number
from sise.providers.kis.wire import Feed

RECORDS_MAX: Final = 999
"""Of one frame: its count has three digits. Twenty is the most that was ever seen."""

UNKNOWN_COLUMNS_MAX: Final = 32
"""How many new columns one frame may report."""

_SIDES: Final[dict[str, Side]] = {"1": "buy", "5": "sell"}
"""CCLD_DVSN; 3 is a trade of an auction, which has no taker."""

_COLUMN: Final = {name: at for at, name in enumerate(wire.TRADE_COLUMNS)}
_HOUR, _PRICE, _DIFF = _COLUMN["STCK_CNTG_HOUR"], _COLUMN["STCK_PRPR"], _COLUMN["PRDY_VRSS"]
_SIZE, _VOLUME, _SIDE = _COLUMN["CNTG_VOL"], _COLUMN["ACML_VOL"], _COLUMN["CCLD_DVSN"]
_DATE, _CLASS = _COLUMN["BSOP_DATE"], _COLUMN["HOUR_CLS_CODE"]
_STATE_COLUMNS: Final = (
    *("STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ACML_VOL", "ACML_TR_PBMN"),
    *("ASKP1", "BIDP1", "ASKP_RSQN1", "BIDP_RSQN1"),
)
_STATE: Final = itemgetter(*(_COLUMN[name] for name in _STATE_COLUMNS))

_numbers_of_json: Final = msgspec.json.Decoder(list[float]).decode

_ASKS, _BIDS, _ASK_SIZES, _BID_SIZES = (3 + wire.BOOK_LEVELS * n for n in range(4))


def decode(payload: bytes, received_at: int) -> list[Event]:
    """The events of one frame.

    Parameters
    ----------
    payload
        The frame as received.
    received_at
        When it was received (UTC ns); gives the day to records that have none.

    Raises
    ------
    Undecodable
        The frame is not what KIS promises; the reason names feed and column, and never repeats
        what a notice holds.
    """
    first = payload[:1]
    if first == b"{":
        return [control(payload)]
    if first not in (b"0", b"1"):
        raise Undecodable("neither JSON nor flag|TR_ID|NNN|payload")
    # What is not ASCII stands in texts that are not read; in a column that is, it is no number.
    parts = payload.decode("ascii", "replace").split("|", 3)
    if len(parts) != 4 or len(parts[0]) != 1:
        raise Undecodable("not flag|TR_ID|NNN|payload")
    _, tr_id, count_text, body = parts
    feed = wire.FEEDS.get(tr_id)
    if feed is None or first == b"1":
        if tr_id in wire.STATE_TR_IDS and first == b"0":
            return states(tr_id, count_text, body, received_at)
        return [told(tr_id, encrypted=first == b"1")]
    count = int(count_text) if len(count_text) == 3 and count_text.isdigit() else 0
    if not 0 < count <= RECORDS_MAX:
        raise Undecodable(f"{tr_id}: a count of records that is no number of three digits")
    fields = body.split("^")
    width, rest = divmod(len(fields), count)
    if rest or not feed.width_min <= width <= feed.width_max:
        raise Undecodable(f"{tr_id}: {len(fields)} fields cannot be {count} records of this feed")
    events: list[Event] = (
        _trades(feed, fields, width)
        if feed.kind == "trade"
        else [_book(feed, fields, at, received_at) for at in range(0, len(fields), width)]
    )
    if width > len(feed.columns):
        new = range(len(feed.columns), min(width, len(feed.columns) + UNKNOWN_COLUMNS_MAX))
        events.append(UnknownFields(tr_id, tuple(f"column {at}" for at in new)))
    return events


def _trades(feed: Feed, fields: list[str], width: int) -> list[Event]:
    tr_id, venue = feed.tr_id, feed.venue
    symbols, hours, dates = fields[::width], fields[_HOUR::width], fields[_DATE::width]
    volumes = fields[_VOLUME::width]
    prices, sizes = _numbers(fields[_PRICE::width], fields[_SIZE::width], volumes, tr_id)
    for symbol in set(symbols):
        code(symbol, tr_id)
    trades = [
        Trade(
            symbol,
            moment(date, hour),
            price,
            size,
            _SIDES.get(side, "unknown"),
            f"{date}{hour}-{volume}",
            False,
            venue,
        )
        for symbol, date, hour, price, size, volume, side in zip(
            symbols, dates, hours, prices, sizes, volumes, fields[_SIDE::width], strict=True
        )
    ]
    classes = fields[_CLASS::width]
    events: list[Event] = [*trades]
    if classes.count("0") == len(classes) and symbols.count(symbols[0]) == len(symbols):
        _add_state(events, feed, fields, len(fields) - width, trades[-1])
        return events
    kept = [at for at, kind in enumerate(classes) if kind not in wire.EXPECTED_HOURS]
    events = [trades[at] for at in kept]
    for at in {symbols[at]: at for at in kept}.values():  # the last of each issue
        _add_state(events, feed, fields, at * width, trades[at])
    if len(kept) < len(trades):
        events.append(Control("status", "expected", f"{tr_id}: expected prices, no trades"))
    new = sorted(set(classes) - wire.EXPECTED_HOURS - wire.NO_EXPECTED_HOURS)[:UNKNOWN_COLUMNS_MAX]
    if new:
        events.append(UnknownFields(tr_id, tuple(f"HOUR_CLS_CODE={kind[:8]}" for kind in new)))
    return events


def _numbers(
    prices: list[str], sizes: list[str], volumes: list[str], tr_id: str
) -> tuple[list[float], list[float]]:
    """Prices and sizes; plain digits, which is nearly always, in a few passes of C."""
    texts = prices + sizes
    if "".join(texts + volumes).encode().isdigit() and "" not in volumes:
        read = _floats(texts)
        if read is not None and sum(read) < NUMBER_MAX:
            return read[: len(prices)], read[len(prices) :]
    for volume in volumes:
        number(volume, tr_id, "ACML_VOL")
    return (
        [number(text, tr_id, "STCK_PRPR") for text in prices],
        [number(text, tr_id, "CNTG_VOL") for text in sizes],
    )


def _floats(texts: Sequence[str]) -> list[float] | None:
    """Texts of nothing but digits as numbers, in a third of the time that ``float`` takes.

    None: one of them is empty or begins with a zero, which JSON does not know.
    """
    try:
        return _numbers_of_json(f"[{','.join(texts)}]")
    except msgspec.DecodeError:
        return None


def _add_state(events: list[Event], feed: Feed, fields: list[str], at: int, trade: Trade) -> None:
    """Snapshot and Book after ``trade``, whose record begins at ``at``."""
    texts = _STATE(fields[at : at + feed.width_min])
    read = _floats(texts) if "".join(texts).encode().isdigit() else None
    if read is None:
        read = list(map(number, texts, repeat(feed.tr_id), _STATE_COLUMNS))
    open_, high, low, volume, value, ask, bid, ask_size, bid_size = read
    if not sum(read) < NUMBER_MAX:
        raise Undecodable(f"{feed.tr_id}: a state of {sum(read):g} is larger than any")
    symbol, when, price, venue = trade.symbol, trade.event_time, trade.price, feed.venue
    before = price - _signed(fields[at + _DIFF], feed)
    if not before.is_integer():
        before = round(before, 6)  # the noise of binary fractions, where prices are not whole won
    events += (
        Snapshot(
            symbol,
            when,
            price,
            before,
            open_ or None,
            high or None,
            low or None,
            volume,
            value,
            None,
            False,
            venue,
        ),
        _book_of(venue, symbol, when, bid, bid_size, ask, ask_size, 1),
    )


def _book(feed: Feed, fields: list[str], at: int, received_at: int) -> Book:
    symbol = code(fields[at], feed.tr_id)
    when = moment_near(fields[at + 1], received_at)
    prices = [_value(fields, at + column, feed) for column in range(_ASKS, _ASK_SIZES)]
    asks, bids = prices[: wire.BOOK_LEVELS], prices[wire.BOOK_LEVELS :]
    depth = max(n + 1 if asks[n] or bids[n] else 0 for n in range(wire.BOOK_LEVELS))
    bid_size, ask_size = _value(fields, at + _BID_SIZES, feed), _value(fields, at + _ASK_SIZES, feed)
    return _book_of(feed.venue, symbol, when, bids[0], bid_size, asks[0], ask_size, depth)


def _book_of(
    venue: str,
    symbol: str,
    when: int,
    bid: float | None,
    bid_size: float | None,
    ask: float | None,
    ask_size: float | None,
    depth: int,
) -> Book:
    if not bid:  # 0 is KIS's way to say that there is no order
        bid = bid_size = None
    if not ask:
        ask = ask_size = None
    if bid is None and ask is None:
        depth = 0
    return Book(symbol, when, bid, bid_size, ask, ask_size, depth, False, venue)


def _value(fields: list[str], at: int, feed: Feed) -> float:
    text = fields[at]
    if text.isdigit() and len(text) <= DIGITS_BELOW_MAX:
        return float(text)
    return number(text, feed.tr_id, f"field {at}")


def _signed(text: str, feed: Feed) -> float:
    """The difference from the previous close; it carries its own sign."""
    if text.removeprefix("-").isdigit() and len(text) <= DIGITS_BELOW_MAX:
        return float(text)
    return number(text, feed.tr_id, "PRDY_VRSS")
