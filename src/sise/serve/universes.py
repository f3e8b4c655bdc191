"""Universe files, as the collector fixed them: the day's own, or the last one before it."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from sise.serve import ledgers

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
FOLDER: Final = "universe"


class _File(Struct):
    day: str
    provider: str
    market: str
    rule: ledgers.UniverseRule
    prices_of: str
    inputs: list[ledgers.UniverseInput]
    listed: int
    excluded: dict[str, int]
    count: int
    symbols: list[str]
    sha256: str


def find_universe(
    root: Path, provider: str, market: str, day: date
) -> tuple[ledgers.Universe, list[str]] | None:
    """The newest universe of ``day`` or before, and its symbols; None: there is none that can be read.

    A file that was changed is shown, and said not to be intact. Raises ``OSError``.
    """
    folder = root / FOLDER / provider / market
    for path in sorted(folder.glob("[0-9]*.json"), reverse=True):
        if path.stem > f"{day:%Y%m%d}":
            continue
        with path.open("rb") as source:
            content = source.read(FILE_BYTES_MAX + 1)
        try:
            file = msgspec.json.decode(content, type=_File)
        except (msgspec.DecodeError, ValueError):
            continue
        facts = msgspec.structs.asdict(file)
        symbols = facts.pop("symbols")
        where = path.relative_to(root).as_posix()
        return ledgers.Universe(**facts, path=where, intact=_is_intact(content, file.sha256)), symbols
    return None


def _is_intact(content: bytes, sha256: str) -> bool:
    """The hash is of the file's bytes with the hash itself left empty."""
    unsigned: dict[str, Any] = msgspec.json.decode(content)
    if _bytes(unsigned) != content:
        return False
    return hashlib.sha256(_bytes(unsigned | {"sha256": ""})).hexdigest() == sha256


def _bytes(facts: dict[str, Any]) -> bytes:
    """The form in which universes are written: sorted keys, one symbol a line."""
    return msgspec.json.format(msgspec.json.encode(facts, order="sorted"), indent=1) + b"\n"
