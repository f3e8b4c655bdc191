"""The line form: one JSON object a line, whose last member is a checksum of the rest.

``{"n":1,…,"crc":"0a1b2c3d"}`` — CRC-32 (zlib) of every byte before ``,"crc"``, as eight lower-case
hex digits that are compared as text, so that each single-bit error in the line is found, in the
checksum and the newline too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from isal.isal_zlib import crc32

CRC_KEY: Final = b',"crc":"'
CRC_TAIL_BYTES: Final = len(CRC_KEY) + 8 + len(b'"}')
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A longer line is taken for damage by the readers: no provider sends such a frame."""


class CorruptLine(ValueError):
    """A line whose checksum or form is wrong; the text says what."""


def close_line(body: bytes) -> bytes:
    """The line for a JSON object ``body`` (``{…}``, no newline in it), newline included."""
    head = body[:-1]
    return b'%b,"crc":"%08x"}\n' % (head, crc32(head))


def add_line(buffer: bytearray, body: bytes) -> int:
    """Append :func:`close_line` of ``body`` to ``buffer``; answers how many bytes that were.

    Lines kept apart until they are written would cost three times as much (``benchmarks/record``):
    each would be memory that the processor has not seen lately.
    """
    head = body[:-1]
    buffer += head
    buffer += b',"crc":"%08x"}\n' % crc32(head)
    return len(head) + CRC_TAIL_BYTES + 1


def add_run(buffer: bytearray, head: bytes, tails: Iterable[bytes]) -> int:
    """:func:`add_line` for lines that begin with ``head`` and end with one of ``tails`` each, in less time.

    A tail has no closing brace. Their checksum goes on from the head's, which is made once.
    """
    begun, before = crc32(head), len(buffer)
    buffer += b"".join([b'%b%b,"crc":"%08x"}\n' % (head, tail, crc32(tail, begun)) for tail in tails])
    return len(buffer) - before


def are_sound(lines: Sequence[bytes]) -> bool:
    """Whether :func:`check_line` has nothing against any of the lines: one test of many, in less time."""
    heads = [line[:-CRC_TAIL_BYTES] for line in lines]
    tails = b"".join([line[-CRC_TAIL_BYTES:] for line in lines])
    wanted = b',"crc":"%08x"}' * len(lines) % tuple(map(crc32, heads))
    return tails == wanted and all(head.startswith(b"{") for head in heads)


def count_sound(text: bytes) -> int | None:
    """How many lines ``text`` has, each with its newline; ``None`` where :func:`check_line` refuses one."""
    lines = text[:-1].split(b"\n")
    return len(lines) if are_sound(lines) else None


def check_line(line: bytes) -> None:
    """Check a line (without its newline).

    Raises
    ------
    CorruptLine
        The line is cut, or a bit of it has changed.
    """
    head = line[:-CRC_TAIL_BYTES]
    if len(line) <= CRC_TAIL_BYTES or not line.startswith(b"{"):
        raise CorruptLine("no record with a checksum")
    if line[-CRC_TAIL_BYTES:] != b'%b%08x"}' % (CRC_KEY, crc32(head)):
        raise CorruptLine("checksum does not match")
