"""The override file: this installation's own exceptions to a calendar.

TOML, one table for each exception::

    [[day]]
    date = 2027-11-18
    open = "10:00"
    close = "16:30"
    reason = "college scholastic ability test"
    source = "https://…"

    [[day]]
    date = 2027-06-14
    closed = true
    reason = "temporary public holiday"
    source = "https://…"

Optional are ``kind`` (``pre``, ``regular`` or ``after``: only that session is meant) and ``venue``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sise.model.errors import BadInput
from sise.model.hours import VENUES, SpecialDay


def parse_overrides(text: str, name: str = "calendar file") -> list[SpecialDay]:
    """The exceptions of an override file (see the module's text).

    Raises :class:`~sise.model.errors.BadInput` for what is no TOML, an unknown or missing field, a day that
    is neither closed nor has both hours, hours that run backwards, and an unknown venue.
    """
    try:
        rows = msgspec.convert(_with_seconds(tomllib.loads(text)), _OverrideFile).day
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadInput(
            name,
            str(error),
            "write its days as [[day]] tables of date, closed or open and close, reason, source",
        ) from None
    for row in rows:
        if problem := _problem(row):
            raise BadInput(name, row.date.isoformat(), problem)
    return rows


def read_overrides(path: Path) -> list[SpecialDay]:
    """The exceptions of the file ``path``.

    Raises ``OSError`` where it cannot be read, and :class:`~sise.model.errors.BadInput` as
    :func:`parse_overrides`.
    """
    try:
        return parse_overrides(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise BadInput(path.name, str(error), "save it as UTF-8") from None


class _OverrideFile(Struct, forbid_unknown_fields=True):
    day: list[SpecialDay] = []


def _with_seconds(content: dict[str, Any]) -> dict[str, Any]:
    """The days with hours such as ``"10:00"`` written out: a time of day has seconds, people write none."""
    days = content.get("day")
    for row in days if isinstance(days, list) else []:
        for name in ("open", "close"):
            if isinstance(row, dict) and isinstance(text := row.get(name), str) and len(text) == 5:
                row[name] = f"{text}:00"
    return content


def _problem(row: SpecialDay) -> str:
    if row.venue and row.venue not in VENUES:
        return f"venue {row.venue!r} is not known; use one of {', '.join(VENUES)}, or none for all"
    if row.closed:
        return "a closed day has no hours" if row.open or row.close else ""
    if row.open is None or row.close is None:
        return "write closed = true, or both open and close"
    if row.open.tzinfo or row.close.tzinfo or row.open >= row.close:
        return "open must be before close, both in the venue's own time"
    return ""
