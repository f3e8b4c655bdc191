"""What the frame faults do to a frame: pure, with the randomness handed in.

A frame is bytes here, so a live market's frames and recorded ones are struck alike.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec

from sise.simulator.faults import Fault

GARBAGE_MAX_BYTES: Final = 512


def truncated(payload: bytes, rng: random.Random) -> bytes:
    """``payload`` cut somewhere in its middle: never whole, never empty (unless it was)."""
    return payload[: rng.randint(1, len(payload) - 1)] if len(payload) > 1 else b""


def garbage(rng: random.Random) -> bytes:
    """Bytes that are no JSON and no UTF-8."""
    return b"\xff" + rng.randbytes(rng.randint(0, GARBAGE_MAX_BYTES - 1))


def not_utf8(payload: bytes, rng: random.Random) -> bytes:
    """``payload`` with half a Korean letter (cp949) somewhere in it, as it has been seen on the wire."""
    place = rng.randint(0, len(payload))
    return payload[:place] + b"\xb0" + payload[place:]


def changed(payload: bytes, fault: Fault, rng: random.Random) -> bytes:
    """``payload`` with one field added, renamed or of another type.

    The field is the one that the fault names, or one that the seed chooses. Numbers keep their
    spelling, because only the struck member is written anew. What is no JSON object stays as it is.
    """
    try:
        members = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return payload
    if fault.change == "add":
        members[fault.field or "unheard_of"] = msgspec.Raw(b'"new"')
        return msgspec.json.encode(members)
    chosen = fault.field or rng.choice(sorted(members) or [""])
    if chosen not in members:
        return payload
    if fault.change == "rename":
        return msgspec.json.encode(
            {(f"{name}_renamed" if name == chosen else name): value for name, value in members.items()}
        )
    members[chosen] = _other_type(bytes(members[chosen]))
    return msgspec.json.encode(members)


def _other_type(value: bytes) -> msgspec.Raw:
    if value.startswith(b'"'):
        return msgspec.Raw(b"[" + value + b"]")
    return msgspec.Raw(msgspec.json.encode(value.decode()))
