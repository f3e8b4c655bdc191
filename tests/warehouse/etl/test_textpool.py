"""Texts keep the numbers that they were given, whoever adds them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sise.warehouse.etl.textpool import UNKNOWN, TextPool, number_of, words_of


def number_at(text: bytes, begin: int, length: int, pool: TextPool) -> int:
    """As a compiled loop asks, in the middle of other bytes."""
    return int(number_of(words_of(text), begin, length, pool.pool))


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), max_size=30))
def test_a_text_has_one_number(texts: list[str]) -> None:
    pool = TextPool("first", "second")
    numbers = [pool.number_of(text) for text in texts]
    different = list(dict.fromkeys(["first", "second", *texts]))
    assert pool.all() == [None, *different]
    assert numbers == [1 + different.index(text) for text in texts]
    for text, number in zip(texts, numbers, strict=True):
        body = text.encode()
        assert number_at(b"behind " + body + b' "before', 7, len(body), pool) == number
    assert pool.number_of(None) == UNKNOWN


def test_what_compiled_loops_add_is_known_by_its_number() -> None:
    pool = TextPool()
    text = b"KRW-BTC KRW-ETH KRW-BTC 12345678"
    assert [number_at(text, begin, 7, pool) for begin in (0, 8, 16)] == [1, 2, 1]
    pool.learn()
    assert pool.all() == [None, "KRW-BTC", "KRW-ETH"]
    assert [pool.number_of(each) for each in ("KRW-ETH", "new", "KRW-BTC")] == [2, 3, 1]


def test_texts_differ_in_any_byte_and_in_length() -> None:
    pool = TextPool()
    base = b"a" * 20
    texts = [base[:end] for end in range(21)]
    texts += [base[:at] + b"b" + base[at + 1 :] for at in range(20)]
    assert len({number_at(text + bytes(8), 0, len(text), pool) for text in texts}) == len(texts)


def test_it_grows_and_numbers_stay() -> None:
    pool = TextPool()
    texts = [f"{at:0{at % 100}d}." for at in range(3_000)]
    numbers = [pool.number_of(text) for text in texts]
    assert numbers == list(range(1, len(texts) + 1))
    assert [number_at(text.encode() + bytes(8), 0, len(text), pool) for text in texts] == numbers


def test_where_there_is_no_room_nothing_is_added() -> None:
    pool = TextPool()
    long = b"x" * 1_000_000
    assert number_at(long + bytes(8), 0, len(long), pool) == UNKNOWN
    pool.learn()
    assert pool.all() == [None]
    assert pool.number_of(long.decode()) == 1
