"""The receipt: another machine says which package of a day it holds, verified byte for byte.

Retention removes nothing without one. A receipt lies at ``run/backups/<YYYYMMDD>.receipt.json``, one line
with a checksum; a newer one takes its place as a whole.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.disk import make_folder, sync_folder
from sise.journal.line import CorruptLine, check_line, close_line

log = logging.getLogger(__name__)

RECEIPTS_FOLDER: Final = "run/backups"


class Receipt(Struct, kw_only=True):
    """``package`` is the package's hash; the times are UTC, the first the backup's, the second ours."""

    day: str
    package: str
    files: int
    bytes: int
    verified_at: str
    received_at: str
    by: str
    """The address that sent it."""


def write_receipt(root: Path, receipt: Receipt) -> None:
    """Put ``receipt`` in its place, durably."""
    path = _path(root, receipt.day)
    make_folder(path.parent)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(close_line(msgspec.json.encode(receipt)))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


def read_receipt(root: Path, day: str) -> Receipt | None:
    """The receipt of ``day``; None where there is none that can be believed."""
    path = _path(root, day)
    try:
        line = path.read_bytes()
        check_line(line.removesuffix(b"\n"))
        receipt = msgspec.json.decode(line, type=Receipt)
    except FileNotFoundError:
        return None
    except (OSError, CorruptLine, msgspec.MsgspecError) as error:
        log.error("%s cannot be believed (%s): the day counts as not backed up", path, error)
        return None
    return receipt if receipt.day == day else None


def _path(root: Path, day: str) -> Path:
    return root / RECEIPTS_FOLDER / f"{day}.receipt.json"
