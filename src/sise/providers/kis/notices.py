"""Notices of one's own orders (체결통보), opened with the keys of their registration.

They are AES-256-CBC with PKCS7 padding; key and iv come as text in the answer to the registration
and are used as that text's bytes, not decoded. Decoding a frame never opens one: a notice names an
account, so only who asks for it by :func:`open_notice` holds it, and its ``repr`` tells no account.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from msgspec import Struct

from sise.model.errors import Undecodable
from sise.providers.kis.keys import Secret
from sise.providers.kis.wire import NOTICE_TR_IDS, Ack

FIELDS_MIN: Final = 23
"""Of a record: 23 in the portal's example, 26 by the workbook of 2026-09."""

_KEY_BYTES: Final = 32
_IV_BYTES: Final = 16


class NoticeKeys(Struct, frozen=True):
    """What opens the notices of one registration."""

    key: Secret
    iv: Secret


class Notice(Struct, frozen=True):
    """One notice. Numbers are KIS's texts without their padding; empty where KIS says nothing."""

    account: Secret
    order_no: str
    side: str
    """``buy`` or ``sell``."""
    symbol: str
    filled: bool
    """True for an execution; false where an order was taken, changed, cancelled or refused."""
    refused: bool
    quantity: str
    """Executed, or of the order where nothing was executed."""
    price: str
    hour: str
    """HHMMSS, Korean time."""


def keys_of(ack: Ack) -> NoticeKeys | None:
    """The keys that came with a registration for notices; None for any other answer."""
    if ack.tr_id not in NOTICE_TR_IDS or not ack.key or not ack.iv:
        return None
    return NoticeKeys(Secret(ack.key), Secret(ack.iv))


def open_notice(payload: bytes, keys: NoticeKeys) -> list[Notice]:
    """The notices of one encrypted frame.

    Raises
    ------
    Undecodable
        The frame is no encrypted notice, or these are not its keys; the reason repeats nothing of it.
    """
    parts = payload.decode("ascii", "replace").split("|", 3)
    if len(parts) != 4 or parts[0] != "1" or parts[1] not in NOTICE_TR_IDS:
        raise Undecodable("no encrypted notice")
    count = int(parts[2]) if len(parts[2]) == 3 and parts[2].isdigit() else 0
    fields = _plain(parts[3], keys).split("^")
    width, rest = divmod(len(fields), count) if count else (0, 1)
    if rest or width < FIELDS_MIN:
        raise Undecodable(f"{parts[1]}: {len(fields)} fields cannot be {count} notices")
    return [_notice(fields[at : at + width]) for at in range(0, len(fields), width)]


def _plain(text: str, keys: NoticeKeys) -> str:
    key, iv = keys.key.reveal().encode(), keys.iv.reveal().encode()
    if len(key) != _KEY_BYTES or len(iv) != _IV_BYTES:
        raise Undecodable("the keys of the notices have another length than 32 and 16 bytes")
    try:
        sealed = base64.b64decode(text, validate=True)
        opener = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        unpad = PKCS7(algorithms.AES.block_size).unpadder()
        opened = unpad.update(opener.update(sealed) + opener.finalize()) + unpad.finalize()
        return opened.decode("utf-8")
    except (binascii.Error, ValueError):
        raise Undecodable("a notice that these keys do not open") from None


def _notice(fields: list[str]) -> Notice:
    return Notice(
        account=Secret(fields[1]),
        order_no=fields[2].lstrip("0"),
        side={"01": "sell", "02": "buy"}.get(fields[4], "unknown"),
        symbol=fields[8],
        filled=fields[13] == "2",
        refused=fields[12] == "1",
        quantity=fields[9].lstrip("0"),
        price=fields[10].lstrip("0"),
        hour=fields[11],
    )
