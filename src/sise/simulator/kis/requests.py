"""What a client may say on the WebSocket, and the JSON that it is answered [wire/kis.md 4.1, 4.2].

No socket here: a text in, a request or a refusal out. A refusal that concerns the session and not one
registration has the tr_id ``(null)``, as captured.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

MAX_REGISTRATIONS: Final = 41
MAX_REQUEST_BYTES: Final = 64 * 1024

TRADES: Final = ("H0STCNT0", "H0NXCNT0", "H0UNCNT0")
BOOKS: Final = ("H0STASP0", "H0NXASP0", "H0UNASP0")
EXPECTED: Final = "H0STANC0"
EVENTS: Final = ("H0STMKO0", "H0NXMKO0", "H0UNMKO0")
REAL_NOTICE, MOCK_NOTICE = "H0STCNI0", "H0STCNI9"
SILENT: Final = frozenset(
    {"H0STOUP0", "H0STOAC0", "H0STOAA0", "H0STMBC0", "H0STPGM0", "HDFSCNT0", "HDFSASP0", "H0GSCNI0"}
)
"""Registered and counted, but nothing is played on them here."""
OF_MOCK: Final = frozenset({"H0STCNT0", "H0STASP0", MOCK_NOTICE, "HDFSCNT0", "HDFSASP0"})
_REAL: Final = frozenset({*TRADES, *BOOKS, EXPECTED, *EVENTS, REAL_NOTICE}) | SILENT
_KEY: Final = re.compile(r"[0-9A-Z]{1,20}|[A-Z][A-Za-z0-9.]{3,20}")

MESSAGES: Final = {
    "OPSP0000": ("0", "SUBSCRIBE SUCCESS"),
    "OPSP0001": ("0", "UNSUBSCRIBE SUCCESS"),
    "OPSP0002": ("1", "ALREADY IN SUBSCRIBE"),
    "OPSP0003": ("1", "UNSUBSCRIBE ERROR(not found!)"),
    "OPSP0007": ("1", "SUBSCRIBE INTERNAL ERROR"),
    "OPSP0008": ("1", "MAX SUBSCRIBE OVER"),
    "OPSP0009": ("1", "SUBSCRIBE ERROR : mci send failed"),
    "OPSP0011": ("1", "invalid approval : {key}"),
    "OPSP0017": ("9", "ERROR : htsid가잘못되었습니다"),
    "OPSP8991": ("9", "INVALID TR_ID"),
    "OPSP8992": ("9", "INVALID TR_KEY"),
    "OPSP8996": ("9", "ALREADY IN USE appkey"),
    "OPSP8997": ("9", "INVALID tr_type"),
    "OPSP8998": ("9", "INVALID custtype"),
    "OPSP9990": ("9", "JSON ERROR : tr_key not found"),
    "OPSP9991": ("9", "JSON ERROR : input not found"),
    "OPSP9992": ("9", "JSON ERROR : body not found"),
    "OPSP9993": ("9", "INTERNAL ERROR"),
    "OPSP9994": ("9", "INVALID appkey"),
    "OPSP9996": ("9", "JSON ERROR : approval_key not found"),
    "OPSP9998": ("9", "JSON ERROR : header not found"),
    "OPSP9999": ("9", "JSON PARSING ERROR"),
}
"""``rt_cd`` and ``msg1`` by ``msg_cd``. Captured: 0000, 0003, 0008, 0011, 0017, 8996; the rest are ours."""


class Registration(Struct, frozen=True):
    """One (tr_id, tr_key): what counts against the limit."""

    tr_id: str
    tr_key: str


class Request(Struct, frozen=True):
    """A client's request."""

    approval_key: str
    register: bool
    what: Registration


class Refused(Exception):
    """A request that is answered with an error; ``about`` is ``None`` where the answer says ``(null)``."""

    def __init__(self, code: str, about: Registration | None = None, key: str = "") -> None:
        super().__init__(code)
        self.code, self.about, self.key = code, about, key

    def payload(self) -> bytes:
        """The frame."""
        return answer(self.code, self.about, key=self.key)


def parse_request(text: str | bytes, *, mock: bool) -> Request:
    """Understand a client's text.

    Raises
    ------
    Refused
        With the code for what is wrong.
    """
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("OPSP9999") from None
    header = _member(raw, "header", "OPSP9998")
    body = _member(raw, "body", "OPSP9992")
    wanted = _member(body, "input", "OPSP9991")
    tr_id, tr_key = wanted.get("tr_id"), wanted.get("tr_key")
    if not isinstance(tr_key, str) or not tr_key:
        raise Refused("OPSP9990")
    if not isinstance(tr_id, str) or tr_id not in (OF_MOCK if mock else _REAL):
        raise Refused("OPSP8991")
    about = Registration(tr_id, tr_key)
    if tr_id not in (REAL_NOTICE, MOCK_NOTICE) and not _KEY.fullmatch(tr_key):
        raise Refused("OPSP8992", about)
    key = header.get("approval_key")
    if not isinstance(key, str) or not key:
        raise Refused("OPSP9996", about)
    if header.get("custtype") not in ("P", "B"):
        raise Refused("OPSP8998", about)
    if header.get("tr_type") not in ("1", "2"):
        raise Refused("OPSP8997", about)
    return Request(key, header["tr_type"] == "1", about)


def _member(raw: Any, name: str, code: str) -> dict[str, Any]:
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, dict):
        raise Refused(code)
    return value


def answer(
    code: str,
    about: Registration | None,
    *,
    cipher: tuple[str, str] | None = None,
    encrypt: Literal["N", "Y"] = "N",
    key: str = "",
) -> bytes:
    """An answer frame; ``cipher`` is ``(iv, key)`` of a registration."""
    rt_cd, message = MESSAGES[code]
    body: dict[str, object] = {"rt_cd": rt_cd, "msg_cd": code, "msg1": message.format(key=key)}
    if cipher is not None:
        body["output"] = {"iv": cipher[0], "key": cipher[1]}
    header = {
        "tr_id": about.tr_id if about else "(null)",
        "tr_key": about.tr_key if about else "",
        "encrypt": encrypt,
    }
    return msgspec.json.encode({"header": header, "body": body})


def pingpong(day: str, time: str) -> bytes:
    """The keep-alive of a moment, date and time in Korea."""
    return msgspec.json.encode({"header": {"tr_id": "PINGPONG", "datetime": day + time}})


def is_pingpong(text: str | bytes) -> bool:
    """Whether a client's text echoes a keep-alive."""
    data = text if isinstance(text, bytes) else text.encode(errors="replace")
    return len(data) < 256 and b'"PINGPONG"' in data
