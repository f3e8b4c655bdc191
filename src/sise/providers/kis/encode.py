"""What we say to KIS's socket: one registration in one message, and the same words to end it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from sise.model.errors import BadInput
from sise.providers.kis import wire

TRADE_TR_IDS: Final[dict[str, str]] = {"KRX": "H0STCNT0", "NXT": "H0NXCNT0", "UN": "H0UNCNT0"}
BOOK_TR_IDS: Final[dict[str, str]] = {"KRX": "H0STASP0", "NXT": "H0NXASP0", "UN": "H0UNASP0"}
STATE_TR_IDS: Final[dict[str, str]] = {venue: tr_id for tr_id, venue in wire.STATE_TR_IDS.items()}

_CODE: Final = re.compile(r"[0-9A-Z]{6}|Q[0-9A-Z]{6}|F[0-9A-Z]{8}")
_KEY_CHARACTERS_MAX: Final = 40


class Registration(NamedTuple):
    """What takes one of the slots of a socket: a feed, and for notices the HTS id in ``tr_key``."""

    tr_id: str
    tr_key: str

    def __repr__(self) -> str:
        """Without the HTS id of a notice."""
        return f"{self.tr_id}:{wire.shown_key(self.tr_id, self.tr_key)}"


def message(approval_key: str, what: Registration, *, register: bool) -> str:
    """The text that registers (``tr_type`` 1) or unregisters (2) ``what``."""
    return msgspec.json.encode(
        {
            "header": {
                "approval_key": approval_key,
                "custtype": "P",
                "tr_type": "1" if register else "2",
                "content-type": "utf-8",
            },
            "body": {"input": {"tr_id": what.tr_id, "tr_key": what.tr_key}},
        }
    ).decode()


def registrations(symbols: Sequence[str], tr_ids: Sequence[str]) -> list[Registration]:
    """One registration for each symbol and feed, each once, feed by feed in the given order.

    Raises
    ------
    BadInput
        No symbol, one that is no code of an issue, or an unknown feed.
    """
    codes = [checked_code(symbol) for symbol in dict.fromkeys(symbols)]
    if not codes:
        raise BadInput("symbols", codes, "name at least one issue, for example 005930")
    for tr_id in tr_ids:
        if tr_id not in wire.FEEDS and tr_id not in wire.STATE_TR_IDS:
            raise BadInput("kinds", tr_id, f"choose from: {', '.join([*wire.FEEDS, *wire.STATE_TR_IDS])}")
    return [Registration(tr_id, symbol) for tr_id in dict.fromkeys(tr_ids) for symbol in codes]


def notices(hts_id: str, *, mock: bool) -> Registration:
    """The registration for the notices of one's own orders.

    Raises
    ------
    BadInput
        There is no HTS id; a wrong one makes KIS cut the line.
    """
    if not hts_id or len(hts_id) > _KEY_CHARACTERS_MAX or not hts_id.isascii() or " " in hts_id:
        raise BadInput(
            "hts_id", "(hidden)", "give the login name of your HTS, in its own upper and lower case"
        )
    return Registration("H0STCNI9" if mock else "H0STCNI0", hts_id)


def checked_code(symbol: str) -> str:
    """``symbol``, if KIS has codes of that form: ``005930``, ``0004Y0``, ``Q500001``, a fund's F code.

    Raises
    ------
    BadInput
        It has not; KIS would accept the registration and send nothing.
    """
    if not _CODE.fullmatch(symbol):
        raise BadInput("symbols", symbol, "write the short code of six digits or capitals, like 005930")
    return symbol
