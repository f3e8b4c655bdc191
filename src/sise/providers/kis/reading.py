"""Values out of KIS's REST answers, all of which are texts. Pure.

Every function raises :class:`~sise.model.errors.Undecodable` where what it reads is missing or of another
form, unless it says that it gives None.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sise.model.errors import Undecodable
from sise.providers.kis import texts


def answer_of(body: bytes) -> dict[str, Any]:
    """The answer, a JSON object; invalid UTF-8 in its texts is read leniently."""
    try:
        answer = msgspec.json.decode(body.decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        raise Undecodable("an answer that is not JSON") from None
    if not isinstance(answer, dict):
        raise Undecodable("an answer that is no JSON object")
    return answer


def object_of(body: bytes, name: str) -> dict[str, Any]:
    """The object called ``name``."""
    found = answer_of(body).get(name)
    if not isinstance(found, dict):
        raise Undecodable(f"{name}: missing or no object")
    return found


def rows_of(body: bytes, name: str) -> list[dict[str, Any]]:
    """The list of objects called ``name``."""
    found = answer_of(body).get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Undecodable(f"{name}: missing or no list of objects")
    return found


def text_of(row: dict[str, Any], name: str) -> str:
    """A value without its padding."""
    value = row.get(name)
    if not isinstance(value, str):
        raise Undecodable(f"{name}: missing or no text")
    return value.strip()


def maybe_text(row: dict[str, Any], name: str) -> str | None:
    """A value without its padding; None where it is not there or no text."""
    value = row.get(name)
    return value.strip() if isinstance(value, str) else None


def number_of(row: dict[str, Any], name: str) -> float:
    """A value as a number."""
    return texts.number(text_of(row, name), "answer", name)


def maybe_number(row: dict[str, Any], name: str) -> float | None:
    """A value as a number; None where it is not there or empty."""
    return number_of(row, name) if maybe_text(row, name) else None


def above_zero(row: dict[str, Any], name: str) -> float | None:
    """A value as a number; None where it is not there, empty, or KIS's 0 for none."""
    return maybe_number(row, name) or None


def yes_or_no(row: dict[str, Any], name: str) -> bool:
    """``Y`` or ``N``."""
    value = text_of(row, name)
    if value not in ("Y", "N"):
        raise Undecodable(f"{name}: neither Y nor N")
    return value == "Y"
