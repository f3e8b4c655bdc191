"""One hash for all that a provider's journal says, sealed or not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from sise.journal.files import READ_BYTES, open_partition, partitions

HASHED_TRACKS: Final = ("wire", "scalp", "swing", "system")
LENGTH_BYTES: Final = 8


def journal_hash(root: Path, provider: str) -> str:
    """SHA-256 over the provider's partitions, in the order of their paths.

    Of each: its path, its length, and the SHA-256 of its plain bytes, so that sealing changes nothing.
    """
    whole = hashlib.sha256()
    for file in partitions(root, HASHED_TRACKS):
        if f"/{provider}/" not in file.path:
            continue
        one, size = hashlib.sha256(), 0
        with open_partition(root, file) as source:
            while data := source.read(READ_BYTES):
                one.update(data)
                size += len(data)
        whole.update(file.path.encode() + b"\0" + size.to_bytes(LENGTH_BYTES, "big") + one.digest())
    return whole.hexdigest()
