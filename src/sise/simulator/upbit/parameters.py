"""Query parameters of the quotation API, and the errors that they can earn [wire/upbit.md 2, 3]."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from multidict import MultiMapping

from sise.model.time import NS_PER_SECOND, to_ns

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
_TIME_OF_DAY: Final = re.compile(r"(\d\d):?(\d\d):?(\d\d)")


class RestError(Exception):
    """An answer that is an error: quotation errors are named by an integer, exchange errors by a word."""

    def __init__(self, status: int, message: str, name: int | str | None = None) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.name = status if name is None else name

    def body(self) -> bytes:
        """The envelope."""
        return msgspec.json.encode({"error": {"name": self.name, "message": self.message}})


def invalid() -> RestError:
    """A value out of its range."""
    return RestError(400, "Invalid parameter. Check the given value!")


def mismatch() -> RestError:
    """A value of the wrong type."""
    return RestError(400, "Type mismatch error. Check the parameters type!")


def missing() -> RestError:
    """A required parameter that is not there."""
    return RestError(400, "Missing request parameter error. Check the required parameters!")


def code_not_found() -> RestError:
    """A market that is not listed."""
    return RestError(404, "Code not found")


def no_route() -> RestError:
    """A path that leads nowhere; said by the gateway, in words of its own."""
    return RestError(404, "no Route matched with those values", "not_found")


def text(query: MultiMapping[str], *names: str) -> str | None:
    """The first of ``names`` (new spelling, old spelling) that is there and not empty."""
    return next((query[name] for name in names if query.get(name)), None)


def required(query: MultiMapping[str], name: str) -> str:
    """All values of ``name``, joined by commas: clients repeat the parameter or write a list."""
    joined = ",".join(value for value in query.getall(name, []) if value)
    if not joined:
        raise missing()
    return joined


def integer(query: MultiMapping[str], name: str, default: int, low: int, high: int) -> int:
    """A whole number within its range."""
    value = text(query, name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise mismatch() from None
    if not low <= number <= high:
        raise invalid()
    return number


def flag(query: MultiMapping[str], *names: str) -> bool:
    """``true`` or ``false``; absent is false."""
    value = (text(query, *names) or "false").lower()
    if value not in ("true", "false"):
        raise mismatch()
    return value == "true"


def number(query: MultiMapping[str], name: str) -> Decimal:
    """A number written as text; absent is 0."""
    try:
        value = Decimal(text(query, name) or "0")
    except InvalidOperation:
        raise mismatch() from None
    if not value.is_finite():
        raise mismatch()
    return value


def moment(query: MultiMapping[str], name: str, default_ns: int) -> int:
    """A time in one of the three formats; without an offset it is UTC."""
    value = text(query, name)
    if value is None:
        return default_ns
    if not _TIME.fullmatch(value):
        raise invalid()
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise invalid() from None
    return to_ns(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


def time_of_day(query: MultiMapping[str], name: str) -> int | None:
    """``HHmmss`` or ``HH:mm:ss`` as nanoseconds since midnight."""
    value = text(query, name)
    if value is None:
        return None
    matched = _TIME_OF_DAY.fullmatch(value)
    if matched is None:
        raise invalid()
    hour, minute, second = (int(part) for part in matched.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise invalid()
    return (hour * 3_600 + minute * 60 + second) * NS_PER_SECOND
