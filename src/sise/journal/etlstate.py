"""What became of a day's ETL, as a small file beside the journal: read without any database.

``run/etl/<YYYYMMDD>_<provider>_<market>.json``, written by ``sise etl`` at the end of each run. The collector
reads it to call a day anomalous (``etl_failed``) while the database may be away.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

FOLDER: Final = "run/etl"

EtlState = Literal["ok", "failed", "not_run"]


class EtlRun(Struct, kw_only=True):
    """The end of one run over a day of a market. ``at``: when, ISO 8601 UTC."""

    provider: str
    market: str
    day: str
    """``YYYYMMDD``, the market's own."""
    status: Literal["done", "failed"]
    at: str
    reason: str = ""
    lines_read: int = 0
    rows_rejected: int = 0


def write_run(root: Path, run: EtlRun) -> None:
    """Keep what became of a run, in the place of the one before. Raises ``OSError``."""
    path = root / FOLDER / f"{run.day}_{run.provider}_{run.market}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(msgspec.json.encode(run))
    part.replace(path)


def etl_runs(root: Path, day: str) -> list[EtlRun]:
    """The last run of each market over ``day`` (``YYYYMMDD``). Raises ``OSError``; a damaged file is none."""
    found = []
    for path in sorted((root / FOLDER).glob(f"{day}_*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=EtlRun))
        except (msgspec.MsgspecError, FileNotFoundError):
            continue
    return found


def etl_state(root: Path, day: str) -> EtlState:
    """``failed`` where the last run of any market over ``day`` failed; ``not_run``: there was none."""
    runs = etl_runs(root, day)
    if any(run.status == "failed" for run in runs):
        return "failed"
    return "ok" if runs else "not_run"
