"""Sets of spans as arrays, against sets of moments."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sise.warehouse.bars import Span
from sise.warehouse.etl.spans import both, spans_of, without

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


def moments(spans: list[Span]) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


def is_right(found: Any, wanted: set[int]) -> bool:
    spans = [tuple(span) for span in found.tolist()]
    apart = all(first[1] <= second[0] for first, second in pairwise(spans))
    return apart and all(start < end for start, end in spans) and moments(spans) == wanted


@settings(deadline=None)  # the loops may have to be compiled first
@given(SPANS, SPANS)
def test_spans(some: list[Span], others: list[Span]) -> None:
    one, other = spans_of(some), spans_of(others)
    assert is_right(one, moments(some))
    assert is_right(both(one, other), moments(some) & moments(others))
    assert is_right(without(one, other), moments(some) - moments(others))
