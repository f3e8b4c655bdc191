"""Notices of orders and fills (체결통보), encrypted with the keys of the registration [wire/kis.md 4.6].

AES-256-CBC, PKCS7; key and iv are the answer's texts as they are. Nobody trades here: a notice is sent
because the control API asks for it.
"""

from __future__ import annotations

import base64

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from msgspec import Struct

from sise.model.errors import BadInput


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """An order that was accepted (``filled`` false) or a fill of it."""

    code: str
    buys: bool = True
    quantity: int = 1
    price: int = 0
    order: int = 1
    filled: bool = True
    venue: str = "1"


def parse_notice(raw: object) -> Notice:
    """A notice from decoded JSON.

    Raises
    ------
    BadInput
        A member is unknown or of a wrong type, or a number is negative.
    """
    try:
        notice = msgspec.convert(raw, Notice)
    except msgspec.ValidationError as error:
        raise BadInput("notice", raw, f'write an object such as {{"code": "005930"}} ({error})') from None
    if min(notice.quantity, notice.price, notice.order) < 0:
        raise BadInput("notice", raw, "use numbers that are not negative")
    return notice


def plaintext(notice: Notice, hts_id: str, account: str, name: str, time: str) -> str:
    """The 26 columns. A fill has its price and quantity, an acceptance those of the order."""
    price = f"{notice.price:09d}"
    fields = [
        hts_id,
        account,
        f"{notice.order:010d}",
        "0000000000",
        "02" if notice.buys else "01",
        "0",
        "00",
        "0",
        notice.code,
        f"{notice.quantity:010d}",
        price,
        time,
        "0",
        "2" if notice.filled else "1",
        "2" if notice.filled else "1",
        "06010",
        f"{notice.quantity:09d}",
        "김한투",
        "000000000",
        notice.venue,
        "N",
        "   ",
        "10",
        "        ",
        name,
        price if notice.filled else "000000000",
    ]
    return "^".join(fields)


def encrypted(text: str, key: str, iv: str) -> bytes:
    """``text`` as the frame carries it: base64 of AES-256-CBC."""
    padder = PKCS7(algorithms.AES.block_size).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize())
