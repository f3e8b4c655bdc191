"""Frames as KIS's documents and wire show them, with numbers of our own."""

from __future__ import annotations

import json
from typing import Final

from sise.providers.kis import wire

MORNING_NS: Final = 1_790_038_800 * 10**9
"""2026-09-22 09:40 in Korea: when the frames below are received."""

RECORD: Final = dict(
    zip(
        wire.TRADE_COLUMNS,
        (
            *("005930", "094000", "71900", "5", "-100", "-0.14", "72023.83", "72100", "72400", "71700"),
            *("71950", "71850", "7", "3052507", "219853241700", "5105", "6937", "1832", "84.90", "1366314"),
            *("1159996", "1", "0.39", "20.28", "090020", "5", "-200", "090820", "5", "-500"),
            *("092619", "2", "200", "20260922", "20", "N", "65945", "216924", "1118750", "2199206"),
            *("0.05", "2424142", "125.92", "0", "", "72100", "2"),
        ),
        strict=True,
    )
)
OTHER: Final = {"MKSC_SHRN_ISCD": "0004Y0", "STCK_PRPR": "1988", "PRDY_VRSS": "12", "CCLD_DVSN": "5"}


def record(width: int = 47, /, **columns: str) -> str:
    """One trade record; ``width`` cuts columns off its end or adds new ones."""
    fields = [*(RECORD | columns).values(), *("new" for _ in range(width - 47))]
    return "^".join(fields[:width])


def frame(*records: str, tr_id: str = "H0STCNT0", flag: str = "0", count: int | None = None) -> bytes:
    """A data frame of some records."""
    number = len(records) if count is None else count
    return f"{flag}|{tr_id}|{number:03d}|{'^'.join(records)}".encode()


def book_record(width: int = 63, hour: str = "094001", /, **columns: str) -> str:
    """One record of a book around 71,900 won; ``columns`` by KIS's names."""
    fields = dict.fromkeys(wire.KRX_BOOK_COLUMNS, "0")
    fields |= {"MKSC_SHRN_ISCD": "005930", "BSOP_HOUR": hour, "HOUR_CLS_CODE": "0"}
    for n in range(1, 11):
        fields |= {f"ASKP{n}": str(71900 + 100 * n), f"ASKP_RSQN{n}": str(1000 + n)}
        fields |= {f"BIDP{n}": str(72000 - 100 * n), f"BIDP_RSQN{n}": str(2000 + n)}
    texts = [*(fields | columns).values(), *("9" for _ in range(width - 63))]
    return "^".join(texts[:width])


def book(width: int = 63, hour: str = "094001", /, tr_id: str = "H0STASP0", **columns: str) -> bytes:
    """A frame of one book."""
    return frame(book_record(width, hour, **columns), tr_id=tr_id)


def ack(
    msg_cd: str, msg1: str = "", *, rt_cd: str = "0", tr_id: str = "H0STCNT0", tr_key: str = "005930"
) -> bytes:
    """An answer to a registration; with keys where it is a success."""
    body: dict[str, object] = {"rt_cd": rt_cd, "msg_cd": msg_cd, "msg1": msg1}
    if msg_cd == "OPSP0000":
        body["output"] = {"iv": IV, "key": KEY}
    return json.dumps({"header": {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "N"}, "body": body}).encode()


IV: Final = "fedcba9876543210"
KEY: Final = "qwertyuiopasdfghqwertyuiopasdfgh"
PINGPONG: Final = b'{"header":{"tr_id":"PINGPONG","datetime":"20260922094000"}}'

TRADE_47: Final = frame(record())
TRADE_46: Final = frame(record(46))
TRADES_OF_TWO: Final = frame(record(), record(ACML_VOL="3052509", CNTG_VOL="2", CCLD_DVSN="5"))
TRADE_NXT: Final = frame(record(), tr_id="H0NXCNT0")
TRADE_UN: Final = frame(record(), tr_id="H0UNCNT0")
BOOKS: Final = tuple(book(width) for width in (59, 62, 63))
BOOK_UN: Final = book(66, tr_id="H0UNASP0")
BOOK_NXT: Final = book(62, tr_id="H0NXASP0")

MARKET_FRAMES: Final = (
    *(TRADE_47, TRADE_46, TRADES_OF_TWO, TRADE_NXT, TRADE_UN),
    *(*BOOKS, BOOK_UN, BOOK_NXT),
)
CONTROL_FRAMES: Final = (
    PINGPONG,
    ack("OPSP0000", "SUBSCRIBE SUCCESS"),
    ack("OPSP8996", "ALREADY IN USE appkey", rt_cd="9", tr_id="(null)", tr_key=""),
    frame("x" * 44, tr_id="H0STCNI0", flag="1"),
    frame("005930^N^(null)^112^^^^55^Y^N", tr_id="H0STMKO0"),
)
