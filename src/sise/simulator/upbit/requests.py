"""What a client may say on the WebSocket: one TEXT frame in, a request or an error out. No socket here.

Objects of the array are told apart by their keys, not by their place: clients put ``format`` second,
and old documents put the method before the ticket [wire/upbit.md 7].
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast, get_args

import msgspec
from msgspec import Struct

from sise.simulator.feed import BOOK_DEPTH_LEVELS
from sise.simulator.upbit.depth import NO_GROUPING
from sise.simulator.upbit.frames import Format

CANDLE_UNITS: Final = ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m")
KINDS: Final = ("ticker", "trade", "orderbook", *(f"candle.{unit}" for unit in CANDLE_UNITS))
PRIVATE_KINDS: Final = ("myOrder", "myAsset")
DEPTHS: Final = (1, 5, 15, 30)
FORMATS: Final[tuple[str, ...]] = get_args(Format)
MAX_REQUEST_BYTES: Final = 1024 * 1024


class Stream(Struct, frozen=True):
    """One kind of one market as a client wants it. ``depth`` and ``level`` are of order books only."""

    kind: str
    code: str
    snapshot: bool = True
    realtime: bool = True
    depth: int = BOOK_DEPTH_LEVELS
    level: Decimal = NO_GROUPING


class Subscribe(Struct, frozen=True):
    """Replace whatever this line has by ``streams``, in the order of the request."""

    ticket: str
    form: Format
    streams: tuple[Stream, ...]


class ListSubscriptions(Struct, frozen=True):
    """Say what this line has; ``form`` holds for the running streams too."""

    ticket: str
    form: Format


class WireError(Exception):
    """An error that is sent as ``{"error": …}``, after which the line is closed."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message

    def payload(self) -> bytes:
        """The frame's bytes."""
        return msgspec.json.encode({"error": {"name": self.name, "message": self.message}})


NO_TICKET: Final = ("NO_TICKET", "티켓이 존재하지 않거나, 유효하지 않습니다.")
NO_TYPE: Final = ("NO_TYPE", "타입 필드가 존재하지 않습니다.")
NO_CODES: Final = ("NO_CODES", "코드 필드가 존재하지 않습니다.")
WRONG_FORMAT: Final = ("WRONG_FORMAT", "Format 이 맞지 않습니다.")
INVALID_AUTH: Final = ("INVALID_AUTH", "인증 정보가 올바르지 않습니다.")
TOO_MANY_REQUESTS: Final = ("Too Many Requests", "요청 수 제한을 초과했습니다.")


def parse_request(text: str | bytes) -> Subscribe | ListSubscriptions:
    """Understand a client's frame.

    Raises
    ------
    WireError
        With the name that Upbit uses for what is wrong.
    """
    try:
        parts = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WireError(*WRONG_FORMAT) from None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise WireError(*WRONG_FORMAT)
    ticket = _first(parts, "ticket")
    if not isinstance(ticket, str) or not ticket:
        raise WireError(*NO_TICKET)
    form = _format(parts)
    method = _first(parts, "method")
    if method is not None:
        if method != "LIST_SUBSCRIPTIONS":
            raise WireError(*WRONG_FORMAT)
        return ListSubscriptions(ticket, form)
    wanted = [part for part in parts if "type" in part]
    if not wanted:
        raise WireError(*NO_TYPE)
    return Subscribe(ticket, form, tuple(stream for part in wanted for stream in _streams(part)))


def _first(parts: list[dict[str, Any]], name: str) -> Any:
    return next((part[name] for part in parts if name in part), None)


def _format(parts: list[dict[str, Any]]) -> Format:
    form = _first(parts, "format")
    if form is None:
        return "DEFAULT"
    if form not in FORMATS:
        raise WireError(*WRONG_FORMAT)
    return cast(Format, form)


def _streams(part: dict[str, Any]) -> list[Stream]:
    kind = part["type"]
    if kind in PRIVATE_KINDS:
        raise WireError(*INVALID_AUTH)
    if kind not in KINDS:
        raise WireError("INVALID_PARAM", f"{kind} 은 지원하지 않는 타입입니다.")
    codes = part.get("codes")
    if not isinstance(codes, list) or not codes:
        raise WireError(*NO_CODES)
    if not all(isinstance(code, str) for code in codes):
        raise WireError(*WRONG_FORMAT)
    only_snapshot = _flag(part, "is_only_snapshot", "isOnlySnapshot")
    only_realtime = _flag(part, "is_only_realtime", "isOnlyRealtime")
    level = _level(part) if kind == "orderbook" else NO_GROUPING
    streams = []
    for text in codes:
        code, _, suffix = text.partition(".")
        depth = int(suffix) if suffix in ("1", "5", "15", "30") else BOOK_DEPTH_LEVELS
        streams.append(
            Stream(
                kind=kind,
                code=code if kind == "orderbook" else text,
                snapshot=not only_realtime,
                realtime=not only_snapshot,
                depth=depth if kind == "orderbook" else BOOK_DEPTH_LEVELS,
                level=level,
            )
        )
    return streams


def _flag(part: dict[str, Any], name: str, camel_case: str) -> bool:
    value = part.get(name, part.get(camel_case, False))
    if not isinstance(value, bool):
        raise WireError(*WRONG_FORMAT)
    return value


def _level(part: dict[str, Any]) -> Decimal:
    value = part.get("level", 0)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise WireError(*WRONG_FORMAT)
    try:
        level = Decimal(str(value)).normalize()
    except InvalidOperation:
        raise WireError(*WRONG_FORMAT) from None
    if not level.is_finite():
        raise WireError(*WRONG_FORMAT)
    return level


def subscriptions_payload(request: ListSubscriptions, streams: tuple[Stream, ...]) -> bytes:
    """The answer to :class:`ListSubscriptions`: streams of one kind and level together."""
    groups: dict[tuple[str, Decimal], list[str]] = {}
    for stream in streams:
        groups.setdefault((stream.kind, stream.level), []).append(_code_text(stream))
    simple = request.form.startswith("SIMPLE")
    kind_name, codes_name, level_name = ("ty", "cds", "lv") if simple else ("type", "codes", "level")
    result: list[dict[str, object]] = []
    for (kind, level), codes in groups.items():
        row: dict[str, object] = {kind_name: kind, codes_name: codes}
        if kind == "orderbook":
            row[level_name] = int(level) if level == int(level) else float(level)
        result.append(row)
    names = ("mthd", "rslt", "tckt") if simple else ("method", "result", "ticket")
    values: tuple[object, ...] = ("LIST_SUBSCRIPTIONS", result, request.ticket)
    answer: object = dict(zip(names, values, strict=True))
    return msgspec.json.encode([answer] if request.form.endswith("_LIST") else answer)


def _code_text(stream: Stream) -> str:
    return stream.code if stream.depth == BOOK_DEPTH_LEVELS else f"{stream.code}.{stream.depth}"
