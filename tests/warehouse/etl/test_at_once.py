"""What is looked at all at once gives what looking at each one gives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.journal.blocks import Block, count_of, first_lines
from sise.journal.line import CorruptLine, check_line, close_line, count_sound
from sise.model.records import SampleRecord
from sise.model.time import iso
from sise.warehouse.etl.checksums import HEAD_BYTES_MAX, LineSums
from sise.warehouse.etl.ordinary import read_ordinary
from sise.warehouse.etl.tickarrays import SAMPLE as IS_SAMPLE
from sise.warehouse.etl.tickarrays import TickArrays, rows_of, samples_of, text_pool
from sise.warehouse.etl.ticks import COLUMNS, Read, Tick, read_ticks, row_of
from sise.warehouse.etl.unitread import UnitRead, read_unit
from tests.warehouse.etl.journals import DAY, sample, trade

PATH = "scalp/upbit/crypto/20261120/00_00_00.jsonl"
TRADE, SAMPLE = trade(DAY, 1, 1), sample(DAY, 3)
CANDLE = (
    TRADE.replace(b'"kind":"trade"', b'"kind":"candle"')[: -len(b',"side":"buy","trade_id":"t1"}')]
    + b',"bar_time":"2026-11-19T15:00:00Z","open":1.0,"high":1.0,"low":1.0,"close":1.0'
    + b',"volume":1.0,"value":1.0}'
).replace(b'"size":1.25', b'"size":"1m"')
ODD = (
    trade(DAY, 1, 1, provider="kis"),
    trade(DAY, 1, 1, market="kr_stocks"),
    trade(DAY, 1, 1, schema_version="2.0"),
    TRADE.replace(b'"price"', b'"prize"'),
    TRADE.replace(b'"frame":2', b'"frame":"2"'),
    TRADE.replace(b'"frame":2', b'"frame":99999999999999999999'),
    TRADE.replace(b"2026-11-", b"2026-13-"),
    TRADE.replace(b"2026-11-", b"2226-11-"),
    TRADE.replace(b"2026-11-", b"1926-11-"),
    TRADE.replace(b"15:00:01", b"15:00:61"),
    TRADE.replace(b'"symbol":"KRW-BTC"', b'"symbol":"\xff"'),
    TRADE.replace(b'"symbol":"KRW-BTC"', b'"symbol":"\x07"'),
    TRADE.replace(b'"kind":"trade"', b'"kind":"gossip"'),
    TRADE.replace(b'"quality_flag":"normal"', b'"quality_flag":"fine"'),
    TRADE.replace(b'"side":"buy"', b'"side":null'),
    TRADE.replace(b'"price":101.0', b'"price":01'),
    TRADE.replace(b'"price":101.0', b'"price":1.'),
    TRADE.replace(b'"price":101.0', b'"price":NaN'),
    TRADE.replace(b'"price":101.0', b'"price":1e999'),
    TRADE.replace(b'"price":101.0', b'"price":"101.0"'),
    TRADE.replace(b'"price":101.0', b'"price":null'),
    SAMPLE.replace(b'"volume":null,', b""),
    SAMPLE.replace(b'"frames":1', b'"frames":1.5'),
    TRADE[:-1] + b',"crc":"00000000"},"more":1}',
)
"""Lines that are rejected."""
UNUSUAL = (
    CANDLE,
    trade(DAY, 1, 1, notes=["out_of_order", "clock_skew"]),
    trade(DAY, 1, 1, symbol='a"b\\c,d'),
    trade(DAY, 1, 1, symbol="a,b"),
    trade(DAY, 1, 1, symbol="삼성전자", venue=""),
    trade(DAY, 1, 1, price=-1.5),
    trade(DAY, 1, 1, price=1e22, size=-0.0),
    trade(DAY, 1, 1, mitigation_level=3, quality_flag="gap", schema_version="1.7"),
    trade(DAY, 1, 1, frame=-5),
    TRADE.replace(b'"price":101.0', b'"price":101'),
    TRADE.replace(b'"price":101.0', b'"price": 101.0'),
    TRADE.replace(b"15:00:01.000000Z", b"15:00:01+00:00"),
    TRADE.replace(b"}", b',"more":1}'),
    TRADE.replace(b'"side":"buy"', b'"side":"buy","side":"sell"'),
    sample(DAY, 3, notes=["crossed_book"]),
    TRADE.replace(b'"kind":"trade",', b'"kind":"trade","kind":"trade",'),
)
"""Lines that are right, and not in the ordinary form."""
_NUMBERS = (
    st.floats(0, 1e15) | st.floats(0, 1e9).map(lambda n: round(n, 8)) | st.sampled_from([0.0, 1e-8, 5e-324])
)
_ORDINARY = st.one_of(
    st.builds(
        lambda at, number, price, size, id: trade(DAY, at, number, price=price, size=size, trade_id=id),
        *(
            st.integers(-90_000, 90_000),
            st.integers(0, 10**9),
            _NUMBERS,
            _NUMBERS,
            st.sampled_from(["", "7", "a b"]),
        ),
    ),
    st.builds(
        lambda at, volume, last: sample(DAY, at, volume=volume, last_price=last, frames=0),
        *(st.integers(-90_000, 90_000), st.none() | _NUMBERS, st.none() | _NUMBERS),
    ),
)


def blocks_of(bodies: Sequence[bytes], size: int = 3) -> list[Block]:
    """Bodies with their checksums, in blocks with a hole of a line between."""
    lines = [close_line(body)[:-1] for body in bodies]
    return [Block.of(PATH, 1 + at + at // size, lines[at : at + size]) for at in range(0, len(lines), size)]


def both(bodies: Sequence[bytes]) -> tuple[UnitRead, Read]:
    """Read at once, and one by one."""
    blocks = blocks_of(bodies)
    return read_unit(blocks, DAY, text_pool()), read_ticks(
        chain.from_iterable(block.lines() for block in blocks), DAY
    )


def samples_among(found: UnitRead) -> list[Tick]:
    which = [at for at, kind in enumerate(found.ticks.rows.kind) if kind == IS_SAMPLE]
    return samples_of(found.ticks, which, DAY)


@settings(deadline=None, max_examples=60)
@given(st.lists(_ORDINARY | st.sampled_from(ODD + UNUSUAL), min_size=1, max_size=12))
def test_lines_as_ticks(bodies: list[bytes]) -> None:
    at_once, one_by_one = both(bodies)
    rows = rows_of(at_once.ticks, DAY)
    assert rows.columns == list(COLUMNS)
    assert rows.rows() == [row_of(tick) for tick in one_by_one.ticks]
    assert samples_among(at_once) == [
        tick for tick in one_by_one.ticks if tick.record.__class__ is SampleRecord
    ]
    assert (at_once.rejects, at_once.others) == (one_by_one.rejects, one_by_one.others)
    assert len(at_once.ticks) + len(at_once.rejects) + at_once.others == len(bodies)


@pytest.mark.parametrize("number", range(len(ODD)))
def test_one_odd_line_is_named_among_good_ones(number: int) -> None:
    found, _ = both((TRADE, SAMPLE, ODD[number], TRADE))
    assert [reject.ref for reject in found.rejects] == [f"{PATH}:3"]
    assert found.ticks.rows.at.tolist() == [0, 1, 3]


def how_many_at_once(bodies: Sequence[bytes]) -> int:
    block = Block.of(PATH, 1, [close_line(body)[:-1] for body in bodies])
    taken = np.empty(len(bodies), np.bool_)
    read_ordinary(block, 0, DAY, TickArrays.empty(len(bodies)), 0, taken, text_pool())
    return int(taken.sum())


def test_what_our_own_records_say_is_read_at_once() -> None:
    rng = random.Random(1)
    numbers = [
        rng.choice([rng.randrange(9 * 10**14) / 10 ** rng.randint(0, 12), round(rng.expovariate(1), 8)])
        for _ in range(900)
    ]
    bodies = [trade(DAY, at * 40, at, price=n, size=round(n / 3 % 10**6, 6)) for at, n in enumerate(numbers)]
    bodies += [sample(DAY, at, volume=n, last_price=n, ask_size=None) for at, n in enumerate(numbers)]
    bodies += [
        trade(DAY, at, at, symbol=f"{at:06d}", mitigation_level=2, quality_flag="gap") for at in range(900)
    ]
    assert how_many_at_once(bodies) == len(bodies)
    found, wanted = both(bodies)
    assert rows_of(found.ticks, DAY).rows() == [row_of(tick) for tick in wanted.ticks]
    assert samples_among(found) == [tick for tick in wanted.ticks if tick.record.__class__ is SampleRecord]


@settings(deadline=None)
@given(
    _NUMBERS,
    st.sampled_from(["{!r}", "{:.3e}", "{:.12f}", "{:e}", "{:.0f}", "{:.17g}", "0{!r}", "{!r}0", "{:g}."]),
)
def test_a_number_is_read_as_a_decoder_reads_it_or_not_at_all(number: float, form: str) -> None:
    body = TRADE.replace(b'"price":101.0', b'"price":' + form.format(number).encode())
    at_once, one_by_one = both((body, TRADE))
    assert rows_of(at_once.ticks, DAY).rows() == [row_of(tick) for tick in one_by_one.ticks]


@settings(deadline=None)
@given(st.datetimes())
def test_a_time_is_read_as_a_decoder_reads_it_or_not_at_all(moment: datetime) -> None:
    body = TRADE.replace(
        iso(DAY.start_ns + 10**9).encode(), f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z".encode().zfill(27)
    )
    at_once, one_by_one = both((body, TRADE))
    assert rows_of(at_once.ticks, DAY).rows() == [row_of(tick) for tick in one_by_one.ticks]


def test_texts_that_there_is_no_room_for_are_read_one_by_one() -> None:
    bodies = [trade(DAY, at, at, symbol=f"{at:0200d}", session_id=f"s{at}") for at in range(50)]
    assert how_many_at_once(bodies) < len(bodies)
    found, wanted = both(bodies)
    assert rows_of(found.ticks, DAY).rows() == [row_of(tick) for tick in wanted.ticks]


def test_no_lines() -> None:
    assert len(read_unit([], DAY, text_pool()).ticks) == 0
    assert rows_of(read_unit([], DAY, text_pool()).ticks, DAY).rows() == []


@given(st.lists(st.integers(1, 5), max_size=5), st.integers(0, 20))
def test_blocks_are_cut_at_any_line(sizes: list[int], count: int) -> None:
    blocks = [Block.of("p", 1 + 10 * at, [b"%d" % n for n in range(size)]) for at, size in enumerate(sizes)]
    first, rest = first_lines(blocks, count)
    refs = [line.ref for block in (*first, *rest) for line in block.lines()]
    assert refs == [line.ref for block in blocks for line in block.lines()]
    assert count_of(first) == min(count, count_of(blocks))


@settings(deadline=None)
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
    text = b"".join(line + b"\n" for line in lines)
    sound = len(lines) if all(map(_is_sound, lines)) and b"\n" not in b"".join(lines) else None
    assert count_sound(text) == LineSums().count(text) == sound


def test_a_change_of_any_bit_is_found() -> None:
    text = bytearray(b"".join(map(close_line, (TRADE, SAMPLE, b"{}", TRADE))))
    sums = LineSums()
    assert sums.count(bytes(text)) == 4
    for at in range(len(text)):
        for bit in range(8):
            text[at] ^= 1 << bit
            assert sums.count(bytes(text)) is None
            text[at] ^= 1 << bit


@pytest.mark.parametrize("size", [0, 1, 15, 16, 63, 64, 65, HEAD_BYTES_MAX - 30, HEAD_BYTES_MAX, 70_000])
def test_lines_of_any_length(size: int) -> None:
    text = close_line(b'{"t":"%b"}' % (b"x" * size)) * 3
    assert LineSums().count(text) == 3
    assert LineSums().count(text[:-1] + b"x\n") is None


def _is_sound(line: bytes) -> bool:
    try:
        check_line(line)
    except CorruptLine:
        return False
    return True
