"""The receipt: another machine says which package of a day it holds, verified byte for byte.

Retention removes nothing without one. A receipt lies at ``run/backups/<YYYYMMDD>.receipt.json``, one line
with a checksum; a newer one takes its place as a whole. Beside it, ``<YYYYMMDD>.failure.json``: that
machine's word that it could not bring the day whole. A receipt takes it away.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from sise.journal.disk import make_folder, sync_folder
from sise.journal.line import CorruptLine, check_line, close_line

log = logging.getLogger(__name__)

RECEIPTS_FOLDER: Final = "run/backups"

_Note = TypeVar("_Note")


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


class Failure(Struct, kw_only=True):
    """What a puller told of a day that it could not bring whole. ``told_at`` is ours, UTC."""

    day: str
    findings: int
    first: str
    """The first finding, as a sentence."""
    told_at: str
    by: str
    """The address that told it."""


def write_receipt(root: Path, receipt: Receipt) -> None:
    """Put ``receipt`` in its place, durably. What was told of a failure before is settled by it."""
    _write(receipt_path(root, receipt.day), receipt)
    _failure_path(root, receipt.day).unlink(missing_ok=True)


def read_receipt(root: Path, day: str) -> Receipt | None:
    """The receipt of ``day``; None where there is none that can be believed."""
    path = receipt_path(root, day)
    try:
        receipt = _read(path, Receipt)
    except FileNotFoundError:
        return None
    except (OSError, CorruptLine, msgspec.MsgspecError) as error:
        log.error("%s cannot be believed (%s): the day counts as not backed up", path, error)
        return None
    return receipt if receipt.day == day else None


def write_failure(root: Path, failure: Failure) -> None:
    """Put ``failure`` in its place, durably."""
    _write(_failure_path(root, failure.day), failure)


def read_failure(root: Path, day: str) -> Failure | None:
    """The last failure told of ``day`` since its receipt, or None. A damaged note is a failure too."""
    path = _failure_path(root, day)
    try:
        return _read(path, Failure)
    except FileNotFoundError:
        return None
    except (OSError, CorruptLine, msgspec.MsgspecError) as error:
        log.error("%s cannot be read: %s", path, error)
        return Failure(day=day, findings=1, first="the note of a failure is damaged", told_at="", by="")


def receipt_path(root: Path, day: str) -> Path:
    """Where the receipt of ``day`` lies."""
    return root / RECEIPTS_FOLDER / f"{day}.receipt.json"


def _failure_path(root: Path, day: str) -> Path:
    return root / RECEIPTS_FOLDER / f"{day}.failure.json"


def _write(path: Path, note: Receipt | Failure) -> None:
    make_folder(path.parent)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(close_line(msgspec.json.encode(note)))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


def _read(path: Path, kind: type[_Note]) -> _Note:
    line = path.read_bytes()
    check_line(line.removesuffix(b"\n"))
    return msgspec.json.decode(line, type=kind)
