"""What we say to Upbit's socket. A later request replaces an earlier one, so each says it all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from sise.model.errors import BadInput
from sise.providers.upbit.limits import BOOK_DEPTHS, CODES_MAX
from sise.providers.upbit.wire import CANDLE_UNITS

Format = Literal["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"]
TYPES: Final = ("trade", "orderbook", "ticker", *(f"candle.{unit}" for unit in CANDLE_UNITS))


def subscription(
    symbols: Sequence[str], ticket: str, kinds: Sequence[str], book_depth: int, form: Format = "SIMPLE"
) -> str:
    """The request for ``kinds`` of ``symbols``: each symbol once per kind, in the given order.

    Upbit answers a lower-case or unknown code with silence, and a depth that it does not have
    with another depth, so both are refused here.

    Raises
    ------
    BadInput
        No symbol, too many, one in lower case, an unknown kind or depth, an empty ticket.
    """
    codes = _codes(symbols)
    if not ticket:
        raise BadInput("ticket", ticket, "give any text that is unique to the socket")
    if book_depth not in BOOK_DEPTHS:
        depths = ", ".join(str(depth) for depth in BOOK_DEPTHS)
        raise BadInput("book_depth", book_depth, f"Upbit has the depths {depths}")
    asked: list[dict[str, object]] = [{"ticket": ticket}]
    for kind in kinds:
        if kind not in TYPES:
            raise BadInput("kinds", kind, f"choose from: {', '.join(TYPES)}")
        wanted = [f"{code}.{book_depth}" for code in codes] if kind == "orderbook" else codes
        asked.append({"type": kind, "codes": wanted})
    asked.append({"format": form})
    return msgspec.json.encode(asked).decode()


def list_subscriptions(ticket: str, form: Format = "SIMPLE") -> str:
    """The question what this socket carries. Its format becomes the format of the running streams."""
    return msgspec.json.encode(
        [{"ticket": ticket}, {"method": "LIST_SUBSCRIPTIONS"}, {"format": form}]
    ).decode()


def _codes(symbols: Sequence[str]) -> list[str]:
    codes = list(dict.fromkeys(symbols))
    if not codes:
        raise BadInput("symbols", codes, "name at least one market, for example KRW-BTC")
    if len(codes) > CODES_MAX:
        raise BadInput("symbols", f"{len(codes)} markets", f"give at most {CODES_MAX} to one socket")
    for code in codes:
        quote, dash, base = code.partition("-")
        if not (quote and dash and base) or code != code.upper() or "." in code or not code.isascii():
            raise BadInput("symbols", code, "write it as Upbit does: QUOTE-BASE in upper case, like KRW-BTC")
    return codes
