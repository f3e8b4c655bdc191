"""What is looked at all at once gives what looking at each one gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.journal.files import Line
from sise.journal.line import CorruptLine, are_sound, check_line, close_line
from sise.model.errors import BadInput
from sise.model.time import iso, parse_iso
from sise.warehouse.etl import ticks
from sise.warehouse.etl.moments import moments_of
from tests.warehouse.etl.journals import DAY, sample, trade

GOOD = (trade(DAY, 1, 1), trade(DAY, 2.5, 2, trade_id=""), sample(DAY, 3), sample(DAY, -90_000))
ODD = (
    trade(DAY, 1, 1, provider="kis"),
    trade(DAY, 1, 1, market="kr_stocks"),
    trade(DAY, 1, 1, schema_version="2.0"),
    trade(DAY, 1, 1).replace(b'"price"', b'"prize"'),
    trade(DAY, 1, 1).replace(b'"frame":2', b'"frame":"2"'),
    trade(DAY, 1, 1).replace(b"2026-11-", b"2026-13-"),
    trade(DAY, 1, 1).replace(b"2026-11-", b"2226-11-"),
    trade(DAY, 1, 1).replace(b"2026-11-", b"1926-11-"),
    trade(DAY, 1, 1).replace(b"15:00:01.000000Z", b"15:00:01+00:00"),
    trade(DAY, 1, 1).replace(b'"symbol":"KRW-BTC"', b'"symbol":"\xff"'),
    trade(DAY, 1, 1).replace(b'"kind":"trade"', b'"kind":"gossip"'),
)
TEXTS = st.one_of(
    st.integers(0, 4_000_000_000_000_000).map(lambda us: iso(us * 1_000)),
    st.sampled_from(
        [
            "2026-11-20T09:00:00+09:00",
            "2026-11-20T09:00:00",
            "2026-11-20T23:59:60.000000Z",
            "2026-11-20T09:00:00.00000\u00b2Z",
            "2026-11-20T09:00:00.-12345Z",
            "2026-11-20T09:00:00.1_2345Z",
            "2026-11-20 09:00:00.123456Z",
            "2026-11-20T09:00:00,123456Z",
            "",
        ]
    ),
)


def outcome(work: Any) -> Any:
    try:
        return work()
    except BadInput as error:
        return str(error)


@given(st.lists(TEXTS, max_size=8))
def test_moments(texts: list[str]) -> None:
    assert outcome(lambda: moments_of(texts)) == outcome(lambda: list(map(parse_iso, texts)))


@given(st.lists(st.sampled_from(GOOD + ODD), max_size=8))
def test_lines_as_ticks(bodies: list[bytes]) -> None:
    lines = [Line(f"scalp/x:{number}", body) for number, body in enumerate(bodies, 1)]
    found, one_by_one = ticks.read_ticks(lines, DAY), ticks._one_by_one(lines, DAY)
    assert found == one_by_one
    assert len(found.ticks) + len(found.rejects) + found.others == len(lines)


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_line_is_named_among_good_ones(odd: bytes) -> None:
    lines = [Line(f"scalp/x:{number}", body) for number, body in enumerate((*GOOD, odd, *GOOD), 1)]
    found = ticks.read_ticks(lines, DAY)
    named = [reject.ref for reject in found.rejects]
    assert named == ([] if b"+00:00" in odd else ["scalp/x:5"])


@given(
    st.lists(st.sampled_from([b"{}", b'{"n":1}', b'{"text":"caf\xc3\xa9"}']), min_size=1, max_size=6),
    st.integers(0, 500),
    st.sampled_from(["keep", "flip", "cut", "empty", "swap"]),
)
def test_checksums(bodies: list[bytes], at: int, harm: str) -> None:
    lines = [close_line(body)[:-1] for body in bodies]
    which = at % len(lines)
    line = lines[which]
    where = at % len(line)
    if harm == "flip":
        lines[which] = line[:where] + bytes([line[where] ^ 1]) + line[where + 1 :]
    elif harm == "cut":
        lines[which] = line[:where]
    elif harm == "empty":
        lines[which] = b""
    elif harm == "swap" and len(lines) > 1:  # bytes move from one line's end to the next one's start
        following = (which + 1) % len(lines)
        lines[which], lines[following] = line[:-1], line[-1:] + lines[following]
    assert are_sound(lines) == all(map(_is_sound, lines))


def _is_sound(line: bytes) -> bool:
    try:
        check_line(line)
    except CorruptLine:
        return False
    return True
