"""The end of a simulated day: its backup, as two machines would make it at 21:00 of that day.

``sise backup serve`` and ``sise backup pull`` run as processes of their own, over a socket of this machine
and with a token made for this once. What was pulled is then read again from its disk and proven.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from sise.fleet.verify import verify
from sise.journal.receipt import read_receipt
from sise.model.errors import SiseError
from sise.model.time import SystemClock, iso, parse_iso
from sise.run.backup import TOKEN_VARIABLE
from sise.run.children import Child, ChildFailed
from sise.run.demo_plan import DATA_VARIABLE
from sise.run.kis_day import BACKUP_FOLDER, KisDay
from sise.run.redact import remember

START_SECONDS: Final = 20.0
PULL_SECONDS: Final = 600.0
END_SECONDS: Final = 4.0
SECONDS_DIGITS: Final = 3
BACKUP_TIME: Final = "21:00:00+09:00"


async def back_up(data: Path, day: KisDay) -> dict[str, Any]:
    """Back up the journal in ``data``, whose collector has ended, to the folder ``backup`` in it.

    Answers ``{"verified", "files", "bytes", "seconds", "findings"}``; a failure is a finding, never raised.
    """
    began = time.monotonic()
    facts: dict[str, Any] = {"verified": False, "files": 0, "bytes": 0, "seconds": 0.0, "findings": []}
    try:
        pulled = await _pull(data, day)
        report = await asyncio.to_thread(verify, data / BACKUP_FOLDER, SystemClock())
        findings = [*_findings_of(pulled), *msgspec.to_builtins(report.findings)]
        if read_receipt(data, f"{day.day:%Y%m%d}") is None:
            findings.append(_finding("unfinished", "the server has no receipt of the day"))
        facts |= {"verified": not findings, "files": report.files, "bytes": report.bytes}
    except (SiseError, OSError) as error:
        findings = [_finding("failed", str(error))]
    return facts | {"seconds": round(time.monotonic() - began, SECONDS_DIGITS), "findings": findings}


def failure_of(backup: dict[str, Any]) -> ChildFailed | None:
    """What to say where the day was recorded, but its backup (of :func:`back_up`) is not whole."""
    if backup["verified"]:
        return None
    first = backup["findings"][0]
    return ChildFailed(f"the day is recorded, but its backup is not verified: {first['what']}")


async def _pull(data: Path, day: KisDay) -> dict[str, Any]:
    """What ``sise backup pull`` said. Both processes have ended when this returns."""
    token = secrets.token_urlsafe(32)
    remember([token])
    variables = {DATA_VARIABLE: str(data), TOKEN_VARIABLE: token, "SISE_CLOCK": _clock(day, time.time_ns())}
    serve = ["backup", "serve", "--host", "127.0.0.1", "--port", "0", "--json"]
    server = await Child.start("backup server", serve, variables, data / "run/backup-server.log")
    try:
        url = (await server.ready(START_SECONDS))["url"]
        pull = ["backup", "pull", url, "--to", str(data / BACKUP_FOLDER), "--day", day.day.isoformat()]
        puller = await Child.start("backup", [*pull, "--json"], variables, data / "run/backup-pull.log")
        try:
            await asyncio.wait({puller.gone}, timeout=PULL_SECONDS)
            if not puller.gone.done():
                raise ChildFailed(f"the backup did not end in {PULL_SECONDS:g} s")
        finally:
            await puller.end(END_SECONDS)
        return puller.said()
    finally:
        await server.end(END_SECONDS)


def _clock(day: KisDay, wall_ns: int) -> str:
    """The backup's time: the day's own 21:00 (or its end, where that is later), as fast as the machine's."""
    return f"{iso(max(day.end_ns, _due_ns(day.day)))}@1@{iso(wall_ns)}"


def _due_ns(day: date) -> int:
    return parse_iso(f"{day}T{BACKUP_TIME}")


def _findings_of(pulled: dict[str, Any]) -> list[dict[str, str]]:
    findings: list[dict[str, str]] = []
    for each in pulled["days"]:
        findings += each["findings"]
        findings += [_finding("unfinished", partition) for partition in each["open"]]
    return findings


def _finding(kind: str, what: str) -> dict[str, str]:
    return {"file": "", "kind": kind, "what": what}
