"""Recorded WebSocket captures: the frames as they came, byte for byte.

Two forms of the same recorder are read, told apart by the line itself:

``1618678263.010785: b'{"ty":"trade",…}'``
    receive time, then the frame as a Python bytes literal (or its text); ``<->`` says connected and
    ``<-`` what was sent.
``{"t":"recv","ts":1618678263.010785,"b64":"eyJ0eSI6…"}``
    one JSON object a line; ``t`` is one of ``header http connect send recv``.
"""

from __future__ import annotations

import ast
import re
from base64 import b64decode
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.model.time import NS_PER_US
from sise.simulator.feed import RawFrame
from sise.simulator.recorded import numbered_lines, refused

_US_PER_SECOND: Final = 1_000_000
_FRAME: Final = re.compile(rb"(\d+(?:\.\d+)?): (.*)", re.DOTALL)
_SENT: Final = re.compile(rb"\S+ <- [\d.]+: (.*)", re.DOTALL)
_CONNECTED: Final = re.compile(rb"\S+ <-> [\d.]+")
_FORMS: Final = 'lines read "<epoch>: b\'…\'", "<url> <-> <epoch>", "<url> <- <epoch>: …" or JSON with "t"'


class Capture(Struct):
    """The frames in the order of the file, and the codes they or the requests named, in that order."""

    frames: list[RawFrame]
    codes: list[str]


class _JsonLine(Struct):
    t: str
    ts: float = 0.0
    b64: str | None = None
    data: str | None = None


class _Named(Struct):
    """What a frame of either spelling says about itself."""

    type: str = ""
    ty: str = ""
    code: str = ""
    cd: str = ""


class _Request(Struct):
    codes: list[str] = []


_json_line: Final = msgspec.json.Decoder(_JsonLine)
_named: Final = msgspec.json.Decoder(_Named | list[_Named])
_request: Final = msgspec.json.Decoder(list[_Request])


def read_capture(path: Path) -> Capture:
    """All frames of a capture file; times are the recorder's, to the microsecond.

    Raises
    ------
    BadInput
        A line has neither form; the message names it.
    """
    frames: list[RawFrame] = []
    asked: dict[str, None] = {}
    for number, line in numbered_lines(path):
        try:
            found = _read_json(line) if line.startswith(b"{") else _read_text(line)
        except (ValueError, SyntaxError, msgspec.MsgspecError) as error:
            raise refused(path, number, f"{_FORMS} ({error})") from error
        if isinstance(found, RawFrame):
            frames.append(found)
        else:
            asked.update(dict.fromkeys(found))
    heard = dict.fromkeys(frame.code for frame in frames if frame.code)
    return Capture(frames, list(heard | asked))


def _read_text(line: bytes) -> RawFrame | list[str]:
    if match := _FRAME.fullmatch(line):
        epoch, said = match.groups()
        payload = ast.literal_eval(said.decode()) if said.startswith((b"b'", b'b"')) else said
        return _frame(float(epoch), payload)
    if match := _SENT.fullmatch(line):
        return _codes(match.group(1))
    if _CONNECTED.fullmatch(line):
        return []
    raise ValueError("the line has none of these forms")


def _read_json(line: bytes) -> RawFrame | list[str]:
    entry = _json_line.decode(line)
    data = b64decode(entry.b64, validate=True) if entry.b64 is not None else (entry.data or "").encode()
    if entry.t == "recv":
        return _frame(entry.ts, data)
    return _codes(data) if entry.t == "send" else []


def _frame(epoch_seconds: float, payload: bytes) -> RawFrame:
    try:
        named = _named.decode(payload)
    except msgspec.MsgspecError:  # garbage was recorded as well, and is replayed
        named = _Named()
    first = named if isinstance(named, _Named) else (named or [_Named()])[0]
    at_ns = round(epoch_seconds * _US_PER_SECOND) * NS_PER_US
    return RawFrame(first.cd or first.code, first.ty or first.type, payload, at_ns)


def _codes(request: bytes) -> list[str]:
    return [code.partition(".")[0] for part in _request.decode(request) for code in part.codes]
