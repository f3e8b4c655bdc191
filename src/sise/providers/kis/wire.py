"""What KIS sends on its socket: the columns of each feed, and the messages about the line.

A data frame is ``flag|TR_ID|NNN|payload``: ``flag`` 1 where the payload is encrypted, ``NNN``
records, their fields and they themselves joined by the same ``^``. Columns are only ever added at
the end of a record, so a record is read by its *known prefix*; its width is the payload's, never a
constant. Everything else is JSON. The field map with its evidence is in ``README.md``.

Times are Korean, of one-second resolution; prices are won, sizes shares.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from sise.model.errors import Undecodable

Venue = Literal["KRX", "NXT", "UN"]
"""KRX, Nextrade, and KIS's unified feed of both."""

TRADE_COLUMNS: Final = (
    *("MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "STCK_PRPR", "PRDY_VRSS_SIGN", "PRDY_VRSS", "PRDY_CTRT"),
    *("WGHN_AVRG_STCK_PRC", "STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ASKP1", "BIDP1", "CNTG_VOL"),
    *("ACML_VOL", "ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "CTTR"),
    *("SELN_CNTG_SMTN", "SHNU_CNTG_SMTN", "CCLD_DVSN", "SHNU_RATE", "PRDY_VOL_VRSS_ACML_VOL_RATE"),
    *("OPRC_HOUR", "OPRC_VRSS_PRPR_SIGN", "OPRC_VRSS_PRPR", "HGPR_HOUR", "HGPR_VRSS_PRPR_SIGN"),
    *("HGPR_VRSS_PRPR", "LWPR_HOUR", "LWPR_VRSS_PRPR_SIGN", "LWPR_VRSS_PRPR", "BSOP_DATE"),
    *("NEW_MKOP_CLS_CODE", "TRHT_YN", "ASKP_RSQN1", "BIDP_RSQN1", "TOTAL_ASKP_RSQN"),
    *("TOTAL_BIDP_RSQN", "VOL_TNRT", "PRDY_SMNS_HOUR_ACML_VOL", "PRDY_SMNS_HOUR_ACML_VOL_RATE"),
    *("HOUR_CLS_CODE", "MRKT_TRTM_CLS_CODE", "VI_STND_PRC", "MARKET_CLS_CODE"),
)
"""H0STCNT0, H0UNCNT0, H0NXCNT0. ``MARKET_CLS_CODE`` since 2026-09-14; before, 46 columns."""

_BOOK_COLUMNS: Final = (
    *("MKSC_SHRN_ISCD", "BSOP_HOUR", "HOUR_CLS_CODE"),
    *(f"{name}{n}" for name in ("ASKP", "BIDP", "ASKP_RSQN", "BIDP_RSQN") for n in range(1, 11)),
    *("TOTAL_ASKP_RSQN", "TOTAL_BIDP_RSQN", "OVTM_TOTAL_ASKP_RSQN", "OVTM_TOTAL_BIDP_RSQN"),
    *("ANTC_CNPR", "ANTC_CNQN", "ANTC_VOL", "ANTC_CNTG_VRSS", "ANTC_CNTG_VRSS_SIGN"),
    *("ANTC_CNTG_PRDY_CTRT", "ACML_VOL", "TOTAL_ASKP_RSQN_ICDC", "TOTAL_BIDP_RSQN_ICDC"),
    *("OVTM_TOTAL_ASKP_ICDC", "OVTM_TOTAL_BIDP_ICDC", "STCK_DEAL_CLS_CODE"),
)

KRX_BOOK_COLUMNS: Final = (*_BOOK_COLUMNS, "MID_PRC", "MIDP_TOTAL_RSQN", "MIDP_CLS_CODE", "MARKET_CLS_CODE")
"""H0STASP0: 59 until about 2026-06, then 62, 63 since 2026-09-14."""

UN_BOOK_COLUMNS: Final = (
    *_BOOK_COLUMNS,
    *("KMID_PRC", "KMID_TOTAL_RSQN", "KMID_CLS_CODE", "NMID_PRC", "NMID_TOTAL_RSQN", "NMID_CLS_CODE"),
    "ANTC_EXCH_CLS_CODE",
)
NXT_BOOK_COLUMNS: Final = (*_BOOK_COLUMNS, "NMID_PRC", "NMID_TOTAL_RSQN", "NMID_CLS_CODE")

BOOK_LEVELS: Final = 10


class Feed(Struct, frozen=True):
    """One kind of data frame."""

    tr_id: str
    kind: Literal["trade", "book"]
    venue: Venue
    columns: tuple[str, ...]
    """All that is known; a record may be shorter or longer."""
    width_min: int
    """What every record on record has had; a shorter one is half a record."""

    @property
    def width_max(self) -> int:
        """From here on it could as well be two records: the count or the payload is wrong."""
        return 2 * self.width_min - 1


FEEDS: Final = {
    feed.tr_id: feed
    for feed in (
        Feed("H0STCNT0", "trade", "KRX", TRADE_COLUMNS, 46),
        Feed("H0UNCNT0", "trade", "UN", TRADE_COLUMNS, 46),
        Feed("H0NXCNT0", "trade", "NXT", TRADE_COLUMNS, 46),
        Feed("H0STASP0", "book", "KRX", KRX_BOOK_COLUMNS, 59),
        Feed("H0UNASP0", "book", "UN", UN_BOOK_COLUMNS, 59),
        Feed("H0NXASP0", "book", "NXT", NXT_BOOK_COLUMNS, 59),
    )
}
"""The feeds that become events."""

NOTICE_TR_IDS: Final = frozenset({"H0STCNI0", "H0STCNI9", "H0GSCNI0", "H0GSCNI9"})
"""Notices of one's own orders: encrypted, with account number and HTS id inside."""

STATE_COLUMNS: Final = (
    *("MKSC_SHRN_ISCD", "TRHT_YN", "TR_SUSP_REAS_CNTT", "MKOP_CLS_CODE", "ANTC_MKOP_CLS_CODE"),
    *("MRKT_TRTM_CLS_CODE", "DIVI_APP_CLS_CODE", "ISCD_STAT_CLS_CODE", "VI_CLS_CODE"),
    *("OVTM_VI_CLS_CODE", "EXCH_CLS_CODE"),
)
"""Market operation. The workbook has these eleven; the portal's example and the one live record have ten
and begin alike, so the last two are not told apart and not read."""

STATE_WIDTH_MIN: Final = 10

STATE_TR_IDS: Final[dict[str, Venue]] = {"H0STMKO0": "KRX", "H0UNMKO0": "UN", "H0NXMKO0": "NXT"}

EXPECTED_TR_IDS: Final = frozenset({"H0STANC0", "H0UNANC0", "H0NXANC0", "H0STOAC0", "H0STOAA0"})
"""Expected prices of call auctions: what would be traded now, and has not been."""

OTHER_TR_IDS: Final = frozenset(
    {
        *("H0STOUP0", "H0STMBC0", "H0UNMBC0", "H0NXMBC0", "H0STPGM0", "H0UNPGM0", "H0NXPGM0"),
        *("HDFSCNT0", "HDFSASP0", "HDFSASP1"),
    }
)
"""Known, kept as frames, and no event of ours: members, programme, overseas."""

EXPECTED_HOURS: Final = frozenset("ABCD")
"""HOUR_CLS_CODE of a record that tells an expected price: after, before, in the session, off-hours."""

NO_EXPECTED_HOURS: Final = frozenset({"0", ""})

PINGPONG: Final = "PINGPONG"
MASK: Final = "***"

_LONG_WORD: Final = re.compile(r"[0-9A-Za-z+/=_-]{16,}")
_NULL: Final = "(null)"
_KEYS: Final = re.compile(rb'("(?:iv|key|approval_key)"\s*:\s*")[^"]*')
_ECHOED_KEY: Final = re.compile(rb'((?:approval|appkey)\s*:\s*)[^"\s]{8,}')
_TR_KEY: Final = re.compile(rb'("tr_key"\s*:\s*")[^"]*')
_NOTICE: Final = re.compile(rb"H0(?:ST|GS)CNI\d")
_PLAIN_NOTICE: Final = re.compile(rb"(0\|H0(?:ST|GS)CNI\d\|\d{3}\|).*", re.DOTALL)
_PINGPONG_WITHIN_BYTES: Final = 200


class Ack(Struct, frozen=True):
    """The answer to one registration or unregistration.

    ``tr_id`` and ``tr_key`` are empty where the answer names none (``"(null)"``, or no header):
    then it belongs to whatever was asked last. ``iv`` and ``key`` open the notices of ``tr_id``.
    """

    rt_cd: str
    msg_cd: str
    msg1: str = ""
    tr_id: str = ""
    tr_key: str = ""
    iv: str = ""
    key: str = ""

    def __repr__(self) -> str:
        """Without keys and HTS id, so that no log shows them."""
        return f"Ack({self.msg_cd} {self.about()})"

    def about(self) -> str:
        """What it is about and what it says, as a log may show it."""
        what = f"{self.tr_id} {shown_key(self.tr_id, self.tr_key)}".strip()
        said = _LONG_WORD.sub(MASK, self.msg1.strip())
        return f"{what}: {said}" if what else said


def shown_key(tr_id: str, tr_key: str) -> str:
    """``tr_key`` as a log may show it: for notices it is the user's HTS id."""
    return MASK if tr_id in NOTICE_TR_IDS else tr_key


def control(payload: bytes) -> dict[str, Any]:
    """A message about the line, as JSON; invalid UTF-8 in its texts is read leniently.

    Raises
    ------
    Undecodable
        It is no JSON object.
    """
    try:
        message = msgspec.json.decode(payload.decode("utf-8", "replace"))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Undecodable("a message that begins with { and is not JSON") from None
    if not isinstance(message, dict):
        raise Undecodable("a message about the line is no JSON object")
    return message


def ack(payload: bytes) -> Ack | None:
    """The answer to a registration that this frame is; None where it is anything else."""
    if payload[:1] != b"{":
        return None
    try:
        return ack_of(control(payload))
    except Undecodable:
        return None


def ack_of(message: dict[str, Any]) -> Ack | None:
    """The answer that ``message`` is; None where it has no body with ``rt_cd`` or ``msg_cd``."""
    body = message.get("body")
    if not isinstance(body, dict) or not isinstance(body.get("msg_cd", body.get("rt_cd")), str):
        return None
    header = message.get("header")
    output = body.get("output")
    return Ack(
        rt_cd=_text(body, "rt_cd"),
        msg_cd=_text(body, "msg_cd"),
        msg1=_text(body, "msg1"),
        tr_id=_text(header, "tr_id").replace(_NULL, ""),
        tr_key=_text(header, "tr_key").replace(_NULL, ""),
        iv=_text(output, "iv"),
        key=_text(output, "key"),
    )


def pingpong(payload: bytes) -> bool:
    """Whether the frame is KIS's sign of life, which wants an answer."""
    if payload[:1] != b"{" or b'"PINGPONG"' not in payload[:_PINGPONG_WITHIN_BYTES]:
        return False
    try:
        return _text(control(payload).get("header"), "tr_id") == PINGPONG
    except Undecodable:
        return False


def without_secrets(payload: bytes) -> bytes:
    """``payload`` as a log may keep it: no key, no approval key, no HTS id, no notice in the clear.

    Market data come back as they are, the same object. Only answers that hold such a thing change.
    """
    if payload[:1] == b"{":
        payload = _ECHOED_KEY.sub(rb"\1***", _KEYS.sub(rb"\1***", payload))
        return _TR_KEY.sub(rb"\1***", payload) if _NOTICE.search(payload) else payload
    return _PLAIN_NOTICE.sub(rb"\1***", payload) if _NOTICE.search(payload[:16]) else payload


def _text(holder: object, name: str) -> str:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""
