"""An entry of the history's manifest: what one import wrote, from what, and how to prove it.

Each entry is a file of its own, written last: until it is there, the files beside it count for nothing, and
an import that was cut short is simply done again. Nothing is ever edited, so two imports at once cannot
collide.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.model.errors import SiseError

FORM: Final = 1
"""Raised when the same file would be stored differently: it is then stored anew beside the old."""

PricesKind = Literal["raw", "adjusted"]


class HistoryDamaged(SiseError):
    """A stored file is not what the manifest says, or an entry of the manifest cannot be read."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the history is damaged ({what}); see which files with: sise candles check")


class Origin(Struct, frozen=True):
    """What bars were made from: a file's name, SHA-256 and bytes."""

    name: str
    sha256: str
    bytes: int


class StoredFile(Struct, frozen=True):
    """One Parquet file: path below the history, rows, bytes, SHA-256, its first and last start (ISO 8601)."""

    file: str
    rows: int
    bytes: int
    sha256: str
    first: str
    last: str


class RawFile(Struct, frozen=True):
    """A provider's answers as they came: path below the history, how many, bytes, SHA-256."""

    file: str
    answers: int
    bytes: int
    sha256: str


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One import; ``kind`` is ``bars_<size>``, ``actions``, ``ticks`` or ``quotes``."""

    id: str
    kind: str
    provider: str
    market: str
    source: str
    prices: PricesKind
    made_from: Origin
    added_at: str
    rows: int
    symbols: list[str]
    files: list[StoredFile]
    raw: list[RawFile] = []
    """What the rows were made of, where a provider was asked for them."""


encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Entry)


def decode(name: str, content: bytes) -> Entry:
    """The entry in a file of the manifest.

    Raises
    ------
    HistoryDamaged
        It is none.
    """
    try:
        return _decoder.decode(content)
    except msgspec.MsgspecError as error:
        raise HistoryDamaged(f"{name}: {error}; remove it and import its source again") from error


def entry_id(origin: Origin, *said: object) -> str:
    """The name of an import: the same file, read the same way, has the same."""
    text = "\n".join(str(part) for part in (FORM, origin.sha256, *said))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def entry_name(kind: str, identity: str) -> str:
    """Where the entry lies below the history."""
    return f"{kind}/manifest/{identity}.json"
