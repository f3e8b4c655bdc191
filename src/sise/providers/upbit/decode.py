"""A frame of Upbit's socket -> events. Pure: the same bytes give the same events, always.

The first eleven bytes of a frame as the wire sends it say its spelling and its type, and one
typed decoder reads it whole. Any other frame (other key order, a list, a new field, an error
message, garbage) takes the slow way: what is it, which form has it, what in it is new.

Which time is the event's time:

========  ====================  ===========================================================
event     field                 why
========  ====================  ===========================================================
Trade     ``trade_timestamp``   when it was matched; ``timestamp`` is when it was published
Book      ``timestamp``         the book's last change
Snapshot  ``timestamp``         the moment that the sums describe: they move without a trade
Candle    ``timestamp``         its last tick; ``bar_time`` is ``candle_date_time_utc``
========  ====================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from sise.model.errors import BadInput, Undecodable
from sise.model.events import Book, Candle, Control, Event, MarketEvent, Snapshot, Trade, UnknownFields
from sise.model.time import NS_PER_MS, parse_iso
from sise.providers.upbit import wire
from sise.providers.upbit.forms import Form

FRAMES_IN_LIST_MAX: Final = 1_000
"""A ``*_LIST`` frame holds one message today; more than this is not Upbit."""

_HEAD_BYTES: Final = 11
_BAD: Final = (msgspec.DecodeError, UnicodeDecodeError)


def decode(payload: bytes, received_at: int) -> list[Event]:
    """The events of one frame.

    Parameters
    ----------
    payload
        The frame as received.
    received_at
        When it was received (UTC ns). Upbit's frames carry their own times, so it changes nothing.

    Raises
    ------
    Undecodable
        The frame is not what Upbit promises; the reason names the field.
    """
    fast = _FAST.get(payload[:_HEAD_BYTES])
    if fast is not None:
        read, build = fast
        try:
            return [build(read(payload))]
        except _BAD:
            pass
    try:
        return _slow(payload)
    except RecursionError:
        raise Undecodable("nested too deeply to be a frame") from None


def _slow(payload: bytes) -> list[Event]:
    try:
        message = msgspec.json.decode(payload)
    except UnicodeDecodeError as error:
        raise Undecodable(f"not UTF-8: {error.reason} at byte {error.start}") from None
    except msgspec.DecodeError as error:
        raise Undecodable(f"not JSON: {error}") from None
    if isinstance(message, dict):
        return _one(message, payload)
    if not isinstance(message, list) or not message:
        raise Undecodable("a frame is a JSON object, or a list of them, and this is neither")
    if len(message) > FRAMES_IN_LIST_MAX:
        raise Undecodable(f"a list of {len(message)} messages; at most {FRAMES_IN_LIST_MAX} are read")
    events: list[Event] = []
    for each in message:
        if not isinstance(each, dict):
            raise Undecodable("a list of messages holds something that is no object")
        events += _one(each, msgspec.json.encode(each))
    return events


def _one(message: dict[str, Any], payload: bytes) -> list[Event]:
    simple = "ty" in message
    kind = message.get("ty") if simple else message.get("type")
    if kind is None:
        return [_control(message)]
    if not isinstance(kind, str):
        raise Undecodable(f"{'ty' if simple else 'type'}: expected text, got {type(kind).__name__}")
    found = _FORMS.get((simple, kind.partition(".")[0]))
    if found is None:
        if kind in wire.PRIVATE_TYPES:
            return [Control("status", kind, "a message of the private socket, kept as a frame")]
        raise Undecodable(f"{'ty' if simple else 'type'}: unknown type {kind[:40]!r}")
    form, build = found
    try:
        return [build(form.strict(payload))]
    except _BAD as error:
        changed, names = form.read_changed(message)
        return [build(changed), UnknownFields(form.kind, names or form.changed_field(error))]


def _control(message: dict[str, Any]) -> Control:
    if "error" in message:
        name, text = error_name(message["error"])
        return Control("error", name, text)
    if "status" in message:
        return Control("status", str(message["status"])[:40])
    simple = "mthd" in message
    method = message.get("mthd" if simple else "method")
    result = message.get("rslt" if simple else "result")
    if method == "LIST_SUBSCRIPTIONS" and isinstance(result, list):
        long = {"ty": "type", "cds": "codes", "lv": "level"}
        rows = [{long.get(k, k): v for k, v in row.items()} for row in result if isinstance(row, dict)]
        return Control("subscriptions", method, msgspec.json.encode(rows).decode())
    raise Undecodable("type: missing, and it is no error, status or list of subscriptions")


def error_name(error: object) -> tuple[str, str]:
    """Name and message of an error envelope's inside; quotation errors have an integer name.

    Raises
    ------
    Undecodable
        It has no ``name`` that is a text or an integer.
    """
    name = error.get("name") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(name, str | int) or isinstance(name, bool):
        raise Undecodable("error.name: expected a text or an integer")
    return str(name), str(error.get("message", ""))


def book_of(symbol: str, event_time: int, units: list[wire.Unit], *, snapshot: bool) -> Book:
    """A book from its units; slots that hold no order on either side are padding, not depth."""
    depth = len(units)
    if depth and units[-1].bid_size and units[0].ask_size:  # the usual case: nothing is padding
        best = units[0]
        return Book(
            symbol, event_time, best.bid_price, best.bid_size, best.ask_price, best.ask_size, depth, snapshot
        )
    while depth and not units[depth - 1].bid_size and _is_padding(units[depth - 1]):
        depth -= 1
    if not depth:
        return Book(symbol, event_time, None, None, None, None, 0, snapshot)
    best = units[0]
    bid_price: float | None = best.bid_price
    bid_size: float | None = best.bid_size
    ask_price: float | None = best.ask_price
    ask_size: float | None = best.ask_size
    if not bid_size and not bid_price:  # 0 / 0 is Upbit's way to say that there is no order
        bid_price = bid_size = None
    if not ask_size and not ask_price:
        ask_price = ask_size = None
    return Book(symbol, event_time, bid_price, bid_size, ask_price, ask_size, depth, snapshot)


def _is_padding(unit: wire.Unit) -> bool:
    return not (unit.bid_price or unit.bid_size or unit.ask_price or unit.ask_size)


def start_of_candle(text: str) -> int:
    """``2025-04-22T09:50:34`` (UTC, as Upbit writes it, without a zone) in UTC nanoseconds.

    Raises
    ------
    Undecodable
        It is no such time.
    """
    try:
        start = parse_iso(text + ".000000Z") if len(text) == 19 and text[10] == "T" else -1
    except (BadInput, OverflowError):
        start = -1
    if start < 0:
        raise Undecodable(f"candle_date_time_utc: {text[:40]!r} is no time")
    return start


def _book(frame: wire.BookFrame) -> Book:
    return book_of(
        frame.code,
        frame.timestamp * NS_PER_MS,
        frame.orderbook_units,
        snapshot=frame.stream_type == "SNAPSHOT",
    )


def _trade(frame: wire.TradeFrame) -> Trade:
    return Trade(
        frame.code,
        frame.trade_timestamp * NS_PER_MS,
        frame.trade_price,
        frame.trade_volume,
        "buy" if frame.ask_bid == "BID" else "sell",
        str(frame.sequential_id),
        frame.stream_type == "SNAPSHOT",
    )


def _snapshot(frame: wire.TickerFrame) -> Snapshot:
    return Snapshot(
        frame.code,
        frame.timestamp * NS_PER_MS,
        frame.trade_price,
        frame.prev_closing_price,
        frame.opening_price,
        frame.high_price,
        frame.low_price,
        frame.acc_trade_volume,
        frame.acc_trade_price,
        frame.acc_trade_price_24h,
        frame.stream_type == "SNAPSHOT",
    )


def _candle(frame: wire.CandleFrame) -> Candle:
    return Candle(
        frame.code,
        frame.timestamp * NS_PER_MS,
        start_of_candle(frame.candle_date_time_utc),
        wire.CANDLE_UNITS[frame.type.removeprefix("candle.")],
        frame.opening_price,
        frame.high_price,
        frame.low_price,
        frame.trade_price,
        frame.candle_acc_trade_volume,
        frame.candle_acc_trade_price,
        frame.stream_type == "SNAPSHOT",
    )


BOOK_USED: Final = ("code", "timestamp", "orderbook_units")
TRADE_USED: Final = ("code", "trade_price", "trade_volume", "ask_bid", "sequential_id")
SNAPSHOT_USED: Final = (
    *("code", "timestamp", "trade_price", "prev_closing_price", "opening_price", "high_price"),
    *("low_price", "acc_trade_volume", "acc_trade_price", "acc_trade_price_24h"),
)
CANDLE_USED: Final = (
    *("candle_date_time_utc", "opening_price", "high_price", "low_price", "trade_price", "timestamp"),
    *("candle_acc_trade_volume", "candle_acc_trade_price"),
)

_Build = Callable[[Any], MarketEvent]
_KINDS: Final[list[tuple[str, type[msgspec.Struct], dict[str, str], tuple[str, ...], _Build]]] = [
    ("orderbook", wire.BookFrame, wire.BOOK_SHORT, BOOK_USED, _book),
    ("trade", wire.TradeFrame, wire.TRADE_SHORT, (*TRADE_USED, "trade_timestamp"), _trade),
    ("ticker", wire.TickerFrame, wire.TICKER_SHORT, SNAPSHOT_USED, _snapshot),
    ("candle", wire.CandleFrame, wire.CANDLE_SHORT, ("type", "code", *CANDLE_USED), _candle),
]
_FORMS: Final[dict[tuple[bool, str], tuple[Form[Any], _Build]]] = {}
_FAST: Final[dict[bytes, tuple[Callable[[bytes], Any], _Build]]] = {}
for _kind, _form, _short, _used, _build in _KINDS:
    for _simple in (False, True):
        _read = Form(_kind, wire.spelled(_form, _short) if _simple else _form, (*_used, "stream_type"))
        _FORMS[_simple, _kind] = _read, _build
        _head = f'{{"{"ty" if _simple else "type"}":"{_kind}'.encode()[:_HEAD_BYTES]
        _FAST[_head] = _read.strict, _build
